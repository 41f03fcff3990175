"""Readers of ratings: the published listening test's files, and other tables with a mapping."""

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files.text import check_file, read_text
from soundcal.ratings.soundscape import SLIDER
from soundcal.ratings.table import COLUMNS, OPTIONAL, Exclusion, Ratings, make_ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "GUI_ATTRIBUTES",
    "combine",
    "read_exclusions",
    "read_gui",
    "read_mapped",
    "read_ratings",
]

GUI_ATTRIBUTES: Final = (
    "pleasant",
    "chaotic",
    "vibrant",
    "uneventful",
    "calm",
    "annoying",
    "eventful",
    "monotonous",
)
"""Order of the sliders in the published listening test (kenowr/satp-gui)."""

_GUI_COLUMNS: Final = 11


def _read_csv(path: Path, **options: Any) -> "pd.DataFrame":
    import pandas as pd

    check_file(path)
    try:
        frame: pd.DataFrame = pd.read_csv(path, **options)
    except (OSError, ValueError) as error:
        # pandas' own parser and decoding errors derive from ValueError
        raise RecordError(f"{path}: cannot be read as a CSV table ({error})") from error
    if frame.empty:
        raise RecordError(f"{path}: the table is empty")
    return frame


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: cannot be read as TOML ({error})") from error


def read_gui(
    path: Path, *, participant: str, condition: str, stimuli: Sequence[str] = ()
) -> Ratings:
    """Read one participant's file of the published listening test.

    It is a CSV table without a header, one row per trial in the order of presentation, 11 columns:
    number of the track from 1; eight sliders from 0 to 100 (see :data:`GUI_ATTRIBUTES`); 1 if the
    sound was played; seconds spent on the trial.

    Parameters
    ----------
    path : Path
        The file ``results.csv``.
    participant, condition : str
        Participant and calibration, which the file does not name.
    stimuli : sequence of str, optional
        Stimulus id of each track number; ``track_1`` … by default.

    Returns
    -------
    Ratings
        Trials that the test could not store (all NaN) are left out.

    Raises
    ------
    RecordError
        Missing, not 11 columns of numbers, a track that is not a whole number or has no id.
    """
    import numpy as np
    import pandas as pd

    frame = _read_csv(path, header=None)
    try:
        numbers = frame.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    except OverflowError as error:
        raise RecordError(f"{path}: a number is too large ({error})") from error
    text = np.isnan(numbers) & frame.notna().to_numpy()
    if numbers.shape[1] != _GUI_COLUMNS or text.any():
        raise RecordError(
            f"{path}: {_GUI_COLUMNS} columns of numbers without a header are expected (track, "
            f"{', '.join(GUI_ATTRIBUTES)}, played, seconds), found {numbers.shape[1]} columns"
            + (
                f", text in row {int(np.flatnonzero(text.any(axis=1))[0]) + 1}"
                if text.any()
                else ""
            )
        )
    rows = []
    for order, row in enumerate(numbers, start=1):
        if math.isnan(row[0]):
            continue
        name = _track(path, row[0], stimuli)
        for attribute, value in zip(GUI_ATTRIBUTES, row[1:9], strict=True):
            rows.append((participant, condition, name, attribute, value, order, row[9], row[10]))
    if not rows:
        raise RecordError(f"{path}: no trial was stored")
    table = pd.DataFrame(rows, columns=[*COLUMNS, *OPTIONAL])
    return make_ratings(table, scale=SLIDER, sources=(str(path),))


def _track(path: Path, number: float, stimuli: Sequence[str]) -> str:
    last = len(stimuli) if stimuli else math.inf
    if not math.isfinite(number) or number % 1 or not 1 <= number <= last:
        raise RecordError(
            f"{path}: track {number:g}; a whole number from 1 to {last:g} is expected"
        )
    return stimuli[int(number) - 1] if stimuli else f"track_{int(number)}"


def read_ratings(path: Path, *, scale: tuple[float, float], language: str = "equal") -> Ratings:
    """Read a tidy CSV table with the columns of :class:`Ratings`.

    Raises
    ------
    RecordError
        Missing, or not such a table.
    """
    text = dict.fromkeys(COLUMNS[:-1], str)
    frame = _read_csv(path, dtype=text)
    try:
        return make_ratings(frame, scale=scale, language=language, sources=(str(path),))
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Mapping:
    """A mapping file, checked."""

    columns: Mapping[str, str]
    constants: Mapping[str, str]
    wide: Mapping[str, str]
    attributes: Mapping[str, str]
    stimuli: Mapping[str, str]
    conditions: Mapping[str, str]
    keep: Mapping[str, Sequence[str]]
    factors: Mapping[str, float]
    scale: tuple[float, float]
    language: str


def _mapping(path: Path) -> _Mapping:
    content = _read_toml(path)
    parts = (
        *("columns", "constants", "wide", "attributes", "stimuli", "conditions", "keep"),
        *("factors", "scale"),
    )
    unknown = set(content) - {*parts, "language"}
    if unknown:
        raise RecordError(
            f"{path}: unknown part {', '.join(sorted(unknown))}; known: language, "
            + ", ".join(parts)
        )
    scale = content.get("scale", {})
    if set(scale) != {"low", "high"} or not all(isinstance(v, int | float) for v in scale.values()):
        raise RecordError(f"{path}: [scale] with the numbers low and high is expected")
    columns, constants = content.get("columns", {}), content.get("constants", {})
    wide = content.get("wide", {})
    needed = set(COLUMNS) - ({"attribute", "value"} if wide else set())
    missing = needed - set(columns) - set(constants)
    if missing:
        raise RecordError(
            f"{path}: no source for {', '.join(sorted(missing))}; name a column in "
            "[columns] or a fixed value in [constants]"
        )
    strange = (set(columns) | set(constants)) - {*COLUMNS, *OPTIONAL}
    if strange:
        raise RecordError(
            f"{path}: {', '.join(sorted(strange))} is not a column of ratings; the columns are "
            f"{', '.join((*COLUMNS, *OPTIONAL))}"
        )
    factors = content.get("factors", {})
    if not set(factors) <= {"value", *OPTIONAL} & set(columns) or not all(
        isinstance(factor, int | float) for factor in factors.values()
    ):
        raise RecordError(
            f"{path}: [factors] takes numbers, for columns of numbers in [columns], e.g. "
            "seconds = 0.001"
        )
    return _Mapping(
        columns,
        constants,
        wide,
        content.get("attributes", {}),
        content.get("stimuli", {}),
        content.get("conditions", {}),
        content.get("keep", {}),
        factors,
        (float(scale["low"]), float(scale["high"])),
        content.get("language", "equal"),
    )


def read_mapped(path: Path, mapping: Path) -> Ratings:
    """Read the table of another program (PsychoPy, webMUSHRA, …) by a mapping file.

    The mapping is a TOML file::

        language = "equal"
        [scale]
        low = 0
        high = 100
        [columns]                      # column of the table for each of ours
        participant = "session_uuid"
        stimulus = "trial_id"
        attribute = "rating_stimulus"
        value = "rating_score"
        seconds = "rating_time"
        [factors]                      # factors of numbers, here from milliseconds to seconds
        seconds = 0.001
        [constants]                    # the same for the whole table
        condition = "hats"
        [attributes]                   # names in the table, and the attributes they stand for
        C1 = "pleasant"
        [stimuli]
        "street.wav" = "CG01"
        [conditions]
        A = "ocv"
        [keep]                         # rows to use, by the values of a column
        trial_type = ["likert"]

    A wide table, with a column per attribute as PsychoPy writes it, has instead of ``attribute``
    and ``value``::

        [wide]
        pleasant = "slider_pleasant.response"

    Rows without an answer in any attribute column (instructions, routines) are left out of a wide
    table.

    Raises
    ------
    RecordError
        A file that cannot be read, a mapping that does not fit the table.
    """
    plan = _mapping(mapping)
    frame = _read_csv(path, low_memory=False)
    asked = [*plan.columns.values(), *plan.wide.values(), *plan.keep]
    absent = [name for name in asked if name not in frame.columns]
    if absent:
        raise RecordError(
            f"{path}: no column {', '.join(map(repr, absent))}, which {mapping} asks for, but "
            + ", ".join(map(str, frame.columns))
        )
    for name, wanted in plan.keep.items():
        frame = frame[frame[name].astype(str).isin([str(value) for value in wanted])]
    if frame.empty:
        raise RecordError(f"{path}: [keep] in {mapping} leaves no row")
    try:
        return make_ratings(
            _mapped(frame, plan),
            scale=plan.scale,
            language=plan.language,
            sources=(str(path),),
            attributes=plan.attributes,
        )
    except RecordError as error:
        raise RecordError(f"{path} by {mapping}: {error}") from error


def _mapped(frame: "pd.DataFrame", plan: _Mapping) -> "pd.DataFrame":
    """Return the table with our columns."""
    import pandas as pd

    kept = {ours: frame[theirs] for ours, theirs in plan.columns.items()}
    for name, factor in plan.factors.items():
        try:
            kept[name] = pd.to_numeric(kept[name]) * factor
        except (TypeError, ValueError, OverflowError) as error:
            raise RecordError(f"column {plan.columns[name]}: not numbers ({error})") from error
    if plan.wide:
        frame = frame.dropna(subset=list(plan.wide.values()), how="all")
        parts = [
            pd.DataFrame({name: values.loc[frame.index] for name, values in kept.items()}).assign(
                attribute=attribute, value=frame[column]
            )
            for attribute, column in plan.wide.items()
        ]
        table = pd.concat(parts, ignore_index=True)
    else:
        table = pd.DataFrame(kept)
    table = table.assign(**dict(plan.constants))
    for name, other in (("stimulus", plan.stimuli), ("condition", plan.conditions)):
        table[name] = table[name].map(lambda value, other=other: other.get(str(value), value))
    return table


def combine(parts: Iterable[Ratings]) -> Ratings:
    """Return the answers of several files in one table.

    Raises
    ------
    RecordError
        Different scales or languages, or a trial in two of them.
    """
    import pandas as pd

    ratings = list(parts)
    if not ratings:
        raise ParameterError("no ratings to combine; give at least one file")
    kinds = {(one.scale, one.language) for one in ratings}
    if len(kinds) > 1:
        raise RecordError(f"different scales or languages in one analysis: {sorted(kinds)}")
    scale, language = kinds.pop()
    table = pd.concat([one.table for one in ratings], ignore_index=True)
    sources = tuple(source for one in ratings for source in one.sources)
    both = make_ratings(table, scale=scale, language=language, sources=sources)
    return replace(both, excluded=tuple(e for one in ratings for e in one.excluded))


def read_exclusions(path: Path) -> tuple[Exclusion, ...]:
    """Read a CSV table ``participant, reason`` and, optionally, ``condition, stimulus``.

    Raises
    ------
    RecordError
        Missing, without these columns, or a row without a reason.
    """
    frame = _read_csv(path, dtype=str, keep_default_na=False)
    allowed = ("participant", "reason", "condition", "stimulus")
    if not {"participant", "reason"} <= set(frame.columns) <= set(allowed):
        raise RecordError(
            f"{path}: columns participant, reason and, optionally, condition and stimulus are "
            f"expected; found {', '.join(frame.columns)}"
        )
    try:
        return tuple(
            Exclusion(**{str(name): str(value).strip() for name, value in row.items()})
            for row in frame.to_dict("records")
        )
    except ParameterError as error:
        raise RecordError(f"{path}: {error}") from error
