"""``soundcal compare`` takes what ``measure`` wrote, and tables of other programs, as typed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.files import audio

FS = 48000
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods, three sounds, louder on the right."""
    folder = tmp_path_factory.mktemp("recordings")
    rng = np.random.default_rng(2)
    for method, gain in (("hats", 1.0), ("ocv", 1.1)):
        (folder / method).mkdir()
        for name, level in (("a", 0.02), ("b", 0.05), ("c", 0.1)):
            noise = level * gain * rng.standard_normal((2, FS // 2)) * [[1.0], [1.3]]
            audio.write(folder / method / f"{name}.wav", noise, FS, subtype="FLOAT")
    return folder


def measured(folder: Path, name: str, *words: str) -> list[str]:
    """Return the tables of both methods."""
    made = []
    for method in ("hats", "ocv"):
        (folder / name).mkdir(exist_ok=True)
        ending = {"workbook": "xlsx", "parquet": "parquet"}.get(name, "csv")
        out = folder / name / f"{method}.{ending}"
        command = ["measure", str(folder / method), "--sensitivity", "1", "--out", str(out)]
        command += ["--channels", "left,right", "--indicators", "LAeq,N5", *words]
        assert main(command) == 0
        made.append(str(out))
    return made


def compared(capsys: Capsys, *words: str) -> tuple[list[dict[str, Any]], str]:
    capsys.readouterr()
    assert main(["compare", *words, "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out)["agreement"], err


def test_all_tables_of_measure_give_the_same(recordings: Path, capsys: Capsys) -> None:
    plain = measured(recordings, "plain")
    several = ("--ears", "each,max,energy")
    tables = [
        measured(recordings, "several", *several),
        measured(recordings, "wide", "--wide", *several),
        measured(recordings, "workbook", "--wide", *several),
        measured(recordings, "parquet", *several),
        measured(recordings, "named", "--wide", "--condition", "x"),
    ]
    for ears in ("mean", "max", "energy", "left", "both"):
        expected, _ = compared(capsys, *plain, "--ears", ears)
        for table in tables[:4]:
            found, _ = compared(capsys, *table, "--ears", ears)
            for row, same in zip(found, expected, strict=True):
                assert row["ears"] == same["ears"]
                for key in ("bias", "lower", "upper"):
                    assert row[key] == pytest.approx(same[key], rel=1e-12)
    capsys.readouterr()
    assert main(["compare", *tables[4]]) == 5  # both are of the condition x
    assert "one condition only (x)" in capsys.readouterr().err


def test_what_a_rule_has_made_is_used_only_if_it_is_asked_for(
    recordings: Path, capsys: Capsys
) -> None:
    tidy = measured(recordings, "max", "--ears", "max,energy")
    wide = measured(recordings, "widemax", "--ears", "max", "--wide")
    expected, _ = compared(capsys, *measured(recordings, "plain2"), "--ears", "max")
    for tables in (tidy, wide, [tidy[0], measured(recordings, "both", "--ears", "each,max")[1]]):
        found, _ = compared(capsys, *tables, "--ears", "max")
        assert [row["bias"] for row in found] == pytest.approx([row["bias"] for row in expected])
        assert {row["ears"] for row in found} == {"max"}
        assert main(["compare", *tables]) == 5
        said = capsys.readouterr().err
        assert "of both ears only, but the rule is mean; choose --ears " in said
    energy = compared(capsys, *tidy, "--ears", "energy")[0]
    assert {row["indicator"]: row["ears"] for row in energy} == {"LA": "energy", "N": "mean"}


def test_the_example_of_the_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    text = capsys.readouterr().out
    lines = [line.strip() for line in text.splitlines()]
    first = next(n for n, line in enumerate(lines) if line.startswith("Datei;"))
    table = "\n".join(lines[first : first + 3]) + "\n"
    Path("hats.csv").write_text(table)
    Path("ocv.csv").write_text(table.replace("61,2", "61,6"))
    command = next(line for line in lines if line.startswith("soundcal compare hats.csv ocv.csv"))
    assert main(command.split()[1:]) == 0
    assert "LAeq, hats − ocv = −0.10 dB(A) on average over 2 stimuli" in capsys.readouterr().err
    start = next(n for n, line in enumerate(lines) if line.startswith("sheet ="))
    end = next(n for n, line in enumerate(lines) if line.startswith('take = "1"'))
    Path("map.toml").write_text("\n".join(lines[start : end + 1]))
    head = "Sound file;Pegel links;Lautheit 1\nstreet.wav;61,2;12,4\npark.wav;64,5;15,2\n"
    Path("hats.csv").write_text(head)
    Path("ocv.csv").write_text(head)
    words = ["hats.csv", "ocv.csv", "--mapping", "map.toml", "--ears", "left"]
    found, said = compared(capsys, *words)
    assert [row["indicator"] for row in found] == ["LA", "N"]
    assert found[0]["first"] == "hats"
    assert found[0]["second"] == "headphones"
    assert "never occurs" not in said


def test_relate_reads_the_same_tables(tmp_path: Path, capsys: Capsys) -> None:
    (tmp_path / "hats.csv").write_text(
        "Klang;Pegel\n" + "".join(f"s{n};{60 + n}\n" for n in range(6))
    )
    (tmp_path / "ocv.csv").write_text(
        "Klang;Pegel\n" + "".join(f"s{n};{59 + n * 1.1}\n" for n in range(6))
    )
    (tmp_path / "m.toml").write_text('[columns]\nstimulus = "Klang"\n[wide]\nLAeq = "Pegel"\n')
    rng = np.random.default_rng(1)
    rows = [
        f"p{p},{c},s{n},annoying,{rng.uniform(10, 90):.1f}"
        for p in range(5)
        for c in ("hats", "ocv")
        for n in range(6)
    ]
    (tmp_path / "r.csv").write_text(
        "participant,condition,stimulus,attribute,value\n" + "\n".join(rows)
    )
    tables = [str(tmp_path / name) for name in ("hats.csv", "ocv.csv", "r.csv")]
    words = ["--scale", "0", "100", "--permutations", "99", "--json"]
    assert main(["relate", *tables, *words, "--study-mapping", str(tmp_path / "m.toml")]) == 0
    assert "LAeq" in capsys.readouterr().out
    assert main(["relate", *tables, *words]) == 5
    assert "no column is an indicator" in capsys.readouterr().err


def test_bias_and_limits_of_every_indicator_are_on_the_screen(
    recordings: Path, capsys: Capsys
) -> None:
    tables = measured(recordings, "screen")
    rows, screen = compared(capsys, *tables, "--scale", "N=ratio")
    assert [(row["indicator"], row["scale"]) for row in rows] == [
        ("LA", "difference"),
        ("N", "ratio"),
    ]
    level, loudness = rows
    lines = screen.splitlines()
    heads = ["hats − ocv   n  bias", "hats / ocv   n  bias"]
    for head, label, row, form in (
        (heads[0], "LAeq dB(A)", level, "+.2f"),
        (heads[1], "N5 ×", loudness, ".3f"),
    ):
        at = next(n for n, line in enumerate(lines) if line.split()[:5] == head.split())
        shown = lines[at + 1]
        assert shown.startswith(label)
        numbers = [row["bias"], row["lower"], row["upper"]]
        for number in numbers:
            assert format(number, form).replace("-", "−") in shown
