"""Protocols: loaded from files, run step by step, always closed, resumable."""

from pathlib import Path
from typing import Any, cast

import pytest

from soundcal.devices import AudioDevice, DeviceInfo
from soundcal.errors import ParameterError, ProtocolAborted, RecordError, ToneNotFound
from soundcal.files.session import Session
from soundcal.lab import protocol
from soundcal.lab.operator import Operator

SOURCE = '''"""Two steps.

Needs nothing.
"""

from soundcal.lab.protocol import Bench, Setting

SETTINGS = {
    "level": Setting(94.0, "dB", "level of the calibrator"),
    "again": Setting(False, "", "repeat"),
}


def run(bench: Bench) -> str:
    bench.step("first", lambda: bench.operator.remove_calibrator())
    bench.step("second", lambda: bench.operator.seat_headphones())
    return "done" if bench.number("level") < 100 else "out of tolerance"
'''


class Bare:
    """A device that is only ever named here; the protocol under test does not measure."""

    info = DeviceInfo("bare", "none", 0, 0)
    fs = 48000


class Hands:
    """An operator that notes what was asked and stops where told."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.done: list[str] = []
        self.error = error

    def tell(self, text: str) -> None:
        self.done.append(text)

    def remove_calibrator(self) -> None:
        self.done.append("calibrator off")

    def seat_headphones(self) -> None:
        if self.error:
            raise self.error
        self.done.append("headphones on")


def go(tmp_path: Path, hands: Hands, **options: Any) -> Session:
    path = tmp_path / "two_steps.py"
    path.write_text(SOURCE)
    device = cast(AudioDevice, Bare())
    operator = cast(Operator, hands)
    return protocol.run(protocol.load(str(path)), device, operator, tmp_path / "s", **options)


def test_a_run_leaves_a_closed_session_with_its_settings(tmp_path: Path) -> None:
    hands = Hands()
    session = go(tmp_path, hands, changes={"level": "114", "again": "yes"})
    assert session.exit_status == "out of tolerance"
    start = session.events()[0]
    assert start["settings"] == {"level": 114.0, "again": True}
    assert start["device"] == "bare, none"
    assert hands.done == ["first", "calibrator off", "second", "headphones on"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ProtocolAborted("enough")])
def test_a_stopped_run_is_resumed_without_repeating(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(ProtocolAborted, match="can be resumed"):
        go(tmp_path, Hands(error))
    assert Session(tmp_path / "s").exit_status == "aborted"
    with pytest.raises(ParameterError, match=r"keeps its settings: level=94\.0, not 114\.0"):
        go(tmp_path, Hands(), resume=True, changes={"level": "114"})
    hands = Hands()
    assert go(tmp_path, hands, resume=True, changes={"level": "94"}).exit_status == "done"
    assert hands.done == ["first: already done, kept", "second", "headphones on"]
    with pytest.raises(RecordError, match="nothing to resume"):
        go(tmp_path, Hands(), resume=True)


@pytest.mark.parametrize(
    ("info", "fs", "said"),
    [
        (DeviceInfo("other", "none", 0, 0), 48000, "was made with 'bare, none', not 'other, none'"),
        (DeviceInfo("bare", "other", 0, 0), 48000, "not 'bare, other'; resume it with that device"),
        (DeviceInfo("bare", "none", 2, 0), 48000, "with 0 inputs, and bare, none now has 2 inputs"),
        (DeviceInfo("bare", "none", 0, 0), 44100, "with 48000 Hz, and bare, none now has 44100 Hz"),
    ],
    ids=["name", "host API", "channels", "rate"],
)
def test_a_session_is_resumed_on_its_own_device_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, info: DeviceInfo, fs: int, said: str
) -> None:
    with pytest.raises(ProtocolAborted):
        go(tmp_path, Hands(KeyboardInterrupt()))
    before = Session(tmp_path / "s").events()
    with monkeypatch.context() as patch:
        patch.setattr(Bare, "info", info)
        patch.setattr(Bare, "fs", fs)
        with pytest.raises(RecordError, match=said):
            go(tmp_path, Hands(), resume=True)
    assert Session(tmp_path / "s").events() == before
    assert go(tmp_path, Hands(), resume=True).exit_status == "done"


def test_a_card_that_has_another_number_now_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bare, "info", DeviceInfo("USB Audio (hw:1,0)", "ALSA", 2, 2))
    with pytest.raises(ProtocolAborted):
        go(tmp_path, Hands(KeyboardInterrupt()))
    monkeypatch.setattr(Bare, "info", DeviceInfo("USB Audio (hw:2,0)", "ALSA", 2, 2))
    assert go(tmp_path, Hands(), resume=True).exit_status == "done"


def test_a_failed_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(ToneNotFound):
        go(tmp_path, Hands(ToneNotFound("no tone")))
    stop = Session(tmp_path / "s").events()[-1]
    assert stop["exit_status"] == "failed"
    assert stop["reason"] == "ToneNotFound: no tone"


def test_settings_are_checked(tmp_path: Path) -> None:
    for changes, message in (
        ({"lewel": "1"}, "again, level"),
        ({"level": "loud"}, r"\(in dB\): a number expected"),
        ({"again": "maybe"}, "true or false"),
    ):
        with pytest.raises(ParameterError, match=message):
            go(tmp_path, Hands(), changes=changes)
    assert not (tmp_path / "s").exists()


def test_files_that_are_no_protocols_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no protocol 'nothing'"):
        protocol.load("nothing")
    with pytest.raises(ParameterError, match="no such protocol file"):
        protocol.load("nothing.py")
    path = tmp_path / "wrong.py"
    for content, message in (
        ("x = 1\n", "docstring"),
        ("def run(:\n", "cannot be loaded"),
        ('"""Sheet."""\nSETTINGS = {"a": 1}\ndef run(bench): ...\n', "not a Setting"),
    ):
        path.write_text(content)
        with pytest.raises(RecordError, match=message):
            protocol.load(str(path))
