"""``soundcal summarise``, and ``report`` and ``compare`` of datasets."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from period_data import FS, Sound, write_dataset

from soundcal.cli import main
from soundcal.periods import summarise
from soundcal.periods.datasets import values_table
from soundcal.periods.local_time import as_every

START = datetime(2026, 6, 30, 22, tzinfo=UTC)  # the first of July in Berlin
BERLIN = ["--local-time", "Europe/Berlin"]


@pytest.fixture(scope="module")
def stations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stations of a day and an hour in pieces of 7, 12, 4, 1 and 1 h; one lacks the 4 h."""
    sounds = []
    for station, level in (("north", 60.0), ("south", 50.0)):
        at = 0
        for n, hours in enumerate((7, 12, 4, 1, 1)):
            if station == "north" or n != 2:
                sound = Sound(
                    START + timedelta(hours=at),
                    3600.0 * hours,
                    recording=f"{station}/a.wav",
                    station=station,
                    first=at * 3600 * FS,
                    values=(level - 5.0, level, level + 2.0),
                    flags=("clipping",) if n == 1 else (),
                )
                sounds.append(sound)
            at += hours
    return write_dataset(tmp_path_factory.mktemp("stations") / "results", sounds)


MEAN = 10 * math.log10((10**-0.5 + 1 + 10**0.2) / 3)
"""Level of the three values of a station above the second of them, dB."""


def test_the_screen_has_a_line_for_each_period(
    stations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["summarise", str(stations), *BERLIN]) == 0
    told = capsys.readouterr()
    lines = [line.split() for line in told.out.splitlines()]
    assert lines[0][:5] == ["station", "day", "channel", "covered", "%"]
    assert [line[:2] for line in lines[1:5]] == [
        ["north", "2026-07-01"],
        ["north", "2026-07-02"],
        ["south", "2026-07-01"],
        ["south", "2026-07-02"],
    ]
    assert [line[-1] == "*" for line in lines[1:5]] == [False, True, True, True]
    assert lines[1][-1] == f"{60 + MEAN + 6.395243:.2f}"  # Lden
    assert "Directive 2002/49/EC, Annex I: day from 07:00" in told.out
    assert "local time Europe/Berlin" in told.out
    assert "south: 1 gap without sound, 4 h" in told.err
    assert "3 of 4 rows by day marked *: less than 75 %" in told.err


def test_periods_without_sound_have_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The clocks are set forward in the gap."""
    start = datetime(2026, 3, 28, 22, tzinfo=UTC)
    hours = (0, 1, 3, 5 * 24)
    sounds = [
        Sound(start + timedelta(hours=n), 3600.0 if n else 1.0, 60.0, f"north/{n}.wav")
        for n in hours
    ]
    results = write_dataset(tmp_path / "results", sounds)
    assert main(["summarise", str(results), *BERLIN, "--every", "hour", "--labels", "LAeq"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "north 2026-03-28T23:00+01:00 mono < 0.1 60.00 *",
        "north 2026-03-29T00:00+01:00 mono 100.0 60.00",
        "north 2026-03-29T01:00+01:00 mono 0.0 – *",
        "north 2026-03-29T03:00+02:00 mono 100.0 60.00",
        "north 2026-03-29 04:00 to 2026-04-03 00:00 mono: no sound",
        "north 2026-04-03T00:00+02:00 mono 100.0 60.00",
        "--out FILE writes a row for each period without sound",
        "local time Europe/Berlin",
    ]
    out = tmp_path / "hours.csv"
    assert main(["summarise", str(results), *BERLIN, "--every", "hour", "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert table["period"].nunique() == 5 * 24 + 1
    assert table["marks"][0] == "covered to < 0.1 %"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_table_has_units_standards_and_coverage(
    stations: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"days{ending}"
    assert main(["summarise", str(stations), *BERLIN, "--out", str(out)]) == 0
    table = {".csv": pd.read_csv, ".parquet": pd.read_parquet}[ending](out)
    one = table[(table["station"] == "south") & (table["period"] == "2026-07-01")]
    by_label = one.set_index(one["indicator"] + one["statistic"])
    leq = by_label.loc["LAeq"]
    assert leq["value"] == pytest.approx(50.0 + MEAN)
    assert (leq["unit"], leq["standard"]) == ("dB", "IEC 61672-1:2013")
    assert leq["coverage_percent"] == pytest.approx(100 * 20 / 24)
    assert leq["marks"] == "evening covered to 0 %; clipping in 1 piece"
    assert leq["start"] == "2026-07-01T00:00:00+02:00"
    assert by_label.loc["LA50", "value"] == 50.0
    assert by_label.loc["Lden", "standard"].startswith("Directive 2002/49/EC, Annex I")
    assert pd.isna(by_label.loc["Lden", "value"])
    assert main(["summarise", str(stations), *BERLIN, "--out", str(out)]) == 5  # it exists


def test_the_wide_table_has_a_row_for_each_period(stations: Path, tmp_path: Path) -> None:
    out = tmp_path / "days.csv"
    command = ["summarise", str(stations), *BERLIN, "--wide", "--labels", "LA10,LAeq"]
    assert main([*command, "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert [name for name in table if name[0] == "L"] == [
        *("LAeq [dB]", "LA10 [dB]"),
        *("Lday [dB]", "Levening [dB]", "Lnight [dB]", "Lden [dB]"),
    ]
    assert table["LAeq [dB]"].tolist() == pytest.approx([60 + MEAN] * 2 + [50 + MEAN] * 2)


def test_json_has_null_where_nothing_was_measured(
    stations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["summarise", str(stations), *BERLIN, "--labels", "LAeq", "--json"]
    assert main([*command, "--coverage", "40"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "soundcal/periods/1"
    assert (found["every"], found["coverage_limit"]) == ("day", 0.4)
    values = {row["statistic"]: row["value"] for row in found["rows"] if row["station"] == "south"}
    assert values["evening"] is None


def test_the_page_has_courses_coverage_and_ratings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sounds = [
        Sound(START + timedelta(hours=n), 3600.0, 60.0, "north/a.wav", first=n * 3600 * FS)
        for n in range(25)
    ]
    south = Sound(START + timedelta(hours=30), 3600.0, 50.0, "south/a.wav", "south")
    write_dataset(tmp_path / "results", [*sounds, south])
    out = tmp_path / "report"
    command = ["summarise", str(tmp_path / "results"), *BERLIN, "--report", str(out)]
    assert main([*command, "--title", "Two yards"]) == 0
    page = (out / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert "Two yards" in page
    assert page.count("<svg") == 1 + 2 * 3  # coverage; day, days and calendar of each station
    assert "2026-07-01 to 2026-07-02, 2 stations, local time Europe/Berlin" in page
    assert "66.40" in page  # Lden of north, which has one hour of night more
    assert "incident sound" in page
    assert main(command) == 5
    assert "already exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--every", "7h"], 2, "divides a day"),
        (["--local-time", "Mars/Olympus"], 2, "IANA"),
        (["--labels", "NHM5"], 2, "not in this dataset"),
        (["--rating", "day=07:00"], 2, "penalty in dB"),
        (["--coverage", "175"], 2, "0 to 100"),
        (["--wide"], 2, "--out FILE"),
        (["--pdf"], 2, "--report DIR"),
        (["--every", "recording", "--report", "r"], 2, "hours and days"),
        (["--out", "t.txt"], 2, ".parquet"),
    ],
)
def test_what_cannot_be_done_is_refused(
    stations: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    message: str,
) -> None:
    assert main(["summarise", str(stations), *options]) == code
    assert message in capsys.readouterr().err


def test_the_value_of_both_ears_is_a_channel_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundcal.report.periods._MOST_ROWS", 2)
    sounds = [
        replace(one, first=n * 3600 * FS, start=START + timedelta(hours=n))
        for n in range(2)
        for one in (
            Sound(START, 3600.0, 60.0, "yard/a.wav", "yard", channels=("left", "right")),
            Sound(START, 3600.0, 0.0, "yard/a.wav", "yard", channels=("binaural",), symbol="NHM"),
        )
    ]
    wanted = {"LA": ("eq",), "NHM": ("max",)}
    results = write_dataset(tmp_path / "results", sounds, wanted=wanted)
    out, report = str(tmp_path / "t.csv"), str(tmp_path / "report")
    assert main(["summarise", str(results), "--out", out, "--report", report]) == 0
    table = pd.read_csv(out)
    found = table.groupby("channel")["indicator"].unique().map(sorted).to_dict()
    assert found == {"left": ["L", "LA"], "right": ["L", "LA"], "binaural": ["NHM"]}
    page = Path(report, "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert "yard, binaural: 2.0 h of sound" in page
    assert "yard, left: LAeq 60.00 dB(A)" in page
    assert "3 rows, more than a page shows" in page
    # the louder ear, of which there is no binaural value
    assert main(["summarise", str(results), "--ears", "max", "--report", report, "--force"]) == 0
    page = Path(report, "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert "yard, max: LAeq 60.00 dB(A)" in page
    assert page.count("<svg") == 4


def test_a_recording_of_a_dataset_has_the_values_of_measure(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    level = 0.01 * 10 ** np.repeat(rng.normal(0.0, 0.3, 130), 8000)
    path = tmp_path / "20260701_000030.wav"
    soundfile.write(
        path, level * rng.standard_normal(130 * 8000).clip(-4, 4), 8000, subtype="PCM_24"
    )
    command = ["measure", str(path), "--indicators", "levels", "--sensitivity", "1", "--out"]
    assert main([*command, str(tmp_path / "whole.csv")]) == 0
    start = ["--start-from", "%Y%m%d_%H%M%S", "--time-zone", "Europe/Berlin", "--piece", "1min"]
    assert main([*command, f"{tmp_path}/results/", *start]) == 0
    whole = pd.read_csv(tmp_path / "whole.csv")
    found = values_table(tmp_path / "results")
    assert len(found) == len(whole) > 30
    both = whole.merge(found, on=["channel", "indicator", "statistic"])
    of_energy = both["statistic"].isin(["eq", "E"])
    error = (both["value_x"] - both["value_y"]).abs()
    assert (error[of_energy] < 1e-6).all()
    assert (error[~of_energy] < 2.0**-16 * both["value_x"][~of_energy] + 1e-6).all()
    minutes = summarise(tmp_path / "results", {"t": as_every("1min")}).tables["t"].rows
    assert [(row.period.name[11:16], row.covered) for row in minutes] == [
        ("00:00", 30.0),
        ("00:01", 60.0),
        ("00:02", 40.0),
    ]


@pytest.fixture(scope="module")
def methods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five recordings of two pieces each by two methods 1 dB apart, in two datasets and in one."""
    folder = tmp_path_factory.mktemp("methods")

    def sounds(method: str, offset: float, below: str) -> list[Sound]:
        return [
            Sound(
                None,
                60.0,
                60.0 + n + offset + 0.1 * (n % 2) + 3.0 * piece,
                f"{below}S{n}.wav",
                method,
                piece * 60 * FS,
                ("left", "right"),
            )
            for n in range(5)
            for piece in range(2)
        ]

    for method, offset in (("hats", 0.0), ("ocv", 1.0)):
        write_dataset(folder / method, sounds(method, offset, ""))
    both = [*sounds("hats", 0.0, "hats/"), *sounds("ocv", 1.0, "ocv/")]
    write_dataset(folder / "both", both)
    return folder


def test_compare_reads_datasets(methods: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for names in (["ocv", "hats"], ["both"]):
        paths = [str(methods / name) for name in names]
        assert main(["compare", *paths, "--reference", "ocv", "--json"]) == 0
        rows = pd.DataFrame(json.loads(capsys.readouterr().out)["agreement"])
        leq = rows[(rows["indicator"] == "LA") & (rows["statistic"] == "eq")].iloc[0]
        assert (leq["n"], leq["bias"]) == (5, pytest.approx(1.0))
    assert main(["compare", str(methods / "hats")]) == 5


def test_report_reads_datasets(
    methods: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hats = str(methods / "hats")
    command = ["report", "--indicators", "LAeq", "--out"]
    assert main([*command, str(tmp_path / "one"), hats]) == 0
    values = pd.read_csv(tmp_path / "one" / "indicators.csv").set_index(["stimulus", "channel"])
    merged = 60.0 + 10 * math.log10((1 + 10**0.3) / 2)  # of 60 dB and 63 dB
    assert values.loc[("S0", "left"), "value"] == pytest.approx(merged, abs=1e-6)
    assert len(values) == 10
    two = [*command, str(tmp_path / "two"), hats, str(methods / "ocv")]
    assert main(two) == 0
    agreement = pd.read_csv(tmp_path / "two" / "agreement.csv")
    assert agreement["bias"].tolist() == pytest.approx([-1.0])
    capsys.readouterr()
    assert main(["report", hats, "--sensitivity", "2"]) == 2
    assert "measured already" in capsys.readouterr().err
    assert main(["report", hats, str(tmp_path)]) == 2
    assert "not a dataset" in capsys.readouterr().err


def test_the_report_of_one_dataset_lies_in_it_and_is_no_part_of_it(tmp_path: Path) -> None:
    sound, results = tmp_path / "sound" / "a.wav", tmp_path / "results"
    sound.parent.mkdir()
    soundfile.write(sound, 0.1 * np.random.default_rng(1).standard_normal(8000).clip(-4, 4), 8000)
    measure = ["measure", str(sound), "--indicators", "LAeq", "--sensitivity", "1"]
    measure += ["--out", f"{results}/", "--json"]
    assert main(measure) == 0
    before = values_table(results)
    assert main(["report", str(results)]) == 0
    assert (results / "derivatives" / "report.html").is_file()
    assert main(measure) == 0  # nothing is in its way
    logs = [json.loads(path.read_text()) for path in sorted((results / "runs").glob("*.json"))]
    assert sorted((log["pieces"], log["pieces_there"]) for log in logs) == [(0, 1), (1, 0)]
    pd.testing.assert_frame_equal(values_table(results), before)
    assert len(pd.read_parquet(results / "summaries")) == 1
    assert not list((results / "derivatives").rglob("*.parquet"))
