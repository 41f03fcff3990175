"""A protocol tells beforehand how long its run takes, and how often it needs hands."""

from pathlib import Path
from typing import Any

import pytest

from soundcal.devices.protocol import Playback
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.lab import protocol
from soundcal.lab.effort import Effort
from soundcal.lab.operator import SimulatedOperator
from soundcal.recording import Capture

FS = 8000
STIMULI = {"stimuli": "N1,W06", "duration": "2"}
EARS = {"insertions": "1"}
SHEET = {"impedance": "16", "sensitivity": "96", "sensitivity_per": "mW"}


class Timed(SimulatedLab):
    """A lab that adds up for how long a soundcard would play and record."""

    seconds = 0.0

    def record(self, duration: float, **named: Any) -> Capture:
        self.seconds += duration
        return super().record(duration, **named)

    def play_and_record(self, samples: Any, **named: Any) -> Capture:
        # lead-in, marker and gap before, the greatest delay after
        self.seconds += 0.02 + 4096 / 48000 + 0.1 + samples.shape[1] / self.fs + 1.0
        return super().play_and_record(samples, **named)

    def play(self, samples: Any, **named: Any) -> Playback:
        self.seconds += samples.shape[1] / self.fs
        return super().play(samples, **named)


class Counted(SimulatedOperator):
    """Hands that count what they do, and keep what they are told."""

    def __init__(self, lab: SimulatedLab) -> None:
        self.told: list[str] = []
        self.hands = 0
        super().__init__(lab, self.told.append)

    def __getattribute__(self, name: str) -> Any:
        if name.startswith(("attach_", "remove_", "seat_", "read_")):
            self.hands += 1
        return super().__getattribute__(name)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("microphone_check", {"insertions": "2"}),
        ("ocv_headphones", STIMULI | SHEET),
        ("hats_headphones", STIMULI | EARS),
        ("compare_methods", STIMULI | EARS | SHEET | {"report": "no"}),
        ("listening_session", {"participant": "P1", "pause": "3", "duration": "2"}),
    ],
)
def test_shipped_protocols_know_their_takes_and_hands(
    tmp_path: Path, name: str, changes: dict[str, str]
) -> None:
    loaded = protocol.load(name)
    with Timed("onboard+closed-16", fs=FS) as lab:
        if name == "listening_session":
            gains = protocol.load("hats_headphones")
            hands = SimulatedOperator(lab)
            protocol.run(gains, lab, hands, tmp_path / "gains", changes=STIMULI | EARS)
            changes = changes | {"gains": str(tmp_path / "gains" / "gains_hats.json")}
        lab.seconds, operator = 0.0, Counted(lab)
        session = protocol.run(loaded, lab, operator, tmp_path / "s", changes=changes)
    assert session.exit_status == "done"
    assert loaded.effort is not None
    effort = loaded.effort(loaded.resolve(changes))
    assert effort.seconds == pytest.approx(lab.seconds, abs=1e-6)
    assert effort.hands == operator.hands
    assert operator.told[0] == effort.words(simulated=True)


def test_a_person_is_told_minutes_and_hands_and_a_protocol_need_not_know(tmp_path: Path) -> None:
    loaded = protocol.load("compare_methods")
    assert loaded.effort is not None
    settings = loaded.resolve(SHEET)
    assert loaded.effort(settings).words(simulated=False) == (
        "about 44 min of recording and 28 steps by hand; then indicators and the report"
    )
    assert Effort(30.0).words(simulated=False) == "about 30 s of recording"
    silent = tmp_path / "mine.py"
    silent.write_text('"""Nothing."""\n\n\ndef run(bench):\n    return "done"\n')
    own = protocol.load(str(silent))
    with Timed("lab", fs=FS) as lab:
        operator = Counted(lab)
        protocol.run(own, lab, operator, tmp_path / "s")
        assert operator.told == []
