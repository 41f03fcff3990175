"""Fixtures shared by the tests."""

import os
import signal
from pathlib import Path

import pytest
from fake_card import fault as fault
from hypothesis import settings
from virtual_soundcard import real_time as real_time
from virtual_soundcard import rig as rig
from virtual_soundcard import virtual as virtual

# how long an example takes depends on the machine's load and on the first import of a library
settings.register_profile("soundcal", deadline=None)
settings.load_profile("soundcal")

# the workers inherit this: as many threads of linear algebra as cores, in each of as many workers,
# would wait for each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# what runs in the background of a script ignores Ctrl-C and passes that on to the commands under
# test, whose Ctrl-C is among what is tested
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``pytest tests/soundcard_with_device.py --device NAME`` name a real soundcard."""
    group = parser.getgroup("soundcard")
    group.addoption("--device", help="soundcard to test with, instead of the virtual one")
    group.addoption("--outputs", default="1,2", help="its outputs (default 1,2) …")
    group.addoption("--inputs", default="1,2", help="… cabled to these inputs (default 1,2)")
    group.addoption("--kills", type=int, default=12, help="recordings to kill (default 12)")
    group.addoption("--long", action="store_true", help="run the tests that take long, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to CI what takes long, where a cheaper test of the same kind is run here."""
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes long: --long"))


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of reference data (see SOUNDCAL_REFERENCE in the README)."""
    folder = os.environ.get("SOUNDCAL_REFERENCE", "")
    if not folder:
        pytest.skip("SOUNDCAL_REFERENCE is not set: reference signals are not at hand")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"SOUNDCAL_REFERENCE={folder} is not a folder")
    return path
