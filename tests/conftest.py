"""Fixtures shared by the tests."""

import os
from pathlib import Path

import pytest


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
