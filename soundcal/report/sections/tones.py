"""Section of a report about the tones of the recordings, where their ratios were measured."""

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from soundcal.report import figures
from soundcal.report.document import Block, Column, Paragraph, Picture, Section, Table
from soundcal.report.style import count
from soundcal.study import Source, Study

if TYPE_CHECKING:
    from soundcal.indicators.prominence.result import RatedTone

__all__ = ["tones_sections"]

_Found = tuple[Source, str, "RatedTone"]


def tones_sections(study: Study) -> list[Section]:
    """Return a section on the tones of all recordings; none if they were not looked for."""
    measured = [source for source in study.sources if source.tones]
    if not measured:
        return []
    found = [
        (source, channel, tone)
        for source in measured
        for channel, tones in source.tones.items()
        for tone in tones
    ]
    prominent = [entry for entry in found if entry[2].tnr_prominent or entry[2].pr_prominent]
    blocks: list[Block] = [Paragraph(_words(len(measured), found, prominent))]
    if found:
        blocks.append(_picture(found))
    if prominent:
        blocks.append(_table(prominent))
    return [Section("tones", "Prominent tones", tuple(blocks))]


def _words(n: int, found: Sequence[_Found], prominent: Sequence[_Found]) -> str:
    by_tnr = sum(tone.tnr_prominent for _, _, tone in found)
    by_pr = sum(tone.pr_prominent for _, _, tone in found)
    unheard = sum(not tone.audible for _, _, tone in found)
    return (
        f"The averaged spectra of {count(n, 'recording')} have {count(len(found), 'tone')}, of "
        f"each channel by itself. {len(prominent)} are prominent by ECMA-418-1:2024, {by_tnr} by "
        f"the tone-to-noise ratio and {by_pr} by the prominence ratio; {unheard or 'none'} of all "
        "are below the threshold of hearing, and therefore not prominent. The standard leaves the "
        "search for tones to its user; the search is soundcal's own."
    )


def _picture(found: Sequence[_Found]) -> Picture:
    """Return the figure of all tones, by condition or, of a single one, by channel."""
    conditions = len({source.condition for source, _, _ in found}) > 1
    groups: dict[str, list[RatedTone]] = {}
    for source, channel, tone in found:
        groups.setdefault(source.condition if conditions else channel, []).append(tone)
    return Picture(
        "tones-ratios",
        "Tones of all recordings with both ratios",
        "Filled marks are prominent tones: audible, and at or above the criterion. "
        f"Colours tell {'conditions' if conditions else 'channels'} apart.",
        "Tone-to-noise ratio and prominence ratio in dB over the frequency of the tones, with the "
        "criteria of ECMA-418-1:2024.",
        partial(figures.recorded_tones_figure, groups),
    )


def _table(prominent: Sequence[_Found]) -> Table:
    """Return the list of the prominent tones."""
    names = {
        name: title
        for name, title in (
            ("combination", "Equipment"),
            ("condition", "Condition"),
            ("stimulus", "Recording"),
        )
        if name == "stimulus" or len({getattr(source, name) for source, _, _ in prominent}) > 1
    }
    rows = tuple(
        (
            *(getattr(source, name) for name in names),
            channel,
            tone.frequency,
            tone.level,
            tone.tnr,
            tone.tnr_limit,
            None if math.isnan(tone.pr) else tone.pr,
            tone.pr_limit,
            " and ".join(
                symbol
                for symbol, over in (("TNR", tone.tnr_prominent), ("PR", tone.pr_prominent))
                if over
            ),
        )
        for source, channel, tone in prominent
    )
    return Table(
        "tones",
        "Prominent tones: frequency, level, both ratios with their criteria (ECMA-418-1:2024)",
        (
            *map(Column, names.values()),
            Column("Channel"),
            Column("Frequency", "number", "Hz", decimals=1),
            Column("Level", "number", "dB", decimals=1),
            Column("TNR", "number", "dB", "Tone-to-noise ratio", decimals=1),
            Column("criterion", "number", "dB", "Tone-to-noise ratio", decimals=1),
            Column("PR", "number", "dB", "Prominence ratio", decimals=1),
            Column("criterion", "number", "dB", "Prominence ratio", decimals=1),
            Column("Prominent by"),
        ),
        rows,
    )
