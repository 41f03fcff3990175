"""The qualification of a device as one page: verdicts, plots and methods."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.files.records import provenance
from soundcal.qualification import Qualification
from soundcal.qualification.limits import LIMITS, overall
from soundcal.qualification.results import path_name
from soundcal.qualification.signals import upper_edge
from soundcal.report.document import (
    Block,
    Bullets,
    Column,
    Document,
    Notice,
    Paragraph,
    Picture,
    Section,
    Table,
)
from soundcal.report.style import value_text
from soundcal.takes.check import Check

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

__all__ = ["by_property", "number_text", "qualification_document"]

_METHOD: Final = (
    "Levels of tones and dBFS are those of AES17: a full-scale sine has 0 dBFS. Levels of "
    "noise in dB re FS are rms values relative to full scale; the same sine has −3.01 dB. All "
    "numbers belong to output, cable and input together.",
    "Frequency response and crosstalk: an exponential sweep of 6 s from 10 Hz to 0.49 of the "
    "sampling rate on one output at a time (Farina 2000; ISO 18233:2006, Annex B), its "
    "spectrum divided out of the recording, windowed from 50 ms before to 0.5 s after the "
    "main peak.",
    "Noise: outputs silent for 10 s. A-weighting by IEC 61672-1:2013, 1/3 octaves by IEC "
    "61260-1:2014 class 1. AES17-2015, 6.4.2 (idle channel noise) asks for CCIR-RMS "
    "weighting.",
    "THD: second to tenth harmonic of 997 Hz below 20 kHz, relative to the fundamental. THD+N: "
    "everything from 20 Hz to 20 kHz except the fundamental, relative to everything (AES17-2015, "
    "6.3.1); "
    "the fundamental is removed in the spectrum, within a few hertz, instead of by the "
    "standard notch filter.",
    "Dynamic range after AES17-2015, 6.4.1: full scale relative to the A-weighted rest beside a "
    "tone of 997 Hz that leaves the output with −60 dBFS. Deviations: A- instead of CCIR-RMS "
    "weighting, the narrow removal of the tone, full scale of the input instead of the "
    "largest output.",
    "Level linearity: a tone of 997 Hz in steps of 10 dB, gains relative to that of the step "
    "nearest to −20 dBFS; judged down to −70 dBFS where the noise permits a standard uncertainty "
    "of 0.0125 dB. Bars: ± 2 standard uncertainties. The last step repeats the first.",
    "Delay: of a marker before every take, in samples. Clock difference: change of the delay "
    "within takes of noise. Level over time: 997 Hz, one value per second, in takes of 20 s.",
    "Every take is checked like a recording: driver reports, gaps, repeated blocks, slips, "
    "clipping, bits used, offset, level steps, sampling rate.",
)


def number_text(check: Check) -> str:
    """Return the value of a check with the decimals that matter in its unit.

    >>> number_text(Check("THD", -101.234, "dB")), number_text(Check("bits used", 24.0, "bit"))
    ('−101.23', '24')
    """
    if check.unit.startswith("dB"):
        return value_text(check.value, "", decimals=2 if abs(check.value) >= 1 else 3)
    if check.unit in ("ms", "ppm", "samples", "FS") and check.value != int(check.value):
        return value_text(check.value, "", decimals=4 if check.unit == "FS" else 2)
    return f"{check.value:.4g}".replace("-", "−")


def by_property(found: Qualification) -> Iterator[tuple[str, list[Check]]]:
    """Give the checks of each property, ordered by the first check of each."""
    names = list(dict.fromkeys(check.name for check in found.checks))
    ordered = sorted(found.checks, key=lambda check: names.index(check.name))
    for name, checks in groupby(ordered, key=lambda check: check.name):
        yield name, list(checks)


def qualification_document(found: Qualification) -> Document:
    """Return the whole page."""
    simulated = " (simulated)" if found.device.kind == "simulated" else ""
    subtitle = (
        f"{found.device.identity}{simulated}, {found.fs} Hz, outputs to inputs "
        f"{', '.join(found.paths)}, {found.started}"
    )
    software = Table(
        "software", "Software", (Column("Name"), Column("Version")), tuple(provenance().items())
    )
    return Document(
        "Qualification of a sound device",
        subtitle,
        (
            Section("summary", "Summary", tuple(_summary(found))),
            *_plots(found),
            Section("method", "Method", (Bullets(_METHOD),)),
            Section("provenance", "Provenance", (software,)),
        ),
    )


def _summary(found: Qualification) -> Iterator[Block]:
    passed = sum(check.verdict == "pass" for check in found.checks)
    yield Paragraph(
        f"Verdict: {found.verdict}. {passed} of {len(found.checks)} checks passed. Highest level "
        f"of the test signals: {value_text(found.level, 'dB', decimals=1)} dBFS."
    )
    for check in found.checks:
        if check.verdict != "pass":
            yield Notice(f"{check.verdict}: {check.reason}")
    yield _table(found)


def _table(found: Qualification) -> Table:
    """Return all checks, one row per property and one column per input."""
    columns = (
        Column("Property"),
        Column("Unit"),
        Column("Device"),
        *(Column(f"Path {path}") for path in found.paths),
        Column("Limit"),
        Column("Verdict"),
        Column("Source of the limit"),
    )
    rows = []
    for name, checks in by_property(found):
        limit = checks[0].limit
        cells = [_cell(checks, {""})]
        cells += [
            _cell(checks, {path_name(output, number) for output in found.outputs})
            for number in found.inputs
        ]
        told = (None, "") if limit is None else (limit.text, limit.source)
        rows.append((name, checks[0].unit, *cells, told[0], overall(checks), told[1]))
    caption = (
        "Measured properties, with limits and verdicts; crosstalk is in the column of the input "
        "that receives it"
    )
    return Table("checks", caption, columns, tuple(rows))


def _cell(checks: list[Check], channels: set[str]) -> str | None:
    """Return the worst value of some channels; None if they have none."""
    mine = [check for check in checks if check.channel in channels]
    return number_text(max(mine, key=lambda c: (c.verdict != "pass", c.value))) if mine else None


def _plots(found: Qualification) -> Iterator[Section]:
    from soundcal.report import figures

    paths, response, noise, linearity = found.paths, found.response, found.noise, found.linearity
    flat, linear = LIMITS["frequency response"].value, LIMITS["level linearity"].value
    upper = upper_edge(found.fs)
    yield _plot(
        "response",
        "Frequency response",
        f"Level relative to 1 kHz, up to 0.45 of the sampling rate. Shaded: ±{flat:g} dB up to "
        f"{upper / 1000:.3g} kHz. Levels below −20 dB are drawn as −20 dB.",
        lambda: figures.response_figure(
            response.frequency, response.level, paths, limit=flat, upper=upper
        ),
    )
    if len(paths) > 1:
        yield _crosstalk_plot(found)
    yield _plot(
        "noise",
        "Noise",
        "1/3-octave levels with silent outputs, rms in dB re full scale.",
        lambda: figures.noise_figure(noise.mid, noise.bands, paths),
    )
    yield _spectrum_plot(found)
    yield _plot(
        "linearity",
        "Level linearity",
        "Deviation of the gain from that at the step nearest to −20 dBFS; bars: ± 2 standard "
        f"uncertainties due to noise. Shaded: ±{linear:g} dB.",
        lambda: figures.linearity_figure(
            linearity.level, linearity.deviation, linearity.u, paths, limit=linear
        ),
    )
    yield from _time_plots(found)


def _crosstalk_plot(found: Qualification) -> Section:
    from soundcal.report import figures

    response, n = found.response, len(found.paths)
    smooth = response.crosstalk_in_third_octaves()
    pairs = [(k, i) for k in range(n) for i in range(n) if i != k]
    return _plot(
        "crosstalk",
        "Crosstalk",
        "Signal of an output at an input that is not its own, relative to the signal at the "
        "output's own input; mean power in one third octave. The noise of the input sets the "
        "lower limit.",
        lambda: figures.crosstalk_figure(
            response.frequency,
            np.stack([smooth[i, k] for k, i in pairs]),
            [path_name(found.outputs[k], found.inputs[i]) for k, i in pairs],
            limit=LIMITS["crosstalk at 1 kHz"].value,
        ),
    )


def _spectrum_plot(found: Qualification) -> Section:
    from soundcal.report import figures

    tones = found.distortion[0].tones
    orders = np.arange(2.0, tones[0].harmonics.size + 2.0)
    return _plot(
        "distortion",
        "Distortion",
        f"Spectrum of the tone at {value_text(found.level, 'dB', decimals=1)} dBFS. A point is the "
        "largest power within 10 Hz in a step of the axis; ticks above: harmonics.",
        lambda: figures.spectrum_figure(
            tones[0].lines_hz,
            np.stack([tone.lines for tone in tones]),
            found.paths,
            orders * tones[0].frequency,
        ),
    )


def _time_plots(found: Qualification) -> Iterator[Section]:
    from soundcal.report import figures

    stability, latency = found.stability, found.timing.latency
    if stability is not None:
        reach = LIMITS["level range"].value
        yield _plot(
            "stability",
            "Level over time",
            "Level of a tone of 997 Hz in every second, relative to the first. "
            f"Shaded: ±{reach:g} dB.",
            lambda: figures.stability_figure(
                stability.time, stability.level, found.paths, limit=reach
            ),
        )
    yield _plot(
        "delay",
        "Delay",
        "Delay from output to input, measured again in every take.",
        lambda: figures.delay_figure(1000.0 * latency / found.fs),
    )


def _plot(name: str, title: str, caption: str, draw: "Callable[[], Figure]") -> Section:
    return Section(name, title, (Picture(f"{name}-plot", title, caption, caption, draw),))
