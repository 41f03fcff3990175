"""Indicators of a Recording, as people type them."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import soundcal
from soundcal import indicators
from soundcal.errors import ParameterError, SignalError
from soundcal.files import audio
from soundcal.indicators.registry import REGISTRY
from soundcal.recording import Capture, Flag, Recording

FS = 48000
NOISE = 0.02 * np.random.default_rng(3).standard_normal((2, 2 * FS))
DURATIONS = dict.fromkeys(("loudness_ecma", "tonality_ecma", "roughness_ecma"), 0.4)
"""Seconds of sound, where 2 s take long."""

NAMES = sorted({entry.name for entry in REGISTRY.values()} | {"leq", "sel", "peak_level"})


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_gives_what_its_pressure_gives(name: str) -> None:
    function = getattr(indicators, name)
    flag = Flag("test", "somebody coughed")
    noise = NOISE[:, : round(DURATIONS.get(name, 2.0) * FS)]
    of_recording = function(Recording(noise, FS, "stated", flags=(flag,)))
    of_pressure = function(noise, FS)
    np.testing.assert_array_equal(of_recording.value, of_pressure.value)
    assert of_recording.warnings == ("somebody coughed", *of_pressure.warnings)


def test_options_go_with_a_recording() -> None:
    recording = Recording(NOISE, FS, "stated")
    found = indicators.leq(recording, weighting="C").value
    np.testing.assert_array_equal(found, indicators.leq(NOISE, FS, weighting="C").value)
    assert "weighting" in inspect.signature(indicators.leq).parameters


def test_what_is_no_pressure_is_refused() -> None:
    with pytest.raises(ParameterError, match="calibrate it first"):
        indicators.leq(Capture(NOISE, FS))
    with pytest.raises(ParameterError, match="no sampling rate"):
        indicators.leq(NOISE)
    with pytest.raises(ParameterError, match="44100 Hz, but the recording has 48000 Hz"):
        indicators.leq(Recording(NOISE, FS, "stated"), 44100)


def test_a_file_is_read_in_pascal(tmp_path: Path) -> None:
    audio.write(tmp_path / "x.wav", NOISE, FS, subtype="FLOAT")
    recording = soundcal.read(tmp_path / "x.wav", sensitivity=(2.0, 3.0))
    kept = audio.read(tmp_path / "x.wav").samples
    np.testing.assert_allclose(recording.pressure, kept * [[2.0], [3.0]], rtol=1e-12)
    assert recording.channels == ("left", "right")
    levels = soundcal.measure(tmp_path / "x.wav", levels=_levels(tmp_path, recording))
    assert levels.query("indicator == 'LA' and statistic == 'eq'")["value"].tolist() == (
        pytest.approx(indicators.leq(recording).value.tolist())
    )
    with pytest.raises(SignalError, match="not calibrated"):
        soundcal.read(tmp_path / "x.wav")


def _levels(folder: Path, recording: Recording) -> Path:
    left, right = indicators.leq(recording).value
    path = folder / "levels.csv"
    path.write_text(f"recording,left,right,weighting\nx,{left},{right},A\n")
    return path


def test_a_file_brings_its_flags(tmp_path: Path) -> None:
    clipped = np.clip(60 * NOISE, -1.0, 1.0)
    audio.write(tmp_path / "x.wav", clipped, FS, subtype="PCM_24")
    flags = soundcal.read(tmp_path / "x.wav", sensitivity=2.0).flags
    assert "clipping" in {flag.kind for flag in flags}
    assert flags == tuple(dict.fromkeys(flags))
