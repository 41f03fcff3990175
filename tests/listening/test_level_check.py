"""The level check that opens the room, in the simulated lab, and what goes wrong on purpose."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening_sounds import opened_lab, study_with_sounds

from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import DeviceUnavailable, ParameterError, RecordError, SignalError
from soundcal.lab.operator import SimulatedOperator
from soundcal.lab.voltage import LineInputs
from soundcal.listening.level_check import (
    LevelCheck,
    reference_of,
    run_level_check,
)
from soundcal.listening.results import LEVEL_NOT_CHECKED

KINDS = ["coupler", "voltage", "ears_only"]


class Swapped(SimulatedLab):
    """A lab with the plugs of left and right in each other's place."""

    def play_and_record(self, samples: np.ndarray, **options: Any) -> Any:
        return super().play_and_record(samples[::-1], **options)

    def playing(self, samples: np.ndarray, *, outputs: Any = None) -> Any:
        return super().playing(samples, outputs=[3 - number for number in outputs])


def check(folder: Path, kind: Any, lab: Any = None, **sound: Any) -> LevelCheck:
    study = study_with_sounds(folder, **sound)
    with lab or opened_lab() as device:
        return run_level_check(kind, device, study, SimulatedOperator(device))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_passes_where_nothing_has_changed(sounds: Path, kind: str) -> None:
    found = check(sounds, kind)
    assert found.passed, found.reasons
    assert found.reasons == ()
    assert found.flags == ((LEVEL_NOT_CHECKED,) if kind == "ears_only" else ())
    limit = {"coupler": 0.5, "voltage": 0.2, "ears_only": 0.0}[kind]
    assert len(found.deviations) == {"coupler": 4, "voltage": 2, "ears_only": 0}[kind]
    assert all(abs(value) <= limit for value in found.deviations.values())
    valid = datetime.fromisoformat(found.valid_until) - datetime.fromisoformat(found.made)
    assert valid == timedelta(hours=12)
    assert len(reference_of(found.checks)) == 2


@pytest.mark.parametrize(("kind", "words"), [("coupler", "CG01 left"), ("voltage", "left")])
def test_a_knob_that_was_moved_is_named(sounds: Path, kind: str, words: str) -> None:
    lab = opened_lab()
    assert isinstance(lab, SimulatedLab)
    lab.turn_knob(-3.0)
    found = check(sounds, kind, lab)
    assert not found.passed
    assert all(value == pytest.approx(-3.0, abs=0.5) for value in found.deviations.values())
    assert any(
        text.startswith(words) and "set the volume control as it was" in text
        for text in found.reasons
    )


@pytest.mark.parametrize("kind", ["coupler", "ears_only"])
def test_swapped_ears_are_named(sounds: Path, kind: str) -> None:
    found = check(sounds, kind, Swapped("lab,spread=0", seed=3), monitor="none")
    assert not found.passed
    assert any("whether left and right are swapped" in text for text in found.reasons)


def test_a_meter_at_the_other_output_is_named(sounds: Path) -> None:
    found = check(sounds, "voltage", Swapped("lab,spread=0", seed=3), monitor="none")
    assert not found.passed
    assert all(value < -20.0 for value in found.deviations.values())
    assert all("read the meter at the right output" in text for text in found.reasons)


def test_line_inputs_take_the_place_of_the_voltmeter(sounds: Path) -> None:
    with opened_lab() as device:
        assert isinstance(device, SimulatedLab)
        found = run_level_check(
            "voltage",
            device,
            study_with_sounds(sounds),
            SimulatedOperator(device),
            line=LineInputs((3, 4), device.truth.line_v_per_fs),
        )
    assert found.passed, found.reasons


def test_another_device_and_a_changed_stimulus_are_named(sounds: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="gains were found with sim:lab"):
        check(sounds, "coupler", SimulatedLab("onboard+closed-16", seed=3))
    with SimulatedLab("lab,spread=0,noise=1", seed=3) as device:
        hands = SimulatedOperator(device)
        study = study_with_sounds(sounds)
        assert run_level_check("voltage", device, study, hands, accept_device=True).passed
    shutil.copytree(sounds, tmp_path / "changed")
    for name in ("ocv", "hats"):
        path = tmp_path / "changed" / name / f"gains_{name}.json"
        table = json.loads(path.read_text())
        for row in table["gains"]:
            row["sha256"] = "0" * 64
        path.write_text(json.dumps(table))
    with pytest.raises(RecordError, match="the stimulus has SHA-256"):
        check(tmp_path / "changed", "coupler")


def test_a_study_without_the_calibration_is_told_what_to_check_instead(
    sounds: Path, tmp_path: Path
) -> None:
    for name, kind, words in (
        ("ocv", "coupler", "check the voltage instead"),
        ("hats", "voltage", "check by the coupler instead"),
    ):
        conditions = {name.upper(): sounds / name / f"gains_{name}.json"}
        with pytest.raises(ParameterError, match=words):
            check(sounds, kind, conditions=conditions)


def test_a_monitor_that_hears_nothing_is_named(sounds: Path) -> None:
    class Unplugged(SimulatedLab):
        def play_and_record(self, samples: np.ndarray, **options: Any) -> Any:
            return super().play_and_record(0.0 * samples, **options)

    with pytest.raises(SignalError, match="the monitor does not hear the outputs"):
        check(sounds, "voltage", Unplugged("lab,spread=0", seed=3))


def test_a_monitor_that_hears_by_microphones_is_named(sounds: Path) -> None:
    found = check(sounds, "voltage", monitor_inputs=(1, 2))  # the ears of the HATS
    assert not found.passed
    for ear, reason in zip(("left", "right"), found.reasons, strict=True):
        assert reason.startswith(f"{ear}: noise arrives at the monitor with a correlation of 0.")
        assert "by cable" in reason


def test_the_operator_may_repeat_a_check_that_failed(sounds: Path) -> None:
    lab = opened_lab()
    assert isinstance(lab, SimulatedLab)
    lab.turn_knob(-3.0)

    class Mending(SimulatedOperator):
        def again(self, reason: str) -> bool:
            assert "-3.0" in reason
            lab.turn_knob(0.0)
            return True

    with lab as device:
        found = run_level_check("voltage", device, study_with_sounds(sounds), Mending(lab))
    assert found.passed
