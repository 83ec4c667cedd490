"""One event, one line: the event first, then facts as `key=value`; secrets masked."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from digestd.patterns import pattern

_logger = logging.getLogger("digestd")
_MOST = 300
# What must be quoted to keep a line one line and its fields apart.
_PLAIN = re.compile(r"[^\s\"'=\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_USERINFO = pattern(r"([a-z][a-z0-9+.-]{1,20}://)[^/\s@]{1,300}@", re.IGNORECASE)


def info(event: str, **facts: object) -> None:
    """Log what an operator wants to have read tomorrow."""
    _emit(logging.INFO, event, facts)


def debug(event: str, **facts: object) -> None:
    """Log what helps to understand one case."""
    _emit(logging.DEBUG, event, facts)


def warning(event: str, **facts: object) -> None:
    """Log what may need the operator."""
    _emit(logging.WARNING, event, facts)


def error(event: str, *, exc: BaseException | None = None, **facts: object) -> None:
    """Log a bug or lost work; `exc` adds its traceback."""
    _logger.error(line(event, facts), exc_info=exc)


def line(event: str, facts: dict[str, object]) -> str:
    """Return the log line. Control characters are escaped: a feed writes no line of its own.

    >>> line("fetched feed", {"feed": "kexue", "outcome": "not modified", "ms": 83})
    'fetched feed feed=kexue outcome="not modified" ms=83'
    """
    return " ".join([event, *(f"{key}={_shown(value)}" for key, value in facts.items())])


def masked(text: str) -> str:
    """Return `text` without the user names and passwords of the addresses in it."""
    return _USERINFO.sub(r"\1***@", text) if "://" in text else text


def _emit(level: int, event: str, facts: dict[str, object]) -> None:
    if _logger.isEnabledFor(level):
        # Not `log`: it looks for more of a record than any line shows, for each poll.
        text = line(event, facts)
        _logger.handle(logging.LogRecord(_logger.name, level, "", 0, text, None, None))


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else _written(value)
    if "://" in text:
        text = masked(text)
    text = text if len(text) <= _MOST else text[: _MOST - 1] + "…"
    if _PLAIN.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", _escaped, quoted)


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).isoformat()[:19]}Z"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    return str(value)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def log_to_stderr(*, verbose: bool = False, under_journal: bool = False) -> None:
    """Send log lines to standard error; under the journal without a time, with a priority."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JournalFormatter() if under_journal else _TerminalFormatter())
    _logger.handlers[:] = [handler]
    # Of where a line comes from nothing is shown, and to find out costs half of it
    # ("Optimization" in the documentation of logging).
    for fact in ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"):
        setattr(logging, fact, False)
    logging._srcfile = None
    _logger.propagate = False
    _logger.setLevel(logging.DEBUG if verbose else logging.INFO)


def only_warnings() -> None:
    """Say only what may need the operator: for commands that answer by themselves."""
    _logger.setLevel(logging.WARNING)


class _TerminalFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__()
        self._second, self._clock = 0, ""

    def format(self, record: logging.LogRecord) -> str:
        said = super().format(record) if record.exc_info else record.getMessage()
        second = int(record.created)
        if second != self._second:  # many lines may fall into one
            self._second, self._clock = second, time.strftime("%H:%M:%S", time.localtime(second))
        return f"{self._clock} {record.levelname:<7} {said}"


class _JournalFormatter(logging.Formatter):
    """Each line with its syslog priority in front (sd-daemon(3))."""

    _PRIORITY: ClassVar = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}

    def format(self, record: logging.LogRecord) -> str:
        priority = self._PRIORITY.get(record.levelno, 3)
        said = super().format(record) if record.exc_info else record.getMessage()
        return "\n".join([f"<{priority}>{part}" for part in said.splitlines()])
