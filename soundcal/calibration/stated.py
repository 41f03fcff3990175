"""Calibrations that the user states: a sensitivity, or the known level of a recording.

They are recorded as stated, so that every result shows that nothing was measured here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from soundcal.calibration.model import Calibration, Chain, Direction, Link, new_calibration
from soundcal.dsp.weighting import weight
from soundcal.errors import ParameterError, SignalError
from soundcal.recording import Capture
from soundcal.takes.check import refuse, refuse_broken
from soundcal.takes.judge import judge
from soundcal.takes.zeros import DROPOUTS
from soundcal.units import P_REF, db

__all__ = ["StatedLevels", "from_level", "from_sensitivity"]

_SILENT: Final = 1e-3
"""Amplitude relative to the loudest sample up to which the ends of a recording are silent."""


@dataclass(frozen=True, slots=True)
class StatedLevels:
    """Known equivalent levels of one recording.

    Parameters
    ----------
    levels : tuple of float
        Levels in dB re 20 µPa.
    channels : tuple of str
        Channels of the levels; if empty, one level stands for all channels, or there is one each.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting of the levels.
    source : str
        The person, option or table that states them.
    """

    levels: tuple[float, ...]
    channels: tuple[str, ...] = ()
    weighting: str = "A"
    source: str = "user"

    def of(self, channels: Sequence[str]) -> dict[str, float]:
        """Return the level of each channel of a recording.

        Raises
        ------
        ParameterError
            A level is missing, or one of another channel is stated.
        """
        if not self.channels and len(self.levels) in (1, len(channels)):
            each = self.levels * (len(channels) if len(self.levels) == 1 else 1)
            return dict(zip(channels, each, strict=True))
        if not self.channels:
            raise ParameterError(
                f"{self.source}: {len(self.levels)} values for {len(channels)} channels "
                f"({', '.join(channels)}); give one for all or one per channel, decimals with a "
                "point"
            )
        if set(self.channels) != set(channels):
            raise ParameterError(
                f"{self.source}: levels of {', '.join(self.channels)}, but the channels of the "
                f"recording are {', '.join(channels)}; --channels names them"
            )
        known = dict(zip(self.channels, self.levels, strict=True))
        return {name: known[name] for name in channels}


def _spread(u_db: float) -> str:
    return f"u = {u_db:g} dB as stated" if u_db else "no uncertainty stated"


def from_sensitivity(
    sensitivities: Mapping[str, float],
    *,
    direction: Direction = "input",
    u_db: float = 0.0,
    device: str = "unknown",
    source: str = "user",
) -> Calibration:
    """Return a calibration from stated sensitivities.

    Parameters
    ----------
    sensitivities : mapping of str to float
        Pascal per digital full scale (rms over rms) per channel.
    direction : {"input", "output"}
        ``input`` if it applies to recorded samples, ``output`` if to played ones.
    u_db : float
        Standard uncertainty in dB; 0 if none is stated.
    device : str
        Identity of the calibrated device.
    source : str
        The person who states it, and the basis.

    Raises
    ------
    ParameterError
        A sensitivity that is not a positive number.

    Examples
    --------
    >>> round(from_sensitivity({"left": 2.0}).sensitivity("left"), 6)
    2.0
    """
    for channel, value in sensitivities.items():
        if not 0 < value < math.inf:
            raise ParameterError(
                f"{channel}: sensitivity {value} Pa/FS; a positive number is expected"
            )
    chains = {
        channel: Chain(
            (
                Link(
                    "stated sensitivity",
                    db(value),
                    u_db,
                    unit="dB re 1 Pa/FS",
                    source=f"{source}; {_spread(u_db)}",
                ),
            )
        )
        for channel, value in sensitivities.items()
    }
    details = {"sensitivities": dict(sensitivities), "source": source}
    return new_calibration("stated", direction, chains, device=device, details=details)


def _without_silent_ends(capture: Capture, index: int) -> Capture:
    """Return one channel up to its last sound, with zeros until its first.

    Sound 60 dB below the loudest sample is no sound here: where a file fades in or out, it comes
    and goes with the last bit.
    """
    samples = capture.samples[index]
    sizes = np.abs(samples)
    sound = np.flatnonzero(sizes > _SILENT * sizes.max())
    kept = samples[: sound[-1] + 1].copy()
    kept[: sound[0]] = 0.0
    return replace(capture, samples=kept, channels=(capture.channels[index],), clipped=())


def from_level(
    capture: Capture,
    levels: Mapping[str, float],
    *,
    weighting: str = "A",
    u_db: float = 0.0,
    device: str = "",
    source: str = "user",
) -> Calibration:
    """Return the calibration that gives a recording its known levels.

    Parameters
    ----------
    capture : Capture
        The whole recording whose equivalent level is known. Silence at its ends, as prepared files
        have it, belongs to it; exact zeros between sounds are lost samples.
    levels : mapping of str to float
        Equivalent continuous level per channel in dB re 20 µPa.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting of the levels.
    u_db : float
        Standard uncertainty of the levels in dB; 0 if none is stated.
    device : str
        Identity of the calibrated device; that of the recording if not given.
    source : str
        The person who states the levels, and the basis.

    Raises
    ------
    ParameterError
        A channel that the recording does not have, a level outside -20 to 200 dB, or an unknown
        weighting.
    SignalError
        A channel is silent or clipped, the driver reported lost samples, or they are invalid
        (:func:`soundcal.takes.judge.judge`), such as by a gap or a repeated block.
    """
    chains = {}
    for channel, level in levels.items():
        if channel not in capture.channels:
            raise ParameterError(
                f"no channel {channel!r} in the recording; there are {', '.join(capture.channels)}"
            )
        if not -20.0 <= level <= 200.0:
            raise ParameterError(f"{channel}: level {level} dB; -20 to 200 dB is expected")
        index = capture.channels.index(channel)
        refuse_broken(capture, channel, [channel])
        weighted = weight(capture.samples[index], capture.fs, weighting)
        digital = db(math.sqrt(float(np.mean(weighted**2))))
        if not math.isfinite(digital):
            raise SignalError(f"{channel}: silent; a level of {level} dB cannot be assigned to it")
        checks = judge(_without_silent_ends(capture, index))
        # the level is that of the file, digital silence before its sound included
        refuse([check for check in checks if check.name != DROPOUTS], channel)
        chains[channel] = Chain(
            (
                Link(
                    "stated level",
                    level + db(P_REF),
                    u_db,
                    unit="dB re 1 Pa",
                    source=f"{source}; L{weighting}eq {level} dB, {_spread(u_db)}",
                ),
                Link("digital level", -digital, unit="dB re 1/FS", source="rms of the recording"),
            )
        )
    details = {
        "levels": dict(levels),
        "weighting": weighting,
        "source": source,
        "recording_sha256": capture.sha256,
        "fs": [capture.fs],
        "duration": capture.duration,
    }
    return new_calibration(
        "stated", "input", chains, device=device or capture.device, details=details
    )
