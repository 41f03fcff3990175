"""The level of full scale: as an option, and as a file states it in its name or its header."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.cli import main
from soundcal.files.full_scale import stated_full_scale

Capsys = pytest.CaptureFixture[str]
FS = 48000


def written(path: Path, chunk: bytes = b"", content: bytes = b"", *, form: str = "WAV") -> Path:
    """Two channels of noise with an rms of 0.1, and a chunk before the samples."""
    noise = np.random.default_rng(1).normal(0.0, 0.1, (FS, 2))
    noise *= 0.1 / noise.std(axis=0)
    soundfile.write(path, noise, FS, subtype="PCM_24", format=form)
    if chunk:
        whole, order = path.read_bytes(), ">" if form == "AIFF" else "<"
        content += b"\0" * (len(content) % 2)
        at = whole.index(b"SSND" if form == "AIFF" else b"data")
        whole = whole[:at] + chunk + struct.pack(f"{order}I", len(content)) + content + whole[at:]
        path.write_bytes(whole[:4] + struct.pack(f"{order}I", len(whole) - 8) + whole[8:])
    return path


def bext(text: str) -> bytes:
    return text.encode().ljust(602, b"\0")


def measured(capsys: Capsys, path: Path, *options: str) -> dict:
    assert main(["measure", str(path), "--indicators", "LZeq", "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_level_of_full_scale_is_that_of_a_peak(tmp_path: Path, capsys: Capsys) -> None:
    path = written(tmp_path / "take.wav")
    found = measured(capsys, path, "--full-scale", "133")
    same = measured(capsys, path, "--sensitivity", str(20e-6 * 10 ** (133 / 20)))
    assert [row["value"] for row in found["rows"]] == pytest.approx(
        [row["value"] for row in same["rows"]], abs=1e-9
    )
    assert found["rows"][0]["value"] == pytest.approx(133 - 20, abs=0.01)  # rms 20 dB below
    assert found["stated"]["option"] == "--full-scale"
    assert found["stated"]["sensitivities"]["right"] == pytest.approx(89.3, abs=0.05)
    two = measured(capsys, path, "--full-scale", "133,132.5")
    assert two["flags"] == {}
    assert two["rows"][0]["value"] - two["rows"][1]["value"] == pytest.approx(0.5, abs=1e-3)


def test_a_calibration_states_it_too(tmp_path: Path, capsys: Capsys) -> None:
    out = tmp_path / "slm.json"
    command = ["calibrate", "--method", "stated", "--full-scale", "94,94", "--out", str(out)]
    assert main([*command, "--json"]) == 0
    channels = json.loads(capsys.readouterr().out)["channels"]
    assert channels["left"]["pa_per_fs"] == pytest.approx(20e-6 * 10 ** (94 / 20))


@pytest.mark.parametrize(
    "options",
    [
        "--full-scale 133 --sensitivity 1",
        "--full-scale 133 --stated-level 70",
        "--full-scale 1330",
        "--full-scale nan",
        "--full-scale x",
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, capsys: Capsys, options: str) -> None:
    path = str(written(tmp_path / "take.wav"))
    try:
        code = main(["measure", path, "--indicators", "LZeq", *options.split()])
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert "--full-scale" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "level", "peak"),
    [
        ("Sound: 0dBFS = 133.0 dBSPL Time Zone: UTC+01:00", 133.0, False),
        ("0 dB FS corresponds to 120,5 dB", 120.5, False),
        ("Full scale: 114 dB (peak)", 114.0, True),
        ("133 dB SPL @ 0 dBFS", 133.0, False),
        ("-20 dBFS = 94 dB SPL", None, False),
        ("calibrator 94 dB at -30,0 dBFS", None, False),
        ("0 dBFS = +18 dBu, FS 48 kHz", None, False),
        ("noise at 65 dB FS 133 m", None, False),
        ("offset 90 dB, T=94 dB 0 dBFS", None, False),
    ],
)
def test_the_texts_of_a_header(tmp_path: Path, text: str, level: float | None, peak: bool) -> None:
    comment = b"INFOICMT" + struct.pack("<I", len(text.encode())) + text.encode()
    for number, (form, chunk, content) in enumerate(
        [
            ("WAV", b"bext", bext(text)),
            ("RF64", b"bext", bext(text)),
            ("WAV", b"iXML", f"<NOTE>{text}</NOTE>".encode()),
            ("WAV", b"LIST", comment),
            ("AIFF", b"ANNO", text.encode()),
        ]
    ):
        path = written(tmp_path / f"{number}.x", chunk, content, form=form)
        found = stated_full_scale(path)
        assert (found and (found.level, found.peak)) == (level and (level, peak)), form


def test_a_calibration_that_contradicts_the_file_is_flagged(tmp_path: Path, capsys: Capsys) -> None:
    text = bext("Sound: 0dBFS = 133.0 dBSPL")
    for path, place in (
        (written(tmp_path / "take.wav", b"bext", text), "chunk bext"),
        (written(tmp_path / "site_SLM_000_Audio_FS133.0dB(PK)_00.wav"), "name"),
    ):
        assert measured(capsys, path, "--full-scale", "133")["flags"] == {}
        assert measured(capsys, path, "--sensitivity", "89.3")["flags"] == {}
        assert measured(capsys, path, "--full-scale", "132.1")["flags"] == {}
        for options in (["--sensitivity", "50"], ["--full-scale", "131"], ["--stated-level", "70"]):
            (flag,) = measured(capsys, path, *options)["flags"][str(path)]
            assert f"its {place} states 133 dB" in flag
        (flag,) = measured(capsys, path, "--full-scale", "133,131.9")["flags"][str(path)][:1]
        assert "131.9 dB (right)" in flag
        assert main(["measure", str(path), "--indicators", "LAeq"]) == 5
        assert f"its {place} states 133 dB at full scale" in capsys.readouterr().err


def test_a_full_scale_beyond_any_sound_is_doubted(tmp_path: Path, capsys: Capsys) -> None:
    path = tmp_path / "quiet.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0.0, 1e-4, (FS, 2)), FS, "PCM_24")
    for options in (["--sensitivity", "5e7"], ["--full-scale", "248"]):
        (flag,) = measured(capsys, path, *options)["flags"][str(path)]
        assert "full scale at 248 dB is beyond any sound (194 dB)" in flag
    # a sensitivity typed as a level, and a level typed as a sensitivity in micropascal
    for options in (["--full-scale", "12.5"], ["--sensitivity", "1e-5"]):
        (flag,) = measured(capsys, path, *options)["flags"][str(path)]
        assert "leaves no room for sound" in flag
    command = ["calibrate", "--method", "stated", "--out", str(tmp_path / "c.json")]
    assert main([*command, "--pa-per-fs", "5e7"]) == 0
    assert "full scale at 248 dB is beyond any sound" in capsys.readouterr().err


def test_a_calibrator_of_another_level_is_noticed(tmp_path: Path, capsys: Capsys) -> None:
    path = tmp_path / "calibrator_FS120dB(PK).wav"
    tone = np.sin(2.0 * np.pi * 1000.0 * np.arange(12 * FS) / FS) * np.sqrt(2.0)
    noise = np.random.default_rng(1).normal(0.0, 1e-5, tone.size)
    soundfile.write(path, 10.0 ** (-26.0 / 20.0) * tone + noise, FS, subtype="PCM_24")
    command = ["calibrate", "--left", str(path), "--out", str(tmp_path / "mic.json"), "--force"]
    for level, noticed in (("94", False), ("114", True)):
        assert main([*command, "--level", level]) == 0
        said = "its name states 120 dB at full scale, its calibration gives 140.0 dB (left)"
        assert (said in capsys.readouterr().err) == noticed
