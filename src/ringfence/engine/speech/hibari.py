"""The offline engine: hibari-tts, one American English voice, on the processor alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ringfence.engine.speech import weights
from ringfence.engine.speech.engine import Samples
from ringfence.engine.speech.errors import SpeechTextInvalid, SpeechUnavailable

_log = logging.getLogger("ringfence.speech")
_VOICE = "heart"
_SEED = 1
"""Of the noise in the voice: the same text sounds the same."""


class Hibari:
    """hibari-tts 0.2.1. Loads nothing that was not tested, and nothing from the network."""

    identity = "hibari-tts/0.2.1"
    rate = 24_000
    voices: Mapping[str, str] = {_VOICE: "en"}

    def __init__(self) -> None:
        self._model: Any = None

    def load(self) -> None:
        if self._model is not None:
            return
        problem = weights.problem()
        folder = weights.directory()
        if problem is not None or folder is None:
            _log.error("speech engine unusable", extra={"kv": {"problem": problem}})
            raise SpeechUnavailable(f"speech engine: {problem}")
        # since 1.29 the runtime otherwise reports to its vendor and leaves an id on the disk; it
        # reads this once, when it is imported
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import hibari  # type: ignore[import-untyped]

        # one thread has no pool and so nothing that spins; the path keeps it off the network
        model = hibari.Hibari(_VOICE, model=str(folder / "hibari.onnx"), threads=1)
        model("Ready, zzyzx.")  # loads the pronunciations, also of unknown words
        self._model = model

    def speak(self, sentence: str, voice: str) -> Samples:
        model = self._model
        try:
            spoken = [part for part in model.phonemize(sentence) if any(map(str.isalpha, part))]
            parts = [model.from_phonemes(part, seed=_SEED) for part in spoken]
        except Exception as error:  # of foreign code over foreign text, which must not be logged
            _log.error("sentence not spoken", extra={"kv": {"error": type(error).__name__}})
            raise SpeechTextInvalid("the text cannot be spoken") from None
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)
