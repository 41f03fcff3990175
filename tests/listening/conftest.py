"""Fixtures of the listening room's tests."""

from pathlib import Path

import pytest
from listening_sounds import find_gains


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the gains of both methods; tests must not change it."""
    folder = tmp_path_factory.mktemp("sounds")
    find_gains(folder)
    return folder
