"""The gain search at the ears: takes that are broken or invalid do not count in it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.calibration import stated
from soundcal.calibration.hats import Track
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import SignalError
from soundcal.files.recordings import RecordingRecord
from soundcal.files.session import Session
from soundcal.lab import protocol
from soundcal.lab.gains import keep_hats_gains, read_gains
from soundcal.lab.operator import SimulatedOperator
from soundcal.lab.search import Ears
from soundcal.recording import Capture
from soundcal.takes.against_stimulus import judge_played

FS = 8000
SHORT = {"insertions": "1", "stimuli": "CG01", "duration": "2"}


def edited(take: Capture, edit: Callable[[np.ndarray], None]) -> Capture:
    samples = take.samples.copy()
    edit(samples)
    return replace(take, samples=samples, clipped=())


def gap(take: Capture) -> Capture:
    middle = take.n_samples // 2
    samples = np.delete(take.samples, range(middle, middle + 43), axis=1)
    return replace(take, samples=np.pad(samples, ((0, 0), (0, 43)), mode="wrap"), clipped=())


def zeros(take: Capture) -> Capture:
    def edit(samples: np.ndarray) -> None:
        samples[:, 8000:8400] = 0.0

    return edited(take, edit)


def repeated(take: Capture) -> Capture:
    def edit(samples: np.ndarray) -> None:
        samples[:, 8512:9024] = samples[:, 8000:8512]

    return edited(take, edit)


def clipped(take: Capture) -> Capture:
    def edit(samples: np.ndarray) -> None:
        samples[0, 5000] = 1.0

    return edited(take, edit)


def overflow(take: Capture) -> Capture:
    return replace(take, xruns=1)


FAULTS: dict[str, tuple[Callable[[Capture], Capture], str, int]] = {
    # a slip does not change the level: it is looked for once the level is right
    "samples missing": (gap, "take is invalid .*43 samples missing", 2),
    "zeros": (zeros, "take is invalid", 1),
    "repeated block": (repeated, "take is invalid", 1),
    "clipped": (clipped, "recording at the ears: 1 clipped sample in the take", 1),
    "overflow": (overflow, "recording at the ears: 1 overflow or underflow in the take", 1),
}


class Faulty(SimulatedLab):
    """A lab whose first takes of a stimulus have a fault."""

    def __init__(self, fault: Callable[[Capture], Capture], takes: int) -> None:
        super().__init__("interface+open-300", fs=FS)
        self.fault, self.faulty = fault, takes
        self.takes = 0

    def play_and_record(self, samples: np.ndarray, **named: Any) -> Capture:
        take = super().play_and_record(samples, **named)
        if not samples.any():  # the noise floor
            return take
        self.takes += 1
        return self.fault(take) if self.takes <= self.faulty else take


class Patient(SimulatedOperator):
    """Hands that try again."""

    def again(self, reason: str) -> bool:
        return True


@pytest.mark.parametrize("name", FAULTS)
def test_a_protocol_refuses_a_broken_take_inside_the_search(tmp_path: Path, name: str) -> None:
    fault, message, takes = FAULTS[name]
    loaded = protocol.load("hats_headphones")
    with Faulty(fault, 100) as lab, pytest.raises(SignalError, match=message):
        protocol.run(loaded, lab, SimulatedOperator(lab), tmp_path / "s", changes=SHORT)
    assert lab.takes == takes
    assert Session(tmp_path / "s").exit_status == "failed"
    assert not list(tmp_path.glob("s/rec-*"))


def test_a_broken_take_is_repeated_if_the_operator_does(tmp_path: Path) -> None:
    loaded = protocol.load("hats_headphones")
    with Faulty(zeros, 2) as lab:
        session = protocol.run(loaded, lab, Patient(lab), tmp_path / "s", changes=SHORT)
    assert session.exit_status == "done"
    (row,) = read_gains(tmp_path / "s" / "gains_hats.json")
    assert lab.takes == 2 + len(row["search"]["steps"])
    assert abs(row["search"]["level"] - row["target"]) <= 0.1


def swapped(take: Capture) -> Capture:
    return replace(take, samples=take.samples[::-1], clipped=())


@pytest.mark.parametrize("per_ear", [False, True])
def test_no_take_is_accepted_unless_it_is_what_was_played(per_ear: bool) -> None:
    calibration = stated.from_sensitivity({"left": 10.0, "right": 10.0})
    scene = np.random.default_rng(1).standard_normal((2, 2 * FS)) * [[0.1], [0.03]]
    track = Track(60.0)
    with Faulty(lambda take: take, 0) as lab:
        ears, hands = Ears(lab, calibration), SimulatedOperator(lab)
        found = ears.search(hands, scene, track, floor=(20.0, 20.0), per_ear=per_ear)
        assert found.take is not None
        ratio = np.array(found.search.gains)[:, np.newaxis] / max(found.search.gains)
        assert found.checks == judge_played(found.take, scene * ratio)
    with Faulty(swapped, 100) as lab:
        ears, hands = Ears(lab, calibration), SimulatedOperator(lab)
        with pytest.raises(SignalError, match="swapped"):
            ears.search(hands, scene, track, floor=(20.0, 20.0), per_ear=per_ear)


def test_a_take_on_target_is_repeated_if_it_is_not_what_was_played(tmp_path: Path) -> None:
    loaded = protocol.load("hats_headphones")
    with Faulty(gap, 3) as lab:
        session = protocol.run(loaded, lab, Patient(lab), tmp_path / "s", changes=SHORT)
    assert session.exit_status == "done"
    assert lab.takes == 4  # a slip does not change the level: two takes on target are refused


def test_a_search_that_a_fault_misled_fails_by_the_fault() -> None:
    def levelled(take: Capture) -> Capture:
        """Return a take with a slip, at a level that does not follow the gain."""
        return edited(gap(take), lambda x: np.multiply(x, 0.0022 / x.std(), x))

    calibration = stated.from_sensitivity({"left": 10.0, "right": 10.0})
    noise = 0.1 * np.random.default_rng(1).standard_normal((2, 2 * FS))
    with Faulty(levelled, 100) as lab, pytest.raises(SignalError, match="43 samples missing"):
        Ears(lab, calibration).search(
            SimulatedOperator(lab), noise, Track(60.0), floor=(20.0, 20.0)
        )


def test_the_table_of_gains_goes_by_the_condition_of_a_recording(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", "own", {})
    take = Capture(np.full((2, 800), 0.1), FS)
    record = RecordingRecord(
        stimulus="quiet_hats_run-1", condition="ocv", target=60.0, capture=take.to_dict()
    )
    name = "rec-quiet_hats_run-1_ocv_run-1"
    session.add_audio(name, take.samples, FS, record.about())
    with SimulatedLab("lab", fs=FS) as lab:
        keep_hats_gains(protocol.Bench(lab, SimulatedOperator(lab), session, {}))
    assert read_gains(tmp_path / "s" / "gains_hats.json") == []


class Silent(SimulatedLab):
    """A lab whose noise an edit changes, to break it or to bring it to a converter's steps."""

    def __init__(self, edit: Callable[[np.ndarray], None]) -> None:
        super().__init__("interface+open-300", fs=FS)
        self.edit = edit

    def play_and_record(self, samples: np.ndarray, **named: Any) -> Capture:
        assert not samples.any()
        return edited(super().play_and_record(samples, **named), self.edit)


def hole(samples: np.ndarray) -> None:
    samples[:, 10000:26000] = 0.0


def dead_ear(samples: np.ndarray) -> None:
    samples[1] = 0.0


def twice(samples: np.ndarray) -> None:
    samples[:, 8512:9024] = samples[:, 8000:8512]


def silence(samples: np.ndarray) -> None:
    samples[:] = 0.0


def steps_of_16_bits(samples: np.ndarray) -> None:
    samples[:] = np.rint(0.3 * samples / samples.std()) / 2.0**15


def floor_of(edit: Callable[[np.ndarray], None]) -> tuple[float, float]:
    calibration = stated.from_sensitivity({"left": 10.0, "right": 10.0})
    with Silent(edit) as lab:
        return Ears(lab, calibration).noise_floor(SimulatedOperator(lab))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (hole, "16000 samples in all"),
        (dead_ear, "right: every sample is exactly zero"),
        (twice, "delivered twice"),
    ],
)
def test_an_invalid_take_gives_no_noise_floor(
    edit: Callable[[np.ndarray], None], reason: str
) -> None:
    with pytest.raises(SignalError, match=f"recording at the ears: the take is invalid .*{reason}"):
        floor_of(edit)


def test_silence_within_the_resolution_of_the_converter_has_a_noise_floor() -> None:
    assert floor_of(silence) == (-np.inf, -np.inf)
    assert np.isfinite(floor_of(steps_of_16_bits)).all()
