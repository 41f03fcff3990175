"""A soundcard behind the stand-in for PortAudio, which misbehaves on request."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.devices.portaudio import supervisor

FAKE = Path(__file__).with_name("fake_portaudio")
QUICK = supervisor.SilenceLimits(importing=1.0, opening=1.0, running=0.7)

Fault = Callable[..., None]


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fault:
    """Put the stand-in in place; call the fixture to say what shall go wrong."""
    monkeypatch.setenv("PYTHONPATH", str(FAKE))
    monkeypatch.setenv("FAKE_PORTAUDIO_LOG", str(tmp_path / "streams.jsonl"))
    monkeypatch.setattr(supervisor, "LIMITS", QUICK)

    def arm(**what: Any) -> None:
        monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps(what))

    arm()
    return arm


def streams(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "streams.jsonl").read_text().splitlines()]


def tone(n: int, n_channels: int = 1) -> np.ndarray:
    return np.tile(0.5 * np.sin(2 * np.pi * 997 * np.arange(n) / 48000), (n_channels, 1))
