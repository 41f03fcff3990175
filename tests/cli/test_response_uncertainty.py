"""measure carries the uncertainty of responses into its table and prints it."""

import json
from pathlib import Path

import numpy as np
import pytest

from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.calibrations import save_calibration
from soundcal.indicators import compute
from soundcal.recording import Recording
from soundcal.response import Equaliser, generic_response

FS = 48000
WANTED = "LAeq,LCeq,N5,S5,R5"


def test_files_and_recordings_have_the_same_uncertainty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = Chain((Link("calibrator level", 0.0, 0.2),))
    calibration = new_calibration("stated", "input", {"left": chain, "right": chain})
    save_calibration(tmp_path / "ears.json", calibration)
    noise = 0.02 * np.random.default_rng(3).standard_normal((2, FS))
    take = str(tmp_path / "take.wav")
    audio.write(take, noise, FS, subtype="DOUBLE")
    command = ["measure", take, "--calibration", str(tmp_path / "ears.json"), "--refer-to", "df"]
    command += ["--indicators", WANTED, "--uncertainty"]
    assert main([*command, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    found = {(row["channel"], row["indicator"]): row["u"] for row in content["rows"]}

    head = generic_response("generic-df")
    undo = Equaliser(head, direction="undo", fs=FS, channels=("left", "right"))
    drum = Recording(noise, FS, "c", u_db=(0.2, 0.2), point="DRP")
    rows = compute(undo.apply(drum), WANTED.split(","), uncertainty=True)
    assert found == pytest.approx({(row.channel, row.indicator): row.u for row in rows}, rel=1e-9)

    of_left = content["of_responses"][take]["left"]
    assert found["left", "LA"] == pytest.approx(np.hypot(0.2, of_left["LA_db"]))
    # 1 dB to 5 kHz, 4 dB above, over white noise
    assert 1.0 < of_left["LA_db"] < 3.0
    assert 0.01 < of_left["S_relative"] < 0.2
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert f"left: frequency response u(LA) = {of_left['LA_db']:.2f} dB, u(LC) = " in printed
    # without --uncertainty levels keep theirs, and nothing is drawn
    assert main([*command[:-1], "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["of_responses"] == {}
    plain = {(row["channel"], row["indicator"]): row["u"] for row in content["rows"]}
    assert plain["left", "LA"] == found["left", "LA"]
    assert plain["left", "N"] is None
