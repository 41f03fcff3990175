"""``kill -9`` at random points: what is left of recordings and sessions is whole and exact.

``--kills N`` sets how often; CI asks for 200.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="kill -9 and fork as POSIX has them"
)


def kills(script: str, folder: Path, number: int) -> dict[str, Any]:
    here = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, here / script, "--kills", str(number), folder],
        capture_output=True,
        text=True,
        timeout=270,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), os.getcwd()])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def test_a_killed_recording_holds_all_but_the_last_second(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    number = request.config.getoption("--kills")
    found = kills("killed_recordings.py", tmp_path, number)
    assert sum(found["kills"].values()) == number
    assert found["wrong"] == {}
    assert found["longest missing, s"] <= 1.0
    assert found["after the first second"] >= number // 2
    assert found["RF64 headers"] >= number // 8


def test_a_killed_session_is_resumed_and_comes_out_complete(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    number = request.config.getoption("--kills") // 2
    found = kills("killed_sessions.py", tmp_path, number)
    assert found["kills"] == number
    assert found["wrong"] == []
    assert found["unfinished files named"] >= found["at a file"] == (number + 1) // 2
