"""Sound level meter: IEC 61672-1:2013, Tables 3, 4 and 5, and the clauses around them.

The numbers are those of the standard's tables; signals pass through the functions that users call.
Limits are those of class 1 around the exact design goals (Annex E, Formulas 7 to 9), which the
tables print with one decimal.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.weighting import section_response, sections, weight
from soundcal.indicators.levels.functions import leq, peak_level, sel, time_weighted_level
from soundcal.units import P_REF
from soundcal.verification.rows import Row, conforms

__all__ = ["rows"]

STANDARD: Final = "IEC 61672-1:2013"
RATE: Final = 48000
INFINITE: Final = math.inf

TABLE_3: Final = (
    # nominal frequency in Hz, A, C, class 1 upper and lower limit in dB (Z is 0.0 throughout)
    ("10", -70.4, -14.3, 3.0, -INFINITE),
    ("12.5", -63.4, -11.2, 2.5, -INFINITE),
    ("16", -56.7, -8.5, 2.0, -4.0),
    ("20", -50.5, -6.2, 2.0, -2.0),
    ("25", -44.7, -4.4, 2.0, -1.5),
    ("31.5", -39.4, -3.0, 1.5, -1.5),
    ("40", -34.6, -2.0, 1.0, -1.0),
    ("50", -30.2, -1.3, 1.0, -1.0),
    ("63", -26.2, -0.8, 1.0, -1.0),
    ("80", -22.5, -0.5, 1.0, -1.0),
    ("100", -19.1, -0.3, 1.0, -1.0),
    ("125", -16.1, -0.2, 1.0, -1.0),
    ("160", -13.4, -0.1, 1.0, -1.0),
    ("200", -10.9, 0.0, 1.0, -1.0),
    ("250", -8.6, 0.0, 1.0, -1.0),
    ("315", -6.6, 0.0, 1.0, -1.0),
    ("400", -4.8, 0.0, 1.0, -1.0),
    ("500", -3.2, 0.0, 1.0, -1.0),
    ("630", -1.9, 0.0, 1.0, -1.0),
    ("800", -0.8, 0.0, 1.0, -1.0),
    ("1000", 0.0, 0.0, 0.7, -0.7),
    ("1250", 0.6, 0.0, 1.0, -1.0),
    ("1600", 1.0, -0.1, 1.0, -1.0),
    ("2000", 1.2, -0.2, 1.0, -1.0),
    ("2500", 1.3, -0.3, 1.0, -1.0),
    ("3150", 1.2, -0.5, 1.0, -1.0),
    ("4000", 1.0, -0.8, 1.0, -1.0),
    ("5000", 0.5, -1.3, 1.5, -1.5),
    ("6300", -0.1, -2.0, 1.5, -2.0),
    ("8000", -1.1, -3.0, 1.5, -2.5),
    ("10000", -2.5, -4.4, 2.0, -3.0),
    ("12500", -4.3, -6.2, 2.0, -5.0),
    ("16000", -6.6, -8.5, 2.5, -16.0),
    ("20000", -9.3, -11.2, 3.0, -INFINITE),
)

TABLE_4: Final = (
    # burst in ms; LFmax − L, its upper and lower limits; LE − L (same limits); LSmax − L, limits
    (1000.0, 0.0, 0.5, -0.5, 0.0, -2.0, 0.5, -0.5),
    (500.0, -0.1, 0.5, -0.5, -3.0, -4.1, 0.5, -0.5),
    (200.0, -1.0, 0.5, -0.5, -7.0, -7.4, 0.5, -0.5),
    (100.0, -2.6, 1.0, -1.0, -10.0, -10.2, 1.0, -1.0),
    (50.0, -4.8, 1.0, -1.0, -13.0, -13.1, 1.0, -1.0),
    (20.0, -8.3, 1.0, -1.0, -17.0, -17.0, 1.0, -1.5),
    (10.0, -11.1, 1.0, -1.0, -20.0, -20.0, 1.0, -2.0),
    (5.0, -14.1, 1.0, -1.0, -23.0, -23.0, 1.0, -2.5),
    (2.0, -18.0, 1.0, -1.5, -27.0, -27.0, 1.0, -3.0),
    (1.0, -21.0, 1.0, -2.0, -30.0, math.nan, 0.0, 0.0),
    (0.5, -24.0, 1.0, -2.5, -33.0, math.nan, 0.0, 0.0),
    (0.25, -27.0, 1.0, -3.0, -36.0, math.nan, 0.0, 0.0),
)

TABLE_5: Final = (
    # signal, frequency in Hz, first and last half cycle, LCpeak − LC in dB, class 1 limit
    ("one cycle of 31.5 Hz", 31.5, (0, 2), 2.5, 2.0),
    ("one cycle of 500 Hz", 500.0, (0, 2), 3.5, 1.0),
    ("one cycle of 8 kHz", 8000.0, (0, 2), 3.4, 2.0),
    ("positive half cycle of 500 Hz", 500.0, (0, 1), 2.4, 1.0),
    ("negative half cycle of 500 Hz", 500.0, (1, 2), 2.4, 1.0),
)

TABLE_C_1: Final = (
    # deviation and expanded uncertainty in dB, conforms (limits +1.0; −1.2, at most U = 0.5)
    (1.7, 0.3, False),
    (1.1, 0.3, False),
    (1.0, 0.3, True),
    (0.0, 0.3, True),
    (0.0, 0.9, False),
    (-0.5, 0.3, True),
    (-1.2, 0.3, True),
    (-1.3, 0.3, False),
    (-2.0, 0.3, False),
    (-2.0, 0.7, False),
)

_POLES: Final = (20.598997057618316, 107.65264864304629, 737.8622307362901, 12194.217147998012)


def _row(
    clause: str,
    quantity: str,
    printed: float,
    limits: tuple[float, float],
    compute: Callable[[], float],
    *,
    unit: str = "dB",
    target: bool = False,
) -> Row:
    return Row(
        STANDARD,
        clause,
        quantity,
        printed,
        *limits,
        unit,
        compute,
        "target" if target else "standard",
    )


def _exact(weighting: str, f: float) -> float:
    """Annex E, Formulas E.1 and E.6, with the exact normalisation at 1 kHz."""

    def level(f: float) -> float:
        f1, f2, f3, f4 = _POLES
        ratio = f4**2 * f**2 / ((f**2 + f1**2) * (f**2 + f4**2))
        if weighting == "A":
            ratio *= f**2 / math.sqrt((f**2 + f2**2) * (f**2 + f3**2))
        return 20.0 * math.log10(ratio)

    return 0.0 if weighting == "Z" else level(f) - level(1000.0)


def _sine(f: float, level: float, duration: float, fs: int = RATE) -> Array:
    t = np.arange(round(duration * fs)) / fs
    return np.asarray(math.sqrt(2.0) * P_REF * 10.0 ** (level / 20.0) * np.sin(2.0 * np.pi * f * t))


def _tone_response(weighting: str, f: float, fs: int) -> float:
    """Amplitude ratio in dB of a steady tone after and before the weighting."""
    t = np.arange(round(1.5 * fs)) / fs
    settled = slice(round(0.75 * fs), None)
    out = weight(np.sin(2.0 * np.pi * f * t), fs, weighting)[settled]
    basis = np.stack([np.sin(2.0 * np.pi * f * t), np.cos(2.0 * np.pi * f * t)], axis=1)[settled]
    amplitude = np.linalg.solve(basis.T @ basis, basis.T @ out)
    return 20.0 * math.log10(math.hypot(*amplitude))


def _weighting_rows(fs: int) -> list[Row]:
    found = []
    for number, (nominal, a, c, upper, lower) in enumerate(TABLE_3, start=-20):
        f = 1000.0 * 10.0 ** (number / 10.0)
        for weighting, printed in (("A", a), ("C", c), ("Z", 0.0)):
            exact = _exact(weighting, f)
            found.append(
                _row(
                    "Table 3",
                    f"{weighting} weighting at {nominal} Hz, {fs / 1000:g} kHz sampling rate",
                    printed,
                    (exact + lower, exact + upper),
                    partial(_tone_response, weighting, f, fs),
                )
            )
    return found


def _worst(weighting: str, fs: int, *, highest: float) -> float:
    """Largest absolute deviation in dB of the filter from the exact curve."""
    f = np.geomspace(10.0, highest, 2000)
    response = np.prod(section_response(sections(weighting, fs), f, fs), axis=0)
    exact = np.array([_exact(weighting, x) for x in f])
    return float(np.abs(20.0 * np.log10(np.abs(response)) - exact).max())


def _excess(weighting: str, fs: int) -> float:
    """Largest excess in dB over the limits of class 1 at frequencies that the rate can carry."""
    worst = -INFINITE
    for number, (_, _, _, upper, lower) in enumerate(TABLE_3, start=-20):
        f = 1000.0 * 10.0 ** (number / 10.0)
        if f < 0.4999 * fs:
            response = np.prod(section_response(sections(weighting, fs), np.array([f]), fs))
            deviation = 20.0 * math.log10(abs(response)) - _exact(weighting, f)
            worst = max(worst, deviation - upper, lower - deviation)
    return worst


def _weighting_targets() -> list[Row]:
    targets = [
        _row(
            "Annex E",
            f"{weighting} weighting, largest deviation from the exact curve, 10 Hz to 16 kHz, "
            f"{fs / 1000:g} kHz sampling rate",
            0.0,
            (0.0, 0.1),
            partial(_worst, weighting, fs, highest=16000.0),
            target=True,
        )
        for fs in (44100, 48000)
        for weighting in ("A", "C")
    ]
    rates = (32000, 88200, 96000, 176400, 192000)
    others = [
        _row(
            "Table 3",
            f"{weighting} weighting, largest excess over class 1 at any table frequency, "
            f"{fs / 1000:g} kHz sampling rate",
            0.0,
            (-INFINITE, 0.0),
            partial(_excess, weighting, fs),
        )
        for fs in rates
        for weighting in ("A", "C")
    ]
    return targets + others


def _burst(duration: float, n: int = 1, gap: float = 0.0) -> Array:
    """Toneburst(s) of 4 kHz, 94 dB, from zero crossing to zero crossing, in silence."""
    tone = _sine(4000.0, 94.0, duration)
    silence = np.zeros(round(gap * RATE))
    repeated = np.concatenate([np.concatenate([tone, silence]) for _ in range(n)])
    return np.concatenate([np.zeros(RATE // 2), repeated, np.zeros(2 * RATE)])


@lru_cache(maxsize=8)
def _steady(weighting: str) -> float:
    """Level of the steady 4 kHz tone."""
    settled = leq(_sine(4000.0, 94.0, 3.0), RATE, weighting=weighting).series
    return float(settled[-1]) if settled is not None else math.nan


def _burst_level(weighting: str, duration: float, quantity: str) -> float:
    signal = _burst(duration)
    if quantity == "LE":
        return float(sel(signal, RATE, weighting=weighting).value) - _steady(weighting)
    time = quantity[1]
    found = time_weighted_level(signal, RATE, weighting=weighting, time=time).value
    return float(found) - _steady(weighting)


def _burst_goal(duration: float, quantity: str) -> float:
    """Formulas 7 and 8."""
    if quantity == "LE":
        return 10.0 * math.log10(duration)
    tau = {"LFmax": 0.125, "LSmax": 1.0}[quantity]
    return 10.0 * math.log10(1.0 - math.exp(-duration / tau))


def _burst_rows() -> list[Row]:
    found = []
    for ms, fast, f_up, f_low, exposure, slow, s_up, s_low in TABLE_4:
        columns = [("LFmax", fast, f_up, f_low), ("LE", exposure, f_up, f_low)]
        if not math.isnan(slow):
            columns.append(("LSmax", slow, s_up, s_low))
        for weighting in ("A", "C", "Z"):
            for quantity, printed, upper, lower in columns:
                goal = _burst_goal(ms / 1000.0, quantity)
                name = f"L{weighting}{quantity[1:]} − L{weighting}, {ms:g} ms burst of 4 kHz"
                compute = partial(_burst_level, weighting, ms / 1000.0, quantity)
                limits = (goal + lower, goal + upper)
                found.append(_row("Table 4", name, printed, limits, compute))
                if weighting == "Z":
                    clause = "Formula 8" if quantity == "LE" else "Formula 7"
                    exact = (goal - 0.001, goal + 0.001)
                    found.append(_row(clause, name, goal, exact, compute, target=True))
    return found


def _repeated(weighting: str, duration: float, n: int, gap: float) -> float:
    signal = _burst(duration, n, gap)
    return float(leq(signal, RATE, weighting=weighting).value) - _steady(weighting)


def _repeated_rows() -> list[Row]:
    found = []
    limits = {200.0: (0.5, -0.5), 50.0: (1.0, -1.0), 10.0: (1.0, -1.0), 1.0: (1.0, -2.0)}
    for ms, (upper, lower) in limits.items():
        n, gap = 5, 4 * ms / 1000.0
        total = 0.5 + 2.0 + n * (ms / 1000.0 + gap)
        goal = 10.0 * math.log10(n * ms / 1000.0 / total)
        found += [
            _row(
                "5.10, Formula 9",
                f"L{weighting}eq − L{weighting}, {n} bursts of {ms:g} ms in {total:g} s",
                goal,
                (goal + lower, goal + upper),
                partial(_repeated, weighting, ms / 1000.0, n, gap),
            )
            for weighting in ("A", "C", "Z")
        ]
    return found


def _decay(time: str, seconds: float) -> float:
    """Rate in dB/s at which the level falls after a steady 4 kHz tone stops."""
    signal = np.concatenate([_sine(4000.0, 94.0, 8.0), np.zeros(round((seconds + 1.0) * RATE))])
    level = time_weighted_level(signal, RATE, weighting="A", time=time).series
    if level is None:
        return math.nan
    start, stop = round(8.1 * 200) - 1, round((8.1 + seconds) * 200) - 1
    return float(level[start] - level[stop]) / seconds


def _peak(frequency: float, halves: tuple[int, int]) -> float:
    """LCpeak of a part of a cycle, minus LC of the steady tone it was cut from."""
    n = RATE / frequency / 2.0
    samples = np.arange(math.ceil(halves[0] * n), math.floor(halves[1] * n) + 1)
    cycle = math.sqrt(2.0) * np.sin(2.0 * np.pi * frequency * samples / RATE)
    signal = np.concatenate([np.zeros(RATE // 10), cycle, np.zeros(RATE // 10)])
    steady = leq(_sine(frequency, 94.0, 2.0) / P_REF / 10.0 ** (94.0 / 20.0), RATE, weighting="C")
    last = steady.series[-8:] if steady.series is not None else np.array([math.nan])
    level = 10.0 * math.log10(float(np.mean(10.0 ** (last / 10.0))))
    return float(peak_level(signal, RATE, weighting="C").value) - level


def _linearity(step: float) -> float:
    """Largest deviation in dB of a level step at 1 kHz from 20 dB to 140 dB."""
    tone = _sine(1000.0, 0.0, 0.5)
    levels = np.arange(20.0, 140.0 + step / 2.0, step)
    found = [float(leq(tone * 10.0 ** (level / 20.0), RATE).value) for level in levels]
    return float(np.abs(np.diff(found) - step).max())


def _stability() -> float:
    """Change in dB of the F reading of a steady tone within 30 min, at 8 kHz sampling rate."""
    fs = 8000
    tone = _sine(1000.0, 94.0, 1800.0, fs)
    level = time_weighted_level(tone, fs, weighting="A").series
    return float(level[-1] - level[399]) if level is not None else math.nan


def _difference(first: Callable[[Array], float], second: Callable[[Array], float]) -> float:
    tone = _sine(1000.0, 94.0, 20.0)
    return first(tone) - second(tone)


def _last(x: Array, time: str) -> float:
    series = time_weighted_level(x, RATE, weighting="A", time=time).series
    return float(series[-1]) if series is not None else math.nan


def _equivalent(x: Array, weighting: str) -> float:
    return float(leq(x, RATE, weighting=weighting).value)


def _clause_rows() -> list[Row]:
    pairs = (
        ("5.5.9", "LC − LA, 1 kHz", 0.2, partial(_equivalent, weighting="C"), "A"),
        ("5.5.9", "LZ − LA, 1 kHz", 0.2, partial(_equivalent, weighting="Z"), "A"),
        ("5.8.3", "LAF − LAeq, 1 kHz", 0.1, partial(_last, time="F"), "A"),
        ("5.8.3", "LAS − LAeq, 1 kHz", 0.1, partial(_last, time="S"), "A"),
    )
    found = [
        _row(
            clause,
            name,
            0.0,
            (-limit, limit),
            partial(_difference, first, partial(_equivalent, weighting=against)),
        )
        for clause, name, limit, first, against in pairs
    ]
    return [
        *found,
        _row("5.8.2", "decay of F", 34.7, (31.0, 38.5), partial(_decay, "F", 1.0), unit="dB/s"),
        _row("5.8.2", "decay of S", 4.3, (3.6, 5.1), partial(_decay, "S", 3.0), unit="dB/s"),
        _row(
            "5.6.5",
            "1 dB steps from 20 dB to 140 dB, largest deviation",
            0.0,
            (-0.3, 0.3),
            partial(_linearity, 1.0),
        ),
        _row(
            "5.6.6",
            "10 dB steps from 20 dB to 140 dB, largest deviation",
            0.0,
            (-1e-9, 1e-9),
            partial(_linearity, 10.0),
            target=True,
        ),
        _row("5.14", "change within 30 min", 0.0, (-0.1, 0.1), _stability),
    ]


def _table_5_rows() -> list[Row]:
    return [
        _row(
            "Table 5",
            f"LCpeak − LC, {name}",
            printed,
            (printed - limit, printed + limit),
            partial(_peak, frequency, halves),
        )
        for name, frequency, halves, printed, limit in TABLE_5
    ]


def _verdict_rows() -> list[Row]:
    return [
        _row(
            "Table C.1",
            f"verdict on {deviation:+g} dB, U = {u:g} dB; limits −1.2, +1.0 dB, U up to 0.5 dB "
            "(1: conforms)",
            float(verdict),
            (float(verdict), float(verdict)),
            partial(conforms, deviation, -1.2, 1.0, u, 0.5),
            unit="1",
        )
        for deviation, u, verdict in TABLE_C_1
    ]


def rows() -> list[Row]:
    """Return the rows of the sound level meter."""
    return [
        *_weighting_rows(48000),
        *_weighting_rows(44100),
        *_weighting_targets(),
        *_burst_rows(),
        *_repeated_rows(),
        *_table_5_rows(),
        *_clause_rows(),
        *_verdict_rows(),
    ]
