"""Level and delay of a take along its stimulus, frame by frame, with their uncertainty.

The path from output to input is described by frequency responses between the short-time spectra of
the stimulus and those of the take (the H1 estimator; Bendat and Piersol, Random Data, 4th ed. 2010,
6.1.4). What the responses do not explain (noise, crosstalk, an echo longer than the frame) is the
uncertainty, so a quiet or noisy part of the take proves little and a loud one much, whatever the
stimulus is.

*Level*: seen through the response of the whole take, each frame of the stimulus predicts a frame of
the take. A frame that is larger or smaller than its prediction shows a change of the level.

*Delay*: four frames make a block, and each block has its own response. The delay between the
responses of two blocks is the lag of the largest cross-correlation, in which every line of the
spectrum counts by its signal-to-noise ratio (the maximum-likelihood weights of Knapp and Carter,
IEEE Trans. ASSP 24(4), 1976). Any band that stands out from the noise is enough, high frequencies
are not needed.

*Other content*: the share of a block that its own response does not explain, in the lines that
stand out from the noise. It rises where something else stands in place of the stimulus.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.takes.played import Played, remembered_spectra

__all__ = ["FRAME_S", "Jump", "ShortTime", "short_time"]


FRAME_S: Final = 4096 / 48000
"""Length of a frame; frames overlap by half."""

_BLOCK: Final = 4
_PIECE: Final = 16 * _BLOCK
_LEAST_BLOCKS: Final = 3
_LOWEST_HZ: Final = 20.0

_QUIET: Final = 1e-6
"""Frames of less energy, relative to the loudest one, prove nothing."""

_REACH: Final = 64
"""Largest jump of the delay that is looked for, in samples; larger ones show in the correlation of
the samples themselves (:mod:`soundcal.takes.slips`)."""

_ALIKE: Final = 0.5
"""Two blocks have the same response, but for its delay, if the weighted correlation of their
responses is at least this."""

_SHARED: Final = 0.1
"""Blocks can be compared if the spectra of the stimulus in blocks half a take apart agree at least
this far (Bhattacharyya coefficient, median). Noise has 0.94, the scenes of the catalogue 0.37 and
more, sweeps less than 10⁻⁵: there, a difference between blocks is one between frequencies, as every
path has it."""

_JUMP: Final = 0.5
_SIGMAS: Final = 8.0
_MANY: Final = 8
_SMOOTH: Final = 8
_DB: Final = 20.0 / float(np.log(10.0))

_USUAL: Final = 0.25
"""Quantile of the unexplained power over the blocks that counts as noise."""

_CLEAR: Final = 100.0
_LINES: Final = 20
"""Lines 20 dB above the noise show other content, if there are this many."""

_FAINT: Final = 1e-3
"""Unexplained power below this, relative to the mean power of the take, is of no importance."""

_TINY: Final = float(np.finfo(np.float32).tiny)
_ROUNDING: Final = 1e-9
"""Noise of a take without any, relative to its loudest line."""

_KEPT: Final = 64
"""Blocks (11 s) of which the spectra are kept: 8 MB."""

Spectra = tuple[NDArray[np.complex64], NDArray[np.complex64]]
"""Spectra of the frames of a take and of its stimulus, each of shape (n_frames, n_lines)."""


@dataclass(frozen=True, slots=True)
class Jump:
    """A sudden change of the delay: ``size`` samples between the samples ``start`` and ``end``."""

    start: int
    end: int
    size: float

    def words(self, fs: int) -> str:
        """Return the jump in words."""
        what = "inserted" if self.size > 0 else "missing"
        samples = max(1, abs(round(self.size)))
        return f"{samples} samples {what} between {self.start / fs:.2f} s and {self.end / fs:.2f} s"


@dataclass(frozen=True, slots=True)
class ShortTime:
    """Level and delay of a take relative to its stimulus.

    Parameters
    ----------
    size : int
        Length of a frame in samples; the next frame starts half a frame later.
    levels, u_levels : ndarray, shape (n,)
        Level of each frame relative to its prediction and the standard uncertainty, dB; the
        uncertainty of a frame without stimulus is infinite.
    jumps : list of Jump
        Sudden changes of the delay by half a sample or more, up to 64 samples.
    shares : ndarray, shape (n // 4,)
        Unexplained power of each block relative to its explained power; 0 in blocks that are
        silent, or as noisy as usual.
    """

    size: int
    levels: Samples
    u_levels: Samples
    jumps: list[Jump]
    shares: Samples


def short_time(x: Samples, played: Played, fs: int) -> ShortTime | None:
    """Compare the frames of a recorded row with those of a played one.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Recorded samples.
    played : Played
        Played samples, aligned.
    fs : int
        Sampling rate in Hz.

    Returns
    -------
    ShortTime or None
        None if there are fewer than twelve frames (0.55 s), nothing was played or recorded, or the
        stimulus has other frequencies in each block, as a sweep has.

    Examples
    --------
    >>> noise = 0.1 * np.random.default_rng(1).standard_normal(48000)
    >>> heard = np.concatenate([0.4 * noise[:24000], 0.2 * noise[24002:], [0.0, 0.0]])
    >>> found = short_time(heard, Played(noise), 48000)
    >>> print(*(jump.words(48000) for jump in found.jumps))
    2 samples missing between 0.34 s and 0.68 s
    >>> bool(found.levels[0] - found.levels[-1] > 5.0)
    True
    """
    size, s = round(FRAME_S * fs), played.samples
    n = min(x.size, s.size)
    n_blocks = (2 * n // size - 1) // _BLOCK
    if n_blocks < _LEAST_BLOCKS or not (s[:n].any() and x[:n].any()):
        return None
    if n_blocks <= _KEPT:  # compute the spectra of a short take once
        kept = list(
            zip(_spectra(x, size, n_blocks), _of_short(played, size, n_blocks), strict=True)
        )
        pieces: Callable[[], Iterator[Spectra]] = partial(iter, kept)
    else:
        pieces = partial(_pieces, x, s, size, n_blocks)
    blocks = _Blocks(pieces(), size, n_blocks, int(np.ceil(_LOWEST_HZ * size / fs)))
    if not blocks.comparable:
        return None
    response = _power(blocks.response).astype(np.float32)
    parts = [_gains(heard, sent, response) for heard, sent in pieces()]
    gain, rest, lines, energy = (np.concatenate(row) for row in zip(*parts, strict=True))
    # the magnitude of a sum of signal and noise is also larger than that of the signal
    u = _DB * (np.sqrt(rest / (2.0 * lines)) + 0.5 * rest)
    u[energy <= _QUIET * energy.max()] = np.inf
    return ShortTime(size, _DB * np.log(gain), u, blocks.jumps(), blocks.shares())


class _Blocks:
    """Cross-spectra of the blocks, and the noise that their responses leave."""

    def __init__(self, pieces: Iterator[Spectra], size: int, n: int, lowest: int) -> None:
        self._size, self._lowest = size, lowest
        # single precision: 120 MB for ten minutes
        self._cross = np.zeros((n, size // 2 + 1), dtype=np.complex64)
        self._power = np.zeros((n, size // 2 + 1), dtype=np.float32)
        self._rest = np.zeros((n, size // 2 + 1), dtype=np.float32)
        noise, total = np.zeros(size // 2 + 1), np.zeros(size // 2 + 1)
        block = 0
        for heard, sent in pieces:
            for k in range(0, heard.shape[0], _BLOCK):
                a, b = heard[k : k + _BLOCK], sent[k : k + _BLOCK]
                cross, power = _product(a, b), _power(b).sum(axis=0)
                received = _power(a).sum(axis=0)
                explained = _power(cross) / np.maximum(power, _TINY)
                self._rest[block] = np.maximum(received - explained, 0.0)
                noise += self._rest[block]
                total += received
                self._cross[block], self._power[block] = cross, power
                block += 1
        self._noise = (_smoothed(noise) / (_BLOCK - 1) + _ROUNDING * total.max()) / n

    @property
    def comparable(self) -> bool:
        """True if the blocks of the stimulus have enough of their spectra in common."""
        power = self._power[:, self._lowest :].astype(np.float64)
        energy = power.sum(axis=1)
        known = np.flatnonzero(energy > _QUIET * energy.max())
        if known.size < _LEAST_BLOCKS:
            return True  # no delays are compared
        half = known.size // 2
        pairs = zip(known[:-half], known[half:], strict=True)
        shared = [
            np.sqrt(power[a] * power[b]).sum() / np.sqrt(energy[a] * energy[b]) for a, b in pairs
        ]
        return bool(np.median(shared) >= _SHARED)

    @property
    def response(self) -> NDArray[np.complex64]:
        """The response of the whole take, shape (n_lines,)."""
        power = self._power.sum(axis=0, dtype=np.float64)
        cross = self._cross.sum(axis=0, dtype=np.complex128)
        response = cross / np.maximum(power, 1e-12 * power.max())
        response[: self._lowest] = 0.0
        return np.asarray(response, dtype=np.complex64)

    def shares(self) -> Samples:
        """Return the unexplained power of each block relative to its explained power."""
        lines = slice(self._lowest, None)
        power = np.maximum(self._power[:, lines], _TINY)
        explained = _power(self._cross[:, lines]) / power
        # what a room or a filter lets decay belongs to the block before
        explained[1:] = np.maximum(explained[1:], explained[:-1])
        rest = self._rest[:, lines]
        usual = _smoothed(np.quantile(rest, _USUAL, axis=0))
        clear = explained > _CLEAR * usual
        signal, other = (np.where(clear, part, 0.0).sum(axis=1) for part in (explained, rest))
        heard = (clear.sum(axis=1) >= _LINES) & (other > _FAINT * signal.mean())
        return np.where(heard, other / np.maximum(signal, _TINY), 0.0).astype(np.float64)

    def jumps(self) -> list[Jump]:
        """Return the jumps of the delay: a block differs from the last but one.

        The block between them contains the jump. A delay that changes steadily, because two clocks
        differ, is no jump.
        """
        energy = self._power[:, self._lowest :].sum(axis=1)
        known = np.flatnonzero(energy > _QUIET * energy.max())
        if known.size < _LEAST_BLOCKS:
            return []
        apart = known[2:] - known[:-2]
        found = [self._between(a, b) for a, b in zip(known[:-2], known[2:], strict=True)]
        change, u = np.array(found).T
        clear = np.isfinite(u)
        if not clear.any():
            return []
        steady = change[clear] / apart[clear]
        if steady.size >= _MANY:
            change -= np.median(steady) * apart
            spread = 1.4826 * float(np.median(np.abs(change[clear])))
        else:  # one jump shows in up to three pairs of blocks, which may be most of them
            change -= steady[int(np.argmin(np.abs(steady)))] * apart
            spread = 0.0
        over = clear & (np.abs(change) > np.maximum(_JUMP, _SIGMAS * np.maximum(u, spread)))
        groups = np.split(
            np.flatnonzero(over), np.flatnonzero(np.diff(np.flatnonzero(over)) > 1) + 1
        )
        jumps = []
        for group in groups:
            if group.size:
                worst = group[int(np.argmax(np.abs(change[group])))]
                hop = _BLOCK * self._size // 2
                start, end = int(known[group[0]] + 1) * hop, int(known[group[-1] + 2]) * hop
                jumps.append(Jump(start, end, float(change[worst])))
        return jumps

    def _between(self, before: int, after: int) -> tuple[float, float]:
        """Return the delay between two blocks and its uncertainty, infinite if not known."""
        from scipy.fft import irfft

        power = self._power[before] + self._power[after]
        weighted = np.conj(self._cross[before]) * self._cross[after]
        weighted = weighted.astype(np.complex128) / (np.maximum(power, _TINY) * self._noise)
        weighted[: self._lowest] = 0.0
        lags = irfft(weighted, self._size)
        lags = np.concatenate([lags[-_REACH:], lags[: _REACH + 1]])
        whole = int(np.argmax(lags)) - _REACH
        omega = 2.0 * np.pi / self._size * np.arange(weighted.size)
        turned = weighted * np.exp(1j * omega * whole)
        size = np.abs(turned)
        moment = float(size @ np.square(omega))
        if not float(turned.real.sum()) >= _ALIKE * float(size.sum()) > 0.0:
            return 0.0, np.inf
        part = float((size * np.angle(turned)) @ omega) / moment
        return whole - part, float(1.0 / np.sqrt(moment))


def _pieces(x: Samples, s: Samples, size: int, n_blocks: int) -> Iterator[Spectra]:
    """Give the spectra of the frames of both rows, some blocks at a time."""
    return zip(_spectra(x, size, n_blocks), _spectra(s, size, n_blocks), strict=True)


@remembered_spectra
def _of_short(played: Played, size: int, n_blocks: int) -> list[NDArray[np.complex64]]:
    return list(_spectra(played.samples, size, n_blocks))


def _spectra(row: Samples, size: int, n_blocks: int) -> Iterator[NDArray[np.complex64]]:
    """Give the spectra of the frames of a row, some blocks at a time."""
    from scipy.fft import rfft

    hop, window = size // 2, np.hanning(size + 2)[1:-1].astype(np.float32)
    for first in range(0, n_blocks * _BLOCK, _PIECE):
        last = min(first + _PIECE, n_blocks * _BLOCK)
        part = row[first * hop : (last - 1) * hop + size].astype(np.float32)
        yield rfft(np.lib.stride_tricks.sliding_window_view(part, size)[::hop] * window)


def _smoothed(lines: Samples) -> Samples:
    """Return the mean of each line of a spectrum and its neighbours."""
    weights = np.ones(2 * _SMOOTH + 1) / (2 * _SMOOTH + 1)
    return np.convolve(np.pad(lines, _SMOOTH, mode="edge"), weights, "valid")


def _product(a: NDArray[np.complex64], b: NDArray[np.complex64]) -> NDArray[np.complex64]:
    return np.asarray((a * b.conj()).sum(axis=0))


def _power(a: NDArray[np.complex64]) -> NDArray[np.float32]:
    return np.asarray(np.square(a.real) + np.square(a.imag))


def _gains(
    heard: NDArray[np.complex64], sent: NDArray[np.complex64], response: NDArray[np.float32]
) -> tuple[Samples, Samples, Samples, Samples]:
    """Return gain, unexplained power re explained power, number of lines and energy of frames."""
    received, power = _power(heard) * (response > 0), _power(sent) * response
    energy = power.sum(axis=1, dtype=np.float64)
    safe = np.maximum(energy, _TINY)
    gain = np.maximum(np.sqrt(received * power).sum(axis=1, dtype=np.float64) / safe, 1e-6)
    total = received.sum(axis=1, dtype=np.float64)
    rest = np.maximum(total / (np.square(gain) * safe) - 1.0, 0.0)
    shares = power / safe[:, np.newaxis].astype(np.float32)
    lines = 1.0 / np.maximum(np.square(shares).sum(axis=1, dtype=np.float64), _TINY)
    return gain, rest, np.maximum(lines, 1.0), energy
