"""Whether texts can be spoken."""

from __future__ import annotations

from ringfence.engine.speech import weights
from ringfence.entry.doctor.finding import Finding


def check_speech() -> Finding:
    """The files of the offline speech engine are there, and those that were tested."""
    problem = weights.problem()
    if problem is None:
        return Finding("speech", True, f"{len(weights.SHA256)} files of the engine as tested")
    return Finding("speech", False, problem, "install this version of ringfence anew")
