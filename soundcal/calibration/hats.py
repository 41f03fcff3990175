"""Gain search on a head and torso simulator: the gain at which a stimulus has its target level.

The search calls a function that plays the stimulus with a gain and returns the level at both ears;
it never deals with a soundcard. It goes beyond the published method (Ooi, Xie, Lam, Gan, MethodsX
2021):

1. the noise floor is measured first, and a target below it is refused with a reason;
2. the floor's energy is subtracted where the measured level is at least 3 dB above it (the limit
   that ISO 3744 and ISO 1996-2 set for background corrections);
3. every step is a secant in dB, so a linear chain needs only two measurements; steps that leave the
   interval known to contain the target become bisections, as published;
4. no gain clips the stimulus.

:mod:`soundcal.files.gain_tables` reads and writes the published tables.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from soundcal.calibration.belonging import mismatches
from soundcal.calibration.model import Calibration, Chain, Link, new_calibration
from soundcal.calibration.uncertainty import dof_from_doubt, type_a
from soundcal.errors import ParameterError, SignalError, TargetNotReached
from soundcal.plain import plain
from soundcal.recording import EARS, counted
from soundcal.units import P_REF, db, energetic_mean, from_db

__all__ = [
    "GainSearch",
    "Measure",
    "MeasureEars",
    "Step",
    "Track",
    "calibrate",
    "gain_for_other_target",
    "meets_target",
    "search_gain",
    "search_gains",
    "search_track",
    "without_floor",
]

Levels = tuple[float, float]

Measure = Callable[[float], Levels]
"""Plays the stimulus with a linear gain (0: silence) and returns the ears' levels in dB."""

MeasureEars = Callable[[float, float], Levels]
"""The same with one linear gain per ear."""

MARGIN_DB: Final = 3.0
"""Smallest distance of a level from the noise floor at which the floor may be subtracted."""

_SLOPES: Final = (0.5, 2.0)
"""Plausible range of slopes in dB per dB; steeper or flatter ones are due to noise."""

_LEVER_DB: Final = 1.0
"""Smallest distance of two gains from which a slope is taken; below it, noise would dominate."""


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement: linear gains and levels in dB as measured, noise floor included."""

    gains: tuple[float, float]
    levels: Levels


@dataclass(frozen=True, slots=True)
class Track:
    """Settings of a search.

    Parameters
    ----------
    target : float
        Level to reach, dB re 20 µPa.
    tolerance : float
        Largest deviation from it in dB.
    start : float
        Linear gain of the first measurement; lowered if it would clip.
    max_gain : float
        Largest linear gain: the reciprocal of the stimulus' peak.
    multiplier : float
        Factor on the gain while the level lies in the noise floor.
    max_measurements : int
        Number of measurements after which the search gives up.
    """

    target: float
    tolerance: float = 0.1
    start: float = 1.0
    max_gain: float = math.inf
    multiplier: float = 4.0
    max_measurements: int = 12

    def __post_init__(self) -> None:
        limits = {
            "target": math.isfinite(self.target),
            "tolerance": 0 < self.tolerance < math.inf,
            "start": 0 < self.start < math.inf,
            "max_gain": self.max_gain > 0,
            "multiplier": 1 < self.multiplier < math.inf,
            "max_measurements": self.max_measurements >= 1,
        }
        for name, good in limits.items():
            if not good:
                raise ParameterError(
                    f"{name} {getattr(self, name)}: a finite target, a positive tolerance, start "
                    "and max_gain, a multiplier above 1 and at least 1 measurement are expected"
                )


@dataclass(frozen=True, slots=True)
class GainSearch:
    """Result of a search.

    Parameters
    ----------
    gains : tuple of float
        Linear gain for left and right; equal with a common gain. If the target was not reached,
        those of the best measurement.
    levels : tuple of float
        Levels of the ears in dB at these gains, without the noise floor.
    level : float
        Energetic mean of the ears, dB.
    floor : tuple of float
        Noise floor of the ears, dB.
    track : Track
        Settings.
    steps : tuple of Step
        All measurements in order, that of the floor not included.
    boundary_steps, bisection_steps : int
        Steps by the multiplier, and by halving an interval.
    per_ear : bool
        True if each ear was brought to the target separately.
    problem : str
        Reason why the target was not reached; empty if it was.
    """

    gains: tuple[float, float]
    levels: Levels
    level: float
    floor: Levels
    track: Track
    steps: tuple[Step, ...]
    boundary_steps: int = 0
    bisection_steps: int = 0
    per_ear: bool = False
    problem: str = ""

    @property
    def gain_db(self) -> tuple[float, float]:
        """Gains in dB."""
        return db(self.gains[0]), db(self.gains[1])

    @property
    def reached(self) -> bool:
        """True if the target was reached within the tolerance."""
        return not self.problem

    def require(self) -> "GainSearch":
        """Return the search itself, or raise :class:`TargetNotReached` with its problem."""
        if self.problem:
            raise TargetNotReached(self.problem)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON; levels of silence (-inf) become null."""
        return {field.name: plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "GainSearch":
        """Return the search that :meth:`to_dict` described."""

        def levels(values: Sequence[float | None]) -> Levels:
            left, right = (-math.inf if value is None else value for value in values)
            return left, right

        def gains(values: Sequence[float]) -> tuple[float, float]:
            left, right = values
            return left, right

        track: dict[str, Any] = {
            key: math.inf if value is None else value for key, value in data["track"].items()
        }
        level = data["level"]
        return cls(
            gains(data["gains"]),
            levels(data["levels"]),
            -math.inf if level is None else level,
            levels(data["floor"]),
            Track(**track),
            tuple(Step(gains(step["gains"]), levels(step["levels"])) for step in data["steps"]),
            data["boundary_steps"],
            data["bisection_steps"],
            data["per_ear"],
            data["problem"],
        )


def without_floor(level: float, floor: float) -> float:
    """Return a level in dB without the energy of the noise floor, where this is justified.

    A level less than 3 dB above the floor is returned unchanged.

    Examples
    --------
    >>> round(without_floor(60.0, 50.0), 2), without_floor(51.0, 50.0)
    (59.54, 51.0)
    """
    if _is_buried(level, floor):
        return level
    return level + 10.0 * math.log10(1.0 - 10.0 ** ((floor - level) / 10.0))


def search_gain(
    measure: Measure,
    target: float,
    *,
    tolerance: float = 0.1,
    start: float = 1.0,
    max_gain: float = math.inf,
    floor: Levels | None = None,
    strict: bool = True,
) -> GainSearch:
    """Find the common gain at which the energetic mean of both ears has the target level.

    Parameters
    ----------
    measure : callable
        Plays with a linear gain and returns the levels of left and right in dB.
    target, tolerance : float
        Level to reach and largest deviation from it, dB.
    start : float
        Linear gain of the first measurement; lowered if it would clip.
    max_gain : float
        Largest linear gain: the reciprocal of the stimulus' peak.
    floor : tuple of float, optional
        Noise floor of both ears in dB, in the weighting of ``measure``; measured by
        ``measure(0.0)`` if not given.
    strict : bool
        Raise if the target is not reached; if false, the result's ``problem`` gives the reason.

    Raises
    ------
    TargetNotReached
        The floor lies above the target, the gain would clip, or the tolerance was not met.
    SignalError
        A measured level is not a number.
    ParameterError
        A setting is out of range, see :class:`Track`.

    Examples
    --------
    >>> found = search_gain(lambda g: (90.0 + db(g), 90.0 + db(g)), 60.0)
    >>> round(found.gain_db[0], 6), len(found.steps)
    (-30.0, 2)
    """
    track = Track(target, tolerance, start, max_gain)
    return search_track(measure, track, floor=floor, strict=strict)


def search_track(
    measure: Measure, track: Track, *, floor: Levels | None = None, strict: bool = True
) -> GainSearch:
    """Find the common gain of a track, like :func:`search_gain` but with all settings."""
    base = _levels(measure(0.0) if floor is None else floor)

    def together(gains: Sequence[float]) -> tuple[Step, list[float], list[float]]:
        levels = _levels(measure(gains[0]))
        return Step((gains[0], gains[0]), levels), *_heard(levels, base, per_ear=False)

    found = _search(together, track, base, [energetic_mean(base)])
    return found.require() if strict else found


def search_gains(
    measure: MeasureEars, track: Track, *, floor: Levels | None = None, strict: bool = True
) -> GainSearch:
    """Find the gain for each ear at which that ear alone has the target level.

    One measurement serves both ears. Parameters, result and errors as for :func:`search_track`;
    ``measure`` takes one gain per ear.
    """
    base = _levels(measure(0.0, 0.0) if floor is None else floor)

    def apart(gains: Sequence[float]) -> tuple[Step, list[float], list[float]]:
        levels = _levels(measure(gains[0], gains[1]))
        return Step((gains[0], gains[1]), levels), *_heard(levels, base, per_ear=True)

    found = _search(apart, track, base, list(base))
    return found.require() if strict else found


def meets_target(levels: Levels, track: Track, floor: Levels, *, per_ear: bool = False) -> bool:
    """Return whether a search accepts levels: within the tolerance, and clear of the noise floor.

    Parameters
    ----------
    levels, floor : tuple of float
        Levels of left and right and of their noise floor, dB.
    track : Track
        Target and tolerance.
    per_ear : bool
        Whether each ear must meet the target, as :func:`search_gains` wants it.

    Examples
    --------
    >>> meets_target((60.0, 60.1), Track(60.0), (20.0, 20.0))
    True
    """
    floors = list(floor) if per_ear else [energetic_mean(floor)]
    clean, total = _heard(levels, floor, per_ear=per_ear)
    return all(
        abs(level - track.target) <= track.tolerance and not _is_buried(loud, own)
        for level, loud, own in zip(clean, total, floors, strict=True)
    )


def _heard(levels: Levels, floor: Levels, *, per_ear: bool) -> tuple[list[float], list[float]]:
    """Return the levels that are to meet the target, without and with the noise floor."""
    clean = _clean(levels, floor)
    if per_ear:
        return list(clean), list(levels)
    return [energetic_mean(clean)], [energetic_mean(levels)]


def _is_buried(level: float, floor: float) -> bool:
    return level == -math.inf or level - floor < MARGIN_DB


def _levels(levels: Sequence[float]) -> Levels:
    if len(levels) != 2 or any(math.isnan(level) or level == math.inf for level in levels):
        raise SignalError(f"levels {tuple(levels)} dB; two numbers, left and right, are expected")
    return float(levels[0]), float(levels[1])


def _clean(levels: Levels, floor: Levels) -> Levels:
    return without_floor(levels[0], floor[0]), without_floor(levels[1], floor[1])


@dataclass(slots=True)
class _Ear:
    """The state of the search for one gain: gains in dB and levels, in the order measured."""

    track: Track
    floor: float
    gain_db: float
    points: list[tuple[float, float]]
    boundary: int = 0
    bisections: int = 0
    buried: bool = False

    @property
    def gain(self) -> float:
        """Present linear gain, limited so that rounding of its logarithm cannot cause clipping."""
        return min(from_db(self.gain_db), self.track.max_gain)

    def note(self, clean: float, total: float) -> None:
        """Record a measurement at the present gain."""
        self.points.append((self.gain_db, clean))
        self.buried = _is_buried(total, self.floor)

    @property
    def deviation(self) -> float:
        """Deviation of the latest level from the target, dB."""
        return self.points[-1][1] - self.track.target

    @property
    def good(self) -> bool:
        """True if the latest measurement meets the target."""
        return abs(self.deviation) <= self.track.tolerance and not self.buried

    def advance(self) -> bool:
        """Choose the next gain; return False if it would exceed the largest one."""
        if self.good:
            return True
        highest = db(self.track.max_gain)
        if self.buried:
            step = db(self.track.multiplier)
            wanted = self.gain_db + max(step, self.track.target - self.points[-1][1])
            self.boundary += 1
        else:
            wanted = self._inside(self.gain_db - self.deviation / self._slope())
        if wanted > highest and self.gain_db >= highest:
            return False
        self.gain_db = min(wanted, highest)
        return True

    def _slope(self) -> float:
        """Return the slope of level over gain, dB per dB, from the points nearest the target."""
        if len(self.points) < 2:
            return 1.0
        (g0, l0), (g1, l1) = sorted(self.points, key=lambda p: abs(p[1] - self.track.target))[:2]
        if abs(g1 - g0) < _LEVER_DB:
            return 1.0
        slope = (l1 - l0) / (g1 - g0)
        return min(max(slope, _SLOPES[0]), _SLOPES[1])

    def _inside(self, wanted: float) -> float:
        """Return the gain, or the middle of the target's interval if the gain is outside it."""
        below = [g for g, level in self.points if level < self.track.target]
        above = [g for g, level in self.points if level > self.track.target]
        if not below or not above:
            return wanted
        low, high = max(below), min(above)
        if low < high and not low < wanted < high:
            self.bisections += 1
            return (low + high) / 2.0
        return wanted


_Player = Callable[[Sequence[float]], tuple[Step, list[float], list[float]]]


def _search(play: _Player, track: Track, base: Levels, floors: list[float]) -> GainSearch:
    start = db(min(track.start, track.max_gain))
    ears = [_Ear(track, floor, start, []) for floor in floors]
    steps: list[Step] = []
    best: tuple[float, Step, list[float]] | None = None
    problem = _floor_problem(track, floors)
    while not problem:
        step, clean, total = play([ear.gain for ear in ears])
        steps.append(step)
        for ear, level, loud in zip(ears, clean, total, strict=True):
            ear.note(level, loud)
        worst = max(abs(ear.deviation) for ear in ears)
        if best is None or worst < best[0]:
            best = (worst, step, clean)
        if all(ear.good for ear in ears):
            best = (worst, step, clean)
            break
        if len(steps) >= track.max_measurements:
            problem = _tolerance_problem(track, floors, best, len(steps))
            break
        moved = [ear.advance() for ear in ears]
        if not all(moved):
            problem = _clip_problem(track, floors, max(ears, key=lambda e: -e.deviation))
    gains, levels = ((0.0, 0.0), base) if best is None else _result(best[1], base)
    return GainSearch(
        gains=gains,
        levels=levels,
        level=energetic_mean(levels),
        floor=base,
        track=track,
        steps=tuple(steps),
        boundary_steps=sum(ear.boundary for ear in ears),
        bisection_steps=sum(ear.bisections for ear in ears),
        per_ear=len(ears) == 2,
        problem=problem,
    )


def _result(step: Step, base: Levels) -> tuple[tuple[float, float], Levels]:
    return step.gains, _clean(step.levels, base)


def _floors_text(floors: Sequence[float]) -> str:
    return " and ".join(f"{floor:.2f} dB" for floor in floors)


def _floor_problem(track: Track, floors: Sequence[float]) -> str:
    if max(floors) <= track.target:
        return ""
    return (
        f"noise floor {_floors_text(floors)}, above the target {track.target:g} dB: the stimulus "
        "would drown in it; make the room quieter (ventilation, doors), raise the input gain, use "
        "microphones with less self-noise, or choose a higher target"
    )


def _clip_problem(track: Track, floors: Sequence[float], ear: _Ear) -> str:
    gain, level = ear.points[-1]
    if ear.buried:
        return (
            f"target {track.target:g} dB not reached: at the largest gain without clipping, "
            f"{gain:+.2f} dB, the stimulus does not rise {MARGIN_DB:g} dB above the noise floor "
            f"({_floors_text(floors)}); check plugs, mute switch and volume control"
        )
    missing = track.target - level
    return (
        f"target {track.target:g} dB not reached: {level:.2f} dB at the largest gain without "
        f"clipping, {gain:+.2f} dB (noise floor {_floors_text(floors)}); turn the volume control "
        f"up by at least {missing:.1f} dB and search again"
    )


def _tolerance_problem(
    track: Track, floors: Sequence[float], best: tuple[float, Step, list[float]], n: int
) -> str:
    nearest = " and ".join(f"{level:.2f} dB" for level in best[2])
    return (
        f"target {track.target:g} dB not reached within ±{track.tolerance:g} dB after {n} "
        f"measurements; nearest {nearest} (noise floor {_floors_text(floors)}); play longer, make "
        "the room quieter, check that nothing adapts the level (sound enhancements), or accept "
        "a larger tolerance"
    )


def gain_for_other_target(search: GainSearch, target: float) -> tuple[float, float]:
    """Return the linear gains for another target, by proportion: ``g 10^((target - L)/20)``.

    Raises
    ------
    TargetNotReached
        The gain would clip, or the search itself had failed.

    Examples
    --------
    >>> found = search_gain(lambda g: (90.0 + db(g), 90.0 + db(g)), 60.0)
    >>> [round(g, 6) for g in gain_for_other_target(found, 70.0)]
    [0.1, 0.1]
    """
    search.require()
    own = search.levels if search.per_ear else (search.level, search.level)
    left, right = (g * from_db(target - lv) for g, lv in zip(search.gains, own, strict=True))
    if max(left, right) > search.track.max_gain:
        raise TargetNotReached(
            f"target {target:g} dB needs a gain of {db(max(left, right)):+.2f} dB, but the "
            f"stimulus clips beyond {db(search.track.max_gain):+.2f} dB; turn the volume control "
            "up and search again"
        )
    return left, right


def calibrate(
    searches: Mapping[str, GainSearch],
    digital_levels: Mapping[str, Levels],
    *,
    ears: Calibration | None = None,
    seating_db: float = 0.5,
    spread_db: float = 1.5,
    device: str = "unknown",
    fs: int | None = None,
) -> Calibration:
    """Return the level at the ear per digital full scale, as measured with one or more stimuli.

    The calibration predicts the level of another stimulus. The levels of the stimuli themselves are
    known better, from their own searches.

    Parameters
    ----------
    searches : mapping of str to GainSearch
        Search of each stimulus, all with one position of the volume control: by
        :meth:`soundcal.lab.Ears.search` on a device, or by :func:`search_gain` with any function
        that measures.
    digital_levels : mapping of str to tuple of float
        Rms of left and right of each stimulus in dB re full scale, weighted as the target.
    ears : Calibration, optional
        Calibration of the ears, whose uncertainty enters the budget.
    seating_db : float
        Standard deviation in dB between seatings of the headphones; the default is an assumption.
    spread_db : float
        Standard deviation in dB between stimuli of different spectra, used when there is only one
        stimulus; the default is an assumption, known to within 25 %.
    device : str
        Identity of the output device.
    fs : int, optional
        Its sampling rate in Hz, if it is known.

    Returns
    -------
    Calibration
        Direction ``output``, method ``hats``; residuals per stimulus and ear in dB.

    Raises
    ------
    ParameterError
        No stimulus, or a stimulus without its digital level.
    TargetNotReached
        One of the searches had failed.
    """
    if not searches:
        raise ParameterError("no search; at least 1 stimulus is needed")
    missing = sorted(set(searches) - set(digital_levels))
    if missing:
        raise ParameterError(f"no digital level for {', '.join(missing)}; give one per stimulus")
    chains, residuals = {}, {}
    for ear, name in enumerate(EARS):
        found = [
            search.require().levels[ear] - search.gain_db[ear] - digital_levels[stimulus][ear]
            for stimulus, search in searches.items()
        ]
        mean, one, dof = _of_one_more(found, spread_db)
        links = [
            Link(
                "level per digital level",
                mean + db(P_REF),
                one,
                dof,
                "dB re 1 Pa/FS",
                f"{counted(len(found), 'stimulus', 'stimuli')}, "
                + ("spread assumed" if len(found) == 1 else "spread of their levels"),
            ),
            Link("seating", 0.0, seating_db, source=f"u = {seating_db:g} dB assumed"),
        ]
        if ears is not None:
            chain = ears.chain(name)
            links.append(Link("ear calibration", 0.0, chain.u_db, chain.dof, source=ears.id))
        chains[name] = Chain(tuple(links))
        residuals[name] = tuple(value - mean for value in found)
    details = {
        "stimuli": {name: search.to_dict() for name, search in searches.items()},
        "digital_levels": {name: list(digital_levels[name]) for name in searches},
        "ear_calibration": "" if ears is None else ears.id,
        "fs": [] if fs is None else [fs],
        "warnings": [] if ears is None else [str(flag) for flag in mismatches(ears)],
    }
    return new_calibration(
        "hats", "output", chains, device=device, residuals=residuals, details=details
    )


def _of_one_more(values: Sequence[float], spread_db: float) -> tuple[float, float, float]:
    """Return the mean, the standard uncertainty of one more value, and degrees of freedom."""
    if len(values) == 1:
        return values[0], spread_db * math.sqrt(2.0), dof_from_doubt(0.25)
    mean, u_mean, dof = type_a(values)
    return mean, u_mean * math.sqrt(len(values) + 1), dof
