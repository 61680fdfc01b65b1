"""Writes docs/reference/flows.md from the code: ``python -m tests.unit.flows.reference``."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from tests.unit.flows.examples import ALL_TYPES

from ringfence.domains.flows.rules.forms import (
    BUILT_IN,
    CONDITIONS,
    EXPECTS,
    MAX_NODES,
    STEPS,
    outcomes,
    waits,
)
from ringfence.domains.flows.rules.idle import MAX_IDLE
from ringfence.domains.flows.rules.kinds import BAD
from ringfence.domains.flows.rules.nesting import MAX_DEPTH
from ringfence.domains.flows.rules.parse import parse_graph
from ringfence.domains.flows.rules.shapes import Shape

PATH = Path(__file__).parents[3] / "docs/reference/flows.md"

_HEAD = f"""\
# Call flows

A flow is JSON: nodes, what each does, and which node follows each outcome.

```json
{{
  "start": "hello",
  "nodes": {{
    "hello": {{"type": "say", "text": "Hello.", "next": {{"done": "end", "": "end"}}}},
    "end": {{"type": "hangup"}}
  }}
}}
```

- `start` is the node that a call begins at. There are at most {MAX_NODES} nodes; an id has 1 to 40
  letters, digits, `_` or `-`.
- `next` names a node per outcome; `""` stands for every outcome that is not named. Where neither is
  there the flow ends: the call goes back to the flow that entered this one, or is hung up.
- `position` (`x`, `y`) is where a node is drawn; it means nothing to a call.
- `expects` ({EXPECTS.says}) names variables that flows leading to this one have gathered.
- Unknown keys and types are refused. A flow holds no code.

Texts may hold variables: `{{zip}}` is what a `gather` with `"save_as": "zip"` took; `{{{{` and
`}}}}` are braces. Every call has {", ".join(f"`{name}`" for name in BUILT_IN)} (what was
pressed last). Any other variable must be gathered on the way to where it is used: by this flow, by
a flow that it enters, or named in `expects`.

`ringfence flow validate FILE` says what is wrong, node by node; `ringfence flow diff OLD NEW` what
changed; `ringfence flow simulate FILE` runs a flow without a phone:

```
ringfence flow simulate docs/examples/flows/press-1-for-sales.json --digits 1 --digits 94107 \\
    --answer sip:west@sales.example.com=busy --at 2026-12-25T10:00 --caller +14155550100
```

Each `--digits` is what is pressed the next time that digits are asked for (empty: nothing); without
more of them nothing is pressed. `--answer TARGET=ANSWER` says how a target answers (name, number,
URI or user name; `*` for all others): without it, it does. `--flow FW…=FILE` gives other flows that
FILE leads to. `simulate FW… --tenant AC…` runs what is published on an installation, `--version N`
another version. `--json` prints the events as JSON.

## What is refused

Every problem is told at its node, with a stable code. Besides wrong parameters and links:

- a node that nothing leads to;
- a circle in which nothing takes time, also over several flows, and more than {MAX_IDLE - 1} steps
  in a row that take none. These take none: {{instant}};
- a flow that enters itself, and more than {MAX_DEPTH} flows entered within one another.

A step that comes out `failed` may have taken no time: a call that does nothing but fail is ended
after {MAX_IDLE} steps (`flow_failed`).

## Types of nodes

Ids: `PM…` prompt, `TG…` target, `TK…` trunk, `DV…` device, `FW…` flow. What is not required may be
left out.
"""


def _kind(name: str) -> str:
    shape = STEPS[name]
    data = {"start": "n", "nodes": {"n": {"type": name, **ALL_TYPES[name]}}}
    graph, _ = parse_graph(data)
    assert graph is not None
    step = graph.nodes["n"].step
    told = ", ".join(f"`{outcome}`" for outcome in outcomes(step)) or "none: the flow ends here"
    lines = [f"### `{name}`", "", inspect.cleandoc(shape.made.__doc__ or ""), ""]
    lines += [*_table(shape), f"Outcomes of the example: {told}.", ""]
    lines += ["```json", json.dumps({"type": name, **ALL_TYPES[name]}, indent=2), "```", ""]
    return "\n".join(lines)


def _table(shape: Shape) -> list[str]:
    if not shape.keys:
        return []
    lines = ["| parameter | is | left out |", "|---|---|---|"]
    for key, kind in shape.keys.items():
        lines.append(f"| `{key}` | {kind.says} | {_default(shape.default(key))} |")
    return [*lines, ""]


def _default(value: Any) -> str:
    if value is BAD:
        return "required"
    if value in (None, "", ()):
        return "none"
    return f"`{json.dumps(value)}`"


def render() -> str:
    """The whole page."""
    instant = [
        name
        for name in STEPS
        if not waits(
            parse_graph({"start": "n", "nodes": {"n": {"type": name, **ALL_TYPES[name]}}})[0]
            .nodes["n"]
            .step
        )  # type: ignore[union-attr]
    ]
    head = _HEAD.replace("{instant}", ", ".join(f"`{name}`" for name in instant))
    parts = [head, *map(_kind, STEPS), "## Conditions of `branch`\n"]
    parts.append("All conditions of a case must hold; the first case that does decides.\n")
    for name, shape in CONDITIONS.items():
        parts.append(
            "\n".join(
                [
                    f"### `{name}`",
                    "",
                    inspect.cleandoc(shape.made.__doc__ or ""),
                    "",
                    *_table(shape),
                ]
            )
        )
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PATH.write_text(render())
