"""Flows as JSON, for tests."""

from __future__ import annotations

from typing import Any

PROMPT = "PM" + "1" * 32
TARGET = "TG" + "2" * 32
TRUNK = "TK" + "3" * 32
DEVICE = "DV" + "4" * 32
FLOW = "FW" + "5" * 32

ALL_TYPES: dict[str, dict[str, Any]] = {
    "say": {"text": "Hello {caller}", "voice": "anna", "language": "en-GB", "loop": 2},
    "play": {"prompt": PROMPT, "loop": 3},
    "pause": {"seconds": 2.5},
    "gather": {
        "prompts": [{"say": "Press 1", "voice": "anna"}, {"play": PROMPT}, {"pause": 1}],
        "choices": ["1", "10", "*"],
        "seconds": 4,
        "digit_seconds": 1.5,
        "finish_key": "#",
        "retries": 2,
        "invalid_prompts": [{"say": "That is no choice."}],
        "save_as": "choice",
    },
    "dial": {
        "targets": [
            {"target": TARGET},
            {"number": "+14155550100", "trunk": TRUNK},
            {"sip": "sip:desk@example.com"},
            {"device": DEVICE},
        ],
        "mode": "parallel",
        "timeout_seconds": 20,
        "caller_id": "+14155550111",
        "ringback": PROMPT,
        "music": PROMPT,
        "whisper": [{"say": "A call for {called}"}],
        "confirm": "1",
        "confirm_seconds": 8,
        "max_seconds": 3600,
    },
    "record": {"max_seconds": 60, "silence_seconds": 3, "finish_key": "*", "beep": False},
    "hold": {"prompt": PROMPT, "seconds": 60},
    "tag": {"name": "campaign", "value": "Winter 2026"},
    "redirect": {"url": "https://example.com/next", "method": "GET"},
    "reject": {"status": 486},
    "hangup": {},
    "branch": {
        "cases": [
            {
                "outcome": "open",
                "if": [
                    {
                        "time": {
                            "zone": "America/New_York",
                            "openings": [
                                {"days": ["mon", "fri"], "from": "09:00", "to": "17:30"},
                                {"days": ["sat"], "from": "22:00", "to": "24:00"},
                            ],
                            "holidays": ["2026-12-25"],
                        }
                    },
                    {"caller": {"areas": ["415"], "states": ["CA"], "countries": ["US"]}},
                    {"variable": {"name": "digits", "values": ["1"], "prefixes": ["9"]}},
                ],
            },
            {
                "outcome": "again",
                "if": [
                    {"holiday": {"zone": "UTC", "dates": ["2026-01-01"]}},
                    {"tag": {"name": "campaign", "values": ["Winter 2026"]}},
                    {"repeat": {"days": 30}},
                ],
            },
        ]
    },
    "split": {"shares": {"a": 70, "b": 30}},
    "flow": {"flow": FLOW},
}
"""Every type of node with every parameter (another than its default) but redirect's flow."""


def alone(kind: str, **changes: Any) -> dict[str, Any]:
    """A flow of one node ``n`` of a type, parameters changed; None leaves one out."""
    node = {"type": kind, **ALL_TYPES[kind], **changes}
    return {"start": "n", "nodes": {"n": {k: v for k, v in node.items() if v is not None}}}


def flow(start: str, **nodes: dict[str, Any]) -> dict[str, Any]:
    """A flow of these nodes."""
    return {"start": start, "nodes": nodes}
