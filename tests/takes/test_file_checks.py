"""Every file is judged by its samples: each fault is named, and clean files have no flag."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.cli import main

Capsys = pytest.CaptureFixture[str]
Samples = np.ndarray
FS = 48000


def noise(seed: int = 1, level: float = 0.05) -> Samples:
    """Two channels of noise, 2 s, shape (n, 2)."""
    return np.random.default_rng(seed).normal(0.0, level, (2 * FS, 2))


def changed(change: Callable[[Samples], object]) -> Samples:
    samples = noise()
    change(samples)
    return samples


def put(where: object, value: float) -> Callable[[Samples], object]:
    return lambda samples: samples.__setitem__(where, value)


ALL = slice(None)
FAULTS: dict[str, tuple[Samples, str]] = {
    "dead": (changed(put((ALL, 1), 0.0)), "right: every sample is exactly zero"),
    "constant": (changed(put((ALL, 0), 0.25)), "left: stuck at 0.25"),
    "equal": (noise()[:, [0, 0]], "left and right are equal from"),
    "inverted": (noise()[:, [0, 0]] * [1.0, -1.0], "left and right are inverted"),
    "offset": (np.add(noise(), [0.0, 0.05]), "right: DC of +0.0"),
    "small offset": (np.add(noise(level=1e-3), [5e-4, 0.0]), "left: DC of +0.000"),
    "flat tops": (np.clip(noise(level=0.1), -0.15, 0.15), "left: flat tops"),
    "low flat tops": (np.clip(noise(level=0.002), -0.003, 0.003), "left: flat tops"),
    "clipped": (np.clip(noise(level=0.5), -1.0, 1.0), "at or beyond full scale"),
    "zeros at the start": (changed(put(slice(0, FS // 4), 0.0)), "for the first 0.250 s"),
    "zeros in the middle": (changed(put(slice(FS, FS + 512), 0.0)), "1 gap of exact zeros"),
    "zeros at the end": (changed(put(slice(-FS // 4, None), 0.0)), "to the end, 12000 samples"),
    "one channel begins late": (
        changed(put((slice(0, FS // 4), 0), 0.0)),
        "left: exact zeros for the first 0.250 s",
    ),
    "one channel ends early": (
        changed(put((slice(-FS // 4, None), 1), 0.0)),
        "right: exact zeros from 1.750 s to the end",
    ),
    "one channel has gaps": (
        changed(lambda x: (put((slice(FS, FS + 64), 1), 0.0)(x), put((slice(60, 160), 1), 0.0)(x))),
        "right: exact zeros in 2 places, 164 samples in all, first at 0.001 s",
    ),
    "flat tops on one side": (
        np.minimum(noise(level=0.1), [0.15, 1.0]),
        "left: flat tops",
    ),
    "limited": (
        np.clip(noise(level=0.1), [-1.0, -0.25], [1.0, 0.25]),
        "samples at exactly the same extreme (-12.0 dB re full scale)",
    ),
    "held": (
        changed(lambda x: x.__setitem__(slice(FS, FS + 480), x[FS])),
        "left: one value stands still in 1 place, 480 samples in all, first at 1.000 s",
    ),
    "inverted and lower": (
        noise()[:, [0, 0]] * [1.0, -0.3],
        "left and right are inverted but for -10.5 dB",
    ),
}
CODINGS = ("PCM_16", "PCM_24", "FLOAT")


def written(path: Path, samples: Samples, subtype: str = "PCM_24") -> Path:
    soundfile.write(path, samples, FS, subtype=subtype)
    return path


def measured(capsys: Capsys, *arguments: str) -> tuple[int, dict]:
    code = main(["measure", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("coding", ["big endian", "a byte lost", "float as integer", "half"])
def test_misread_bytes_are_named(tmp_path: Path, capsys: Capsys, coding: str) -> None:
    samples = noise()
    codes = np.round(samples * 2**15).astype("<i2")
    content = {
        "big endian": codes.astype(">i2").tobytes(),
        "a byte lost": codes.tobytes()[1:] + b"\0",
        "float as integer": samples.astype("<f4").tobytes(),
        "half": codes[:FS].tobytes() + codes[FS:].astype(">i2").tobytes(),
    }[coding]
    kind = "<i4" if coding == "float as integer" else "<i2"
    path = written(
        tmp_path / "take.wav",
        np.frombuffer(content, kind).reshape(-1, 2).astype(kind[1:]),
        "PCM_32" if kind == "<i4" else "PCM_16",
    )
    _, found = measured(capsys, str(path), *LAEQ)
    assert "like bytes that were misread" in " ".join(found["flags"][str(path)])


def test_counts_in_a_float_file_are_named(tmp_path: Path, capsys: Capsys) -> None:
    path = written(tmp_path / "take.wav", np.round(noise() * 2**15), "FLOAT")
    _, found = measured(capsys, str(path), *LAEQ)
    assert "all samples are whole numbers" in " ".join(found["flags"][str(path)])


LAEQ = ("--sensitivity", "1", "--indicators", "LAeq")


@pytest.mark.parametrize("subtype", CODINGS)
@pytest.mark.parametrize("fault", FAULTS)
def test_measure_names_the_fault(tmp_path: Path, capsys: Capsys, fault: str, subtype: str) -> None:
    samples, text = FAULTS[fault]
    path = written(tmp_path / "take.wav", samples, subtype)
    _, found = measured(capsys, str(path), *LAEQ)
    assert text in " ".join(found["flags"][str(path)])


@pytest.mark.parametrize("level", [0.2, 0.05, 1e-3, 1e-4])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "PCM_32", "DOUBLE"])
def test_a_clean_file_has_no_flag(
    tmp_path: Path, capsys: Capsys, subtype: str, level: float
) -> None:
    samples = noise(level=level)
    path = written(tmp_path / "take.wav", samples, subtype)
    code, found = measured(capsys, str(path), *LAEQ)
    assert (code, found["flags"]) == (0, {})


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_float_samples_above_1_are_not_clipped_by_that_alone(
    tmp_path: Path, capsys: Capsys, subtype: str
) -> None:
    path = written(tmp_path / "pascal.wav", noise(level=1.0), subtype)
    assert measured(capsys, str(path), *LAEQ)[1]["flags"] == {}
    flat = written(tmp_path / "flat.wav", np.clip(noise(level=3.0), -2.0, 2.0), subtype)
    flags = measured(capsys, str(flat), *LAEQ)[1]["flags"][str(flat)]
    assert "flat tops" in flags[0]
    assert "6.0 dB re full scale" in flags[0]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_a_level_of_a_few_steps_is_doubted(tmp_path: Path, capsys: Capsys, subtype: str) -> None:
    step = 2.0 ** (1 - int(subtype[-2:]))
    steps = np.random.default_rng(1).normal(0.0, [1.3, 4.0], (2 * FS, 2))
    path = written(tmp_path / "take.wav", np.round(steps) * step, subtype)
    (flag,) = measured(capsys, str(path), *LAEQ)[1]["flags"][str(path)]
    assert flag.startswith(f"left: the level is 1.3 steps of {subtype[-2:]} bits")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "FLOAT"])
def test_8_bits_are_named_with_their_noise(tmp_path: Path, capsys: Capsys, subtype: str) -> None:
    path = written(tmp_path / "take.wav", np.round(noise(level=0.1) * 128) / 128, subtype)
    flags = measured(capsys, str(path), *LAEQ)[1]["flags"][str(path)]
    assert [flag[:30] for flag in flags] == [
        f"{name}: only 8 bits are used; the"[:30] for name in ("left", "right")
    ]
    assert "noise is at 41 dB" in flags[0]  # 1/128/sqrt(12) Pa


def test_any_two_channels_are_compared(tmp_path: Path, capsys: Capsys) -> None:
    for n_channels in (5, 20):
        samples = np.random.default_rng(1).normal(0.0, 0.05, (FS, n_channels))
        clean = written(tmp_path / f"clean{n_channels}.wav", samples)
        assert measured(capsys, str(clean), *LAEQ)[1]["flags"] == {}
        samples[:, 3] = samples[:, 2]
        same = written(tmp_path / f"same{n_channels}.wav", samples)
        (flag,) = measured(capsys, str(same), *LAEQ)[1]["flags"][str(same)]
        assert "ch3 and ch4 are equal from the first sample to the last" in flag


def test_a_quiet_passage_of_16_bits_is_not_a_gap(tmp_path: Path, capsys: Capsys) -> None:
    n = 4 * FS
    rng = np.random.default_rng(1)
    seconds = np.arange(n)[:, np.newaxis] / FS
    steps = 0.2 + 200.0 * np.clip(np.sin(2.0 * np.pi * seconds), 0.0, 1.0) ** 2  # events
    samples = np.round(rng.normal(0.0, steps, (n, 2))) / 2**15
    path = written(tmp_path / "take.wav", samples, "PCM_16")
    assert measured(capsys, str(path), *LAEQ)[1]["flags"] == {}


def tone(rms: float, n: int = 12 * FS) -> Samples:
    wave = np.sqrt(2.0) * rms * np.sin(2 * np.pi * 1000.0 * np.arange(n) / FS)
    return wave + np.random.default_rng(1).normal(0.0, 1e-4, n)


def test_a_calibrator_above_1_in_a_float_file_is_used(tmp_path: Path, capsys: Capsys) -> None:
    loud = written(tmp_path / "loud.wav", tone(1.4125), "FLOAT")
    out = str(tmp_path / "mic.json")
    for part in ([], ["--from", "1", "--to", "11.5"]):
        command = ["calibrate", "--left", str(loud), "--out", out, "--json", "--force", *part]
        assert main(command) == 0
        capsys.readouterr()
    clipped = written(tmp_path / "clipped.wav", np.clip(tone(1.4125), -1.5, 1.5), "FLOAT")
    assert main(["calibrate", "--left", str(clipped), "--out", out, "--force"]) == 5
    assert "flat tops" in capsys.readouterr().err
    full = written(tmp_path / "full.wav", np.clip(tone(1.4125), -1.0, 1.0), "FLOAT")
    assert main(["calibrate", "--left", str(full), "--out", out, "--force"]) == 5
    assert "clipped" in capsys.readouterr().err


@pytest.mark.parametrize("rule", ["mean", "max", "energy", "right"])
def test_no_value_of_both_ears_stands_on_a_dead_one(
    tmp_path: Path, capsys: Capsys, rule: str
) -> None:
    path = written(tmp_path / "take.wav", FAULTS["dead"][0])
    code, found = measured(capsys, str(path), *LAEQ, "--ears", rule)
    (row,) = found["rows"]
    assert (code, row["indicator"], row["value"]) == (5, "failed", None)
    assert "right: every sample is exactly zero" in row["statistic"]


def test_the_living_ear_is_measured(tmp_path: Path, capsys: Capsys) -> None:
    path = written(tmp_path / "take.wav", FAULTS["dead"][0])
    code, found = measured(capsys, str(path), *LAEQ, "--ears", "left")
    assert (code, len(found["rows"])) == (0, 1)
    living = found["rows"][0]["value"]
    code, found = measured(capsys, str(path), *LAEQ)
    assert [row["value"] for row in found["rows"]] == [living, None]


def test_an_offset_is_given_in_db(tmp_path: Path, capsys: Capsys) -> None:
    path = written(tmp_path / "take.wav", np.add(noise(), [0.0, 0.05]))
    names = ("--sensitivity", "1", "--indicators", "LZeq")
    _, found = measured(capsys, str(path), *names)
    left, right = (row["value"] for row in found["rows"])
    (flag,) = found["flags"][str(path)]
    assert right - left == pytest.approx(3.0, abs=0.1)  # as much power as the noise
    assert "raises LZeq by 3.0 dB and LCpeak by up to 1.8 dB" in flag
    assert "(67.9 dB)" in flag


def test_a_pressure_above_that_of_the_air_is_doubted(tmp_path: Path, capsys: Capsys) -> None:
    path = written(tmp_path / "take.wav", noise())
    names = ("--sensitivity", "5e7", "--indicators", "LAeq")
    flags = measured(capsys, str(path), *names)[1]["flags"][str(path)]
    assert "cannot be sound, the limit is 194 dB" in flags[0]
    assert "pascal per full scale" in flags[0]


def test_a_stated_level_that_can_be_no_sound_is_doubted(tmp_path: Path, capsys: Capsys) -> None:
    path, out = str(written(tmp_path / "take.wav", noise())), str(tmp_path / "stated.json")
    for level, doubted in (("199,199", True), ("150,150", False)):
        command = ["calibrate", "--method", "stated", "--recording", path, "--levels", level]
        assert main([*command, "--out", out, "--force"]) == 0
        assert ("cannot be sound" in capsys.readouterr().err) == doubted
        _, found = measured(capsys, path, "--stated-level", level, "--indicators", "LAeq")
        assert bool(found["flags"]) == doubted
        _, found = measured(capsys, path, "--calibration", out, "--indicators", "LAeq")
        assert bool(found["flags"]) == doubted


def test_a_report_leaves_the_dead_ear_out_and_says_so(tmp_path: Path, capsys: Capsys) -> None:
    calibration = str(tmp_path / "stated.json")
    main(["calibrate", "--method", "stated", "--pa-per-fs", "1,1", "--out", calibration])
    for number, method in enumerate(("hats", "ocv")):
        (tmp_path / method).mkdir()
        for stimulus in range(4):
            samples = noise(10 * number + stimulus, level=0.01 * (stimulus + 1))
            if (number, stimulus) == (1, 2):
                samples[:, 1] = 0.0
            written(tmp_path / method / f"S{stimulus}.wav", samples)
    folders = [str(tmp_path / "hats"), str(tmp_path / "ocv")]
    given = [f"--calibration={name}={calibration}" for name in ("hats", "ocv")]
    out = tmp_path / "report"
    command = ["report", *folders, *given, "--out", str(out), "--indicators", "LAeq,N5"]
    assert main(command) == 0
    capsys.readouterr()
    page = next(out.glob("*.html")).read_text(encoding="utf-8")
    assert "right: every sample is exactly zero" in page
    tables = "".join(path.read_text(encoding="utf-8") for path in out.rglob("*.csv"))
    (line,) = [
        line
        for line in tables.splitlines()
        if "ocv" in line and "S2" in line and ",N,5," in line and "right" in line
    ]
    assert ",nan," in line.lower() or ",," in line


OF_A_STIMULUS = (
    *("dead", "constant", "offset", "small offset"),
    *("flat tops", "low flat tops", "flat tops on one side"),
)
INVALID = (
    "flat tops",
    "flat tops on one side",
    "low flat tops",
    "zeros in the middle",
    "zeros at the end",
    "constant",
)


@pytest.mark.parametrize("fault", FAULTS)
def test_play_names_the_faults_of_a_stimulus(tmp_path: Path, capsys: Capsys, fault: str) -> None:
    samples, text = FAULTS[fault]
    path = str(written(tmp_path / "x.wav", samples[: FS // 2]))
    assert main(["play", "--device", "sim:lab", path, "--gain", "-20", "--json"]) == 0
    flags = json.dumps(json.loads(capsys.readouterr().out)["flags"])
    if fault in OF_A_STIMULUS:
        assert text.split(",")[0] in flags
    elif fault != "clipped":
        assert flags == "[]"  # zeros and equal channels are a matter of the stimulus


@pytest.mark.parametrize("fault", FAULTS)
def test_a_stated_level_refuses_an_invalid_recording(
    tmp_path: Path, capsys: Capsys, fault: str
) -> None:
    samples, text = FAULTS[fault]
    path = str(written(tmp_path / "x.wav", samples))
    out = str(tmp_path / "stated.json")
    command = ["calibrate", "--method", "stated", "--recording", path, "--levels", "70,70"]
    code = main([*command, "--out", out])
    printed = "".join(capsys.readouterr())
    if fault in ("dead", "clipped", "one channel has gaps"):
        assert code == 5
    else:
        assert code == (5 if fault in INVALID else 0)
        assert text in printed


def test_calibrate_names_a_lossy_coding(tmp_path: Path, capsys: Capsys) -> None:
    path = written(tmp_path / "x.wav", tone(0.1), "ULAW")
    main(["calibrate", "--left", str(path), "--out", str(tmp_path / "mic.json")])
    assert "lossy coding (ULAW)" in "".join(capsys.readouterr())
