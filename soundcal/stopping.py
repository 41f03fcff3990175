"""Ctrl-C and the signals that end a program from outside stop a command in the same orderly way.

Python raises ``KeyboardInterrupt`` at whatever line it is executing. Inside numba's compiler that
line belongs to a callback from LLVM, where the exception is lost or crashes the process; there the
signal is postponed until the compiler has finished. Where Python itself cannot raise the exception
(in a finaliser, or in a callback while a module is imported) the signal is sent again. SIGTERM and
SIGHUP (the terminal was closed) would end the process at once, leaving sessions open and recordings
without their record; they are treated as Ctrl-C. Signals within 0.5 s count as one request, since
``timeout`` sends its signal to the process and to its group: the second one does not interrupt the
clean-up that the first one has started.

A terminal sends Ctrl-C to all processes of a command. Those that compute for another one leave it
to that one (:func:`interrupts_not_inherited`), and end when that one is gone
(:func:`end_with_parent`).
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Final

__all__ = ["end_with_parent", "interrupts_not_inherited", "stoppable", "uninterrupted"]

_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP
_COMPILER: Final = ("numba", "llvmlite")
_AGAIN_AFTER_S: Final = 0.05
_ONE_REQUEST_S: Final = 0.5
_PARENT_S: Final = 1.0
"""Interval in s in which a worker looks whether the process that started it is still there."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP raise ``KeyboardInterrupt``, but not inside numba's compiler.

    Signals that the caller ignores or handles itself (``nohup``) stay as they are. Python handles
    signals in the main thread only; in other threads nothing changes.
    """
    before = {}
    hook = sys.unraisablehook
    stopper = _Stopper(hook)
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, stopper.stop)
        if before:
            sys.unraisablehook = stopper.lost
    try:
        yield
    finally:
        stopper.ended = True
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Until the end of the context, delay signals that would stop the work.

    Use it while files that belong together are written: audio, its record and their line in the
    log. Only signals that Python code handles are delayed, such as Ctrl-C; outside the main thread
    nothing changes.
    """
    came: list[int] = []
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    before[number] = handler
                    signal.signal(number, lambda number, frame: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


@contextmanager
def interrupts_not_inherited() -> Iterator[None]:
    """Inside the context, processes and threads are started that Ctrl-C does not reach.

    A worker would otherwise print a traceback if it came while the worker starts. Windows cannot
    do this: there workers have to ignore Ctrl-C as soon as they can.
    """
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker

    # starting it later, together with the first worker, would end the blocking
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@cache
def end_with_parent(parent: int) -> None:
    """End this process when the one that started it is gone, even if that one was killed.

    Parameters
    ----------
    parent : int
        Number of that process. If it is no longer there, this one ends at once.
    """
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    from multiprocessing import parent_process

    if sys.platform == "win32" and (above := parent_process()) is not None:
        above.join()  # os.getppid() keeps the number of a process that has ended
    else:
        while os.getppid() == parent:
            time.sleep(_PARENT_S)
    os._exit(1)


class _Stopper:
    """Handles the signals of one command; ``hook`` gets other exceptions that cannot be raised."""

    def __init__(self, hook: Callable[["sys.UnraisableHookArgs"], object]) -> None:
        self._hook = hook
        self._raised_at = float("-inf")  # monotonic clock, s
        self.ended = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._raised_at < _ONE_REQUEST_S:
            return
        if _compiling(frame):
            self._come_again(number)
            return
        self._raised_at = now
        raise KeyboardInterrupt

    def lost(self, lost: "sys.UnraisableHookArgs") -> None:
        """Send a stop signal again if it was lost where Python cannot raise the exception."""
        if issubclass(lost.exc_type, KeyboardInterrupt):
            self._raised_at = float("-inf")
            self._come_again(signal.SIGINT)
        else:
            self._hook(lost)

    def _come_again(self, number: int) -> None:
        again = threading.Timer(_AGAIN_AFTER_S, self._send, (number,))
        again.daemon = True
        again.start()

    def _send(self, number: int) -> None:
        if self.ended:
            return
        main = threading.main_thread().ident
        if sys.platform != "win32" and main is not None:
            signal.pthread_kill(main, number)  # to the thread that may wait, so that it wakes up
        else:
            signal.raise_signal(number)


def _compiling(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in _COMPILER:
            return True
        frame = frame.f_back
    return False
