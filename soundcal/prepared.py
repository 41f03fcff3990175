"""A file that is ready to be measured: calibrated, referred to a point, in its sound field.

Measuring a whole file (:mod:`soundcal.batch`) and summarising a piece of it
(:mod:`soundcal.summaries.piece`) begin here, so both find the same calibration, flags and notes.
"""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.calibrated import CalibratedFile, calibrated_file
from soundcal.calibration.model import Calibration
from soundcal.calibration.stated import StatedLevels
from soundcal.errors import ParameterError
from soundcal.indicators.engines import check_engine
from soundcal.indicators.names import STUDY, resolve
from soundcal.indicators.registry import find
from soundcal.indicators.rows import EACH, check_ear_rules
from soundcal.indicators.sound_field import assumed_field, point_flags, point_note
from soundcal.indicators.stream import Field, check_field
from soundcal.recording import INDICATOR, Flag, is_lossy
from soundcal.response.model import Response
from soundcal.response.referring import Referral, not_undone, referral
from soundcal.takes.check import Check
from soundcal.takes.file_checks import FileChecks

__all__ = ["BLOCK", "TIDY", "PreparedFile", "Task", "check_task", "prepared_file"]

BLOCK: Final = 1 << 16
"""Samples per channel read at a time."""

TIDY: Final = 256
"""Blocks after which, and after the first one, memory is tidied up: every 6 minutes of sound."""

_LEVEL_BEFORE: Final = (
    "the stated level is that of the recording as it is, before the responses are undone"
)


@dataclass(frozen=True, slots=True)
class Task:
    """Request for the measurement of files, the same for all.

    Parameters
    ----------
    wanted : mapping of str to tuple of str
        Statistics per symbol, as :func:`soundcal.indicators.resolve` gives them.
    calibration : Calibration, optional
        By default each file's own, named in the record beside it.
    channels : tuple of str
        Channel names of the files; by default those of the record, or the usual ones.
    field : {"", "free", "diffuse", "eardrum"}
        Sound field; if it is empty, that of the reference point of each recording, or the free
        field.
    ears : tuple of {"each", "mean", "max", "energy", "left", "right", "binaural"}
        Ear rules, each of which adds its rows; ``each``: every channel has its rows.
    engine : {"soundcal", "mosqito"}
        Library that computes. MoSQITo needs the whole file in memory.
    uncertainty : bool
        Carry the uncertainty of the calibration and of the responses also into indicators that are
        not levels (doubles the run time).
    sensitivities : tuple of float
        Stated sensitivity in Pa per full scale instead of a calibration: one for all channels of
        every file, or one each.
    levels : mapping of str to StatedLevels
        Known level of each recording instead of a calibration, by absolute path. The whole file is
        then read into memory once.
    kept : mapping of str to tuple of str
        Statistics per symbol of the indicators whose results are kept with their series, in memory
        and beside the rows.
    other_device : bool
        Accept a calibration of a device other than that of the record beside a file; a flag says
        so.
    refer_to : {"", "ff", "df", "id"}
        Sound field to which the recordings are referred before they are measured: free, diffuse, or
        the maker's direction-independent reference.
    responses : tuple of Response
        Responses that lead there, as :func:`soundcal.response.referring.chosen_responses` returns
        them.
    """

    wanted: Mapping[str, tuple[str, ...]] = dataclass_field(default_factory=lambda: resolve(STUDY))
    calibration: Calibration | None = None
    channels: tuple[str, ...] = ()
    field: str = ""
    ears: tuple[str, ...] = (EACH,)
    engine: str = "soundcal"
    uncertainty: bool = False
    sensitivities: tuple[float, ...] = ()
    levels: Mapping[str, StatedLevels] = dataclass_field(default_factory=dict)
    kept: Mapping[str, tuple[str, ...]] = dataclass_field(default_factory=dict)
    other_device: bool = False
    refer_to: str = ""
    responses: tuple[Response, ...] = ()


def check_task(task: Task) -> None:
    """Refuse a task that cannot work for any file, before the first file is read.

    Raises
    ------
    ParameterError
        An unknown indicator, field or ear rule, an indicator that lacks the field, the binaural
        value or the engine, or a sensitivity that is not positive.
    """
    for symbol in (*task.wanted, *task.kept):
        find(symbol)
    check_field(task.field or "free", [*task.wanted, *task.kept])
    check_ear_rules(task.ears, task.wanted)
    check_engine(task.engine, task.wanted)
    if any(not 0 < value < math.inf for value in task.sensitivities):
        raise ParameterError(
            f"sensitivities {list(task.sensitivities)} Pa/FS; positive numbers are expected"
        )


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A file and what turns its samples into the pressure that is measured.

    Parameters
    ----------
    file : CalibratedFile
        The file with its record and calibration.
    referred : Referral
        Filters that lead to the point where it is measured.
    field : {"free", "diffuse", "eardrum"}
        Sound field that is assumed.
    task : Task
        The task that it is prepared for.
    """

    file: CalibratedFile
    referred: Referral
    field: Field
    task: Task

    @property
    def factors(self) -> Array:
        """Factors from samples to pascal, shape (n_channels, 1)."""
        of = self.file.calibration.sensitivity
        return np.array([[of(name)] for name in self.file.channels])

    def open_checks(self) -> FileChecks:
        """Return the checks that are made of its samples."""
        about = self.file.about
        factors = self.factors[:, 0].tolist()
        return FileChecks(self.file.channels, about.fs, factors, coarse=is_lossy(about.flags))

    def flags(self, checks: Iterable[Check], warnings: Iterable[str]) -> tuple[Flag, ...]:
        """Return the reasons to doubt its results.

        Parameters
        ----------
        checks : iterable of Check
            Checks of its samples.
        warnings : iterable of str
            Warnings of the indicators.
        """
        point, incidence = self.referred.point, self.referred.incidence
        found = (
            *self.file.flags,
            *self.file.doubts(checks),
            *self.referred.flags(),
            *point_flags(point, incidence, self.field, self.task.wanted),
            *(Flag(INDICATOR, text) for text in warnings),
        )
        return tuple(dict.fromkeys(found))

    def notes(self) -> tuple[str, ...]:
        """Return the assumptions that were made, which are no reason to doubt the results."""
        file, referred, task = self.file, self.referred, self.task
        equalisation = referred.applied()
        unstated = point_note(referred.point, file.channels, self.field, task.wanted)
        named = not_undone(file.calibration, {step.sha256 for step in equalisation})
        left_out = f"calibration {file.calibration.id} names {named}" if named else ""
        before = _LEVEL_BEFORE if task.levels and equalisation else ""
        return (*file.notes, *referred.notes, *filter(None, [unstated, left_out, before]))


def prepared_file(path: str | os.PathLike[str], task: Task) -> PreparedFile:
    """Find calibration, filters and sound field of a file.

    Raises
    ------
    RecordError, SignalError, ParameterError
        As for :func:`soundcal.calibrated.calibrated_file`; or responses that do not fit.
    """
    file = calibrated_file(
        path,
        calibration=task.calibration,
        sensitivities=task.sensitivities,
        levels=task.levels,
        channels=task.channels,
        other_device=task.other_device,
    )
    referred = referral(
        task.responses,
        task.refer_to,
        point=file.point,
        incidence=file.incidence,
        channels=file.channels,
        fs=file.about.fs,
        tone_frequency=file.calibration.tone_frequency,
        device=file.record.device,
    )
    field = check_field(assumed_field(task.field, referred.point, referred.incidence))
    return PreparedFile(file, referred, field, task)
