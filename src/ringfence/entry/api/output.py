"""What the commands print: JSON as the API says it, or tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from ringfence.client import Client


class Output:
    """A client, made when it is needed, and the form in which its answers are printed."""

    def __init__(self, connect: Callable[[], Client]) -> None:
        self.as_json = False
        self._connect = connect
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            self._client.close()

    def one(self, value: msgspec.Struct) -> None:
        """Print an object: ``field: value`` lines."""
        plain = _plain(value)
        if self.as_json:
            return _print_json(plain)
        for name, item in plain.items():
            if item not in (None, "", [], {}):
                click.echo(f"{name}: {_cell(item)}")

    def table(self, values: Iterable[msgspec.Struct], columns: Sequence[str], limit: int) -> None:
        """Print the first ``limit`` objects: a table of these fields, or a JSON list of all."""
        rows = [_plain(value) for value in itertools.islice(values, limit)]
        if self.as_json:
            return _print_json(rows)
        cells = [[_cell(row.get(name)) for name in columns] for row in rows]
        widths = [
            max(map(len, column)) for column in zip(map(str.upper, columns), *cells, strict=True)
        ]
        for line in [[name.upper() for name in columns], *cells]:
            padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
            click.echo("  ".join(padded).rstrip())

    def done(self, text: str, **said: str) -> None:
        """Print that something without an answer was done."""
        if self.as_json:
            return _print_json(said)
        click.echo(text)


def _plain(value: Any) -> Any:
    plain = msgspec.to_builtins(value, builtin_types=(datetime,))
    if isinstance(plain, dict):
        plain.pop("etag", None)
    return plain


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return value.isoformat(timespec="seconds")
        case str():
            return "".join(sign if sign.isprintable() else "?" for sign in value)
        case bool():
            return "yes" if value else "no"
        case dict() | list():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


limit_option: Callable[[Any], Any] = click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Print at most so many."
)
"""How many of a list are printed, whatever the API's pages hold."""
