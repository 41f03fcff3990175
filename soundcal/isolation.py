"""A working folder that is not trusted: nothing in it is executed, since others may have filled it.

Python looks for modules in the working folder first when it is started with ``-m`` or ``-c``, which
is how worker processes are started, or if ``PYTHONPATH`` has an empty entry. numba and matplotlib
look for settings there. Only the start of ``python -m soundcal`` itself is beyond the reach of this
module; the command ``soundcal`` and ``python -P -m soundcal`` are safe from the beginning.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from soundcal.errors import RecordError
from soundcal.stopping import end_with_parent

__all__ = ["from_here", "refuse_settings_of_numba", "safe_children", "working_folder_left_out"]

P = ParamSpec("P")
R = TypeVar("R")

_NUMBA_SETTINGS = ".numba_config.yaml"


@contextmanager
def safe_children() -> Iterator[None]:
    """Inside the context, Python processes that are started import nothing from the folder."""
    before = {name: os.environ.get(name) for name in ("PYTHONSAFEPATH", "PYTHONPATH")}
    os.environ["PYTHONSAFEPATH"] = "1"
    if path := before["PYTHONPATH"]:
        os.environ["PYTHONPATH"] = os.pathsep.join(_without_folder(path.split(os.pathsep)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def working_folder_left_out() -> Iterator[None]:
    """Inside the context, neither this process nor those it starts import from the folder."""
    before = list(sys.path)
    sys.path[:] = _without_folder(before)
    try:
        with safe_children():
            yield
    finally:
        sys.path[:] = before


def from_here(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function for worker processes, which works in the folder that is current now.

    A worker that served an earlier call may stand in another folder. It ends with this process.
    """
    return partial(_in_folder, os.getpid(), os.getcwd(), function)


def _in_folder(
    parent: int, folder: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    if os.getppid() == parent:  # not in this process, and not in one that others have started
        end_with_parent(parent)
    os.chdir(folder)
    return function(*args, **kwargs)


def refuse_settings_of_numba() -> None:
    """Refuse to work in a folder with settings of numba, which numba cannot be told to ignore.

    They can change results, and can name a cache whose content is executed.

    Raises
    ------
    RecordError
        The working folder has such a file.
    """
    if os.path.lexists(_NUMBA_SETTINGS):
        raise RecordError(
            f"{_NUMBA_SETTINGS}: numba takes settings from this file of the working folder, and "
            "they may change results or execute code; remove it, or work in another folder"
        )


def _without_folder(paths: list[str]) -> list[str]:
    """Return the paths that are not the working folder, which stays if it is where soundcal is."""
    try:
        folder = os.path.realpath(os.curdir)
    except OSError:  # the working folder was deleted
        return [path for path in paths if path]
    if folder == os.path.realpath(os.path.dirname(os.path.dirname(__file__))):
        return paths
    return [path for path in paths if os.path.realpath(path or os.curdir) != folder]
