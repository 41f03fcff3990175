"""Recordings know their reference point, and are referred to a sound field before measuring.

The figures are those of the specification of responses: signs, levels that must not move, and the
loudness of a recording at the ear drum.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import soundcal
from soundcal.calibration.model import TO_1_KHZ, Chain, Link, new_calibration
from soundcal.calibration.stated import from_sensitivity
from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration, save_calibration
from soundcal.indicators import compute_results
from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.sound_field import point_flags
from soundcal.recording import EAR_DRUM, WRONG_FIELD, Recording
from soundcal.response import Equaliser, generic_response

FS = 48000
FREE_FIELD = (generic_response("generic-ff"),)
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tone(*frequencies: float) -> Any:
    """Tones of 1 s that fade in and out within silence, in pascal."""
    t = np.arange(FS) / FS
    mixed = sum(np.sin(2 * np.pi * f * t) for f in frequencies) * np.hanning(FS)
    return 0.1 * np.pad(mixed, FS // 4)[np.newaxis]


def calibrated(name: str, *channels: str, frequency: float | None = None, **stated: str) -> str:
    """Write a calibration of 1 Pa per full scale, and return its name."""
    chains = from_sensitivity(dict.fromkeys(channels or ["mono"], 1.0)).chains
    calibrator = {} if frequency is None else {"calibrator": {"frequency": frequency}}
    made = new_calibration("stated", "input", chains, details={**calibrator, **stated})
    save_calibration(name, made)
    return name


def take(name: str, pressure: Any) -> str:
    audio.write(name, pressure, FS, subtype="DOUBLE")
    return name


def values(capsys: Capsys, *command: str, code: int = 0) -> dict[str, float]:
    """Measure, and return the values by channel and label."""
    assert main(["measure", *command, "--json"]) == code
    rows = json.loads(capsys.readouterr().out)["rows"]
    return {f"{row['channel']} {row['indicator']}{row['statistic']}": row["value"] for row in rows}


def imported(capsys: Capsys, lines: str, *options: str) -> str:
    """Import a microphone's file of the rows given, and return the name of its record."""
    Path("chart.txt").write_text(lines)
    assert main(["response", "import", "chart.txt", *options, "--out", "mic.json", "--force"]) == 0
    capsys.readouterr()
    return "mic.json"


BRIGHT = "20 0\n1000 0\n5000 0\n10000 3\n20000 3\n"


@pytest.mark.parametrize(("sign", "change"), [("response", -3.0), ("correction", 3.0)])
def test_a_microphones_response_is_undone(sign: str, change: float, capsys: Capsys) -> None:
    """It reads 3 dB too much at 10 kHz; the calibrator's tone keeps its level."""
    mic, ears = imported(capsys, BRIGHT, "--as", sign), calibrated("mic-cal.json", frequency=1000.0)
    for frequency, expected, within in ((10000.0, change, 0.01), (1000.0, 0.0, 0.0005)):
        file = take(f"{frequency:.0f}.wav", tone(frequency))
        plain = [file, "--calibration", ears, "--indicators", "LZeq"]
        before = values(capsys, *plain)["mono LZeq"]
        after = values(capsys, *plain, "--response", mic)["mono LZeq"]
        assert after - before == pytest.approx(expected, abs=within)


def test_the_tone_of_a_pistonphone_keeps_its_level(capsys: Capsys) -> None:
    """The response is 0 dB at 1 kHz and 1 dB at 250 Hz, where it was calibrated."""
    mic = imported(capsys, "20 1\n500 1\n1000 0\n20000 0\n")
    ears = calibrated("pistonphone.json", frequency=250.0)
    for frequency, change in ((250.0, 0.0), (2000.0, 1.0)):
        file = take(f"{frequency:.0f}.wav", tone(frequency))
        plain = [file, "--calibration", ears, "--indicators", "LZeq"]
        before = values(capsys, *plain)["mono LZeq"]
        after = values(capsys, *plain, "--response", mic)["mono LZeq"]
        assert after - before == pytest.approx(change, abs=0.001)


def test_a_stated_level_is_that_of_the_recording_as_it_is(capsys: Capsys) -> None:
    mic, file = imported(capsys, BRIGHT, "--as", "response"), take("tone.wav", tone(10000.0))
    command = ["measure", file, "--stated-level", "70", "--indicators", "LAeq"]
    assert main(command) == 0
    assert "before the responses" not in capsys.readouterr().err
    assert main([*command, "--response", mic]) == 0
    said = capsys.readouterr()
    assert "the stated level is that of the recording as it is, before the responses" in said.err
    assert "67.0" in said.out


def test_a_response_is_not_undone_twice_at_the_frequency_of_a_pistonphone(capsys: Capsys) -> None:
    """The difference of 1 dB from 250 Hz to 1 kHz was stated, and is in the sensitivity."""
    mic = imported(capsys, "20 1\n500 1\n1000 0\n20000 0\n")
    details = {"calibrator": {"frequency": 250.0}}
    save_calibration(
        "moved.json",
        new_calibration(
            "calibrator",
            "input",
            {"mono": Chain((Link("stated", 1.0), Link(TO_1_KHZ, 1.0)))},
            details=details,
        ),
    )
    for frequency, change in ((250.0, -1.0), (1000.0, 0.0), (2000.0, 0.0)):
        file = take(f"{frequency:.0f}.wav", tone(frequency))
        plain = [file, "--calibration", "moved.json", "--indicators", "LZeq"]
        before = values(capsys, *plain)["mono LZeq"]
        after = values(capsys, *plain, "--response", mic)["mono LZeq"]
        assert after - before == pytest.approx(change, abs=0.001)


def test_the_free_field_is_below_the_ear_drum_at_1_khz(capsys: Capsys) -> None:
    file, drum = take("tone.wav", tone(1000.0)), calibrated("drum.json", point="DRP")
    plain = [file, "--calibration", drum, "--indicators", "LZeq"]
    before = values(capsys, *plain)["mono LZeq"]
    command = [*plain, "--refer-to", "ff", "--out", "table.csv"]
    after = values(capsys, *command)["mono LZeq"]
    assert after - before == pytest.approx(-2.60, abs=0.01)
    [row] = csv.DictReader(Path("table.csv").read_text().splitlines())
    assert row["software"].endswith(f", response {generic_response('generic-ff').id} undone")


def test_a_diffuse_sound_has_its_loudness_again(capsys: Capsys) -> None:
    """As recorded, it is flagged; referred to the diffuse field, it is what was there."""
    noise = 0.02 * np.random.default_rng(4).standard_normal((1, FS))
    field = Recording(noise, FS, "there", point="DF")
    head = generic_response("generic-df")
    heard = Equaliser(head, direction="embed", fs=FS, channels=("mono",)).apply(field)
    there, drum = take("there.wav", noise), take("drum.wav", heard.pressure)
    at_drum = ["--calibration", calibrated("drum.json", point="eardrum")]
    names = ["--indicators", "N,S,LA"]

    true = values(capsys, there, "--calibration", calibrated("df.json", point="DF"), *names)
    assert main(["measure", drum, *at_drum, *names, "--json"]) == 0
    raw = json.loads(capsys.readouterr().out)
    [flag] = (text for text in raw["flags"][drum] if "(DRP)" in text)
    assert "the outer ear once too often in LA, N, S; for sound from the front LAeq" in flag
    assert "LAeq 8.5 dB (2.7 to 15.2 dB)" in flag
    assert "N5 60 % (31 to 114 %) too high" in flag
    assert raw["points"] == {drum: "DRP"}
    found = {f"{r['indicator']}{r['statistic']}": r["value"] for r in raw["rows"]}
    assert found["N5"] > 1.2 * true["mono N5"]

    assert main(["measure", drum, *at_drum, *names, "--refer-to", "df", "--json"]) == 0
    referred = json.loads(capsys.readouterr().out)
    assert any("an average head" in text for text in referred["flags"][drum])
    assert "(DRP)" not in str(referred["flags"])
    assert referred["field"] == "diffuse"
    assert referred["points"] == {drum: "DF"}
    [step] = referred["equalisation"][drum]
    assert (step["id"], step["direction"]) == (head.id, "undo")
    for row in referred["rows"]:
        label = f"{row['indicator']}{row['statistic']}"
        if row["indicator"] == "N":
            assert row["value"] == pytest.approx(true[f"mono {label}"], rel=0.005), label
    assert all("diffuse field" in row["software"] for row in referred["rows"])


def test_the_sound_field_follows_from_the_point(capsys: Capsys) -> None:
    file = take("noise.wav", 0.02 * np.random.default_rng(1).standard_normal((1, FS // 2)))
    fields = {}
    for name, stated in (
        ("ff", {"point": "FF"}),
        ("id", {"point": "ID"}),
        ("df", {"point": "diffuse-field"}),
        ("random", {"point": "P", "incidence": "random"}),
        ("front", {"point": "P", "incidence": "0deg"}),
        ("open", {}),
    ):
        ears = calibrated(f"{name}.json", **stated)
        command = ["measure", file, "--calibration", ears, "--indicators", "N", "--json"]
        assert main(command) == 0
        found = capsys.readouterr()
        assert "flag" not in found.err
        fields[name] = json.loads(found.out)["field"]
        assert main([*command, "--field", "diffuse"]) == 0
        other = "belongs to a free field, but the diffuse field was stated (--field) for N"
        assert (other in capsys.readouterr().err) == (name in ("ff", "id", "front"))
    assert fields == {
        "ff": "free", "id": "free", "df": "diffuse", "random": "diffuse", "front": "free",
        "open": "free",
    }  # fmt: skip


def test_ears_that_do_not_state_their_point_get_one_note(capsys: Capsys) -> None:
    noise = 0.02 * np.random.default_rng(1).standard_normal((2, FS // 2))
    files = [take("a.wav", noise), take("b.wav", noise)]
    plain = ["measure", *files, "--calibration", calibrated("ears.json", "left", "right")]
    note = "the reference point of the ears is not stated"
    assert main([*plain, "--indicators", "N"]) == 0
    assert capsys.readouterr().err.count(note) == 1
    assert main([*plain, "--indicators", "LAeq"]) == 0
    assert note not in capsys.readouterr().err
    assert main([*plain, "--indicators", "LAeq", "--refer-to", "df"]) == 0
    assert capsys.readouterr().err.count("is not stated; taken to be DRP") == 1


def test_models_of_hearing_may_take_the_ear_drum(capsys: Capsys) -> None:
    file = take("noise.wav", 0.02 * np.random.default_rng(1).standard_normal((1, FS // 2)))
    plain = ["measure", file, "--calibration", calibrated("drum.json", point="DRP")]
    for field, flagged in (("eardrum", False), ("free", True)):
        assert main([*plain, "--indicators", "NHM", "--field", field]) == 0
        assert ("outer ear once too often" in capsys.readouterr().err) == flagged


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--refer-to", "id"], "only the maker knows"),
        (["--refer-to", "ff", "--response", "generic-df"], "begins at FF is expected"),
        (["--response", "generic-df"], "state to which field"),
        (["--refer-to", "df", "--response", "left.csv"], "no channel 'mono', only left"),
        (["--refer-to", "df", "--response", "generic-df", "--response", "generic-df"], "one is"),
        (["--refer-to", "df", "--calibration", "ff.json"], "the recording refers to FF"),
    ],
)
def test_what_does_not_lead_to_the_field_is_refused(
    options: list[str], told: str, capsys: Capsys
) -> None:
    calibrated("ff.json", point="FF")
    Path("left.csv").write_text(
        "# soundcal-response 1\n# from: DF\n# to: DRP\n# kind: absolute\n# channel: left\n"
        "frequency_hz,magnitude_db\n20,0\n100,0\n1000,3\n20000,2\n"
    )
    given = [] if "--calibration" in options else ["--calibration", calibrated("drum.json")]
    command = ["measure", take("tone.wav", tone(1000.0)), "--indicators", "LZeq"]
    assert main([*command, *given, *options]) != 0
    assert told in capsys.readouterr().err


def test_point_and_incidence_are_kept_by_calibrations_and_records(capsys: Capsys) -> None:
    stated = ["calibrate", "--method", "stated", "--pa-per-fs", "2"]
    assert main([*stated, "--point", "P", "--incidence", "random", "--out", "c.json"]) == 0
    kept = load_calibration("c.json")
    assert (kept.point, kept.incidence) == ("P", "random")
    record = ["record", "take.wav", "--device", "sim:lab", "--inputs", "1", "--duration", "0.5"]
    assert main([*record, "--point", "DRP", "--incidence", "0deg"]) == 2
    assert "add --point P" in capsys.readouterr().err
    assert main([*record, "--point", "DRP"]) == 0
    ears = calibrated("coupler.json", point="coupler")
    read = soundcal.read("take.wav", calibration=ears)
    assert (read.point, read.equalisation) == ("DRP", ())
    [result] = compute_results(read, ["LAeq"]).values()
    assert any("at the ear drum (DRP)" in text for text in result.warnings)


def test_every_indicator_that_models_the_ear_is_flagged_at_the_drum() -> None:
    """So are levels; ratios of tones to the noise around them are hardly concerned."""
    for symbol, entry in REGISTRY.items():
        kinds = [flag.kind for flag in point_flags("DRP", "", "free", [symbol])]
        assert kinds == ([] if entry.family == "prominence" else [EAR_DRUM]), symbol
        assert not point_flags("FF", "", "free", [symbol])
    [flag] = point_flags("DF", "", "free", ["N", "LA"])
    assert flag.kind == WRONG_FIELD
    assert flag.text.endswith("for N")
    assert not point_flags("DF", "", "free", ["LA"])


def test_a_response_is_undone_in_live_levels(capsys: Capsys) -> None:
    """It is 3 dB from 10 kHz and 0 dB up to 5 kHz; the samples that are kept stay as they are."""
    mic = imported(capsys, BRIGHT)
    live = ["--device", "sim:lab", "--inputs", "1", "--duration", "1"]
    seen = []
    for options in ([], ["--response", mic]):
        assert main(["monitor", *live, "--json", *options]) == 0
        [second] = capsys.readouterr().out.splitlines()
        seen.append(json.loads(second)["channels"]["mono"]["bands"])
        assert main(["record", "take.wav", *live, "--force", *options]) == 0
        seen[-1]["kept"] = audio.read("take.wav").sha256
        seen[-1]["overall"] = float(
            capsys.readouterr().err.split("overall level: mono ")[1].split()[0]
        )
    plain, undone = seen
    assert undone["12500"] - plain["12500"] == pytest.approx(-3.0, abs=0.05)
    assert undone["1000"] - plain["1000"] == pytest.approx(0.0, abs=0.05)
    assert undone["overall"] < plain["overall"]
    assert undone["kept"] == plain["kept"]
    assert main(["monitor", *live, "--response", "generic-df"]) == 2


def test_a_calibration_names_the_response_of_its_microphone(capsys: Capsys) -> None:
    mic = imported(capsys, BRIGHT)
    stated = ["calibrate", "--method", "stated", "--pa-per-fs", "2", "--out", "c.json"]
    assert main([*stated, "--response", mic]) == 0
    noise = 0.02 * np.random.default_rng(1).standard_normal((1, FS // 2))
    command = ["measure", take("x.wav", noise), "--calibration", "c.json", "--indicators", "LAeq"]
    capsys.readouterr()
    for options, said in (([], True), (["--response", mic], False)):
        assert main([*command, *options]) == 0
        assert ("which was not undone (--response)" in capsys.readouterr().err) == said


def test_a_report_refers_recordings_and_keeps_their_values_apart(capsys: Capsys) -> None:
    Path("hats").mkdir()
    take("hats/N1.wav", tone(1000.0))
    drum = calibrated("drum.json", point="DRP")
    report = ["report", "hats", "--calibration", drum, "--indicators", "LZeq", "--force", "--json"]
    found = []
    for options in ([], ["--refer-to", "ff"], []):
        assert main([*report, *options]) == 0
        capsys.readouterr()
        kept = json.loads(Path("hats/derivatives/indicators/N1.wav.json").read_text())
        found.append(kept["rows"][0]["value"])
    assert found[1] - found[0] == pytest.approx(-2.60, abs=0.01)
    assert found[2] == found[0]


@pytest.mark.parametrize("wide", [[], ["--wide"]])
def test_compare_says_that_only_one_condition_was_referred(wide: list[str], capsys: Capsys) -> None:
    rng = np.random.default_rng(1)
    files = [take(f"{name}.wav", 0.02 * rng.standard_normal((2, FS // 2))) for name in "abc"]
    plain = ["measure", *files, "--calibration", calibrated("drum.json", "left", "right")]
    plain += ["--indicators", "LAeq", *wide]
    for name, more in (("x", []), ("y", []), ("df", ["--refer-to", "df"])):
        assert main([*plain, *more, "--out", f"{name}.csv"]) == 0
    capsys.readouterr()
    told = "x: point not stated, no response undone; df: DF, responses undone"
    for other, expected in (("df.csv", True), ("y.csv", False)):
        assert main(["compare", "x.csv", other]) == 0
        assert (told in capsys.readouterr().err) == expected


def test_a_response_of_headphones_is_not_applied_to_recordings(capsys: Capsys) -> None:
    """It would be embedded: the recording at the drum would contain the headphones twice."""
    Path("hd.csv").write_text("frequency,raw\n20,0\n1000,0\n10000,3\n20000,3\n")
    assert main(["response", "import", "hd.csv", "--out", "hd.json"]) == 0
    given = ["--calibration", calibrated("drum.json"), "--indicators", "LZeq"]
    command = ["measure", take("tone.wav", tone(10000.0)), *given, "--response", "hd.json"]
    assert main(command) == 2
    assert "one of headphones is for playing" in capsys.readouterr().err


def test_a_channel_that_is_no_ear_is_not_taken_to_be_at_the_drum(capsys: Capsys) -> None:
    given = ["--calibration", calibrated("mic.json"), "--indicators", "LZeq"]
    assert main(["measure", take("tone.wav", tone(1000.0)), *given, "--refer-to", "ff"]) == 5
    assert "the reference point of mono is not stated" in capsys.readouterr().err


def test_a_report_says_once_that_recordings_are_at_the_ear_drum(capsys: Capsys) -> None:
    """The error cancels between conditions at the same drum; another point is told apart."""
    drum, front = calibrated("drum.json", point="DRP"), calibrated("front.json", point="FF")
    for method in ("hats", "ocv"):
        Path(method).mkdir()
        for number in range(3):
            take(f"{method}/N{number}.wav", tone(500.0 * (number + 1)))
    options: Any = {"indicators": "LAeq", "cache": False}
    alike = soundcal.study.collect(["hats", "ocv"], calibrations=drum, **options)
    said = [text for text in alike.warnings if "ear drum" in text]
    assert [text[:20] for text in said] == ["All recordings: soun", "In comparisons of co"]
    assert "absolute values" in said[1]
    assert not any(flag.kind == EAR_DRUM for flags in alike.flags.values() for flag in flags)
    given = {"hats": drum, "ocv": front}
    apart = soundcal.study.collect(["hats", "ocv"], calibrations=given, **options)
    said = [text for text in apart.warnings if "ear drum" in text]
    assert said[1].startswith(
        "Recordings of ocv are not stated to be at the ear drum, those of hats"
    )
    referred = soundcal.study.collect(
        ["hats", "ocv"], calibrations=drum, refer_to="ff", responses=FREE_FIELD, **options
    )
    assert sum("an average head" in text for text in referred.warnings) == 1
    assert not any("ear drum" in text for text in referred.warnings)


def test_a_report_says_what_was_assumed_and_what_was_not_undone(capsys: Capsys) -> None:
    mic = imported(capsys, BRIGHT)
    Path("x").mkdir()
    take("x/N1.wav", 0.02 * np.random.default_rng(1).standard_normal((2, FS // 2)))
    stated = ["calibrate", "--method", "stated", "--pa-per-fs", "2,2", "--out", "c.json"]
    assert main([*stated, "--response", mic]) == 0
    report = ["report", "x", "--calibration", "c.json", "--indicators", "LZeq", "--force"]
    capsys.readouterr()
    for options, said in (([], True), (["--response", mic], False)):
        assert main([*report, *options]) == 0
        told = capsys.readouterr().err
        assert ("which was not undone (--response)" in told) == said
        assert "the reference point is not stated" not in told
    assert main([*report, "--refer-to", "df"]) == 0
    assert "the reference point is not stated" in capsys.readouterr().err
