"""Crosstalk between two channels of a take, and swapped channels."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.takes.check import Check, Limit, doubt
from soundcal.takes.played import Played, remembered_spectra
from soundcal.takes.slips import WINDOW_S
from soundcal.units import power_db

__all__ = ["crosstalk"]


CROSSTALK_LIMIT_DB: Final = -20.0
"""Accepted crosstalk, dB: 1 % of the other ear's power, or 0.04 dB in the level if both ears are
equally loud; headphones on a head and torso simulator are far below it."""

_SEGMENTS: Final = 8
_BINS: Final = 16
_BIN_DB: Final = -40.0
_COHERENT: Final = 0.5
_SWAPPED_DB: Final = 6.0

_CROSSTALK: Final = Limit(
    CROSSTALK_LIMIT_DB,
    "≤",
    "1 % of the other ear's power: 0.04 dB in the level of equally loud ears",
    "look for a mono switch, a monitor mix and plugs that are not fully in",
)
_SWAPPED: Final = Limit(
    _SWAPPED_DB, "≤", "each input hears its own output louder than the other one", "swap them"
)


def crosstalk(names: Sequence[str], x: Samples, s: Played, fs: int) -> list[Check]:
    """Return checks of the share of each of two outputs that arrives at the other one's input."""
    size = round(WINDOW_S * fs)
    n = min(x.shape[1], s.samples.shape[1])
    if n < (_SEGMENTS + 1) * size // 2 or not x.any(axis=1).all():  # a dead input hears nothing
        return []
    sent, played = _of_played(s.beginning(n), size)
    recorded = np.einsum("ikf,jkf->fij", _spectra(x[:, :n], size), sent)
    power = np.real(np.einsum("fii->if", played))
    if not (power.max(axis=1) > 0).all():
        return []
    usable = (power > power.max(axis=1, keepdims=True) * 10 ** (_BIN_DB / 10)).all(axis=0)
    coherence = np.abs(played[:, 0, 1]) ** 2 / np.maximum(power[0] * power[1], 1e-300)
    usable &= coherence < _COHERENT
    if usable.sum() < _BINS:
        return []
    paths = recorded[usable] @ np.linalg.inv(played[usable])
    heard = np.einsum("fij,jf->ij", np.abs(paths) ** 2, power[:, usable])
    return _verdicts_on_crosstalk(names, heard)


def _spectra(x: Samples, size: int) -> NDArray[np.complex128]:
    from scipy.fft import rfft

    view = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)
    return np.asarray(rfft(view[:, :: size // 2] * np.hanning(size), axis=2))


@remembered_spectra
def _of_played(played: Played, size: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the conjugate spectra of both outputs, and their cross spectra."""
    sent = _spectra(played.samples, size).conj()
    return sent, np.einsum("ikf,jkf->fij", sent.conj(), sent)


def _verdicts_on_crosstalk(names: Sequence[str], heard: Samples) -> list[Check]:
    """Judge the powers ``heard[input, output]``."""
    found = []
    heard = np.maximum(heard, np.finfo(np.float64).tiny)
    ratios = [power_db(float(heard[1 - k, k] / heard[k, k])) for k in range(2)]
    for k, ratio in enumerate(ratios):
        reason = ""
        if ratio > CROSSTALK_LIMIT_DB:
            reason = (
                f"{names[1 - k]}: hears the output of {names[k]} at {ratio:+.1f} dB relative to "
                f"{names[k]} itself, the limit is {CROSSTALK_LIMIT_DB:g} dB; {_CROSSTALK.remedy}"
            )
        found.append(
            Check("crosstalk", ratio, "dB", _CROSSTALK, doubt(reason), reason, names[1 - k])
        )
    if min(ratios) > _SWAPPED_DB:
        reason = (
            f"{names[0]} and {names[1]} are swapped: each hears the other's output; "
            f"{_SWAPPED.remedy}"
        )
        return [Check("swapped channels", min(ratios), "dB", _SWAPPED, "invalid", reason)]
    return [*found, Check("swapped channels", min(ratios), "dB", _SWAPPED)]
