"""What the media port promises, held against every adapter."""

from __future__ import annotations

from typing import Any


async def test_relays_both_ways_to_the_right_ear(rig: Any) -> None:
    a, b = rig.peer(), rig.peer()
    await rig.bridge(a, b)
    a.talk(440)
    b.talk(700)
    await rig.eventually(lambda: b.hears(440) and a.hears(700))
    assert not a.hears(440) and not b.hears(700)
