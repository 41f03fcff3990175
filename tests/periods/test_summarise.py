"""Periods of datasets whose energies and values are known."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from period_data import FS, TASK, Sound, write_dataset

from soundcal.dsp.signal import exceedance
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.periods import summarise
from soundcal.periods.coverage import Piece
from soundcal.periods.local_time import Every, LocalTime, as_every
from soundcal.periods.ratings import DIRECTIVE, as_day_parts
from soundcal.periods.sums import Grouping, PeriodValues, Sums

MIDNIGHT = datetime(2026, 6, 30, 22, tzinfo=UTC)  # of the first of July in Berlin


def hours(levels: list[float], start: datetime = MIDNIGHT, **about: object) -> list[Sound]:
    """Pieces of an hour with these levels, one after the other."""
    return [
        Sound(start + timedelta(hours=n), 3600.0, level, first=n * 3600 * FS, **about)
        for n, level in enumerate(levels)
    ]


def table(folder: Path, every: str, **settings: object) -> list[PeriodValues]:
    """The rows of one kind of periods, in Berlin."""
    found = summarise(folder, {"t": as_every(every)}, **{"zone": "Europe/Berlin", **settings})
    return list(found.tables["t"].rows)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of 50 dB at night, 60 dB at day, 55 dB in the evening; nothing from 3 to 5 o'clock."""
    levels = [50.0] * 7 + [60.0] * 12 + [55.0] * 4 + [50.0]
    sounds = [sound for n, sound in enumerate(hours(levels)) if n not in (3, 4)]
    return write_dataset(tmp_path_factory.mktemp("day") / "r", sounds, time_zone="Europe/Berlin")


def test_levels_of_the_parts_of_a_day_and_what_is_covered_of_them(day: Path) -> None:
    (row,) = table(day, "day", zone="")  # that of the run
    levels = {name: row.values["L", name] for name in ("day", "evening", "night", "den")}
    power = (12 * 10**6.0 + 4 * 10**6.0 + 8 * 10**6.0) / 24  # 55 + 5 dB and 50 + 10 dB
    assert levels == pytest.approx(
        {"day": 60.0, "evening": 55.0, "night": 50.0, "den": 10 * math.log10(power)}, abs=1e-9
    )
    assert row.parts == {"day": 1.0, "evening": 1.0, "night": 6 / 8}
    assert row.coverage == 22 / 24
    mean = (12 * 10**6.0 + 4 * 10**5.5 + 6 * 10**5.0) / 22
    assert row.values["LA", "eq"] == pytest.approx(10 * math.log10(mean), abs=1e-9)
    assert row.values["LA", "90"] == 50.0


def test_hours_without_sound_have_rows_without_values(day: Path) -> None:
    rows = table(day, "hour")
    assert len(rows) == 24
    assert [row.period.name[11:16] for row in rows if not row.values] == ["03:00", "04:00"]
    assert [row.coverage for row in rows if not row.values] == [0.0, 0.0]
    assert all(("L", "den") not in row.values for row in rows)


def test_a_row_is_marked_below_the_limit_only(day: Path) -> None:
    for limit, marked in ((0.75, False), (0.76, True), (0.95, True)):
        found = summarise(day, {"t": Every("day")}, zone="Europe/Berlin", limit=limit)
        (row,) = found.tables["t"].rows
        assert found.doubtful(row) == marked
        assert bool(found.marks(row)) == marked
        assert bool(list(found.low_coverage(found.tables["t"]))) == marked


def test_other_parts_of_the_day_are_rated_by_their_hours(day: Path) -> None:
    parts = as_day_parts(["day=07:00+0", "night=22:00+10"])
    (row,) = table(day, "day", parts=parts)
    night = (6 * 10**5.0 + 10**5.5) / 7  # 6 h before 7 and from 23, 1 h that was the evening
    level = (12 * 10**6.0 + 3 * 10**5.5) / 15
    assert row.values["L", "night"] == pytest.approx(10 * math.log10(night), abs=1e-9)
    expected = 10 * math.log10((15 * level + 9 * 10 * night) / 24)
    assert row.values["L", "dn"] == pytest.approx(expected, abs=1e-9)


def test_without_an_evening_there_is_no_rating(tmp_path: Path) -> None:
    (row,) = table(write_dataset(tmp_path / "r", hours([60.0] * 12)), "day")
    assert math.isnan(row.values["L", "evening"])
    assert math.isnan(row.values["L", "den"])
    assert row.parts == {"day": 5 / 12, "evening": 0.0, "night": 7 / 8}


def test_percentiles_are_those_of_all_values_of_the_period(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = [tuple(rng.normal(50 + 3 * n, 4.0, 100 * (n + 1))) for n in range(6)]
    sounds = [
        replace(sound, values=own) for sound, own in zip(hours([0.0] * 6), values, strict=True)
    ]
    write_dataset(tmp_path / "r", sounds)
    for every, groups in (("6h", [6]), ("3h", [3, 3]), ("hour", [1] * 6), ("site", [6])):
        first = 0
        for row, n in zip(table(tmp_path / "r", every), groups, strict=True):
            own = np.concatenate(values[first : first + n])
            first += n
            found = [row.values["LA", name] for name in ("5", "10", "50", "90", "95")]
            expected = exceedance(own)
            assert found == pytest.approx(expected.tolist(), rel=2.0**-16)
            energy = [np.mean(10 ** (np.array(v) / 10)) for v in values[first - n : first]]
            assert row.values["LA", "eq"] == pytest.approx(10 * np.log10(np.mean(energy)))


def test_days_of_the_change_of_the_clock(tmp_path: Path) -> None:
    spring = hours([60.0] * 23, datetime(2026, 3, 28, 23, tzinfo=UTC))
    autumn = [
        replace(sound, recording="north/b.wav")
        for sound in hours([60.0] * 25, datetime(2026, 10, 24, 22, tzinfo=UTC))
    ]
    write_dataset(tmp_path / "r", [*spring, *autumn])
    rows = [row for row in table(tmp_path / "r", "day") if row.values]
    assert [(row.period.name, row.length, row.coverage) for row in rows] == [
        ("2026-03-29", 23 * 3600, 1.0),
        ("2026-10-25", 25 * 3600, 1.0),
    ]
    for row in rows:
        assert row.parts == {"day": 1.0, "evening": 1.0, "night": 1.0}
        assert row.values["L", "den"] == pytest.approx(66.395, abs=5e-4)
    names = [row.period.name for row in table(tmp_path / "r", "hour") if row.values]
    assert len(set(names)) == 48
    assert {"2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"} <= set(names)
    assert not any(name.startswith("2026-03-29T02") for name in names)
    clock = {
        row.period.name: row.covered / 3600
        for row in summarise(tmp_path / "r", {"t": Every("hour of the day")}, zone="Europe/Berlin")
        .tables["t"]
        .rows
    }
    assert (clock["02:00"], clock["03:00"], len(clock)) == (2.0, 2.0, 24)


def test_half_hours_of_lord_howe(tmp_path: Path) -> None:
    start = datetime(2026, 4, 4, 13, tzinfo=UTC)  # midnight of the fifth
    pieces = [
        Sound(start + timedelta(minutes=30 * n), 1800.0, 60.0, first=n * 1800 * FS)
        for n in range(49)
    ]
    write_dataset(tmp_path / "r", pieces)
    rows = table(tmp_path / "r", "hour", zone="Australia/Lord_Howe")
    assert len(rows) == 25
    assert {row.coverage for row in rows} == {1.0}
    assert [row.period.name for row in rows if row.length != 3600] == ["2026-04-05T01:30+10:30"]
    (whole,) = table(tmp_path / "r", "day", zone="Australia/Lord_Howe")
    assert (whole.length, whole.coverage) == (24.5 * 3600, 1.0)


def test_pieces_that_do_not_fit_are_refused_with_the_way_out(tmp_path: Path) -> None:
    write_dataset(tmp_path / "r", [Sound(MIDNIGHT, 1200.0)])
    with pytest.raises(ParameterError, match=r"20min .* one hour .*--piece 5min"):
        table(tmp_path / "r", "hour", zone="Asia/Kathmandu")
    with pytest.raises(ParameterError, match="one 15min"):
        table(tmp_path / "r", "15m")
    assert len(table(tmp_path / "r", "hour")) == 1


def test_no_second_counts_twice(tmp_path: Path) -> None:
    sounds = hours([60.0, 60.0])
    copy = [replace(sound, recording="north/copy.wav", level=90.0) for sound in sounds]
    rest = Sound(MIDNIGHT + timedelta(hours=2), 5.0, 90.0, first=7200 * FS)
    other = [replace(sounds[1], recording="south/a.wav", station="south", level=50.0)]
    third = Sound(MIDNIGHT + timedelta(hours=2), 3600.0, 60.0, recording="north/z.wav")
    write_dataset(tmp_path / "r", [*copy, *sounds, rest, third, *other])
    found = summarise(tmp_path / "r", {"t": as_every("hour")}, zone="Europe/Berlin")
    north = [row for row in found.tables["t"].rows if row.station == "north"]
    assert [row.values["LA", "eq"] for row in north] == pytest.approx([60.0] * 3)
    assert [row.coverage for row in north] == [1.0] * 3
    assert [dict(row.left_out) for row in north] == [
        {"overlap": 3600.0},
        {"overlap": 3600.0},
        {"overlap": 5.0},
    ]
    assert any("3 pieces" in note and "copy.wav" in note for note in found.notes)
    files = table(tmp_path / "r", "recording")  # each for itself
    assert {row.period.name: row.values["LA", "eq"] for row in files}["north/copy.wav"] == 90.0


def test_what_is_not_valid_is_left_out_and_flags_are_counted(tmp_path: Path) -> None:
    sounds = hours([60.0, 60.0, 60.0, 60.0], channels=("left", "right"))
    sounds[1] = replace(sounds[1], valid=False, level=90.0, flags=("swing",))
    sounds[2] = replace(sounds[2], flags=("clipping",))
    write_dataset(tmp_path / "r", sounds)
    found = summarise(tmp_path / "r", {"t": as_every("4h")}, zone="Europe/Berlin")
    for row, channel in zip(found.tables["t"].rows, ("left", "right"), strict=True):
        assert (row.channel, row.coverage) == (channel, 0.75)
        assert row.values["LA", "eq"] == pytest.approx(60.0)
        assert found.marks(row) == ("3600 s left out: not valid", "clipping in 1 piece")
    assert any("swing" in note for note in found.notes)


def test_a_gap_of_years_is_a_clock_that_was_reset(tmp_path: Path) -> None:
    sounds = [
        *hours([60.0], datetime(2000, 1, 1, tzinfo=UTC), recording="north/b.wav"),
        *hours([60.0] * 2),
        *hours([60.0], MIDNIGHT + timedelta(hours=5), recording="north/c.wav"),
    ]
    write_dataset(tmp_path / "r", sounds)
    found = summarise(tmp_path / "r", {"t": as_every("hour")}, zone="Europe/Berlin")
    assert len(found.tables["t"].rows) == 1 + 2 + 3 + 1
    assert [round(gap.seconds / 3600) for gap in found.gaps["north"]][1:] == [3]
    assert any("was a clock reset" in note for note in found.notes)


def test_files_without_a_start(tmp_path: Path) -> None:
    undated = [Sound(None, 600.0, 50.0 + 10 * n, f"north/{n}.wav") for n in range(2)]
    write_dataset(tmp_path / "r", undated)
    with pytest.raises(SignalError, match="--start-from"):  # as a report asks for tables
        summarise(tmp_path / "r", {"table": "site", "days": "day"})
    with pytest.raises(SignalError, match="--start-from"):
        table(tmp_path / "r", "day")
    (site,) = table(tmp_path / "r", "site")
    mean = 10 * math.log10((10**5 + 10**6) / 2)
    assert site.values["LA", "eq"] == pytest.approx(mean)
    assert (site.coverage, site.covered) == (None, 1200.0)
    assert [row.values["LA", "eq"] for row in table(tmp_path / "r", "recording")] == [50.0, 60.0]
    write_dataset(tmp_path / "r", [*undated, *hours([60.0])])
    found = summarise(tmp_path / "r", {"t": Every("day"), "s": Every("site")})
    assert found.tables["t"].rows[0].covered == 3600.0
    assert found.tables["s"].rows[0].covered == 4800.0
    assert any("2 pieces of north/0.wav" in note for note in found.notes)


def test_a_link_to_a_file_without_a_start_counts_once(tmp_path: Path) -> None:
    names = ("north/a.wav", "north/link/a.wav")
    files = [Sound(None, 60.0, 80.0, name, content="same") for name in names]
    write_dataset(tmp_path / "r", [*files, Sound(None, 60.0, 50.0, "north/b.wav")])
    found = summarise(tmp_path / "r", {"s": Every("site"), "r": Every("recording")})
    (site,) = found.tables["s"].rows
    assert (site.covered, dict(site.left_out)) == (120.0, {"overlap": 60.0})
    assert site.values["LA", "eq"] == pytest.approx(10 * math.log10((10**8 + 10**5) / 2))
    assert [note for note in found.notes if "under other names" in note]
    assert len(found.tables["r"].rows) == 3


def test_a_file_with_missing_pieces_is_not_taken_for_complete(tmp_path: Path) -> None:
    rest = [Sound(None, 600.0, 50.0, first=600 * FS * n) for n in range(4)]
    out = write_dataset(tmp_path / "r", rest)
    for path in sorted(out.rglob("*.parquet"))[:3]:
        path.unlink()
    found = summarise(out, {"t": Every("recording")})
    assert (found.tables["t"].rows[0].coverage, found.notes) == (
        0.25,
        (
            "north: 30 min of north/a.wav missing in the dataset: pieces that failed, or that were "
            "not measured yet; the command of the run measures them",
        ),
    )


def test_values_of_other_indicators(tmp_path: Path) -> None:
    loud = hours([0.0] * 2, symbol="N", values=(4.0, 8.0))
    loud[1] = replace(loud[1], values=(16.0,))
    wanted = {"N": ("mean", "max", "5"), "LN": ("max",)}
    write_dataset(tmp_path / "r", loud, wanted=wanted)
    (row,) = table(tmp_path / "r", "site")
    assert row.values["N", "mean"] == pytest.approx(28 / 3)  # of the values, not of the means
    assert row.values["LN", "max"] == 80.0
    assert ("L", "den") not in row.values
    with pytest.raises(
        ParameterError, match="LAeq: not in this dataset, which has Nmax, Nmean, N5, LNmax"
    ):
        table(tmp_path / "r", "site", labels="LAeq")
    with pytest.raises(ParameterError, match="tones"):
        table(tmp_path / "r", "site", labels="TNR")
    (row,) = table(tmp_path / "r", "site", labels="N90")
    assert list(row.values) == [("N", "90")]


def test_any_percentile_can_be_asked_for(tmp_path: Path) -> None:
    values = tuple(np.linspace(40.0, 70.0, 3001))
    write_dataset(tmp_path / "r", [replace(hours([0.0])[0], values=values)])
    (row,) = table(tmp_path / "r", "site", labels="LA1, LA99.5, LA10, LAeq")
    expected = {"eq": 10 * math.log10(np.mean(10 ** (np.array(values) / 10))), "10": 67.0}
    expected |= {"1": 69.7, "99.5": 40.15}
    found = {name: row.values["LA", name] for name in expected}
    assert found == pytest.approx(expected, rel=2.0**-16)
    for label in ("LAS1", "LA100", "LA0.1.2", "TNR1"):
        with pytest.raises(ParameterError):
            table(tmp_path / "r", "site", labels=label)


def test_an_indicator_that_short_pieces_lack_says_for_how_much_it_stands(tmp_path: Path) -> None:
    both = [
        *hours([60.0] * 2),
        replace(hours([0.0])[0], symbol="N", values=(4.0,)),
    ]
    write_dataset(tmp_path / "r", both, wanted={"LA": ("eq",), "N": ("mean",)})
    found = summarise(tmp_path / "r", {"t": as_every("2h")}, zone="Europe/Berlin")
    (row,) = found.tables["t"].rows
    assert found.marks(row) == ("N of 50 % of that",)


def test_the_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sounds = [
        replace(sound, values=tuple(rng.normal(60, 5, 50)), recording=f"north/{n % 5}.wav")
        for n, sound in enumerate(hours([0.0] * 20))
    ]
    found = []
    for name in ("a", "b"):
        write_dataset(tmp_path / name, sounds)
        sounds = [sounds[n] for n in rng.permutation(len(sounds))]
        found.append(summarise(tmp_path / name, {"t": Every("day"), "h": as_every("hour")}))
    assert repr(found[0].tables) == repr(found[1].tables)  # without a value: NaN


def test_a_year_of_hours() -> None:
    berlin = LocalTime("Europe/Berlin")
    groupings = {name: Grouping(as_every(name), berlin, rated=True) for name in ("month", "year")}
    sums = Sums("north", "mono", groupings, {"LA": ("eq",)}, DIRECTIVE)
    start = datetime(2025, 12, 31, 23, tzinfo=UTC)
    levels = {"day": 60.0, "evening": 55.0, "night": 50.0}
    summaries = {
        name: {("LA", "F"): Sound(start, 3600.0, level).summary()} for name, level in levels.items()
    }
    found: dict[str, list[PeriodValues]] = {name: [] for name in groupings}
    for n in range(365 * 24):
        at = start + timedelta(hours=n)
        piece = Piece(at, 3600.0, "north/a.wav")
        for name, row in sums.add(piece, summaries[DIRECTIVE.part_of(at, berlin)]):
            found[name].append(row)
    for name, row in sums.close():
        found[name].append(row)
    assert {name: len(rows) for name, rows in found.items()} == {"month": 12, "year": 1}
    assert {row.coverage for rows in found.values() for row in rows} == {1.0}
    assert all(a.period.end == b.period.start for a, b in pairwise(found["month"]))
    for row in (*found["month"], *found["year"]):
        assert row.parts == {"day": 1.0, "evening": 1.0, "night": 1.0}
        own = {name: row.values["L", name] for name in levels}
        assert own == pytest.approx(levels, abs=1e-9)
        assert row.values["L", "den"] == pytest.approx(60.0, abs=1e-9)


def test_a_table_for_notebooks(day: Path) -> None:
    frame = summarise(day, {"days": "day"}, labels="LA50").to_frame("days")
    assert frame["statistic"].tolist() == ["50", "day", "evening", "night", "den"]
    assert frame["value"].tolist()[:2] == pytest.approx([60.0, 60.0])
    assert frame["coverage_percent"].tolist() == pytest.approx([100 * 22 / 24] * 5)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "r", hours([60.0, 60.0]))
    path = sorted(folder.rglob("summaries/*/*.parquet"))[0]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordError, match=f"{path.name}: cannot be read .* run the same"):
        summarise(folder, {"t": Every("day")})


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"run\.json"):
        summarise(tmp_path, {"t": Every("day")})
    with pytest.raises(RecordError, match="no pieces"):
        summarise(write_dataset(tmp_path / "r", []), {"t": Every("day")})
    with pytest.raises(ParameterError, match="0 to 100"):
        summarise(tmp_path / "r", {"t": Every("day")}, limit=75.0)
    run = write_dataset(tmp_path / "s", hours([60.0])) / "run.json"
    run.write_text(run.read_text().replace(TASK, TASK[::-1]))
    with pytest.raises(RecordError, match=r"other settings than those in its run\.json"):
        summarise(tmp_path / "s", {"t": Every("day")})
