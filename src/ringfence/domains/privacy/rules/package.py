"""The forms of a person's package: data.json, a CSV for each table, and a page to read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

FORM = "ringfence.package/1"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse;display:block;overflow-x:auto;margin:.5rem 0 2rem}"
    "th,td{border:1px solid color-mix(in srgb,currentColor 30%,transparent);padding:.3rem .6rem;"
    "text-align:left;vertical-align:top}caption{text-align:left;font-weight:600}"
)


def json_text(data: Mapping[str, Any]) -> str:
    """``data.json``: docs/reference/package.schema.json says what stands where."""
    return json.dumps(data, ensure_ascii=False, indent=1)


def csv_text(fields: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """One table (RFC 4180). What a spreadsheet would take for a formula begins with ``'``."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["row", "roles", *fields])
    for row in rows:
        cells = [_cell(row["values"].get(name)) for name in fields]
        writer.writerow([row["row"], " ".join(row["roles"]), *cells])
    return out.getvalue()


def page_text(data: Mapping[str, Any]) -> str:
    """``index.html``: runs nothing and loads nothing; follows the reader's light or dark."""
    tables = "".join(_table(table) for table in data["tables"] if table["rows"])
    files = "".join(
        f"<li>{_link(one['file'])} {escape(', '.join(one['about'].values()))}"
        f"{'' if one['error'] is None else escape(' not included: ' + one['error'])}</li>"
        for one in data["files"]
    )
    known = escape(data["known_as"] or "nothing that is held")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        '<meta name="color-scheme" content="light dark">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Your data</title><style>{_STYLE}</style></head><body>"
        f"<h1>Your data</h1><p>Made {escape(data['made_at'])} for request "
        f"{escape(data['request'])}. You are known by: {known}.</p>"
        + (tables or "<p>Nothing is held that can be shown to be yours.</p>")
        + (f"<h2>Files</h2><ul>{files}</ul>" if files else "")
        + "</body></html>"
    )


def _table(table: Mapping[str, Any]) -> str:
    shown = [
        name
        for name in table["fields"]
        if any(name in row["values"] or name in row["unreadable"] for row in table["rows"])
    ]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("row", "as", *shown))
    body = "".join(
        f"<tr><td>{escape(row['row'])}</td><td>{escape(', '.join(row['roles']))}</td>"
        + "".join(f"<td>{escape(_shown(row, name))}</td>" for name in shown)
        + "</tr>"
        for row in table["rows"]
    )
    return (
        f"<table><caption>{escape(table['table'])}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _link(name: str | None) -> str:
    return "" if name is None else f'<a href="{escape(name)}">{escape(name)}</a>'


def _shown(row: Mapping[str, Any], name: str) -> str:
    if name in row["unreadable"]:
        return f"cannot be read: {row['unreadable'][name]}"
    return _text(row["values"].get(name))


def _cell(value: Any) -> str:
    text = _text(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
