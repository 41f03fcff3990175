"""Recordings that the tests of a module share."""

from pathlib import Path

import pytest
from run_data import write_recordings


@pytest.fixture(scope="module")
def recordings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with recordings of the names ``NAMES`` of the module."""
    folder = tmp_path_factory.mktemp("recordings")
    write_recordings(folder, request.module.NAMES)
    return folder
