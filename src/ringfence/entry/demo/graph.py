"""The demo's call flow, as its tenant would write it."""

from __future__ import annotations

from typing import Any

ZIP = "94107"
WAY = ("welcome", "menu", "zip", "west", "desk")
"""The verbs that a caller with this ZIP code gets who asks for sales. The timeline shows no
branches: they take no time, and what they chose is what comes next."""
TAG, WEST = "region", "west"


def demo_graph(prompt: str, target: str) -> dict[str, Any]:
    """A prompt, a menu, a ZIP code, a branch by it, and the desk, to which is whispered."""
    return {
        "start": "welcome",
        "nodes": {
            "welcome": {"type": "play", "prompt": prompt, "next": {"": "menu"}},
            "menu": {
                "type": "gather",
                "prompts": [
                    {"say": "Welcome to Ringfence. For sales, press 1. For support, press 2."}
                ],
                "choices": ["1", "2"],
                "retries": 1,
                "next": {"digits:1": "zip", "digits:2": "support", "": "goodbye"},
            },
            "zip": {
                "type": "gather",
                "prompts": [{"say": "Please enter your five digit ZIP code."}],
                "min_digits": 5,
                "max_digits": 5,
                "save_as": "zip",
                "next": {"digits": "where", "": "elsewhere"},
            },
            "where": {
                "type": "branch",
                "cases": [{"outcome": WEST, "if": [{"zip": {"prefixes": ["9"]}}]}],
                "next": {WEST: "west", "otherwise": "elsewhere"},
            },
            "west": {"type": "tag", "name": TAG, "value": WEST, "next": {"": "desk"}},
            "elsewhere": {"type": "tag", "name": TAG, "value": "elsewhere", "next": {"": "desk"}},
            "desk": {
                "type": "dial",
                "targets": [{"target": target}],
                "timeout_seconds": 20,
                "whisper": [{"say": "A sales call from ZIP code {zip}."}, {"pause": 1}],
                "next": {"answered": "goodbye", "": "support"},
            },
            "support": {"type": "record", "max_seconds": 60, "next": {"": "goodbye"}},
            "goodbye": {"type": "say", "text": "Thank you. Goodbye."},
        },
    }
