"""Templates filled in: the owner's where they work, ours for the rest.

A template of the owner's that fails is replaced by ours for that message, and the
complaint says why: the outbox never waits for a template. What is the owner's runs in
a sandbox; ours need none, and what they show is data either way.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digestd.core.text import one_line
from digestd.delivery.target import STYLES, Style
from digestd.formats.excerpt import shorten
from digestd.frozen import dataclass

Context = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Filled:
    """A message's three forms, and what was wrong with templates of the owner's."""

    html: str
    text: str
    chat: str
    complaint: str = ""


class Templates:
    """The owner's templates, in a sandbox, before ours."""

    def __init__(self, template_dirs: Sequence[Path]) -> None:
        """Look templates up in `template_dirs`, in order, then among the packaged ones."""
        ours = FileSystemLoader(_packaged_templates())
        theirs = FileSystemLoader(list(template_dirs))
        self._dirs = template_dirs
        self._ours = _environment(Environment, ours, may_change=False)
        self._sandbox = _environment(ImmutableSandboxedEnvironment, ChoiceLoader([theirs, ours]))

    def fill(
        self,
        name: str,
        fallback: str,
        context: Context,
        styles: Collection[Style] = STYLES,
        *,
        room: int = 0,
    ) -> Filled:
        """Return these styles of `name`; a form that nobody wrote is `fallback`'s.

        HTML of more than `room` bytes (0: any) is returned alone: nobody will use it.
        """
        nothing = "", ""
        html, of_html = self._form(name, fallback, "html", context) if "html" in styles else nothing
        if room and len(html.encode()) > room:
            styles = ()
        text, of_text = self._form(name, fallback, "txt", context) if "text" in styles else nothing
        chat, of_chat = self.chat(name, fallback, context) if "chat" in styles else nothing
        complaints = dict.fromkeys(filter(None, (of_html, of_text, of_chat)))
        return Filled(html, _tidy(text), chat, "; ".join(complaints))

    def chat(self, name: str, fallback: str, context: Context) -> tuple[str, str]:
        """Return the form for chats, and a complaint or nothing."""
        chat, complaint = self._form(name, fallback, "chat.html", context)
        return chat.strip(), complaint

    def line(self, source: str, context: Context) -> tuple[str, str]:
        """Return what a template of one line makes, "" if it fails, and why or nothing."""
        try:
            return one_line(self._sandbox.from_string(source).render(context)), ""
        except Exception as exc:  # noqa: BLE001 - the owner's template may raise anything
            return "", _reason(exc)

    def _form(self, name: str, fallback: str, form: str, context: Context) -> tuple[str, str]:
        candidates = [f"{name}.{form}.j2", f"{fallback}.{form}.j2"]
        complaint = ""
        # Most owners have no folder of templates; one that is made later is seen at once.
        env = self._sandbox if any(map(os.path.isdir, self._dirs)) else self._ours
        try:
            template = env.select_template(candidates)
            if template.name != candidates[0] and form == "html":
                complaint = f"template {candidates[0]}: not found, the built-in one was used"
            return template.render(context), complaint
        except Exception as exc:
            if env is self._ours:
                raise
            complaint = f"template {_where(exc, candidates[0])}: {_reason(exc)}"
        return self._ours.select_template(candidates).render(context), complaint


def _packaged_templates() -> Path:
    """Return the folder of the built-in templates: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def _environment(
    kind: type[Environment], loader: BaseLoader, *, may_change: bool = True
) -> Environment:
    return kind(
        loader=loader,
        auto_reload=may_change,
        # Everything that becomes HTML escapes; text must not.
        autoescape=lambda name: name is not None and name.removesuffix(".j2").endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


def _reason(exc: Exception) -> str:
    if isinstance(exc, TemplateNotFound):
        return f"{exc.name} was not found"
    text = one_line(str(exc)) if isinstance(exc, TemplateError) else f"{type(exc).__name__}: {exc}"
    return shorten(one_line(text), 200)


def _where(exc: Exception, default: str) -> str:
    """Return the file and line in which a template failed."""
    name, line = getattr(exc, "name", None), getattr(exc, "lineno", None)
    trace = exc.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            name, line = Path(file).name, trace.tb_lineno
        trace = trace.tb_next
    return f"{name or default}:{line}" if line else str(name or default)


def _tidy(text: str) -> str:
    """Return a text form without blank ends of lines, and at most two empty lines together."""
    lines: list[str] = []
    empty = 0
    for line in (line.rstrip() for line in text.splitlines()):
        empty = 0 if line else empty + 1
        if empty <= 2:
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"
