"""``soundcal compare`` of datasets: what is paired with what."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from period_data import Sound, write_dataset

from soundcal.cli import main
from soundcal.errors import ParameterError, RecordError
from soundcal.study.dataset_tables import datasets_table

HOUR = timedelta(hours=1)
JULY = datetime(2026, 6, 30, 22, tzinfo=UTC)  # the first of July in Berlin


def hours(station: str, start: datetime, levels: Iterable[float]) -> list[Sound]:
    """Files of one piece, one for every hour from the start on, named alike at every station."""
    return [
        Sound(start + n * HOUR, 3600.0, level, f"{station}/{n:03d}.wav", station)
        for n, level in enumerate(levels)
    ]


def compared(capsys: pytest.CaptureFixture[str], *options: str | Path) -> dict[str, Any]:
    """The bias and number of pairs of LAeq, and what was said."""
    assert main(["compare", *map(str, options), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    row = next(r for r in found["agreement"] if r["indicator"] + r["statistic"] == "LAeq")
    return {**row, "notes": "\n".join(found["warnings"])}


def test_recordings_of_stations_are_paired_by_their_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def sounds(offset: float, n: int) -> list[Sound]:
        one = hours("north", JULY, [60.0 + k + offset for k in range(4)])
        return one + hours("south", JULY, [40.0 + k + 3 * offset for k in range(n)])

    write_dataset(tmp_path / "a", sounds(0.0, 4))
    write_dataset(tmp_path / "b", sounds(1.0, 3))
    found = compared(capsys, tmp_path / "a", tmp_path / "b", "--reference", "b")
    # four of 1 dB and three of 3 dB; equal names at two stations are not mixed up
    assert (found["n"], found["bias"]) == (7, pytest.approx(13 / 7))
    assert "by their path below the root" in found["notes"]
    assert "left out: south/003" in found["notes"]


def test_files_that_differ_in_the_ending_only_are_kept_apart(tmp_path: Path) -> None:
    wav = hours("north", JULY, [60.0, 61.0])
    flac = [Sound(JULY + 5 * HOUR, 3600.0, 70.0, "north/000.flac")]
    for name in "ab":
        write_dataset(tmp_path / name, [*wav, *flac])
    table = datasets_table([tmp_path / "a", tmp_path / "b"])
    assert set(table["stimulus"]) == {"000.wav", "001.wav", "000.flac"}


def test_two_recorders_over_the_same_hours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    levels = [60.0, 62.0, 64.0, 66.0, 68.0]
    one, other = hours("one", JULY, levels), hours("other", JULY - HOUR, [0.0, *levels])
    last = Sound(JULY + 5 * HOUR, 3600.0, 60.0, "one/last.wav", "one")
    write_dataset(tmp_path / "one", [*one, last])
    short = Sound(JULY + 5 * HOUR, 360.0, 90.0, "other/last.wav", "other")
    write_dataset(tmp_path / "other", [*other, short])
    paths = tmp_path / "one", tmp_path / "other"
    found = compared(capsys, *paths, "--every", "hour", "--local-time", "Europe/Berlin")
    assert (found["n"], found["bias"]) == (5, pytest.approx(0.0, abs=1e-9))
    assert "1 of 7 rows by hour left out, because less than 75 %" in found["notes"]
    assert "confidence intervals are too narrow" in found["notes"]
    assert "the stations one (one), other (other) are taken for one place" in found["notes"]
    assert compared(capsys, *paths, "--every", "hour", "--coverage", "5")["n"] == 6
    # the same as stations of one dataset
    write_dataset(tmp_path / "both", [*one, *other])
    assert compared(capsys, tmp_path / "both", "--every", "hour")["bias"] == found["bias"]


def test_two_years_of_the_same_stations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The days of the change of the clock are 26 October 2025 and 25 October 2026."""
    for year, offset in ((2025, 0.0), (2026, 1.0)):
        start = datetime(year, 10, 24, 22, tzinfo=UTC)
        north = hours("north", start, [60.0 + offset + n % 7 / 10 for n in range(49)])
        south = hours("south", start, [50.0 + offset] * 2)
        results = tmp_path / str(year) / "results"
        write_dataset(results, [*north, *south], time_zone="Europe/Berlin")
    paths = tmp_path / "2025" / "results", tmp_path / "2026" / "results"
    command = *paths, "--across-years", "--reference", "2026/results", "--every"
    days = compared(capsys, *command, "day")
    assert (days["first"], days["n"]) == ("2026/results", 2)
    assert days["bias"] == pytest.approx(1.0, abs=0.01)
    clock = compared(capsys, *command, "hour")
    assert clock["n"] == 48 + 2  # and one of each year that occurs twice
    assert "10-25T02:00+01:00" in clock["notes"]
    assert "10-26T02:00+01:00" in clock["notes"]
    table = datasets_table(paths, every="hour", across_years=True)
    own = table[(table["stimulus"] == "north 10-26T12:00") & (table["statistic"] == "eq")]
    # the 38th hour of 2025, in which the clock is changed on the second day, and the 37th of 2026
    assert own["value"].tolist() == pytest.approx([60 + 37 % 7 / 10, 61 + 37 % 7 / 10])
    assert main(["compare", *map(str, paths), "--every", "hour"]) == 5
    said = capsys.readouterr().err
    assert "same station and hour" in said
    assert "--across-years leaves out the year" in said
    assert "--station" not in said  # the stations do have the same names


def test_what_cannot_be_paired_is_refused_with_the_way_out(tmp_path: Path) -> None:
    a = write_dataset(tmp_path / "a", hours("north", JULY, [60.0, 61.0]))
    later = [
        Sound(JULY + timedelta(days=365), 3600.0, 60.0, "north/x.wav"),
        Sound(JULY + timedelta(days=366), 3600.0, 60.0, "north/y.wav"),
    ]
    b = write_dataset(tmp_path / "b", later, time_zone="Europe/Berlin")
    with pytest.raises(RecordError, match=r"a has 000, 001; b has x, y\. .* --every hour"):
        datasets_table([a, b])
    with pytest.raises(ParameterError, match=r"UTC in a, Europe/Berlin in b; .*--local-time"):
        datasets_table([a, b], every="hour")
    with pytest.raises(
        RecordError, match=r"station and day: a has 2026-06-30; .* --coverage|a has"
    ):
        datasets_table([a, b], every="day", zone="UTC", limit=0.0)
    with pytest.raises(ParameterError, match="twice"):
        datasets_table([a, tmp_path / "b" / ".." / "a"])
    with pytest.raises(ParameterError, match="no place in the year"):
        datasets_table([a, b], every="site", across_years=True)
    years = write_dataset(tmp_path / "c", [*hours("north", JULY, [60.0]), *later])
    with pytest.raises(RecordError, match=r"north has 2026-.* and 2027-.* a dataset of its own"):
        datasets_table([a, years], every="hour", across_years=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--across-years"], "give --every"),
        (["--coverage", "50"], "give --every"),
        (["--every", "hour", "--mapping", "m.toml"], "--mapping is for tables"),
        (["table.csv", "--every", "hour"], "table.csv: not a dataset"),
    ],
)
def test_options_of_periods_are_for_datasets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    a = write_dataset(tmp_path / "a", hours("north", JULY, [60.0]))
    assert main(["compare", str(a), *options]) == 2
    assert message in capsys.readouterr().err


def test_a_dataset_beside_a_table_is_paired_by_the_names_of_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_dataset(tmp_path / "one", hours("north", JULY, [60.0, 61.0, 63.0]))
    both = [*hours("north", JULY, [61.0]), *hours("south", JULY, [62.0, 64.0])]
    two = write_dataset(tmp_path / "two", both)
    tables = [str(tmp_path / f"{folder.name}.csv") for folder in (one, two)]
    for folder, table in zip((one, two), tables, strict=True):
        assert main(["summarise", str(folder), "--every", "recording", "--out", table]) == 0
    capsys.readouterr()
    assert main(["compare", str(two), tables[0]]) == 5
    said = capsys.readouterr().err
    assert "north/000.wav and south/000.wav have the same name" in said
    assert f"soundcal summarise {two} --every recording" in said
    frame = pd.read_csv(tables[1])
    names = {"north/000.wav": "000", "south/000.wav": "001", "south/001.wav": "002"}
    frame.insert(0, "stimulus", [names[name] for name in frame["recording"]])
    frame.to_csv(tables[1], index=False)
    found = compared(capsys, tables[1], one)
    assert (found["n"], found["bias"]) == (3, pytest.approx(1.0))
