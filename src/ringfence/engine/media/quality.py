"""Listening quality from packet figures: the E-model (ITU-T G.107), simplified.

R = 93.2 - Id - Ie_eff: the default transmission rating without impairments (G.107 table 3, default
values give 93.2), less delay and codec/loss impairments.

- Ie_eff = Ie + (95 - Ie) * Ppl / (Ppl / BurstR + Bpl), G.107 equation 7-29 with random loss
  (BurstR = 1); for G.711 with packet loss concealment Ie = 0, Bpl = 25.1 (G.113 appendix I).
- Id = 0.024 d + 0.11 (d - 177.3) H(d - 177.3), d in ms one way: Cole and Rosenbluth, "Voice over IP
  performance monitoring" (2001), which fits G.107's Idd for an echo-free path.
- MOS from R: G.107 annex B.
"""

from __future__ import annotations

_R0 = 93.2
_IE = 0.0
_BPL = 25.1
_PACKETISATION_MS = 20.0
_KNEE_MS = 177.3


def rating(loss: float, delay_ms: float) -> float:
    """R factor of a share of lost packets (0-1) and a one-way mouth-to-ear delay."""
    percent = 100 * loss
    equipment = _IE + (95 - _IE) * percent / (percent + _BPL)
    delay = 0.024 * delay_ms + 0.11 * max(delay_ms - _KNEE_MS, 0.0)
    return _R0 - delay - equipment


def mos(loss: float, jitter_ms: float, rtt_ms: float | None) -> float:
    """MOS 1.0-4.5. The receiver is taken to buffer twice the jitter; an unknown RTT counts as 0."""
    delay = (rtt_ms or 0.0) / 2 + 2 * jitter_ms + _PACKETISATION_MS
    r = rating(loss, delay)
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
