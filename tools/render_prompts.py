"""Renders the spoken prompts of recordings. Run by hand when a text changes; the result is kept.

    python -m venv /tmp/tts && /tmp/tts/bin/pip install hibari-tts==0.2.1
    /tmp/tts/bin/python tools/render_prompts.py src/ringfence/domains/recordings/prompts

hibari-tts 0.2.1 (Apache-2.0) speaks with its packaged voice ``heart`` at 24 kHz. Output: 8 kHz mono
16-bit WAV, 200 ms of silence around it, -20 dBFS RMS.
"""

from __future__ import annotations

import importlib.metadata
import sys
import wave
from pathlib import Path

import numpy as np
from hibari import Hibari

PROMPTS = {"recording-notice-en": "This call may be recorded."}
VERSION = "0.2.1"
RATE, OUT_RATE = 24_000, 8_000
EDGE_SECONDS = 0.2
SPEED = 0.75
LEVEL = 10 ** (-20 / 20)
PEAK = 0.95


def narrowband(audio: np.ndarray) -> np.ndarray:
    """24 kHz to 8 kHz, through a low pass at 3.6 kHz (windowed sinc, 127 taps)."""
    taps = np.arange(127) - 63
    cutoff = 3600 / RATE
    low_pass = 2 * cutoff * np.sinc(2 * cutoff * taps) * np.blackman(127)
    return np.convolve(audio, low_pass / low_pass.sum(), "same")[:: RATE // OUT_RATE]


def trimmed(audio: np.ndarray) -> np.ndarray:
    """Without the silence around it: what lies 40 dB below the peak."""
    loud = np.flatnonzero(np.abs(audio) > np.abs(audio).max() / 100)
    edge = int(EDGE_SECONDS * OUT_RATE)
    return audio[max(0, loud[0] - edge) : loud[-1] + edge]


def normalised(audio: np.ndarray) -> np.ndarray:
    scaled = audio * LEVEL / np.sqrt(np.mean(audio**2))
    return np.clip(scaled, -PEAK, PEAK)


def main(folder: Path) -> None:
    if importlib.metadata.version("hibari-tts") != VERSION:
        sys.exit(f"hibari-tts {VERSION} is needed")
    speak = Hibari(threads=1)
    for name, text in PROMPTS.items():
        spoken = np.asarray(speak(text, seed=0, speed=SPEED), np.float64)
        audio = normalised(trimmed(narrowband(spoken)))
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, OUT_RATE, 0, "NONE", ""))
            file.writeframes((audio * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
