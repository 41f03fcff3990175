"""Synthetic tidy tables for the tests of the report."""

import numpy as np
import pandas as pd

STATISTICS = {
    "LA": ("dB", ("eq", "5", "10", "50", "90", "95")),
    "LC": ("dB", ("eq", "5", "10", "50", "90", "95")),
    "N": ("sone", ("5", "10", "50", "90", "95")),
    "S": ("acum", ("mean", "5", "10", "50", "90", "95")),
    "R": ("asper", ("mean", "5", "10", "50", "90", "95")),
    "T": ("tu", ("5", "10", "50", "90", "95")),
    "F": ("vacil", ("5", "10", "50", "90", "95")),
}
"""Unit and statistics of the study's 39 indicators."""

OFFSETS = {"in-situ": 0.0, "ocv": 3.0, "hats": 0.1}
COLUMNS = ("recording", "channel", "indicator", "statistic", "value", "unit", "u", "calibration")


def tidy(
    stimuli: int | list[str] = 27,
    families: tuple[str, ...] = ("LA", "N"),
    statistics: int = 6,
    seed: int = 1,
) -> pd.DataFrame:
    """Return values of three conditions that differ by OFFSETS and some noise, for both ears."""
    rng = np.random.default_rng(seed)
    names = [f"S{i:03d}" for i in range(stimuli)] if isinstance(stimuli, int) else stimuli
    rows = []
    for name in names:
        level = rng.normal(0.0, 6.0)
        for condition, offset in OFFSETS.items():
            shift = level + offset + rng.normal(0.0, 0.3)
            for family in families:
                unit, known = STATISTICS[family]
                for place, statistic in enumerate(known[:statistics]):
                    for ear, ild in (("left", 0.5), ("right", -0.5)):
                        total = shift + ild - place + rng.normal(0.0, 0.05)
                        value = 65.0 + total if unit == "dB" else 10.0 * 2.0 ** (total / 10.0)
                        recording = f"{name}_{condition}"
                        row = (recording, ear, family, statistic, value, unit, 0.2, "cal")
                        rows.append((*row, condition, name))
    return pd.DataFrame(rows, columns=[*COLUMNS, "condition", "stimulus"])


def of_columns(table: pd.DataFrame, unit: str = "sone", indicator: str = "X") -> pd.DataFrame:
    """Return a tidy table of one channel: a column per method, the index is the stimulus.

    Columns ``method:take`` give a column ``take``.
    """
    rows = [
        (*f"{column}:".split(":")[:2], str(stimulus), "mono", indicator, "", value, unit)
        for column in table.columns
        for stimulus, value in table[column].items()
    ]
    names = ["condition", "take", "stimulus", "channel", "indicator", "statistic", "value", "unit"]
    tidied = pd.DataFrame(rows, columns=names)
    return tidied if (tidied["take"] != "").any() else tidied.drop(columns="take")
