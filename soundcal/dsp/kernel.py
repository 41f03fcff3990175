"""The decorators with which soundcal compiles its loops.

Kernels are compiled on first use and cached on disk. Where neither the package folder nor the
user's cache folder can be written (a read-only install; numba honours ``NUMBA_CACHE_DIR``), they
are compiled for the process only. ``contract`` lets the compiler fuse a multiplication and an
addition where the processor can, which is faster and rounds once instead of twice; it does not let
it reorder sums.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core import event

from soundcal.compiling import begins

__all__ = ["kernel", "strict_kernel", "summing_kernel"]


@event.Listener.register
class _Compilations:
    """Reports every loop that is compiled; those that are read from the disk are not."""

    def notify(self, event: Any) -> None:
        """Report the beginning of a compilation."""
        if event.is_start:
            begins()


event.register("numba:compile", _Compilations())

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile ``function`` without the interpreter lock, cached on disk where that is possible."""
    return _compiled(function, {"contract"})


def summing_kernel(function: F) -> F:
    """Compile as :func:`kernel`, and let sums be taken in several lanes at once.

    For long sums of products, which then use vector instructions. The order is fixed when the loop
    is compiled: the same numbers always give the same sum.
    """
    return _compiled(function, {"contract", "reassoc"})


def strict_kernel(function: F) -> F:
    """Compile as :func:`kernel`, with nothing fused: the same bits on every processor."""
    return _compiled(function, set())


def _compiled(function: F, fastmath: set[str]) -> F:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        compiled: F = njit(cache=True, **options)(function)
    except RuntimeError:  # numba: "no locator available", no writable place for the cache
        compiled = njit(**options)(function)
    return compiled
