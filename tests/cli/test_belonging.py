"""A calibration is compared with the take by every command that applies it, in the same way."""

import json
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from soundcal.calibration.belonging import belonging, other_device
from soundcal.calibration.model import Calibration, new_calibration, with_details
from soundcal.calibration.stated import from_sensitivity
from soundcal.cli import main
from soundcal.errors import ParameterError
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration, save_calibration
from soundcal.response import ChannelResponse, new_response, save_response

EARS = {"left": 2.0, "right": 3.0}


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A take of sim:lab, beside its record."""
    made = tmp_path_factory.mktemp("takes")
    record = ["record", "--device", "sim:lab", "--inputs", "1,2", "--duration", "1"]
    assert main([*record, str(made / "take.wav")]) == 0
    return made


@pytest.fixture(autouse=True)
def folder(takes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a take of sim:lab, beside its record, and calibrations."""
    monkeypatch.chdir(tmp_path)
    for name, device, direction in (
        ("own", "sim:lab", "input"),
        ("other", "sim:portable+closed-16", "input"),
        ("unknown", "unknown", "input"),
        ("output", "sim:lab", "output"),
        ("other_output", "sim:portable+closed-16", "output"),
    ):
        made = from_sensitivity(EARS, direction=direction, device=device)
        save_calibration(f"{name}.json", made)
    shutil.copytree(takes, "takes")
    return tmp_path


MEASURE = ["measure", "takes/take.wav", "--indicators", "LAeq"]
REPORT = ["report", "takes", "--indicators", "LAeq", "--out", "report", "--force"]
LIVE = ["--device", "sim:lab", "--inputs", "1,2", "--duration", "1"]


RESPONSE = ["--response", "microphone.json"]


@pytest.mark.parametrize(
    ("command", "way"),
    [
        (["spectrum", "takes/take.wav", "--calibration", "own.json"], ""),
        ([*MEASURE, "--calibration", "own.json"], " (--response)"),
        (["record", "new.wav", *LIVE, "--calibration", "own.json"], " (--response)"),
        (["monitor", *LIVE, "--calibration", "own.json"], " (--response)"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_response_that_the_calibration_names_is_not_forgotten(
    command: list[str], way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"id": "P-FS-1", "name": "MM7", "sha256": "0" * 64}
    for details in ({}, {"response": named}):
        stated = from_sensitivity(EARS, device="sim:lab")
        save_calibration("own.json", with_details(stated, **details), force=True)
        assert main([*command, *(["--force"] if command[0] == "record" else [])]) == 0
        said = f"names the response MM7 (P-FS-1), which was not undone{way}\n"
        assert (said in capsys.readouterr().err) == bool(details)


@pytest.mark.parametrize(
    ("ends", "device", "command"),
    [
        ("P FS", "sim:portable+closed-16", [*MEASURE, "--calibration", "own.json", *RESPONSE]),
        ("P FS", "sim:portable+closed-16", ["record", "new.wav", *LIVE, *RESPONSE]),
        ("P FS", "sim:portable+closed-16", ["monitor", *LIVE, *RESPONSE]),
        ("P FS", "sim:lab", ["record", "new.wav", *LIVE, *RESPONSE]),
        ("P FS", "", ["record", "new.wav", *LIVE, *RESPONSE]),
        (
            "FS DRP",
            "sim:portable+closed-16",
            ["play", "takes/take.wav", *LIVE[:2], "--equalize", "microphone.json"],
        ),
        ("FS DRP", "sim:lab", ["play", "takes/take.wav", *LIVE[:2], "--equalize", RESPONSE[1]]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else value,
)
def test_a_response_of_another_device_is_flagged(
    ends: str, device: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The samples of another soundcard, and what hangs on it, have another response."""
    curve = ChannelResponse(np.array([20.0, 1000.0, 20000.0]), np.zeros(3), u_db=0.1)
    made = new_response("R", *ends.split(), "absolute", {"mono": curve}, device=device)
    if ends == "P FS":
        made = made.normalised(1000.0)
    save_response("microphone.json", made)
    assert main(command) == 0
    other = device == "sim:portable+closed-16"
    assert (f" belongs to {device}, not to sim:lab" in capsys.readouterr().err) == other


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (MEASURE, 5),
        (REPORT, 2),
        (["record", "new.wav", *LIVE], 2),
        (["monitor", *LIVE], 2),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_input_of_another_device(
    command: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--calibration", "other.json"]) == code
    told = capsys.readouterr().err
    assert "belongs to sim:portable+closed-16, not to sim:lab" in told
    assert main([*command, "--calibration", "output.json"]) == code
    assert "calibrates the output" in capsys.readouterr().err
    for name in ("own", "unknown"):
        force = ["--force"] if command[0] == "record" else []
        assert main([*command, "--calibration", f"{name}.json", *force]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    "command",
    [MEASURE, REPORT, ["record", "new.wav", *LIVE], ["monitor", *LIVE]],
    ids=lambda value: value[0],
)
def test_another_input_of_the_same_device_is_flagged(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    own = load_calibration("own.json")
    for name, inputs in (
        ("crossed", {"left": 2, "right": 1}),
        ("further", {"left": 3, "right": 4}),
        ("equal", {"left": 1, "right": 2}),
        ("foreign", ["left"]),
    ):
        save_calibration(f"{name}.json", with_details(own, inputs=inputs))
        force = ["--force"] if command[0] == "record" else []
        assert main([*command, "--calibration", f"{name}.json", *force]) == 0
        found = capsys.readouterr()
        page = Path("report/report.html")
        told = page.read_text() if command[0] == "report" else found.err
        assert ("and recorded on input 1" in told) == (name in ("crossed", "further"))


def test_names_of_channels_are_trimmed_and_in_one_normal_form(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A take of ``left, right`` belongs to the calibration of ``left,right``."""
    ears = ["--names", "left, right", "--calibration", "own.json"]
    assert main(["record", "new.wav", *LIVE, *ears]) == 0
    assert main(["monitor", *LIVE, *ears]) == 0
    assert main(["measure", "new.wav", "--indicators", "LAeq", "--ears", "mean"]) == 0
    assert main(["record", "new.wav", *LIVE, "--names", ",right", "--force"]) == 2
    assert "2 distinct names are expected" in capsys.readouterr().err
    accents = [unicodedata.normalize(form, "gauche é, droite") for form in ("NFC", "NFD")]
    for typed in accents:
        assert main(["record", "new.wav", *LIVE, "--names", typed, "--force"]) == 0
        record = json.loads(Path("new.json").read_text(encoding="utf-8"))
        assert record["capture"]["channels"] == accents[0].split(", ")


def test_calibrate_and_record_keep_the_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    calibrate = ["calibrate", "--device", "sim:lab", "--insertions", "1", "--fs", "8000"]
    assert main([*calibrate, "--out", "ears.json"]) == 0
    assert load_calibration("ears.json").inputs == {"left": 1, "right": 2}
    record = ["record", "swapped.wav", *LIVE[:2], "--inputs", "2,1", "--duration", "1"]
    assert main([*record, "--fs", "8000"]) == 0
    measure = ["measure", "--indicators", "LAeq", "--calibration", "ears.json"]
    assert main([*measure, "swapped.wav"]) == 0
    told = capsys.readouterr().err
    assert (
        "left was calibrated on input 1 and recorded on input 2, right was calibrated on input 2 "
        "and recorded on input 1: the gains of inputs differ"
    ) in told


@pytest.mark.parametrize("command", [MEASURE, REPORT], ids=["measure", "report"])
def test_another_device_is_accepted_with_a_flag(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--calibration", "other.json"]) != 0
    assert "--other-device" in capsys.readouterr().err
    assert main([*command, "--calibration", "other.json", "--other-device", "--json"]) == 0
    flag = "the calibration belongs to sim:portable+closed-16, the take to sim:lab"
    found = capsys.readouterr()
    page = Path("report/report.html")
    assert flag in (page.read_text() if page.exists() else found.out)


def at(**details: object) -> Calibration:
    """A calibration of the ears of sim:lab with some details."""
    own = load_calibration("own.json")
    return new_calibration("stated", "input", own.chains, device="sim:lab", details=details)


@pytest.mark.parametrize("command", ["measure", "report", "record", "monitor"])
@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"fs": [44100]}, "the calibration was made at 44100 Hz, the take is at 48000 Hz"),
        ({"point": "coupler"}, "refers to the point 'coupler', the take to 'eardrum'"),
        ({}, ""),
        ({"fs": [44100, 48000], "point": "eardrum"}, ""),
    ],
    ids=str,
)
def test_another_rate_or_point_is_flagged(
    command: str, details: dict[str, object], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_calibration("at.json", at(**details))
    record = ["record", *LIVE, "--point", "eardrum", "--force"]
    assert main([*record, "takes/take.wav"]) == 0
    commands = {
        "measure": MEASURE,
        "report": REPORT,
        "record": [*record, "new.wav"],
        "monitor": ["monitor", *LIVE],
    }
    capsys.readouterr()
    assert main([*commands[command], "--calibration", "at.json"]) == 0
    found = capsys.readouterr().err
    if command == "monitor" and "point" in details:
        told = ""  # nobody states the point of what is only shown
    assert (told in found) if told else ("the calibration" not in found)


def test_a_calibration_that_was_changed_by_hand_is_flagged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = Path("own.json").read_text()
    Path("own.json").write_text("\ufeff" + text)
    assert main([*MEASURE, "--calibration", "own.json"]) == 0
    assert "was changed after it was made" not in capsys.readouterr().err
    content = json.loads(text)
    content["chains"]["left"][0]["gain_db"] += 1.0
    Path("own.json").write_text(json.dumps(content))
    for command in (MEASURE, REPORT):
        assert main([*command, "--calibration", "own.json"]) == 0
        assert "was changed after it was made" in capsys.readouterr().err
    assert main(["check", "own.json", "own.json"]) == 0
    told = capsys.readouterr().err
    assert "BEFORE: calibration stated-" in told
    assert "are the same calibration" in told


def test_the_ears_of_a_gain_search_are_an_input_of_the_device(
    capsys: pytest.CaptureFixture[str],
) -> None:
    search = ["calibrate", "--method", "hats", "--device", "sim:lab", "--target", "60"]
    search += ["--stimuli", "takes/take.wav", "--ears-calibration"]
    for name, told in (
        ("output", "calibrates the output; an input calibration is expected"),
        ("other", "belongs to sim:portable+closed-16, not to sim:lab"),
    ):
        assert main([*search, f"{name}.json"]) == 2
        assert told in capsys.readouterr().err


def test_what_makes_two_calibrations_unlike_is_said_by_check(
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_calibration("one.json", at(fs=[44100], point="coupler", warnings=["ears differ"]))
    save_calibration("two.json", at(fs=[48000], point="eardrum", simulated=True))
    assert main(["check", "one.json", "two.json", "--json"]) == 0
    found = capsys.readouterr()
    warnings = json.loads(found.out)["warnings"]
    for text in (
        "BEFORE: ears differ",
        "AFTER: made by the simulated lab",
        "BEFORE was made at 44100 Hz, AFTER at 48000 Hz",
        "BEFORE refers to the point 'coupler', AFTER to 'eardrum'",
    ):
        assert text in warnings
        assert text in found.err


def told(command: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert main(command) == code
    return capsys.readouterr().err


def test_a_record_that_was_changed_by_hand_is_flagged(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("takes/take.json")
    content = json.loads(path.read_text())
    path.write_text("\ufeff" + json.dumps(content))
    assert "was changed" not in told([*MEASURE, "--calibration", "own.json"], capsys)
    content["capture"]["channels"] = ["right", "left"]
    path.write_text(json.dumps(content))
    for command in (MEASURE, REPORT):
        assert "take.json was changed after the recording was made" in told(
            [*command, "--calibration", "own.json"], capsys
        )


def test_a_take_is_compared_with_its_record_under_another_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("takes/take.wav").rename("takes/renamed.wav")
    measure = ["measure", "takes/renamed.wav", "--indicators", "LAeq", "--calibration"]
    assert "take.json is the record of this audio" in told([*measure, "own.json"], capsys)
    assert "belongs to sim:portable" in told([*measure, "other.json"], capsys, 5)


def test_a_conversion_beside_its_take_is_measured_without_the_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    take = audio.read("takes/take.wav")
    audio.write("takes/take.flac", take.samples, take.fs)
    measure = ["measure", "takes/take.flac", "--indicators", "LAeq"]
    assert "take.json is the record of take.wav" in told(
        [*measure, "--calibration", "own.json"], capsys
    )
    Path("takes/take.wav").unlink()
    assert "the record belongs to another file" in told(
        [*measure, "--calibration", "own.json"], capsys, 5
    )


def test_a_take_that_was_moved_asks_for_its_calibration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["record", "new.wav", *LIVE, "--calibration", "own.json"]) == 0
    for name in ("new.wav", "new.json"):
        Path(name).rename(Path("takes", name))
    way = "--calibration FILE"
    assert way in told(["measure", "takes/new.wav", "--indicators", "LAeq"], capsys, 5)


def test_another_calibration_than_the_recorded_one_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = ["record", "takes/take.wav", *LIVE, "--calibration", "own.json", "--force"]
    assert main(record) == 0
    capsys.readouterr()
    save_calibration("calibration.json", from_sensitivity({"left": 9.0, "right": 9.0}))
    for command in (MEASURE, REPORT):
        assert "recorded with calibration" not in told([*command], capsys)
    assert "recorded with calibration" in told(
        [*MEASURE, "--calibration", "calibration.json"], capsys
    )
    Path("calibration.json").rename("takes/calibration.json")
    assert "recorded with calibration" in told(REPORT, capsys)


def test_channels_that_are_named_against_the_record_are_flagged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    measure = [*MEASURE, "--calibration", "own.json", "--channels"]
    assert "but left, right in the record" in told([*measure, "right,left"], capsys)
    assert "in the record" not in told([*measure, "left,right"], capsys)


def test_the_recording_of_a_stated_level_names_the_device(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stated = ["calibrate", "--method", "stated", "--recording", "takes/take.wav"]
    assert main([*stated, "--levels", "40,40", "-o", "of_take.json"]) == 0
    assert load_calibration("of_take.json").device == "sim:lab"


def test_takes_of_two_devices_are_compared_with_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    Path("others").mkdir()
    other = ["--device", "sim:portable+closed-16", "--inputs", "1,2", "--duration", "1"]
    assert main(["record", "others/take.wav", *other]) == 0
    report = ["report", "takes", "others", "--indicators", "LAeq", "--calibration", "unknown.json"]
    assert "made by different devices: sim:lab (takes), sim:portable+closed-16 (others)" in told(
        report, capsys
    )


def test_the_position_of_the_volume_control_is_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ocv = "calibrate --method ocv --voltage 0.1 --voltage-right 0.1 --impedance 300 --per V"
    assert main([*ocv.split(), "--sensitivity", "103", "--knob", "12 o'clock", "-o", "o.json"]) == 0
    audio.write("noise.wav", np.random.default_rng(1).normal(0.0, 0.1, (2, 48000)), 48000)
    play = ["play", "noise.wav", "--device", "sim:lab", "--level", "60", "--calibration", "o.json"]
    assert "12 o'clock" in told(play, capsys)


def test_the_same_audio_under_two_names_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("takes/again.wav").write_bytes(Path("takes/take.wav").read_bytes())
    assert main([*REPORT, "--calibration", "own.json"]) == 0
    told = capsys.readouterr().err
    assert "The same audio under 2 names" in told
    assert "simulated lab: 1 of 2 recordings" in told
    assert "checks of 1 take: 1 pass" in told


def test_output_and_drift(capsys: pytest.CaptureFixture[str]) -> None:
    play = ["play", "takes/take.wav", "--device", "sim:lab", "--level", "40", "--calibration"]
    assert main([*play, "other_output.json"]) == 2
    assert "belongs to" in capsys.readouterr().err
    assert main(["check", "own.json", "other.json"]) == 2
    assert "same device" in capsys.readouterr().err
    assert main(["check", "own.json", "unknown.json"]) == 0


def test_the_calibration_that_a_record_names_is_the_one_in_the_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["record", "new.wav", *LIVE, "--calibration", "own.json"]) == 0
    assert main(["measure", "new.wav", "--indicators", "LAeq"]) == 0
    save_calibration("own.json", from_sensitivity({"left": 9.0, "right": 9.0}), force=True)
    assert main(["measure", "new.wav", "--indicators", "LAeq"]) == 5
    assert "recorded with calibration" in capsys.readouterr().err


def test_one_calibrated_channel_and_one_recorded_channel(
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_calibration("mic.json", from_sensitivity({"left": 2.0}))
    one = ["--device", "sim:lab", "--inputs", "1", "--duration", "1"]
    assert main(["record", "mono.wav", *one, "--calibration", "mic.json"]) == 0
    capsys.readouterr()
    assert (
        main([*MEASURE[:1], "mono.wav", *MEASURE[2:], "--calibration", "mic.json", "--json"]) == 0
    )
    found = capsys.readouterr()
    assert "mono has the calibration of left" in found.err
    assert json.loads(found.out)["flags"] == {}
    assert {row["channel"] for row in json.loads(found.out)["rows"]} == {"mono"}
    for command in (
        ["measure", "mono.wav", "--channels", "right", "--calibration", "mic.json"],
        ["measure", "mono.wav", "--calibration", "own.json"],
        ["record", "new.wav", *one, "--calibration", "own.json"],
        ["monitor", *one, "--calibration", "own.json"],
    ):
        option = "--channels" if command[0] == "measure" else "--names"
        assert main(command) in (2, 5)
        assert f"{option} left" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["record", "monitor"])
def test_inputs_that_are_not_calibrated_are_told_the_way(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["new.wav"] if command == "record" else []
    live = [command, *out, "--device", "sim:lab", "--duration", "1", "--calibration", "own.json"]
    assert main(live) == 2
    assert "--inputs" in capsys.readouterr().err
    assert main([*live, "--inputs", "1,2"]) == 0


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        ("Card: USB Audio (hw:1,0), ALSA", "Card: USB Audio (hw:2,0), ALSA", False),
        ("Card: USB Audio (hw:1,0), ALSA", "Card: USB Audio (hw:1,1), ALSA", True),
        ("In | Out, Windows WASAPI", "In, Windows WASAPI", False),
        ("In | Out, Windows WASAPI", "Out, Windows WASAPI", True),
        ("In | Out, Windows WASAPI", "In | Other, Windows WASAPI", False),
        ("In, ASIO", "In, Windows WASAPI", True),
        ("calibrator.wav", "sim:lab", False),
        ("sim:lab", "takes/take.FLAC", False),
        ("unknown", "sim:lab", False),
        ("sim:lab", "sim:portable", True),
    ],
)
def test_the_same_device_under_another_name(one: str, other: str, different: bool) -> None:
    made = from_sensitivity(EARS, device=one)
    assert other_device(made, other) is different
    if different:
        with pytest.raises(ParameterError, match="belongs to"):
            belonging(made, ("left",), device=other)
    else:
        assert belonging(made, ("left",), device=other) is made


def test_patterns_are_expanded_where_the_shell_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*MEASURE[:1], "takes/*.wav", *MEASURE[2:], "--sensitivity", "1"]) == 0
    assert Path("takes/take.wav").as_posix() in capsys.readouterr().out.replace("\\", "/")
    assert main([*MEASURE[:1], "no/*.wav", *MEASURE[2:], "--sensitivity", "1"]) == 5
    assert "no/*.wav: no such file" in capsys.readouterr().err
    Path("takes/take[1].wav").write_bytes(Path("takes/take.wav").read_bytes())
    assert main([*MEASURE[:1], "takes/take[1].wav", *MEASURE[2:], "--sensitivity", "1"]) == 0
    with pytest.raises(SystemExit, match="2"):  # argparse
        main(["play", "takes/*.wav", "--device", "sim:lab"])
    assert "2 files match" in capsys.readouterr().err
    assert main(["report", "tak*", "--calibration", "own.json", "--indicators", "LAeq"]) == 0
