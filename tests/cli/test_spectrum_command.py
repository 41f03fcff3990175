"""``soundcal spectrum``: tables, pictures and texts of a file's spectra."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import soundcal
from soundcal.cli import main
from soundcal.files import audio
from soundcal.indicators import power_spectral_density, spectrogram

FS = 48000
WAV = ["spectrum", "fan.wav", "--sensitivity", "2"]


@pytest.fixture
def fan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """The file fan.wav in the working folder: noise, on the right with a tone at 1 kHz."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(2).normal(0.0, 0.01, (2, FS))
    x[1] += 0.05 * np.sin(2 * np.pi * 1000.0 * np.arange(FS) / FS)
    audio.write("fan.wav", x, FS, subtype="FLOAT")
    return 2.0 * np.asarray(soundcal.files.audio.read("fan.wav").samples)


def table(name: str) -> tuple[list[str], list[list[str]]]:
    with open(name, newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    return head, rows


def test_a_table_has_every_line(fan: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WAV, "--weighting", "A", "--resolution", "10", "--out", "psd.csv"]) == 0
    found = power_spectral_density(fan, FS, weighting="A", resolution=10.0)
    head, rows = table("psd.csv")
    assert head == [
        "channel", "frequency [Hz]", "density [Pa²/Hz]", "level [dB re (20 µPa)²/Hz]",
    ]  # fmt: skip
    assert [row[0] for row in rows[:: found.frequency.size]] == ["left", "right"]
    values = np.array([row[1:] for row in rows], dtype=float).reshape(2, -1, 3)
    np.testing.assert_allclose(values[..., 1], found.density, rtol=1e-9)
    np.testing.assert_allclose(values[..., 0], [found.frequency] * 2)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == found.settings
    assert shown[1].split("  ")[0] == "channel"
    assert shown[3].split() == [
        "right", f"{found.total_level[1]:.2f}", "1000", f"{found.level[1, 100]:.2f}",
    ]  # fmt: skip


def test_a_spectrogram_and_its_picture(fan: np.ndarray) -> None:
    options = ["--spectrogram", "--resolution", "500", "--hop", "0.002", "--range", "40"]
    assert main([*WAV, *options, "--out", "over_time.csv", "--out", "over_time.PNG"]) == 0
    found = spectrogram(fan, FS, resolution=500.0, hop=0.002)
    head, rows = table("over_time.csv")
    assert head[:5] == ["channel", "time [s]", "0 Hz", "500 Hz", "1000 Hz"]
    assert len(head) == 2 + found.frequency.size
    assert [row[0] for row in rows[:: found.times.size]] == ["left", "right"]
    values = np.array([row[1:] for row in rows], dtype=float).reshape(2, found.times.size, -1)
    np.testing.assert_allclose(values[..., 0], [found.times] * 2)
    np.testing.assert_allclose(values[..., 1:], found.level, rtol=1e-9)
    assert Path("over_time.PNG").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_pictures_for_print(fan: np.ndarray, ending: str) -> None:
    assert main([*WAV, "--resolution", "100", "--out", f"psd.{ending}"]) == 0
    assert Path(f"psd.{ending}").stat().st_size > 1000
    assert main([*WAV, "--resolution", "100", "--out", f"psd.{ending}"]) == 5
    assert main([*WAV, "--resolution", "100", "--out", f"psd.{ending}", "--force"]) == 0


def test_silence_has_no_highest_line(fan: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    audio.write("silence.wav", np.zeros((1, FS)), FS)
    assert main(["spectrum", "silence.wav", "--sensitivity", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["mono", "-inf", "–", "-inf"]


def test_json_has_settings_and_flags(fan: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    clipped = np.clip(400.0 * fan, -1.0, 1.0)
    audio.write("clipped.wav", clipped, FS)
    command = ["spectrum", "clipped.wav", "--full-scale", "120", "--channels", "a,b", "--json"]
    assert main([*command, "--resolution", "100"]) == 0
    captured = capsys.readouterr()
    content = json.loads(captured.out)
    assert content["schema"] == "soundcal/spectrum/1"
    assert (content["resolution"], content["noise_bandwidth"], content["averages"]) == (
        100,
        150,
        199,
    )
    assert content["channels"] == ["a", "b"]
    assert content["times"] is None
    assert any("full scale" in text for text in content["warnings"])
    assert "clipped.wav: a: " in captured.err
    assert "--full-scale: a 20 Pa per full scale" in captured.err


def test_a_record_names_the_calibration(tmp_path: Path) -> None:
    with soundcal.open_device("sim:lab") as lab:
        ears = soundcal.calibrate_ears(lab, soundcal.lab.SimulatedOperator(lab), insertions=1)
        soundcal.save_calibration(tmp_path / "ears.json", ears)
        take = soundcal.record_to_file(
            lab,
            tmp_path / "take.wav",
            duration=1.0,
            inputs=(1, 2),
            calibration=tmp_path / "ears.json",
        )
    table = tmp_path / "psd.csv"
    assert main(["spectrum", str(take.path), "--resolution", "100", "--out", str(table)]) == 0
    found = power_spectral_density(soundcal.read(take.path), resolution=100.0)
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    values = np.array([row[2] for row in rows], dtype=float)
    np.testing.assert_allclose(values, found.density.ravel(), rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (["--out", "psd.txt"], "psd.txt: written are .csv, .xlsx, .parquet, .png, .svg, .pdf", 2),
        (["--range", "50"], "--range is a number of dB above 0, for --spectrogram", 2),
        (["--spectrogram", "--range", "-1"], "--range is a number of dB above 0", 2),
        (["--resolution", "0"], "lines 0 Hz apart", 2),
        (["--resolution", "0.1"], "at least 10 s are needed", 5),
        (["--hop", "2"], "2 s from one segment to the next", 2),
        (["--channels", "one"], "2 channels in the file", 2),
    ],
)
def test_mistakes(
    fan: np.ndarray,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
    code: int,
) -> None:
    assert main([*WAV, *options]) == code
    assert message in capsys.readouterr().err


def test_a_file_without_calibration_is_refused(
    fan: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["spectrum", "fan.wav"]) == 5
    assert "not calibrated" in capsys.readouterr().err
