"""``kill -9`` and power cuts at random moments: no answer is lost, doubled or stored in part.

``--kills N`` sets how often: a quarter of it, and an eighth with power cuts; CI asks for 200.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="kill -9 and fork as POSIX has them"
)
needs_compiler = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None,
    reason="unsynced writes are taken back by a library for Linux, which needs a C compiler",
)


def kills(folder: Path, number: int, *more: str) -> tuple[int, dict[str, Any]]:
    here = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, here / "killed_listening.py", "--kills", str(number), *more, folder],
        capture_output=True,
        text=True,
        timeout=270,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), os.getcwd()])},
    )
    assert done.stdout, done.stderr
    return done.returncode, dict(json.loads(done.stdout))


def test_a_killed_room_has_every_acknowledged_answer_once(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    number = request.config.getoption("--kills") // 4
    code, found = kills(tmp_path, number)
    assert (code, found["wrong"]) == (0, {})
    assert found["kills"] == number
    assert found["acknowledged"] >= number
    assert set(found["repeated"]) | set(found["sent again after a kill"]) <= {"200"}
    assert number < 50 or (found["forgotten"] and found["of these stored before"])


@needs_compiler
def test_a_power_cut_leaves_every_acknowledged_answer(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    number = request.config.getoption("--kills") // 8
    code, found = kills(tmp_path, number, "--power")
    assert (code, found["wrong"]) == (0, {})
    assert found["kills"] == number
    assert found["writes taken back"] > 0


@needs_compiler
def test_the_power_cut_is_one(tmp_path: Path) -> None:
    """Without syncs answers are lost, so the test above can fail."""
    code, found = kills(tmp_path, 10, "--power", "--unsafe")  # ends at the first loss
    assert code == 1
    assert found["wrong"]
