"""Recording to a file from Python: one call, as ``soundcal record`` does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.calibration.stated import from_sensitivity
from soundcal.devices import Block
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, RecordError, StreamError
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.files.calibrations import save_calibration
from soundcal.files.recordings import RecordingRecord
from soundcal.files.records import RECORDING_SCHEMA, read_json
from soundcal.lab.record import record_to_file

FS = 8000


class Breaking(SimulatedLab):
    """A lab whose stream breaks after a number of blocks."""

    def __init__(self, blocks: int) -> None:
        super().__init__("lab", fs=FS)
        self.blocks = blocks

    @contextmanager
    def stream(self, **named: Any) -> Iterator[Iterator[Block]]:
        with super().stream(**named) as blocks:
            yield self.some(blocks)

    def some(self, blocks: Iterator[Block]) -> Iterator[Block]:
        for _ in range(self.blocks):
            yield next(blocks)
        raise StreamError("cable pulled")


class Ctrl:
    """Takes blocks and presses Ctrl-C after 1 s."""

    def __init__(self) -> None:
        self.samples: list[np.ndarray] = []

    def __call__(self, block: Block) -> None:
        self.samples.append(block.samples)
        if block.position + block.samples.shape[1] >= FS:
            raise KeyboardInterrupt


def test_one_call_records_a_file_with_its_record(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    blocks: list[np.ndarray] = []
    with SimulatedLab("lab", fs=FS) as lab:
        found = record_to_file(
            lab,
            path,
            duration=1.0007,
            inputs=(2, 1),
            names=("b", "a"),
            on_block=lambda block: blocks.append(block.samples),
        )
    n_samples = round(1.0007 * FS)
    assert (found.path, found.ending, found.n_samples) == (path, "complete", n_samples)
    heard = np.concatenate(blocks, axis=1)
    np.testing.assert_array_equal(audio.read(path).samples, heard.astype(np.float32))
    record = read_json(path.with_suffix(".json"), RECORDING_SCHEMA)
    assert record["sha256"] == file_digest(path)
    assert record["capture"]["channels"] == ["b", "a"]
    assert RecordingRecord.read(path.with_suffix(".json")) == found.record
    assert "stimulus" not in record
    assert {check.verdict for check in found.record.checks} == {"pass"}
    assert found.record.flags == ()


def test_a_calibration_is_named_by_its_place_and_must_know_the_channels(tmp_path: Path) -> None:
    made = from_sensitivity({"left": 10.0}, device="sim:lab")
    save_calibration(tmp_path / "ears.json", made)
    (tmp_path / "takes").mkdir()
    path = tmp_path / "takes" / "take.flac"
    with SimulatedLab("lab", fs=FS) as lab:
        record_to_file(
            lab,
            path,
            duration=0.5,
            inputs=(1,),
            names=("left",),
            calibration=tmp_path / "ears.json",
        )
        record = read_json(path.with_suffix(".json"), RECORDING_SCHEMA)
        assert (record["calibration"], record["calibration_file"]) == (made.id, "../ears.json")
        with pytest.raises(ParameterError, match="calibrates left, not right"):
            record_to_file(
                lab,
                tmp_path / "b.wav",
                duration=0.5,
                inputs=(1,),
                names=("right",),
                calibration=tmp_path / "ears.json",
            )
    assert not (tmp_path / "b.wav").exists()


@pytest.mark.parametrize(("duration", "ending"), [(None, "complete"), (60.0, "stopped")])
def test_ctrl_c_completes_the_file(tmp_path: Path, duration: float | None, ending: str) -> None:
    path, ctrl = tmp_path / "take.wav", Ctrl()
    with SimulatedLab("lab", fs=FS) as lab:
        found = record_to_file(lab, path, duration=duration, on_block=ctrl)
    assert found.ending == ending
    assert [str(flag) for flag in found.record.flags] == (
        ["stopped by the operator before its end"] if duration else []
    )
    heard = np.concatenate(ctrl.samples, axis=1)
    np.testing.assert_array_equal(audio.read(path).samples, heard.astype(np.float32))
    assert (
        read_json(path.with_suffix(".json"), RECORDING_SCHEMA)["capture"]["n_samples"]
        == (heard.shape[1])
    )


def test_a_device_that_fails_leaves_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    with Breaking(3) as lab:
        found = record_to_file(lab, path, duration=60.0)
    assert found.ending == "failed"
    assert str(found.record.flags[0]) == "incomplete: cable pulled"
    (length,) = (check for check in found.record.checks if check.name == "samples")
    assert length.verdict == "invalid"
    assert audio.read(path).n_samples == found.n_samples > 0


def test_a_device_that_never_delivers_leaves_nothing(tmp_path: Path) -> None:
    with Breaking(0) as lab, pytest.raises(StreamError, match="cable pulled"):
        record_to_file(lab, tmp_path / "take.wav", duration=1.0)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_not_replaced_without_force(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.with_suffix(".json").write_text("{}")
    with SimulatedLab("lab", fs=FS) as lab:
        with pytest.raises(RecordError, match="exists"):
            record_to_file(lab, path, duration=0.1)
        assert not path.exists()
        assert record_to_file(lab, path, duration=0.1, force=True).ending == "complete"


@pytest.mark.parametrize(
    ("how", "message"),
    [({"duration": -1.0}, "positive time"), ({"names": ("a", "a")}, "4 distinct names")],
)
def test_impossible_recordings_leave_nothing(
    tmp_path: Path, how: dict[str, Any], message: str
) -> None:
    with SimulatedLab("lab", fs=FS) as lab, pytest.raises(ParameterError, match=message):
        record_to_file(lab, tmp_path / "take.wav", **{"duration": 1.0} | how)
    assert list(tmp_path.iterdir()) == []
