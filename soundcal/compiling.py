"""Notice that loops are being compiled for this processor, which happens once per machine.

:mod:`soundcal.dsp.kernel` reports every loop that it compiles. This module has no dependencies, so
that a program can ask for the notice without importing the compiler.
"""

from collections.abc import Callable

__all__ = ["begins", "compiled", "when_compiling"]

_tell: list[Callable[[], None]] = []
_count = 0


def when_compiling(tell: Callable[[], None]) -> None:
    """Call ``tell`` once, when the next loop is compiled."""
    _tell[:] = [tell]


def begins() -> None:
    """Note that a loop is about to be compiled."""
    global _count
    _count += 1
    while _tell:
        _tell.pop()()


def compiled() -> int:
    """Return the number of loops that this process has compiled."""
    return _count
