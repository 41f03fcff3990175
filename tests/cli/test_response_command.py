"""``soundcal response``: import, show, combine."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from soundcal.cli import main
from soundcal.files.shipped import shipped
from soundcal.response import load_response, open_response

UMIK = '"Sens Factor =-1.198dB, SERNO: 7114754"\n'
ROWS = "20\t-2\n1000\t.5\n10000\t3.5\n20000\t-1\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("7114754_90deg.txt").write_text(UMIK + ROWS)


def test_a_calibration_file_becomes_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["response", "import", "7114754_90deg.txt", "--out", "mic.json", "--json"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    schema = json.loads((shipped("schema") / "response.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(json.loads(out))
    response = load_response("mic.json")
    assert (response.source_point, response.target_point) == ("P", "FS")
    assert response.incidence == "90deg"
    assert response.channel("left").level(10000.0) == 3.0
    assert "kept, and not used as a level" in err
    assert "0.50 dB at 1000 Hz are subtracted" in err
    assert "+3.00 dB at 10000 Hz (line 4): the microphone reads 3.00 dB too much there" in err
    assert main(command) == 5
    assert "exists" in capsys.readouterr().err


def test_options_of_the_import(capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.txt").write_text("f;a;b\n20;0;1\n100;-4;1\n250;-3;2\n9000;1;3\n")
    command = "response import t.txt --as correction --columns 1,3 --normalise-at 250"
    assert main([*command.split(), "--channel", "left", "--out", "r.json"]) == 0
    assert load_response("r.json").channel("left").magnitude_db.tolist() == [1, 1, 0, -1]
    command = "response import t.txt --from DF --to DRP --kind absolute --shift 4 --out df.csv"
    assert main(command.split()) == 0
    assert open_response("df.csv").channel("mono").magnitude_db.tolist() == [4, 0, 1, 5]
    capsys.readouterr()


def test_ears_become_the_channels_of_one_response(capsys: pytest.CaptureFixture[str]) -> None:
    for side in ("LEFT", "RIGHT"):
        head = f'"EARS Serial 1-2, compensation RAW V1"\n"Use this file on the {side} channel."\n'
        Path(f"{side}.txt").write_text(f"{head}20 -2 0\n1000 0 0\n20000 {len(side)} 0\n")
    files = ["response", "import", "LEFT.txt", "RIGHT.txt"]
    assert main([*files, "--out", "ears.json"]) == 0
    ears = load_response("ears.json")
    assert [ears.channel(side).level(2e4) for side in ("left", "right")] == [4.0, 5.0]
    out, err = capsys.readouterr()
    assert "right: largest value: +5.00 dB at 20000 Hz (line 5)" in err
    assert main(["response", "show", "ears.json"]) == 0
    shown = capsys.readouterr().out
    assert shown == out
    assert "\nfile: left: LEFT.txt; right: RIGHT.txt\nsign: as found\n" in shown
    assert "\nuncertainty: assumed: rectangular, half width 0.3 dB to 1 kHz" in shown
    assert main([*files, "--channel", "left", "--out", "x.json"]) == 2
    assert "2 names are expected, one per file" in capsys.readouterr().err


def test_one_file_for_two_ears_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("copy.txt").write_text(UMIK + ROWS)
    Path("other.txt").write_text(UMIK + ROWS.replace("3.5", "3.6"))
    ears = ["--channel", "left,right", "--incidence", "90deg", "--out", "ears.json", "--force"]
    said = "warning: left and right come from files of the same content"
    for second, expected in (("copy.txt", True), ("other.txt", False)):
        assert main(["response", "import", "7114754_90deg.txt", second, *ears]) == 0
        assert (said in capsys.readouterr().err) == expected


def test_a_types_correction_is_added(capsys: pytest.CaptureFixture[str]) -> None:
    Path("type.csv").write_text(
        "# soundcal-response 1\n# from: P\n# to: P\n# kind: absolute\n# incidence: random\n"
        "frequency_hz,magnitude_db,u_db\n10,0,0.1\n1000,0.2,0.1\n20000,6.2,0.3\n"
    )
    Path("actuator.txt").write_text(ROWS)
    command = "response import actuator.txt --add type.csv --out mic.json"
    assert main(command.split()) == 0
    response = load_response("mic.json")
    assert response.incidence == "random"
    assert response.channel("mono").level([1000.0, 20000.0]) == pytest.approx([0.0, 4.5])
    capsys.readouterr()


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("import eq.txt --out r.json", 2, "is this a correction"),
        ("import eq.txt --as response --out r.json", 0, "written: r.json"),
        ("import bad.txt --out r.json", 5, "bad.txt: line 2: '3,150.796,   4.31'"),
        ("import none.txt --out r.json", 5, "none.txt: no such file"),
        ("import eq.txt --out r.txt", 2, "r.txt: written are .json, .csv"),
        ("show generic-ff --plot r.doc", 2, "written are .png, .svg, .pdf"),
        ("import own.csv --as correction --out r.json", 2, "holds a response"),
        ("import own.csv --from P --out r.json", 2, "'P' is asked for, but the file says 'DF'"),
        ("show eq.txt", 5, "import it first"),
        ("show generic-ff --at -1", 2, "frequencies above 0 Hz"),
        ("combine generic-ff generic-ff --out r.json", 0, "generic-ff: reversed, DRP to FF"),
        ("combine generic-ff own.csv --out r.json", 0, "own.csv: reversed, DRP to DF"),
        ("combine generic-ff --out r.json", 2, "at least 2"),
        ("combine p58-erp-drp own.csv p58-erp-drp --out r.json", 2, "leads to DF, but"),
    ],
)  # fmt: skip
def test_exit_codes_and_messages(
    command: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("eq.txt").write_text("20 -1\n1000 0\n")
    Path("bad.txt").write_text("781.25,  0.72\n3,150.796,   4.31\n")
    Path("own.csv").write_text(
        "# soundcal-response 1\n# from: DF\n# to: DRP\n# kind: absolute\n"
        "frequency_hz,magnitude_db\n20,0\n100,0\n20000,3\n"
    )
    assert main(["response", *command.split()]) == code
    assert message in capsys.readouterr().err


def test_show_prints_levels_and_draws_them(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--at", "10,1000,2500", "--plot", "ff.svg", "--out", "ff.json"]
    assert main(["response", "show", "generic-ff", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "generic-ff: FF to DRP, absolute, dB re Pa/Pa"
    assert "flag: not your HATS" in lines
    assert [line.split() for line in lines[-3:]] == [
        ["10", "(held)", "0.00", "1.00"], ["1000", "2.60", "1.00"], ["2500", "16.80", "1.00"],
    ]  # fmt: skip
    assert "<svg" in Path("ff.svg").read_text(encoding="utf-8")
    assert load_response("ff.json").id == open_response("generic-ff").id
    record = json.loads(Path("ff.json").read_text())
    record["channels"]["all"]["magnitude_db"][0] = 1.0
    Path("ff.json").write_text(json.dumps(record))
    assert main(["response", "show", "ff.json"]) == 0
    assert "ff.json: changed after it was made" in capsys.readouterr().err
