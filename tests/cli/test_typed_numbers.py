"""Numbers typed for two channels are repeated as understood, and doubted if they are unlike."""

import json
from pathlib import Path

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.devices import open_device
from soundcal.errors import ParameterError
from soundcal.files import audio
from soundcal.lab import protocol
from soundcal.lab.steps import check


@pytest.fixture(autouse=True)
def take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(1).normal(0.0, 0.03, 48000)
    audio.write(tmp_path / "take.wav", np.array([noise, noise[::-1]]), 48000)
    audio.write(tmp_path / "mono.wav", noise[np.newaxis], 48000)


MEASURE = "measure take.wav --indicators LAeq"
STATE = "calibrate --method stated --force"
COMMANDS = {
    "--sensitivity": f"{MEASURE} --sensitivity",
    "--stated-level": f"{MEASURE} --stated-level",
    "--full-scale": f"{MEASURE} --full-scale",
    "--pa-per-fs": f"{STATE} --pa-per-fs",
    "--levels": f"{STATE} --recording take.wav --levels",
    "--line-sensitivity": "calibrate --method ocv --device sim:lab --line-inputs 3,4 --force "
    "--line-sensitivity",
}


def said(option: str, typed: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    assert main([*COMMANDS[option].split(), typed, "--json"]) == 0
    out, err = capsys.readouterr()
    return out, err


@pytest.mark.parametrize("option", COMMANDS)
def test_a_decimal_comma_is_asked_about(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(option, "12,5", capsys)
    assert (
        "'12,5' was read as left 12, right 5; for a single number with decimals write 12.5" in err
    )
    assert f"{option}: left " in err
    if option != "--line-sensitivity":
        assert "'12,5' was read as" in out
    _, err = said(option, "12.5,12", capsys)
    assert f"{option}: left " in err
    assert "was read as" not in err
    _, err = said(option, "12.5,10.5", capsys)
    assert "for a single number" not in err
    assert f"{option}: the sensitivities of the channels differ by" in err


def test_the_sensitivities_are_in_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said("--sensitivity", "12.5", capsys)
    stated = json.loads(out)["stated"]
    assert stated["sensitivities"] == {"left": 12.5, "right": 12.5}
    assert stated["unit"] == "Pa per full scale"
    assert "--sensitivity: left 12.5 Pa per full scale, right 12.5 Pa per full scale" in err
    assert json.loads(out)["flags"] == {}


@pytest.mark.parametrize("option", ["--sensitivity", "--stated-level"])
def test_a_decimal_comma_for_one_channel_is_refused(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", "mono.wav", "--indicators", "LAeq", option, "65,5"]) in (2, 5)
    assert "decimals with a point" in capsys.readouterr().err


def test_a_protocol_asks_what_the_data_sheet_says() -> None:
    found = protocol.load("ocv_headphones")
    sheet = {"impedance": "32", "sensitivity": "102"}
    with open_device("sim:lab") as device:
        check(found.resolve(sheet), device)
        info = type("Info", (), {"kind": "soundcard", "identity": "x", "inputs": 8, "outputs": 8})
        card = type("Card", (), {"info": info})()
        check(found.resolve(sheet | {"sensitivity_per": "mW"}), card)
        with pytest.raises(
            ParameterError, match=r"102.0 dB at 1 V .* 116.9 dB .*sensitivity_per=mW"
        ):
            check(found.resolve(sheet), card)
