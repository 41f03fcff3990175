"""``soundcal response filter`` writes taps that other programs can convolve with."""

from pathlib import Path

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.files import audio
from soundcal.response import ChannelResponse, new_response, save_response
from soundcal.units import db


@pytest.fixture(autouse=True)
def headphones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    curves = {
        name: ChannelResponse([20, 2000, 4000, 20000], [30, 30, high, high], u_db=0.3)
        for name, high in (("left", 26.0), ("right", 34.0))
    }
    save_response("h.json", new_response("HP", "FS", "DRP", "absolute", curves))


def test_taps_are_written_for_each_channel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["response", "filter", "h.json", "--fs", "44100", "--out", "eq.wav"]) == 0
    taps = audio.read("eq.wav")
    assert (taps.fs, taps.samples.shape) == (44100, (2, 8192))
    spectra = db(np.abs(np.fft.rfft(taps.samples, 44100)))
    np.testing.assert_allclose(spectra[:, [1000, 8000]], [[0, 4], [0, -4]], atol=0.01)
    printed = capsys.readouterr()
    assert "written: eq.wav" in printed.err
    assert "8192 taps at 44100 Hz, minimum phase, no delay" in printed.out
    assert "left: largest gain 4.0 dB at" in printed.out


def test_options_reach_the_filter(capsys: pytest.CaptureFixture[str]) -> None:
    line = "--low 100 --high 2000 --smoothing 12 --robust kirkeby --phase linear --taps 2048"
    assert main(["response", "filter", "h.json", "--out", "eq.wav", *line.split()]) == 0
    printed = capsys.readouterr().out
    assert "inverse of HP: kirkeby, 100 to 2000 Hz, 1/12 octave" in printed
    assert "2049 taps at 48000 Hz, linear phase, delay 1024 samples" in printed
    line = "filter h.json --out eq.wav --force --target generic-df --boost 3"
    assert main(["response", *line.split()]) == 0
    assert "left: largest gain 3.0 dB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ("--out eq.flac", 2, "written as .wav"),
        ("--out eq.wav --fs 100", 2, "8000 to 768000 Hz"),
        ("--out eq.wav --robust mean+2s", 2, "spread between seatings"),
        ("--out h.wav --target no.json", 5, "no.json"),
    ],
)
def test_exit_codes(
    options: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["response", "filter", "h.json", *options.split()]) == code
    assert message in capsys.readouterr().err
    assert not list(Path().glob("*.wav"))
