"""Versions of what computes: the same on all workers, or the numbers would depend on the worker."""

import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from typing import Final

from soundcal.errors import ParameterError
from soundcal.version import __version__

__all__ = ["check_installed", "differing", "installed"]

_LIBRARIES: Final = ("numpy", "scipy", "numba", "pyarrow")


@cache
def installed() -> dict[str, str]:
    """Return the versions of soundcal, Python (without its patch level) and the libraries."""
    python = ".".join(platform.python_version_tuple()[:2])
    libraries = {name: metadata.version(name) for name in _LIBRARIES}
    return {"soundcal": __version__, "python": python, **libraries}


def differing(worker: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Return the versions in which a worker differs, in words; "" if there are none.

    >>> differing({"numpy": "1.26"}, {"numpy": "2.4"})
    'numpy 1.26 instead of 2.4'
    """
    return ", ".join(
        f"{name} {worker.get(name, 'is missing')} instead of {version}"
        for name, version in here.items()
        if worker.get(name) != version
    )


def check_installed(*libraries: str, way: str = 'pip install "soundcal[cluster]"') -> None:
    """Refuse to work without libraries that are not installed.

    Parameters
    ----------
    *libraries : str
        Names under which they are imported.
    way : str
        Command that installs them.

    Raises
    ------
    ParameterError
        With this command.
    """
    if missing := [name for name in libraries if find_spec(name) is None]:
        raise ParameterError(f"{' and '.join(missing)} is not installed: {way}")
