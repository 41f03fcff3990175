"""soundcal calibrate and soundcal check: every method, scripted, with records that are written."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from soundcal.calibration.model import Method
from soundcal.calibration.tone import sine
from soundcal.cli import main
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.files.gain_tables import INPUT_COLUMNS, OUTPUT_COLUMNS
from soundcal.lab.calibrator import calibrate_ears
from soundcal.lab.operator import SimulatedOperator
from soundcal.recording import Capture

FS = "8000"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def soundcal(*words: str) -> int:
    return main([str(word) for word in words])


def tone_file(name: str, level: float = -20.0, frequency: float = 1000.0, **how: Any) -> str:
    x = sine(level, frequency, fs=int(FS), duration=how.get("seconds", 10.5))
    audio.write(name, x[np.newaxis], int(FS), subtype="FLOAT")
    return name


def noise_file(name: str, seed: int = 1) -> str:
    x = np.random.default_rng(seed).normal(0.0, 0.05, (2, 16000))
    audio.write(name, x, int(FS), subtype="FLOAT")
    return name


@pytest.mark.parametrize("method", get_args(Method))
def test_every_method_says_what_it_needs(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert soundcal("calibrate", "--method", method) == 2
    said = capsys.readouterr().err
    assert said.startswith("soundcal: ")
    assert "--" in said


def test_the_calibrator_on_the_simulated_lab(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        soundcal(
            "calibrate", "--simulate", "--fs", FS, "--certificate-u", "0.3", "--verbose", "--json"
        )
        == 0
    )
    out, err = capsys.readouterr()
    result = json.loads(out)
    found = load_calibration("calibration_calibrator.json")
    assert result["schema"] == "soundcal/calibration-result/1"
    assert result["calibration"]["id"] == found.id
    assert found.device == "sim:lab"
    assert "certificate, U = 0.3 dB" in err
    assert "left, take 1: " in err
    assert ", DC " in err
    assert "Pa per full scale" in err
    truth = SimulatedLab("lab", fs=int(FS)).truth
    for side, ear in enumerate(("left", "right")):
        channel = result["channels"][ear]
        ratio = channel["pa_per_fs"] / truth.ear_pa_per_fs[side]
        assert abs(20 * np.log10(ratio)) < channel["expanded_db"]


def test_an_existing_file_is_refused_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("calibration_calibrator.json").write_text("mine")
    assert soundcal("calibrate", "--device", "sim:nothing") == 5
    assert "use --force" in capsys.readouterr().err
    assert Path("calibration_calibrator.json").read_text() == "mine"


def test_the_calibrator_from_files(capsys: pytest.CaptureFixture[str]) -> None:
    left = [tone_file("l1.wav"), tone_file("l2.wav", -20.1)]
    assert soundcal("calibrate", "--left", *left, "--right", tone_file("r.wav", -22.0)) == 0
    found = load_calibration("calibration_calibrator.json")
    assert found.channels == ("left", "right")
    assert len(found.residuals["left"]) == 2
    out = capsys.readouterr().out
    assert "left:  10.082 Pa per full scale, U = 0." in out
    assert "influence" not in out
    words = ["calibrate", "--left", left[0], "--verbose", "--out", "more.json"]
    assert soundcal(*words) == 0
    out, err = capsys.readouterr()
    assert "influence" in out
    assert "share" in out
    assert "left, take 1: 1000.00 Hz" in err


def test_the_help_has_a_part_for_each_method(capsys: pytest.CaptureFixture[str]) -> None:
    def shown(*words: str) -> str:
        with pytest.raises(SystemExit, match="0"):
            soundcal("calibrate", *words)
        return capsys.readouterr().out

    assert "--method METHOD --help" in shown("--help")
    assert "--impedance OHM" not in shown("--help")
    assert "--impedance OHM" in shown("--method", "ocv", "--help")
    assert "--certificate-u DB" not in shown("--method", "ocv", "--help")
    assert "--tracks" in shown("--method=hats", "-h")


BAD_TONES = {
    "wrong frequency": (("t.wav", -20.0, 1100.0), {}, 4, "1100.00 Hz instead of 1000 Hz"),
    "short": (("t.wav",), {"seconds": 5.0}, 5, "lasts 5.00 s"),
    "weak": (("t.wav", -75.0), {}, 4, "only -75.0 dB"),
}


@pytest.mark.parametrize("name", BAD_TONES)
def test_a_bad_tone_leaves_no_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    what, how, code, message = BAD_TONES[name]
    assert soundcal("calibrate", "--left", tone_file(*what, **how)) == code
    assert message in capsys.readouterr().err
    assert not Path("calibration_calibrator.json").exists()


def test_a_pistonphone_with_its_barometer_and_one_that_clips(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["calibrate", "--simulate", "--fs", FS, "--frequency", "250", "--pistonphone"]
    assert soundcal(*words, "--level", "124", "--static-pressure", "99.3") == 5
    assert "clipped samples in the take, 0 are allowed" in capsys.readouterr().err
    assert soundcal(*words, "--level", "114", "--static-pressure", "99.3") == 0
    links = load_calibration("calibration_calibrator.json").chain("left").links
    pressure = next(link for link in links if link.name == "static pressure")
    assert pressure.gain_db == pytest.approx(20 * np.log10(99.3 / 101.325))


def test_a_level_far_from_the_expected_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    tone = tone_file("t.wav")
    assert soundcal("calibrate", "--left", tone, "-o", "before.json") == 0
    assert soundcal("calibrate", "--left", tone, "--level", "114", "--expected", "before.json") == 4
    assert "+20.00 dB from the expected" in capsys.readouterr().err


def test_nobody_is_asked_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from soundcal.cli.operators import TerminalOperator

    monkeypatch.setattr(
        "soundcal.cli.operators.operator_for",
        lambda device, hint, **how: TerminalOperator(device, hint=hint),
    )
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert soundcal("calibrate", "--simulate") == 2
        assert "give recordings with --left FILE" in capsys.readouterr().err
        assert soundcal("calibrate", "--simulate", "--method", "ocv") == 2
        assert "give --voltage V --voltage-right V" in capsys.readouterr().err


def test_open_circuit_voltage_measured_by_the_lab() -> None:
    assert soundcal("calibrate", "--method", "ocv", "--simulate", "--fs", FS) == 0
    found = load_calibration("calibration_ocv.json")
    truth = SimulatedLab("lab", fs=int(FS)).truth
    assert found.direction == "output"
    assert found.details["v_fs_sine"]["left"] == pytest.approx(truth.v_fs[0], rel=0.01)


def test_open_circuit_voltage_through_line_inputs() -> None:
    truth = SimulatedLab("lab", fs=int(FS)).truth
    # volt per full scale, rms over rms, is what the lab's truth states
    scales = ",".join(str(v) for v in truth.line_v_per_fs)
    words = ["--line-inputs", "3,4", "--line-sensitivity", scales]
    assert soundcal("calibrate", "--method", "ocv", "--simulate", "--fs", FS, *words) == 0
    found = load_calibration("calibration_ocv.json")
    assert found.details["v_fs_sine"]["right"] == pytest.approx(truth.v_fs[1], rel=0.001)


def test_open_circuit_voltage_typed_in_with_gain_and_knob(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = "--voltage 0.5 --voltage-right 0.7 --impedance 55 --sensitivity 91 --per mW --knob 40"
    words += " --output-impedance 20"  # lowers the level by 2.7 dB, which both make up for
    target = ["--target", "65", "--stimulus", noise_file("n.wav")]
    assert soundcal("calibrate", "--method", "ocv", *words.split(), *target, "--json") == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert "warning: the channels differ by 2.92 dB" in err
    assert result["calibration"]["details"]["headphone"]["sensitivity_v"] == pytest.approx(
        103.6, abs=0.005
    )
    gain = result["found"]["gain_db"]
    # the knob makes up for the gain, from the energetic mean of both voltages
    mean = np.sqrt((0.5**2 + 0.7**2) / 2)
    assert 20 * np.log10(result["found"]["knob_voltage"] / mean) == pytest.approx(gain, abs=0.1)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            "--method ocv --voltage 0.1 --impedance 32 --sensitivity 100 --per V",
            2,
            "--voltage-right",
        ),
        ("--method ocv --voltage 0.1 --voltage-right 0.1", 2, "--impedance OHM and --sensitivity"),
        (
            "--method ocv --voltage -1 --outputs 1 --impedance 32 --sensitivity 99 --per V",
            2,
            "-1.0 V",
        ),
        ("--method ocv --impedance 32 --sensitivity 100 --per mW", 2, "no voltage"),
        (
            "--method ocv --voltage 1 --outputs 1 --impedance 32 --sensitivity 102",
            2,
            "but 116.9 dB if",
        ),
        ("--method hats", 2, "needs --device"),
        ("--method hats --simulate", 2, "--ears-calibration"),
        ("--method stated", 2, "nothing stated"),
        ("--method stated --pa-per-fs 0", 2, "sensitivity 0.0 Pa/FS"),
        ("--method calibrator", 2, "no recordings of the calibrator"),
        ("--method calibrator --simulate --insertions 0", 2, "0 insertions"),
        ("--method calibrator --device sim:none", 3, "no simulated lab"),
        ("--method calibrator --left missing.wav", 5, "no such file"),
        ("--method stated --pa-per-fs 1 -o nowhere/c.json", 5, "no such folder"),
    ],
)
def test_what_is_missing_or_absurd_is_named(
    words: str, code: int, message: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    assert soundcal("calibrate", *words.split()) == code
    assert message in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_gains_are_searched_on_the_simulated_head(capsys: pytest.CaptureFixture[str]) -> None:
    assert soundcal("calibrate", "--simulate", "--fs", FS, "-o", "ears.json") == 0
    rows = [
        f"{noise_file('a.wav')},60,0.1,0.01,2,10,10",
        f"{noise_file('b.wav', 2)},70,0.1,0.01,2,10,10",
    ]
    Path("tracks.csv").write_text("\n".join([",".join(INPUT_COLUMNS), *rows]) + "\n")
    words = "--method hats --simulate --ears-calibration ears.json --tracks tracks.csv"
    assert soundcal("calibrate", *words.split(), "--fs", FS, "--table", "gains.csv") == 0
    lines = Path("gains.csv").read_text().splitlines()
    assert lines[0] == ",".join(OUTPUT_COLUMNS)
    assert [float(line.split(",")[2]) for line in lines[1:]] == pytest.approx([60, 70], abs=0.1)
    found = load_calibration("calibration_hats.json")
    assert found.method == "hats"
    assert len(found.residuals["left"]) == 2
    assert "after 2 measurements" in capsys.readouterr().err


def test_a_target_out_of_reach_ends_with_4_and_a_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert soundcal("calibrate", "--simulate", "--fs", FS, "-o", "ears.json") == 0
    row = f"{noise_file('a.wav')},{{}},0.1,0.01,2,10,10"
    rows = [",".join(INPUT_COLUMNS), row.format(60), row.replace("a.wav", "./a.wav").format(150)]
    Path("tracks.csv").write_text("\n".join(rows) + "\n")
    words = "--method hats --simulate --ears-calibration ears.json --table gains.csv"
    common = ["calibrate", *words.split(), "--fs", FS]
    assert soundcal(*common, "--tracks", "tracks.csv") == 4
    assert "target 150 dB not reached" in capsys.readouterr().err
    assert list(load_calibration("calibration_hats.json").details["stimuli"]) == ["a.wav"]
    assert Path("gains.csv").read_text().splitlines()[2].startswith("./a.wav,-1.000000,")
    words = ["--force", "-o", "none.json", "--stimuli", "a.wav", "--target", "5", "--json"]
    assert soundcal(*common, *words) == 4
    out, err = capsys.readouterr()
    assert "above the target 5 dB" in err
    assert json.loads(out)["calibration"] is None
    assert Path("gains.csv").read_text().splitlines()[1].startswith("a.wav,-1.000000,")
    assert not Path("none.json").exists()


def test_each_ear_its_own_gain() -> None:
    assert soundcal("calibrate", "--simulate", "--fs", FS, "-o", "ears.json") == 0
    words = "--method hats --simulate --ears-calibration ears.json --per-ear --target 60 --stimuli"
    assert soundcal("calibrate", *words.split(), noise_file("a.wav"), "--fs", FS) == 0
    search = load_calibration("calibration_hats.json").details["stimuli"]["a.wav"]
    assert search["per_ear"]
    assert search["levels"] == pytest.approx([60.0, 60.0], abs=0.1)
    assert search["gains"][0] != search["gains"][1]


def test_stated_calibrations(capsys: pytest.CaptureFixture[str]) -> None:
    assert soundcal("calibrate", "--method", "stated", "--pa-per-fs", "10,11", "-o", "a.json") == 0
    assert load_calibration("a.json").sensitivity("right") == pytest.approx(11.0)
    assert "uncertainty not stated" in capsys.readouterr().out
    words = ["--recording", noise_file("n.wav"), "--levels", "65,66", "--u", "0.7"]
    assert soundcal("calibrate", "--method", "stated", *words, "-o", "b.json") == 0
    assert load_calibration("b.json").chain("left").u_db == pytest.approx(0.7)
    words[3] = "65"
    assert soundcal("calibrate", "--method", "stated", *words, "-o", "c.json") == 2
    assert "1 values" in capsys.readouterr().err


def test_a_recording_with_a_hole_has_no_stated_level(capsys: pytest.CaptureFixture[str]) -> None:
    samples = audio.read(noise_file("n.wav")).samples.copy()
    samples[:, 8000:10000] = 0.0
    audio.write("hole.wav", samples, int(FS))
    words = ["--recording", "hole.wav", "--levels", "65,66"]
    assert soundcal("calibrate", "--method", "stated", *words, "-o", "d.json") == 5
    assert "2000 samples in all" in capsys.readouterr().err
    assert not Path("d.json").exists()
    words = ["--stated-level", "65,66", "--indicators", "LAeq"]
    assert soundcal("measure", "hole.wav", *words) == 5
    assert "2000 samples in all" in capsys.readouterr().err


def test_check_compares_files(capsys: pytest.CaptureFixture[str]) -> None:
    for name, level in (("before", -20.0), ("after", -20.15), ("late", -20.5)):
        tone = tone_file(f"{name}.wav", level)
        words = ["--left", tone, "--device", "sim:lab", "-o", f"{name}.json"]
        assert soundcal("calibrate", *words) == 0
    assert soundcal("check", "before.json", "after.json") == 0
    assert "change +0.150 dB" in capsys.readouterr().out
    assert soundcal("check", "before.json", "late.json", "--json") == 4
    out, err = capsys.readouterr()
    drift = json.loads(out)
    assert drift["change_db"]["left"] == pytest.approx(0.5, abs=1e-3)
    assert drift["within"] is False
    assert "the limit is 0.2 dB" in err
    assert soundcal("check", "before.json", "late.json", "--limit", "0.6") == 0
    assert soundcal("check", "before.json") == 2
    assert "either AFTER" in capsys.readouterr().err
    assert soundcal("check", "before.json", "missing.json") == 5


def test_check_records_anew(capsys: pytest.CaptureFixture[str]) -> None:
    assert soundcal("calibrate", "--simulate", "--fs", FS, "-o", "before.json") == 0
    words = ["--device", "sim:lab", "--fs", FS, "-o", "after.json", "--limit", "0.5"]
    assert soundcal("check", "before.json", *words) == 0
    before, after = load_calibration("before.json"), load_calibration("after.json")
    assert before.details["calibrator"] == after.details["calibrator"]
    assert len(after.residuals["left"]) == 3
    assert "written: after.json" in capsys.readouterr().err
    assert soundcal("check", "before.json", *words) == 5


def test_a_search_without_stimuli_is_refused_before_the_headphones_are_seated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert soundcal("calibrate", "--simulate", "--fs", FS, "-o", "ears.json") == 0
    search = ("calibrate", "--method", "hats", "--simulate", "--fs", FS, "--target", "60")
    search += ("--ears-calibration", "ears.json")
    assert soundcal(*search) == 2
    assert soundcal(*search, "--stimuli", "missing.wav") == 5
    err = capsys.readouterr().err
    assert "--stimuli FILE" in err
    assert "no such file" in err
    assert "noise floor" not in err


def losing(take: Capture) -> Capture:
    """A take that lost 43 samples in its middle."""
    middle = take.n_samples // 2
    samples = np.delete(take.samples, range(middle, middle + 43), axis=1)
    return replace(take, samples=np.pad(samples, ((0, 0), (0, 43)), "symmetric"), clipped=())


def test_an_invalid_take_ends_a_gain_search(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert soundcal("calibrate", "--simulate", "--fs", FS, "-o", "ears.json") == 0
    whole = SimulatedLab.play_and_record
    monkeypatch.setattr(
        SimulatedLab, "play_and_record", lambda *words, **named: losing(whole(*words, **named))
    )
    words = "--method hats --simulate --ears-calibration ears.json --target 60 --stimuli"
    assert soundcal("calibrate", *words.split(), noise_file("a.wav", 3), "--fs", FS) == 5
    printed = capsys.readouterr().err
    assert "recording at the ears: the take is invalid" in printed
    assert "left: 43 samples missing at 1.0" in printed
    assert not Path("calibration_hats.json").exists()


def test_an_invalid_take_of_the_test_sine_is_no_voltage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = SimulatedLab.record
    monkeypatch.setattr(
        SimulatedLab, "record", lambda *words, **named: losing(whole(*words, **named))
    )
    words = ["--line-inputs", "3,4", "--line-sensitivity", "1,1"]
    assert soundcal("calibrate", "--method", "ocv", "--simulate", "--fs", FS, *words) == 5
    assert "left: the take is invalid (left: the phase of the tone" in capsys.readouterr().err
    assert not Path("calibration_ocv.json").exists()


@pytest.mark.parametrize(
    ("words", "unread"),
    [
        (
            ["--method", "ocv", "--left", "x.wav", "--impedance", "300", "--sensitivity", "103"],
            "--left",
        ),
        (["--method", "stated", "--pa-per-fs", "9", "--sensitivity", "50"], "--sensitivity"),
        (["--method", "stated", "--pa-per-fs", "9", "--levels", "94"], "--levels"),
        (["--left", "tone.wav", "--pa-per-fs", "9"], "--pa-per-fs"),
    ],
)
def test_an_option_without_effect_is_named(
    words: list[str], unread: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tone_file("tone.wav")
    voltages = ["--voltage", "0.1", "--voltage-right", "0.1", "--per", "V"]
    assert soundcal("calibrate", *words, *(voltages if "ocv" in words else ())) == 0
    method = words[1] if words[0] == "--method" else "calibrator"
    assert f"{unread} has no effect with --method {method}" in capsys.readouterr().err


def test_doubts_of_stated_values_stay_with_the_calibration() -> None:
    assert soundcal("calibrate", "--method", "stated", "--pa-per-fs", "12,5") == 0
    (text,) = load_calibration("calibration_stated.json").details["warnings"]
    assert "the sensitivities of the channels differ by 7.6 dB" in text


def test_an_output_impedance_in_a_wrong_unit_is_doubted() -> None:
    words = "--voltage 0.1 --voltage-right 0.1 --impedance 32 --sensitivity 102 --per V"
    command = ["calibrate", "--method", "ocv", *words.split()]
    assert soundcal(*command, "--output-impedance", "5000") == 0
    (text,) = load_calibration("calibration_ocv.json").details["warnings"]
    assert "5000 ohm" in text


class OtherNames(SimulatedOperator):
    """Puts the calibrator on an ear of the lab that is cabled as a microphone of another name."""

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        super().attach_calibrator({"ch1": "left", "ch2": "right"}[ear], level, frequency)


def test_microphones_of_any_name_are_calibrated_with_a_device(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab = SimulatedLab("lab", fs=int(FS))
    found = calibrate_ears(lab, OtherNames(lab), ears=("ch1", "ch2"), insertions=1)
    assert found.channels == ("ch1", "ch2")
    for name, truth in zip(found.channels, lab.truth.ear_pa_per_fs, strict=True):
        assert found.sensitivity(name) == pytest.approx(truth, rel=0.05)
    assert soundcal("calibrate", "--simulate", "--fs", FS, "--inputs", "1,2,3") == 2
    assert "--inputs 1,2,3 --ears ch1,ch2,ch3" in capsys.readouterr().err
