"""What an operator or programmer must mend. What publishers do is an outcome, never raised."""

from __future__ import annotations


class DigestdError(Exception):
    """Base of all errors that end a command with one clear line."""

    exit_code = 1


class ConfigError(DigestdError):
    """The configuration says something that cannot be meant.

    `key` is the dotted path (`digests.morning.when`), `file` and `line` are
    where it stands, when known. The message never holds a secret.
    """

    exit_code = 2

    def __init__(
        self, key: str, reason: str, *, file: str | None = None, line: int | None = None
    ) -> None:
        self.key = key
        self.reason = reason
        self.file = file
        self.line = line
        super().__init__(key, reason)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.file and self.line else ""
        where = where or (f"{self.file}: " if self.file else "")
        return f"{where}{self.key}: {self.reason}" if self.key else f"{where}{self.reason}"


class UsageError(DigestdError):
    """The command line asks for something that does not exist or is ambiguous."""

    exit_code = 2


class SubscriptionError(DigestdError):
    """A feed could not be followed, found or changed."""


class TemplateError(DigestdError):
    """A template could not be rendered."""

    def __init__(self, template: str, reason: str, line: int | None = None) -> None:
        self.template = template
        self.line = line
        where = f"{template}:{line}" if line else template
        super().__init__(f"template {where}: {reason}")


class StoreError(DigestdError):
    """The database cannot be used as it is."""


class SchemaTooNewError(StoreError):
    """The database was written by a newer version."""
