"""The study: recordings, their indicators and comparisons in one object, as a report needs them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from soundcal.errors import ParameterError
from soundcal.files.records import provenance
from soundcal.indicators.prominence.result import RatedTone
from soundcal.recording import NOT_MEASURED, Flag
from soundcal.study.compare import compare_methods
from soundcal.study.comparison import MethodComparison
from soundcal.study.rules import Rules
from soundcal.study.table import of_methods
from soundcal.takes.check import SEVERITY, Check, Verdict

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.calibration.model import Calibration
    from soundcal.files.campaign import Campaign

__all__ = ["SessionInfo", "Source", "Study", "study_of"]


@dataclass(frozen=True, slots=True)
class Source:
    """One recording that went into a study.

    Parameters
    ----------
    path : str
        The audio file.
    sha256 : str
        Checksum of the file.
    condition, stimulus, combination : str
        Method, sound and equipment of the recording; ``combination`` is "" for plain folders.
    calibration : str
        Id of the calibration that was applied.
    flags : tuple of Flag
        Reasons to doubt the recording.
    simulated : bool
        True if it was made by the simulated lab.
    target, gain_db : float or None
        Target level, and gain at which the stimulus was played, dB.
    checks : tuple of Check
        Checks of the take, as stored in its record.
    device : str
        Identity of the device that made the take; "unknown" if it is not recorded.
    tones : mapping of str to tuple of RatedTone
        Tones of each channel, prominent or not; empty unless one of their ratios was measured.
    """

    path: str
    sha256: str
    condition: str
    stimulus: str
    combination: str
    calibration: str
    flags: tuple[Flag, ...] = ()
    simulated: bool = False
    target: float | None = None
    gain_db: float | None = None
    checks: tuple[Check, ...] = ()
    device: str = "unknown"
    tones: Mapping[str, tuple[RatedTone, ...]] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict of the take; None if it has no checks."""
        found = [check.verdict for check in self.checks]
        return max(found, key=SEVERITY.__getitem__, default=None)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session as its log describes it.

    Parameters
    ----------
    folder, protocol, device, started, exit_status : str
        Name of the folder, and the start and end of the log; ``still open`` if it has no end.
    settings : mapping
        Settings of the protocol.
    problems : tuple of str
        Targets that were not reached, and drift beyond the limit.
    drift : mapping of str to float
        Change of each ear's sensitivity from the calibration before to the one after, dB.
    efforts : mapping of str to (float, int)
        Seconds of playing and recording, and actions by hand, that each method takes by itself.
    flatness : mapping of str to (float, float)
        Largest deviation of the equalised headphones from their level at 1 kHz, per ear in dB, from
        100 Hz to 10 kHz and from 50 Hz to 16 kHz: of the last seating.
    """

    folder: str
    protocol: str
    device: str
    started: str
    exit_status: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    drift: Mapping[str, float] = field(default_factory=dict)
    efforts: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    flatness: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Indicators of recordings and their comparison, with calibrations, sources and sessions.

    Parameters
    ----------
    title : str
        Heading of the report.
    table : DataFrame
        Tidy table of all indicators, one row per recording, channel, indicator and statistic.
    comparisons : mapping of str to MethodComparison
        One per combination of equipment; the key is "" for a single one without a name.
        Empty if there is only one method.
    calibrations : mapping of str to Calibration
        The calibrations by their id.
    sources : tuple of Source
        The recordings.
    sessions : tuple of SessionInfo
        The sessions of the recordings.
    software : mapping of str to str
        Versions of the software.
    warnings : tuple of str
        Warnings about the study as a whole.
    answers : mapping of int to str
        Answers to the items of the reporting checklist that only a person can give.
    campaigns : tuple of Campaign
        The campaigns that the sessions belong to, as their ``campaign.toml`` describes them.
    """

    title: str
    table: "pd.DataFrame" = field(repr=False)
    comparisons: Mapping[str, MethodComparison]
    calibrations: Mapping[str, "Calibration"] = field(default_factory=dict, repr=False)
    sources: tuple[Source, ...] = field(default=(), repr=False)
    sessions: tuple[SessionInfo, ...] = field(default=(), repr=False)
    software: Mapping[str, str] = field(default_factory=provenance, repr=False)
    warnings: tuple[str, ...] = ()
    answers: Mapping[int, str] = field(default_factory=dict)
    campaigns: "tuple[Campaign, ...]" = ()

    @property
    def comparison(self) -> MethodComparison:
        """The comparison of a study with one combination.

        Raises
        ------
        ParameterError
            There is none, or there are several: take one of :attr:`comparisons`.
        """
        if len(self.comparisons) != 1:
            names = ", ".join(self.comparisons) or "none"
            raise ParameterError(
                f"{len(self.comparisons)} comparisons ({names}); choose one from comparisons"
            )
        return next(iter(self.comparisons.values()))

    @property
    def flags(self) -> dict[str, tuple[Flag, ...]]:
        """Validity flags per recording, of those that have any."""
        return {source.path: source.flags for source in self.sources if source.flags}

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Paths of the recordings that could not be measured, or not in full."""
        return tuple(
            source.path
            for source in self.sources
            if any(flag.kind == NOT_MEASURED for flag in source.flags)
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """Warnings about the study as a whole and about each comparison."""
        return (
            *self.warnings,
            *(
                (f"{name}: " if name else "") + text
                for name, comparison in self.comparisons.items()
                for text in comparison.warnings
            ),
        )

    def agreements(self) -> "pd.DataFrame":
        """Return bias, limits and intervals per combination, indicator and pair of methods."""
        return _stacked({name: one.to_frame() for name, one in self.comparisons.items()})

    def further(self) -> "pd.DataFrame":
        """Return the additional statistics per combination, indicator and pair of methods."""
        return _stacked({name: one.further() for name, one in self.comparisons.items()})

    def differences(self) -> "pd.DataFrame":
        """Return both values per combination, indicator, pair of methods and stimulus."""
        return _stacked({name: one.differences() for name, one in self.comparisons.items()})


def _stacked(frames: "Mapping[str, pd.DataFrame]") -> "pd.DataFrame":
    """Join the frames into one, with the name of each in the column ``combination``."""
    import pandas as pd

    for name, frame in frames.items():
        frame.insert(0, "combination", name)
    return pd.concat(frames.values(), ignore_index=True) if frames else pd.DataFrame()


def study_of(
    table: "pd.DataFrame | Mapping[str, pd.DataFrame]",
    methods: Sequence[str] | None = None,
    *,
    reference: str | None = None,
    rules: Rules | None = None,
    title: str = "Comparison of methods",
    answers: Mapping[int, str] | None = None,
) -> Study:
    """Return a study of tidy tables alone, one comparison per combination of equipment.

    Parameters
    ----------
    table : DataFrame, or mapping of str to DataFrame
        As for :func:`soundcal.study.compare_methods`; a column ``combination`` separates equipment.
        Remarks in its ``attrs["notes"]`` become warnings.
    methods, reference, rules
        As for :func:`soundcal.study.compare_methods`.
    title : str
        Heading of the report.
    answers : mapping of int to str, optional
        Answers to items of the checklist.
    """
    joined = of_methods(table)
    groups = {"": joined}
    if "combination" in joined.columns:
        parts = joined.fillna({"combination": ""}).groupby("combination", sort=False)
        groups = {str(name): part for name, part in parts}
    comparisons = {
        name: compare_methods(part, methods, reference=reference, rules=rules)
        for name, part in groups.items()
    }
    return Study(
        title=title,
        table=joined,
        comparisons=comparisons,
        warnings=tuple(joined.attrs.get("notes", ())),
        answers=answers or {},
    )
