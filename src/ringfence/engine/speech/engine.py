"""What a speech engine is to the speech process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono, full scale is 1."""


class SpeechEngine(Protocol):
    """Speaks one sentence after the other. All calls come from one thread."""

    @property
    def identity(self) -> str:
        """Name and version: another one speaks differently."""
        ...

    @property
    def rate(self) -> int:
        """Samples a second: 8000 or a multiple of it."""
        ...

    @property
    def voices(self) -> Mapping[str, str]:
        """Languages ("en") by voice; the first voice is the default."""
        ...

    def load(self) -> None:
        """Be ready to speak; called again it does nothing. Raises SpeechUnavailable."""
        ...

    def speak(self, sentence: str, voice: str) -> Samples:
        """A sentence as engine.speech.words makes them, always in the same way; empty when there
        is nothing to speak. Raises SpeechTextInvalid when it cannot."""
        ...
