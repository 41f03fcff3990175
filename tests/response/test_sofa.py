"""Responses from SOFA files."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.errors import ParameterError, RecordError
from soundcal.response import read_sofa_response

FS = 48000
installed = pytest.mark.skipif(
    importlib.util.find_spec("sofar") is None, reason="needs the extra sofa"
)


def write(path: Path, convention: str, data: np.ndarray, positions: Any = None) -> Path:
    import sofar

    sofa = sofar.Sofa(convention, mandatory=True)
    sofa.Data_IR = data
    sofa.Data_Delay = np.zeros((1, data.shape[1]))
    sofa.Data_SamplingRate = FS
    sofa.GLOBAL_License = "CC0"
    if convention == "GeneralFIR":
        sofa.ReceiverPosition = np.zeros((data.shape[1], 3))
    if positions is not None:
        sofa.SourcePosition = positions
    sofar.write_sofa(str(path), sofa)
    return path


def test_without_the_library_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.sofa"
    path.write_bytes(b"x")
    monkeypatch.setattr("soundcal.response.sofafile.find_spec", lambda name: None)
    command = ["response", "import", str(path), "--out", str(tmp_path / "x.json")]
    assert main(command) == 2
    assert capsys.readouterr().err == (
        f'soundcal: {path}: needs the library sofar; pip install "soundcal[sofa]"\n'
    )


@installed
def test_seatings_of_headphones(tmp_path: Path) -> None:
    data = np.random.default_rng(1).normal(size=(3, 2, 4096))
    path = write(tmp_path / "h.sofa", "SimpleHeadphoneIR", data)
    response = read_sofa_response(path, kind="absolute")
    assert (response.source_point, response.target_point) == ("FS", "DRP")
    assert tuple(response.channels) == ("left", "right")
    level = 20 * np.log10(np.abs(np.fft.rfft(data)))[..., 1:]
    right = response.channel("right")
    assert right.frequency.tolist() == (FS / 4096 * np.arange(1, 2049)).tolist()
    np.testing.assert_allclose(right.magnitude_db, level[:, 1].mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(right.u_db, level[:, 1].std(axis=0, ddof=1) / np.sqrt(3.0))
    np.testing.assert_allclose(right.spread_db, level[:, 1].std(axis=0, ddof=1))
    assert right.degrees_of_freedom(1000.0) == 2.0
    assert response.conditions == {"seatings": 3}
    assert response.provenance["parts"]["right"]["License"] == "CC0"
    relative = read_sofa_response(path)
    assert abs(relative.channel("left").level(1000.0)) < 1e-12


@installed
def test_one_measurement_of_a_general_system(tmp_path: Path) -> None:
    data = np.zeros((1, 1, 512))
    data[..., 0] = 2.0
    response = read_sofa_response(
        write(tmp_path / "g.sofa", "GeneralFIR", data), target_point="FS", kind="absolute"
    )
    curve = response.channel("any")
    assert curve.frequency[0] == FS / 512
    assert curve.magnitude_db == pytest.approx(20 * np.log10(2.0), abs=1e-12)
    with pytest.raises(RecordError, match="GeneralFIR with 2 measurements"):
        read_sofa_response(write(tmp_path / "g.sofa", "GeneralFIR", np.concatenate([data, data])))


def sphere(step: int) -> np.ndarray:
    """Directions on rings of ``step`` degrees, without the poles: dense on small rings."""
    rings = [(a, e) for e in range(step - 90, 90, step) for a in range(0, 360, step)]
    return np.array([(a, e, 1.2) for a, e in rings], dtype=float)


@installed
def test_ears_in_a_field(tmp_path: Path) -> None:
    # |H|² = 1 + sin(elevation): its mean over the sphere is 1, over the rings of a grid as well;
    # |H|² = 1 + 3 sin²(elevation): the mean over the sphere is 2, less at the crowded poles
    positions = sphere(15)
    rise = np.sin(np.radians(positions[:, 1]))
    data = np.zeros((len(positions), 2, 256))
    data[:, 0, 3] = np.sqrt(1.0 + rise)
    data[:, 1, 5] = np.sqrt(1.0 + 3.0 * rise**2)
    path = write(tmp_path / "f.sofa", "SimpleFreeFieldHRIR", data, positions)
    diffuse = read_sofa_response(path, source_point="FF", target_point="DF", kind="absolute")
    assert diffuse.channel("left").level(1000.0) == pytest.approx(0.0, abs=0.01)
    assert diffuse.channel("right").level(1000.0) == pytest.approx(-10 * np.log10(2.0), abs=0.03)
    free = read_sofa_response(path, source_point="FF", kind="absolute")
    assert free.channel("right").level([500.0, 20000.0]) == pytest.approx(0.0, abs=1e-9)
    notes = free.provenance["parts"]["left"]["notes"]
    assert any("level of the loudspeaker" in note for note in notes)
    with pytest.raises(RecordError, match=r"3\.0\d dB at 100 Hz.*--shift"):
        read_sofa_response(path, source_point="DF", kind="absolute")
    with pytest.raises(ParameterError, match="state FF or DF as the source"):
        read_sofa_response(path)


@installed
@pytest.mark.parametrize(
    ("positions", "source", "message"),
    [
        ([(a, 0, 1) for a in range(0, 360, 10)], "DF", "36 directions do not surround the head"),
        ([(a, e, 1) for e in (-30, 30, 60) for a in (0, 120, 240)], "FF", "ahead: .* 30.0 deg off"),
    ],
)  # fmt: skip
def test_directions_that_are_not_enough(
    tmp_path: Path, positions: list[Any], source: str, message: str
) -> None:
    data = np.ones((len(positions), 2, 64))
    path = write(tmp_path / "f.sofa", "SimpleFreeFieldHRIR", data, np.array(positions, dtype=float))
    with pytest.raises(RecordError, match=message):
        read_sofa_response(path, source_point=source)


@installed
def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.sofa"
    path.write_bytes(b"nonsense")
    with pytest.raises(RecordError, match="cannot be read as a SOFA file"):
        read_sofa_response(path)
    with pytest.raises(RecordError, match="an impulse response of zeros"):
        read_sofa_response(write(path, "SimpleHeadphoneIR", np.zeros((1, 2, 64))))
    with pytest.raises(RecordError, match="no such file"):
        read_sofa_response(tmp_path / "none.sofa")
