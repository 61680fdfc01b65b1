"""Write the Python client from the OpenAPI document of the code beside it.

``python tools/generate_client.py`` writes ``models.py`` and ``operations.py`` of
``ringfence.client``. Names come from the document: an operation ``publish_flow`` with the tag
``flows`` is ``client.flows.publish``; ``NAMES`` has those that would read badly.
"""

from __future__ import annotations

import json
import keyword
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "src/ringfence/client"
COMMAND = "python tools/generate_client.py"
NAMES = {
    "change_wallet": "tenants.update_wallet",
    "control_call_recording": "calls.control_recording",
    "create_call": "calls.originate",
    "create_deck": "tenants.create_deck",
    "create_tenant_key": "tenants.create_key",
    "create_tenant_trunk": "tenants.create_trunk",
    "diff_flow_versions": "flows.diff",
    "get_tenant_by_id": "tenants.get",
    "get_tenant_wallet": "tenants.get_wallet",
    "get_wallet": "wallet.get",
    "list_call_events": "calls.timeline",
    "list_events": "events.list",
    "list_rates": "rates.list",
    "quote_rate": "rates.quote",
    "retry_all_unrated": "ledger.retry_all_unrated",
    "roll_back_flow": "flows.rollback",
    "hang_up_call": "calls.hangup",
    "set_trunk_sources": "tenants.set_trunk_sources",
    "top_up_wallet": "tenants.top_up",
}
"""Operations whose name does not follow from tag and operation id."""
CURSORS = ("before", "after", "cursor")
UPLOAD = "Upload"
HEADER = f'"""{{}}\n\nMade by `{COMMAND}`; not to be edited.\n"""\n\n'

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One operation of the document, and where it is in the client."""

    resource: str
    method: str
    verb: str
    path: str
    spec: Mapping[str, Any]


# --- the document -------------------------------------------------------------------------------


def document() -> dict[str, Any]:
    """The OpenAPI document of the code that is imported, as a client would read it."""
    from ringfence.entry.database import setup_django

    setup_django()
    from ringfence.entry.urls import api

    read: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    return read


def operations(doc: Mapping[str, Any]) -> list[Operation]:
    """All operations that keys may do, by resource. Raises ValueError when two have one name."""
    found: dict[str, Operation] = {}
    for path, verbs in doc["paths"].items():
        for verb, spec in verbs.items():
            if spec.get("x-person-only"):
                continue
            name = name_of(spec)
            if name in found:
                raise ValueError(f"{name}: name one of two operations in NAMES")
            resource, _, method = name.partition(".")
            found[name] = Operation(resource, method, verb, path, spec)
    return sorted(found.values(), key=lambda one: one.resource)


def name_of(spec: Mapping[str, Any]) -> str:
    """``resource.method`` of an operation."""
    operation_id, tag = spec["operationId"], spec["tags"][0].replace("-", "_")
    if operation_id in NAMES:
        return NAMES[operation_id]
    nouns = (tag, tag.removesuffix("s"))
    words = [word for word in operation_id.split("_") if word not in nouns]
    if words[0] == "change":
        words[0] = "update"
    if words[0] == "get" and success(spec)[0] == "binary":
        words[0] = "download"
    return f"{tag}.{'_'.join(words)}"


def success(spec: Mapping[str, Any]) -> tuple[str, str]:
    """What an operation answers: ("none", ""), ("binary", ""), or ("json", name of the schema)."""
    response = next(item for status, item in spec["responses"].items() if status.startswith("2"))
    content = response.get("content", {})
    if not content:
        return "none", ""
    if "application/json" not in content:
        return "binary", ""
    return "json", reference(content["application/json"]["schema"])


def reference(schema: Schema) -> str:
    """Name of the schema that is referred to."""
    if "$ref" not in schema:
        raise ValueError(f"a body has no name: {schema}")
    return str(schema["$ref"]).rpartition("/")[2]


# --- types --------------------------------------------------------------------------------------


class Types:
    """Python types of the document's schemas."""

    def __init__(self, doc: Mapping[str, Any]) -> None:
        self.schemas: Mapping[str, Schema] = doc["components"]["schemas"]
        self.used: set[str] = set()
        """Schemas that are classes because something refers to them."""

    def of(self, schema: Schema, *, sent: bool, prefix: str = "", array: str = "list") -> str:
        """The annotation; ``sent``: values that the client sends, which are as narrow as can be.

        What is received may get further values in later versions: an enumeration is ``str`` there.
        """

        def inner(part: Schema) -> str:
            return self.of(part, sent=sent, prefix=prefix, array=array)

        if "$ref" in schema:
            name = reference(schema)
            target = self.schemas[name]
            if target.get("type") != "object":
                return inner(target)
            self._use(name)
            return prefix + self.class_of(name)
        if "anyOf" in schema:
            return " | ".join(dict.fromkeys(inner(part) for part in schema["anyOf"]))
        if "allOf" in schema:
            (only,) = schema["allOf"]
            return inner(only)
        if "const" in schema or "enum" in schema:
            values = schema.get("enum") or [schema["const"]]
            return f"Literal[{', '.join(map(repr, values))}]" if sent else "str"
        return self._plain(schema, inner, array)

    def class_of(self, name: str) -> str:
        """The class of a schema: its name without what tells only the server's code apart."""
        short = name.removesuffix("Out").removesuffix("Model")
        return name if short in self.schemas else short

    @staticmethod
    def _plain(schema: Schema, inner: Any, array: str) -> str:
        match schema.get("type"):
            case "string":
                formats = {"date-time": "datetime", "binary": UPLOAD}
                return formats.get(schema.get("format", ""), "str")
            case "array" if "prefixItems" in schema:
                return f"tuple[{', '.join(map(inner, schema['prefixItems']))}]"
            case "array":
                return f"{array}[{inner(schema['items'])}]"
            case "object":
                further = schema.get("additionalProperties", True)
                return f"dict[str, {'Any' if further is True else inner(further)}]"
            case kind:
                return {
                    "boolean": "bool", "integer": "int", "number": "float", "null": "None",
                }[str(kind)]  # fmt: skip

    def _use(self, name: str) -> None:
        if name not in self.used:
            self.used.add(name)
            for part in self.schemas[name].get("properties", {}).values():
                self.of(part, sent=False)


def identifier(name: str) -> str:
    """A name that Python accepts."""
    return f"{name}_" if keyword.iskeyword(name) else name


def docstring(text: str, indent: int) -> str:
    """A docstring, wrapped."""
    paragraphs = [
        textwrap.fill(" ".join(part.split()), 92 - indent, break_on_hyphens=False)
        for part in text.replace("\\", "\\\\").replace('"""', "'''").split("\n\n")
    ]
    end = "\n" if len("\n\n".join(paragraphs).splitlines()) > 1 else ""
    return textwrap.indent(f'"""{chr(10).join(_spaced(paragraphs))}{end}"""', " " * indent)


def _spaced(paragraphs: list[str]) -> Iterator[str]:
    for index, paragraph in enumerate(paragraphs):
        if index:
            yield ""
        yield paragraph


# --- models.py ----------------------------------------------------------------------------------


def models(types: Types, tagged: set[str], sent_only: set[str]) -> str:
    """Source of the classes; ``tagged`` have an ETag, ``sent_only`` are only sent."""
    parts = [HEADER.format("What the API answers and takes.")]
    parts.append(
        "from __future__ import annotations\n\nfrom datetime import datetime\n"
        "from typing import Any, Literal\n\nfrom msgspec import UNSET, Struct, UnsetType, field\n"
    )
    ordered: list[str] = []

    def visit(name: str) -> None:
        for found in _references(types.schemas[name]):
            if found in types.used and found not in ordered and found != name:
                visit(found)
        if name not in ordered:
            ordered.append(name)

    for name in types.schemas:
        if name in types.used:
            visit(name)
    for name in ordered:
        parts.append(_model(types, name, etag=name in tagged, sent=name in sent_only))
    return "\n\n".join(parts)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield reference(value)
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def _model(types: Types, name: str, *, etag: bool, sent: bool) -> str:
    schema = types.schemas[name]
    own = types.class_of(name)
    lines = [f"class {own}(Struct, frozen=True, kw_only=True):"]
    lines.append(docstring(schema.get("description") or f"`{own}` of the API.", 4) + "\n")
    required = schema.get("required", [])
    for field, part in schema.get("properties", {}).items():
        python, kind = identifier(field), types.of(part, sent=sent)
        default = "" if field in required else _default(part, kind)
        if python != field:
            given = default.removeprefix("default=") if default else ""
            default = f'field(name="{field}"{", default=" + given if given else ""})'
        if default.endswith("UNSET"):
            kind += " | UnsetType"
        lines.append(f"    {python}: {kind}{' = ' + default if default else ''}")
        if part.get("description"):
            lines.append(docstring(part["description"], 4))
    if etag:
        lines.append("    etag: str | None = None")
        lines.append(docstring("State that was read, for the update of it; None in a list.", 4))
    return "\n".join(lines)


def _default(schema: Schema, kind: str) -> str:
    value = schema.get("default")
    if isinstance(value, (str, int, float)):
        return repr(value)
    if value is None and kind.endswith("None"):
        return "None"
    return "UNSET"


# --- operations.py ------------------------------------------------------------------------------


def code(doc: Mapping[str, Any], types: Types) -> str:
    """Source of the resources."""
    parts = [HEADER.format("The operations of the API, by resource.")]
    parts.append(
        "from __future__ import annotations\n\n"
        "from collections.abc import Iterator, Sequence\nfrom datetime import datetime\n"
        "from typing import Any, Literal\n\nfrom msgspec import UNSET, UnsetType\n\n"
        "from . import models\n"
        "from .resource import NoContent, Resource, Sink, Upload\n"
        "from .resource import etag_of, file_of, id_of, path_of\n"
        "from .transport import Transport\n"
    )
    resources: dict[str, list[str]] = {}
    for operation in operations(doc):
        methods = resources.setdefault(operation.resource, [])
        methods.extend(_methods(operation, types))
    for resource, methods in resources.items():
        head = f"class {_class(resource)}(Resource):\n"
        head += docstring(f"Operations of `client.{resource}`.", 4)
        parts.append(head + "\n\n" + "\n\n".join(methods))
    attributes = "\n".join(f"        self.{name} = {_class(name)}(transport)" for name in resources)
    parts.append(
        "class Operations:\n"
        + docstring("All resources of the API.", 4)
        + f"\n\n    def __init__(self, transport: Transport) -> None:\n{attributes}\n"
    )
    return "\n\n".join(parts)


def _class(resource: str) -> str:
    return "".join(word.capitalize() for word in resource.split("_")) + "Resource"


@dataclass(frozen=True)
class Argument:
    """One argument of a method. ``place``: path, query, body or form."""

    name: str
    wire: str
    kind: str
    place: str
    required: bool

    @property
    def text(self) -> str:
        if self.required:
            return f"{self.name}: {self.kind}"
        if self.place == "query":
            kind = self.kind if "None" in self.kind else f"{self.kind} | None"
            return f"{self.name}: {kind} = None"
        return f"{self.name}: {self.kind} | UnsetType = UNSET"


def _arguments(operation: Operation, types: Types) -> list[Argument]:
    found = []

    def add(wire: str, schema: Schema, place: str, required: bool) -> None:
        kind = types.of(schema, sent=True, prefix="models.", array="Sequence")
        found.append(Argument(identifier(wire), wire, kind, place, required))

    for item in operation.spec.get("parameters", []):
        if item["in"] != "header":
            add(item["name"], item["schema"], item["in"], item.get("required", False))
    for media, content in operation.spec.get("requestBody", {}).get("content", {}).items():
        schema = content["schema"]
        if "anyOf" in schema:
            schema = next(part for part in schema["anyOf"] if "$ref" in part)
        body = types.schemas[reference(schema)] if "$ref" in schema else schema
        for name, part in body["properties"].items():
            place = "body" if media == "application/json" else "form"
            add(name, part, place, name in body.get("required", []))
    names = [argument.name for argument in found]
    if len(names) != len(set(names)):
        raise ValueError(f"{operation.spec['operationId']}: two arguments have one name")
    return found


def _methods(operation: Operation, types: Types) -> Iterator[str]:
    spec, verb = operation.spec, operation.verb
    arguments = _arguments(operation, types)
    kind, schema = success(spec)
    answer = {"none": "None", "binary": "int"}.get(kind) or types.of(
        {"$ref": f"#/{schema}"}, sent=False, prefix="models."
    )
    path = [one for one in arguments if one.place == "path"]
    named = sorted((one for one in arguments if one.place != "path"), key=lambda a: not a.required)
    positional = [one.text for one in path]
    keywords = [one.text for one in named]
    by_object = (
        verb == "patch" and len(path) == 1 and "id" in types.schemas[schema].get("properties", {})
    )
    values = [one.name for one in path]
    if by_object:
        noun = path[0].name.removesuffix("_id")
        positional, values = [f"{noun}: str | {answer}"], [f"id_of({noun})"]
        keywords.append("etag: str | None = None")
    elif verb == "patch":
        keywords.append("etag: str")
    if kind == "binary":
        positional.append("to: Sink")
    passed = []
    if any(one["name"] == "Ringfence-Purpose" for one in spec.get("parameters", [])):
        keywords.append("purpose: str | None = None")
        passed.append("purpose=purpose")
    if verb == "post":
        keywords.append("idempotency_key: str | None = None")
        passed.append("idempotency_key=idempotency_key")
    template = operation.path
    for one in path:
        template = template.replace(f"{{{one.wire}}}", "{}")
    where = f'path_of("{template}", {", ".join(values)})' if path else f'"{template}"'
    sent = [f"{place}={_values(named, place)}" for place in ("query", "body", "form")
            if any(one.place == place for one in named)]  # fmt: skip
    if verb == "patch":
        sent.append(f"etag=etag_of({noun}, etag)" if by_object else "etag=etag")
    if kind == "binary":
        call = f"self._download({', '.join([where, 'to', *sent, *passed])})"
    elif kind == "none":
        call = f"self._{verb}({', '.join(['NoContent', where, *sent, *passed])})"
    else:
        call = f"self._{verb}({', '.join([answer, where, *sent, *passed])})"
    text = spec.get("description") or spec["summary"]
    body = f"        {call}" if kind == "none" else f"        return {call}"
    yield _method(operation.method, positional, keywords, answer, text, body)
    pages = _pages(operation, types, schema) if kind == "json" and verb == "get" else None
    if pages is not None:
        yield _iterator(operation, positional, keywords, [*path, *named], pages, bool(passed))


def _values(arguments: list[Argument], place: str) -> str:
    pairs = []
    for one in arguments:
        if one.place == place:
            value = f"file_of({one.name})" if UPLOAD in one.kind else one.name
            pairs.append(f'"{one.wire}": {value}')
    return "{" + ", ".join(pairs) + "}"


def _method(
    name: str, positional: list[str], keywords: list[str], answer: str, text: str, body: str
) -> str:
    signature = ["self", *positional, *(["*", *keywords] if keywords else [])]
    head = f"    def {name}({', '.join(signature)}) -> {answer}:\n"
    return head + docstring(text, 8) + "\n" + body


def _pages(operation: Operation, types: Types, schema: str) -> tuple[str, str, str, str] | None:
    """(cursor argument, field of the next cursor, field of the items, their type) of a list."""
    properties = types.schemas[schema]["properties"]
    queries = [one["name"] for one in operation.spec.get("parameters", []) if one["in"] == "query"]
    cursor = next((name for name in CURSORS if name in queries), None)
    following = next((name for name in ("next", "last") if name in properties), None)
    if cursor is None or following is None:
        return None
    ((items, part),) = [
        (name, part) for name, part in properties.items() if part.get("type") == "array"
    ]
    return cursor, following, items, types.of(part["items"], sent=False, prefix="models.")


def _iterator(
    operation: Operation,
    positional: list[str],
    keywords: list[str],
    arguments: list[Argument],
    pages: tuple[str, str, str, str],
    purpose: bool,
) -> str:
    cursor, following, items, kind = pages
    given = [one.name if one.place == "path" else f"{one.name}={one.name}" for one in arguments]
    given += ["purpose=purpose"] if purpose else []
    if following == "next":
        step = f"            {cursor} = page.next\n            if {cursor} is None:"
    else:
        step = f"            {cursor} = page.{following}\n            if not page.{items}:"
    body = (
        f"        while True:\n            page = self.{operation.method}({', '.join(given)})\n"
        f"            yield from page.{items}\n{step}\n                return"
    )
    text = f"All that `{operation.method}` finds, page after page of `limit` as it is consumed."
    name = operation.method.replace("list", "iter", 1)
    return _method(name, positional, keywords, f"Iterator[{kind}]", text, body)


# --- all ----------------------------------------------------------------------------------------


def generate(doc: Mapping[str, Any]) -> dict[str, str]:
    """Names of files and what they contain."""
    types = Types(doc)
    received = Types(doc)
    tagged = set()
    for operation in operations(doc):
        kind, schema = success(operation.spec)
        if kind == "json":
            received.of({"$ref": f"#/{schema}"}, sent=False)
            responses = operation.spec["responses"]
            if any("ETag" in item.get("headers", {}) for item in responses.values()):
                tagged.add(schema)
    source = code(doc, types)
    return {
        "models.py": formatted(models(types, tagged, types.used - received.used)),
        "operations.py": formatted(source),
    }


def formatted(source: str) -> str:
    """The source as the project's formatter leaves it, without imports that it does not need."""
    for arguments in (["check", "--select", "I,F401,RUF036", "--fix"], ["format"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "--stdin-filename"]
        done = subprocess.run(  # noqa: S603
            [*command, str(TARGET / "made.py"), "-"],
            input=source, capture_output=True, text=True, check=True, cwd=TARGET.parent,
        )  # fmt: skip
        source = done.stdout
    return source


def main() -> None:
    for name, text in generate(document()).items():
        (TARGET / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
