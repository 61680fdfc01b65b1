"""One structured log for all processes: a line per record on standard error, text or JSON.

Messages are constant; what varies stands in ``extra={"kv": {...}}``. Values under secret names are
masked. An exception is shown by its class and stack; its text is shown only for classes that do
not quote the data they failed on (a database error does, and is reduced to its SQLSTATE).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from ringfence.kernel.errors import RingfenceError
from ringfence.platform.settings import LogSettings

MASK = "***"

_SECRET_KEY = re.compile(
    r"password|passwd|secret|token|ha1|authorization|cookie|api_?key|private_?key|credential", re.I
)
_SECRET_TEXT = re.compile(
    r"""((?:password|passwd|secret|token|ha1\w*|api_?key)["']?\s*[=:]\s*["']?)[^\s"',;&]+"""
    r"""|((?:proxy-)?authorization["']?\s*[=:]\s*["']?)[^\r\n]+"""
    r"""|([a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)""",
    re.I,
)
_SPEAKING_ERRORS = (
    RingfenceError,
    OSError,
    ImportError,
    AttributeError,
    TypeError,
    NameError,
    AssertionError,
    RuntimeError,
)

_THIRD_PARTIES = {"asyncio": logging.INFO, "procrastinate": logging.WARNING}
"""Least level of loggers that say too much: procrastinate prints the arguments of each job."""


def redact_text(text: str) -> str:
    """``text`` with the values of secrets masked: ``password=…``, Authorization, URL passwords."""
    return _SECRET_TEXT.sub(
        lambda match: (match[1] or match[2] or match[3]) + MASK,
        text,
    )


def redact(value: Any, key: str = "") -> Any:
    """A copy of a key-value structure with everything under a secret name masked."""
    if key and _SECRET_KEY.search(key):
        return MASK
    if isinstance(value, Mapping):
        return {str(name): redact(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        if key.endswith("_command"):  # of a program only its name: its arguments may be anything
            return [str(item) if not index else MASK for index, item in enumerate(value)]
        return [redact(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redact_text(str(value))


def describe_error(error: BaseException) -> str:
    """Class of an exception, its SQLSTATE if it has one, and its text if that is harmless."""
    name = type(error).__qualname__
    sqlstate = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
    if sqlstate:
        return f"{name} [{sqlstate}]"
    if isinstance(error, _SPEAKING_ERRORS):
        return f"{name}: {redact_text(str(error))}"
    return name


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that led to it, oldest first."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    return reversed(seen)


def format_error(error: BaseException) -> str:
    """The stacks of an exception and its causes, without the values that they carry."""
    lines: list[str] = []
    for item in _chain(error):
        lines += [line.rstrip() for line in traceback.format_tb(item.__traceback__)]
        lines.append(describe_error(item))
        if isinstance(item, BaseExceptionGroup):
            lines += [f"  | {format_error(inner)}" for inner in item.exceptions]
    return "\n".join(lines)


class _Formatter(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        moment = datetime.fromtimestamp(record.created, UTC)
        fields: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": redact_text(record.getMessage()),
        }
        pairs = getattr(record, "kv", None)
        if isinstance(pairs, Mapping):
            fields["kv"] = redact(pairs)
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = format_error(record.exc_info[1])
        return fields


class JsonFormatter(_Formatter):
    """One JSON object per line: time, level, process, logger, message, kv?, error?."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self.fields(record), ensure_ascii=False)


class TextFormatter(_Formatter):
    """``time LEVEL process logger: message key=value``; a stack is folded into the line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        line = (
            f"{fields['time']} {record.levelname:<7} {fields['process']} {record.name}: "
            f"{fields['message']}"
        )
        for key, value in fields.get("kv", {}).items():
            shown = json.dumps(value, ensure_ascii=False)
            plain = isinstance(value, str) and value and not re.search(r'[\s"=]', value)
            line += f" {key}={value if plain else shown}"
        if "error" in fields:
            line += f" error={fields['error']}"
        return line.replace("\r", "\\r").replace("\n", "\\n")


def configure(settings: LogSettings, process: str, stream: TextIO | None = None) -> None:
    """Send all logging of this process to ``stream`` (default standard error). Idempotent."""
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = JsonFormatter if settings.format == "json" else TextFormatter
    handler.setFormatter(formatter(process))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name, level in _THIRD_PARTIES.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    logging.captureWarnings(True)
