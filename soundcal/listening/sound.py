"""The sounds of a study: rendered stimuli at the gains of its tables, and their levels.

A table of gains says with which gain a stimulus has which level at each ear. The factor between
digital samples and pascal follows for that stimulus and that ear, and with it every other level of
the same samples: LAeq, LAFmax, LCpeak and the sound exposure. The factor is that of the weighted
level, so a peak may deviate by what headphones and ear do to a waveform.

Sounds that are equalised for the headphones are filtered here, and their levels are read behind the
filter and the response of the headphones. Their gains must have been found with the same filter.

The sounds that check the headphones (:mod:`soundcal.listening.cues`) are in the book as well, under
the condition ``cue``: they are played, limited and counted like any other presentation.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from soundcal import stimuli
from soundcal.arrays import Samples
from soundcal.devices.protocol import AudioDevice
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.identity import same_device
from soundcal.lab.equalisation import EqualisationRecord
from soundcal.lab.gains import GainRow, GainTable
from soundcal.lab.levels import on_channels
from soundcal.listening.cues import CUE, CUES, cue_level, cue_noise, cue_samples
from soundcal.listening.digital_levels import DigitalLevels, KeptLevels
from soundcal.listening.equalising import equalisation_of, refuse_other_equalisation
from soundcal.listening.exposure import exposure_pa2h
from soundcal.listening.presentable import Levels, Presentable
from soundcal.listening.study import Study
from soundcal.stimuli import Stimulus
from soundcal.units import energetic_mean, from_db

__all__ = ["FULL_SCALE", "SoundBook"]

FULL_SCALE: Final = 1.0 + 1e-9
"""Largest sample that is played: the largest gain times the peak may exceed 1 by some bits."""

_UNKNOWN_U_DB: Final = 2.8
"""Standard uncertainty in dB of a table that states none. An assumption: what the open-circuit
voltage leaves out, as far as it can raise a level (:class:`soundcal.calibration.ocv.Omissions`)."""

_CACHED: Final = 4
_CACHED_S: Final = 120.0
"""Rendered stimuli that are kept: so many, and more as long as they last no longer than this, in s;
92 MB of two channels at 48 kHz, twice that if they are equalised."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A stimulus under a condition: its row, its table, and the factors of the ears.

    ``factors`` are the levels in dB re 20 µPa at the ears where the readings have 0 dB.
    """

    row: GainRow
    table: GainTable
    readings: DigitalLevels
    factors: Levels

    @property
    def gain_db(self) -> float:
        """Gain of the stimulus in dB."""
        return self.row.gain_db or 0.0

    @property
    def weighted(self) -> Levels:
        """Levels of the ears at this gain, with the weighting of the table."""
        digital = self.readings.equivalent[_weighting(self.table)]
        return _sum(digital, self.gain_db, self.factors)


@dataclass(frozen=True, slots=True)
class _Rendering:
    """A stimulus, and what is played of it without the gain; both are the same unless equalised."""

    stimulus: Samples
    played: Samples


class SoundBook:
    """The sounds of a study: what each one will be at the ears, and its samples.

    Parameters
    ----------
    study : Study
        The study, with its catalogue and its tables of gains.

    Raises
    ------
    RecordError
        A table of gains or the response cannot be read, or gains were found with sounds that were
        equalised in another way.
    ParameterError
        The response is not one of headphones or of a filter, or cannot be inverted by the rule.
    """

    def __init__(self, study: Study) -> None:
        self._sound = study.sound
        self._catalogue = study.catalogue
        self._tables = {
            condition: GainTable.read(path) for condition, path in study.sound.conditions.items()
        }
        devices = [table.device for table in self._tables.values() if table.device]
        self._equalisation = equalisation_of(study.sound, devices[0] if devices else "unknown")
        refuse_other_equalisation(self._tables, study.sound, self.equalisation)
        self._wanted = study.stimuli()
        self._kept = KeptLevels(study.folder, self.equalisation)
        self._lock = threading.RLock()
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._cues: dict[str, tuple[_Entry, Samples]] = {}
        self._rendered: OrderedDict[str, Future[_Rendering]] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rendering")

    def close(self) -> None:
        """End the rendering ahead; safe to call twice."""
        self._pool.shutdown(cancel_futures=True)

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return self._sound.fs

    @property
    def outputs(self) -> tuple[int, ...]:
        """Outputs of the left and the right ear."""
        return self._sound.outputs

    @property
    def monitor_inputs(self) -> tuple[int, ...]:
        """Inputs that hear the outputs; none if presentations are not monitored."""
        return () if self._sound.monitor == "none" else self._sound.monitor_inputs

    @property
    def equalisation(self) -> EqualisationRecord | None:
        """How the sounds are equalised; None if they are played as they are."""
        return None if self._equalisation is None else self._equalisation.record

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions of the study."""
        return tuple(self._tables)

    def presentables(self) -> list[Presentable]:
        """Return everything that the blocks of the study play, condition by condition."""
        return [self.presentable(c, s) for c in self.conditions for s in self._wanted]

    def loudest(self) -> Presentable:
        """Return the presentation of the study with the largest LAeq at an ear.

        Raises
        ------
        ParameterError
            The study plays no stimulus.
        """
        found = self.presentables()
        if not found:
            raise ParameterError("the study has no block that plays a stimulus")
        return max(found, key=lambda p: max(p.laeq))

    @property
    def u_above_db(self) -> float:
        """Largest standard uncertainty in dB of what can make the levels of the study higher."""
        return max(_uncertainties(table)[1] for table in self._tables.values())

    def presentable(self, condition: str, stimulus: str) -> Presentable:
        """Return a stimulus under a condition, as it will be heard.

        Raises
        ------
        ParameterError
            No such condition, stimulus or gain.
        RecordError
            The stimulus is not the one whose gain was found.
        """
        entry = self._entry(condition, stimulus)
        readings = entry.readings
        gain = entry.gain_db
        u_db, u_above_db = _uncertainties(entry.table)
        laeq = _sum(readings.equivalent["A"], gain, entry.factors)
        duration = readings.n_samples / self.fs
        return Presentable(
            condition=condition,
            stimulus=stimulus,
            gain_db=gain,
            sha256=readings.sha256,
            calibration_id=entry.table.calibration,
            device=entry.table.device,
            target_db=entry.row.target,
            u_db=u_db,
            u_above_db=u_above_db,
            laeq=laeq,
            lafmax=_sum(readings.lafmax, gain, entry.factors),
            lcpeak=_sum(readings.lcpeak, gain, entry.factors),
            predicted_db=energetic_mean(entry.weighted),
            exposure_pa2h=exposure_pa2h(max(laeq), duration),
            duration_s=duration,
            peak=readings.peak * float(from_db(gain)),
            played_sha256=readings.played_sha256,
            equalisation=self.equalisation,
        )

    def doubts(self, one: Presentable) -> tuple[str, ...]:
        """Return the reasons to doubt what the equalisation makes of a sound."""
        return self._entry(one.condition, one.stimulus).readings.flags

    def calibration_id(self, condition: str) -> str:
        """Return the id of the calibration of a condition's gains; "" if the table has none."""
        return self._tables[condition].calibration

    def weighting(self, condition: str) -> str:
        """Return the frequency weighting of a condition's targets."""
        return _weighting(self._tables[condition])

    def levels_in_table(self, condition: str, stimulus: str) -> Levels:
        """Return the levels of the ears for which the gain was found, with that weighting."""
        return self._entry(condition, stimulus).weighted

    def samples(self, condition: str, stimulus: str) -> Samples:
        """Return the samples as they are played, shape (2, n), 1.0 is full scale.

        Raises
        ------
        ParameterError, RecordError
            As for :meth:`presentable`.
        SignalError
            They are beyond full scale.
        """
        if condition == CUE:
            return self._cue(stimulus)[1].copy()
        entry = self._entry(condition, stimulus)
        rendering = self._rendering(self._catalogue[stimulus]).result()
        if stimuli.digest(rendering.stimulus) != entry.readings.sha256:
            raise RecordError(f"{stimulus}: the stimulus was changed since its levels were read")
        scaled = rendering.played * from_db(entry.gain_db)
        peak = float(np.abs(scaled).max(initial=0.0))
        if peak > FULL_SCALE:
            raise SignalError(
                f"{stimulus} ({condition}): peak {peak:.4g} is beyond full scale (1.0)"
            )
        return np.clip(scaled, -1.0, 1.0)

    def prepare(self, next_ones: Iterable[tuple[str, str]]) -> None:
        """Render stimuli in the background: pairs of condition and stimulus, the next one first."""
        for _, stimulus in list(next_ones)[: _CACHED - 1]:
            if stimulus in self._catalogue:
                self._rendering(self._catalogue[stimulus])

    def remarks(self) -> list[str]:
        """Return the reasons to doubt the equalisation, and what tables of gains do not state."""
        doubts = [] if self._equalisation is None else [str(f) for f in self._equalisation.flags]
        return doubts + [
            f"{condition}: the table of gains does not state {', '.join(table.unknown)}; it was "
            "written by an older version" + _assumed(table)
            for condition, table in self._tables.items()
            if table.unknown
        ]

    def disagreements(self, device: AudioDevice, *, accept_device: bool = False) -> list[str]:
        """Return the reasons why the gains do not hold for a device; none if they do.

        With ``accept_device``, a device of another name is none of them.
        """
        identity, found = device.info.identity, []
        if device.fs != self.fs:
            found.append(f"{identity} runs at {device.fs} Hz, but the study at {self.fs} Hz")
        duration = self._sound.duration
        for condition, table in self._tables.items():
            same_name = accept_device or same_device(table.device, identity)
            stated = {
                "device": (same_name, table.device, identity),
                "outputs": (
                    table.outputs == self.outputs,
                    f"outputs {_shown(table.outputs)}",
                    _shown(self.outputs),
                ),
                "fs": (table.fs == self.fs, f"{table.fs} Hz", f"{self.fs} Hz"),
                "duration": (
                    not duration or table.duration == duration,
                    f"stimuli of {table.duration} s",
                    f"{duration:g} s",
                ),
            }
            found += [
                f"{condition}: the gains were found with {then}, not {now}"
                for name, (same, then, now) in stated.items()
                if name not in table.unknown and not same
            ]
        if self.monitor_inputs and len(self.monitor_inputs) != len(self.outputs):
            found.append(
                f"monitor inputs {_shown(self.monitor_inputs)} for outputs "
                f"{_shown(self.outputs)}: one input for each output is needed"
            )
        for name, wanted, there in (
            ("outputs", self._sound.outputs, device.info.outputs),
            ("inputs", self.monitor_inputs, device.info.inputs),
        ):
            if any(not 1 <= number <= there for number in wanted):
                found.append(f"{identity} has {there} {name}; the study needs {_shown(wanted)}")
        return found

    def _entry(self, condition: str, stimulus: str) -> _Entry:
        if condition == CUE:
            return self._cue(stimulus)[0]
        with self._lock:
            known = self._entries.get((condition, stimulus))
            if known is None:
                known = self._entries[condition, stimulus] = self._new_entry(condition, stimulus)
            return known

    def _new_entry(self, condition: str, stimulus: str) -> _Entry:
        if condition not in self._tables:
            raise ParameterError(
                f"no condition {condition!r}; the study has {', '.join(self._tables)}"
            )
        (entry,) = stimuli.select(self._catalogue, [stimulus])
        table = self._tables[condition]
        row = table.rows.get(stimulus)
        if row is None or row.gain_db is None:
            why = "is not in its table" if row is None else "did not reach its target"
            raise ParameterError(f"{stimulus} ({condition}): no gain, the stimulus {why}")
        duration = self._duration(entry)
        readings = self._kept.get(entry, self.fs, duration)
        if readings is None:
            stimulus_samples = self._rendering(entry).result().stimulus
            readings = DigitalLevels.of(stimulus_samples, self.fs, self._equalisation)
            self._kept.put(entry, self.fs, duration, readings)
        if row.sha256 and row.sha256 != readings.sha256:
            raise RecordError(
                f"{stimulus} ({condition}): the stimulus has SHA-256 {readings.sha256}, but its "
                f"gain was found with {row.sha256}; use the same catalogue, files and duration, or "
                "find the gains again"
            )
        return _Entry(row, table, readings, _factors(row, _weighting(table), readings))

    def _rendering(self, stimulus: Stimulus) -> "Future[_Rendering]":
        """Return the samples of a stimulus without gain, rendered in the background."""
        with self._lock:
            future = self._rendered.pop(stimulus.id, None)
            if future is None or (future.done() and future.exception() is not None):
                future = self._pool.submit(self._render, stimulus)
            self._rendered[stimulus.id] = future
            while len(self._rendered) > max(_CACHED, _CACHED_S / self._duration(stimulus)):
                self._rendered.popitem(last=False)
            return future

    def _render(self, stimulus: Stimulus) -> _Rendering:
        samples = stimuli.render(stimulus, fs=self.fs, duration=self._duration(stimulus))
        return self._as_played(on_channels(samples))

    def _as_played(self, samples: Samples) -> _Rendering:
        if self._equalisation is None:
            return _Rendering(samples, samples)
        return _Rendering(samples, self._equalisation.played(samples)[0])

    def _duration(self, stimulus: Stimulus) -> float:
        return self._sound.duration or stimulus.duration

    def _cue(self, name: str) -> tuple[_Entry, Samples]:
        """Return the entry and the samples of a cue."""
        if name not in CUES:
            raise ParameterError(f"no cue {name!r}; there are {', '.join(CUES)}")
        with self._lock:
            if name not in self._cues:
                self._cues[name] = self._new_cue(name)
            return self._cues[name]

    def _new_cue(self, name: str) -> tuple[_Entry, Samples]:
        """Return a cue, to which the factors of the loudest presentation are applied."""
        loudest = self.loudest()
        entry = self._entry(loudest.condition, loudest.stimulus)
        level = cue_level(name, max(loudest.laeq))
        noise = on_channels(cue_noise(self.fs))
        own = DigitalLevels.of(noise, self.fs, self._equalisation).equivalent["A"]
        samples = cue_samples(name, self.fs, level - max(_sum(own, 0.0, entry.factors)))
        readings = DigitalLevels.of(samples, self.fs, self._equalisation)
        found = _Entry(GainRow(name, level, 0.0), entry.table, readings, entry.factors)
        return found, self._as_played(samples).played


def _factors(row: GainRow, weighting: str, readings: DigitalLevels) -> Levels:
    """Return the level at each ear, where the reading has 0 dB, in dB re 20 µPa.

    Without levels per ear, both ears have the same factor: the one that gives the target. What was
    measured at an ear whose channel is silent came from elsewhere: it has the other ear's factor.
    """
    gain = float(row.gain_db or 0.0)
    digital = readings.equivalent[weighting]
    if row.levels is None:
        factor = row.target - gain - energetic_mean(digital)
        found = [factor, factor]
    else:
        found = [level - gain - own for level, own in zip(row.levels, digital, strict=True)]
    heard = [factor for factor, own in zip(found, digital, strict=True) if own > -np.inf] or [0.0]
    left, right = (
        factor if own > -np.inf else heard[0] for factor, own in zip(found, digital, strict=True)
    )
    return left, right


def _sum(digital: Levels, gain_db: float, factors: Levels) -> Levels:
    left, right = (d + gain_db + factor for d, factor in zip(digital, factors, strict=True))
    return left, right


def _weighting(table: GainTable) -> str:
    return table.weighting or "A"


def _uncertainties(table: GainTable) -> tuple[float, float]:
    """Return the standard uncertainty of a table in dB, and the one that can raise levels."""
    u_db = _UNKNOWN_U_DB if table.u_db is None else table.u_db
    return u_db, u_db if table.u_above_db is None else table.u_above_db


def _assumed(table: GainTable) -> str:
    text = f"; a standard uncertainty of {_UNKNOWN_U_DB:g} dB is assumed"
    return text if table.u_db is None else ""


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
