"""The room's memory: the window that leads, the turns at the device, and who listens for news.

Nothing of it needs to survive a restart: the windows come back by themselves.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from soundcal.listening.room.work import EVERYBODY

__all__ = ["Leases", "News", "Turns"]

_TABS: Final = 50  # windows remembered per participant
_ABSENT_S: Final = 60.0  # without contact for so long, a turn passes on

Call = Callable[[int, str, Mapping[str, Any]], None]
"""Gets the number of the state, the kind of the news and their data, in any thread."""


@dataclass(slots=True)
class Leases:
    """The window that leads, for each participant: the newest one, or the one that took over."""

    _tabs: dict[str, list[str]] = field(default_factory=dict)  # of a participant, the last leads
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def see(self, code: str, tab: str) -> bool:
        """Note a window; return True if it is new and takes the lead from another one."""
        with self._lock:
            tabs = self._tabs.setdefault(code, [])
            if not tab or tab in tabs:
                return False
            tabs.append(tab)
            del tabs[:-_TABS]
            return len(tabs) > 1

    def leads(self, code: str, tab: str) -> bool:
        """Return whether a window leads; one without a name is not compared."""
        with self._lock:
            tabs = self._tabs.get(code)
            return not tab or not tabs or tabs[-1] == tab

    def take(self, code: str, tab: str) -> None:
        """Let a window lead."""
        with self._lock:
            tabs = self._tabs.setdefault(code, [])
            if tab in tabs:
                tabs.remove(tab)
            tabs.append(tab)

    def forget(self, code: str) -> None:
        """Forget the windows of a participant."""
        with self._lock:
            self._tabs.pop(code, None)


@dataclass(slots=True)
class Turns:
    """The queue for the device.

    Headphones and soundcard serve one person: who is among the sounds keeps them until a break, a
    page of questions or the end, and others wait meanwhile.

    Parameters
    ----------
    places : int
        People who can be among the sounds at the same time.
    """

    places: int = 1
    _queue: list[str] = field(default_factory=list)
    _seen: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def contact(self, code: str, now: float) -> None:
        """Note a sign of life at a monotonic time in s."""
        with self._lock:
            self._seen[code] = now

    def last_contact(self, code: str) -> float | None:
        """Return the monotonic time in s of the last sign of life."""
        with self._lock:
            return self._seen.get(code)

    def ask(self, code: str, now: float, connected: Callable[[str], bool]) -> int:
        """Take a place in the queue; return 0 if it is the participant's turn, or the place.

        A turn passes on if its holder is not connected, and was not for a minute, while somebody
        waits.
        """
        with self._lock:
            if code not in self._queue:
                self._queue.append(code)
            if self._queue.index(code) >= self.places:
                for other in self._queue[: self.places]:
                    if connected(other):
                        self._seen[other] = now
                    elif now - self._seen.get(other, now) > _ABSENT_S:
                        self._queue.remove(other)
                        self._queue.append(other)
                        break
            return max(0, self._queue.index(code) + 1 - self.places)

    def leave(self, code: str) -> tuple[str, ...]:
        """Give up the turn or the place; return those whose turn it has become."""
        with self._lock:
            if code not in self._queue:
                return ()
            before = set(self._queue[: self.places])
            self._queue.remove(code)
            return tuple(one for one in self._queue[: self.places] if one not in before)

    def holders(self) -> tuple[str, ...]:
        """Return whose turn it is."""
        with self._lock:
            return tuple(self._queue[: self.places])

    def in_order(self) -> tuple[str, ...]:
        """Return who has the turn and who waits, in order."""
        with self._lock:
            return tuple(self._queue)


@dataclass(slots=True)
class News:
    """Those who listen for news: the windows of participants and the dashboards."""

    _calls: dict[str, list[Call]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def subscribe(self, who: str, call: Call) -> Callable[[], None]:
        """Let news of a participant, or of everybody, reach ``call``; return how to end it."""
        with self._lock:
            self._calls.setdefault(who, []).append(call)

        def close() -> None:
            with self._lock, suppress(ValueError):
                self._calls[who].remove(call)

        return close

    def listens(self, who: str) -> bool:
        """Return whether a window of the participant is connected."""
        with self._lock:
            return bool(self._calls.get(who))

    def tell(self, who: str, number: int, kind: str, data: Mapping[str, Any]) -> None:
        """Give news of a participant, or of everybody, to those who listen."""
        with self._lock:
            if who == EVERYBODY:
                calls = [call for listed in self._calls.values() for call in listed]
            else:
                calls = [*self._calls.get(who, ()), *self._calls.get(EVERYBODY, ())]
        for call in calls:
            call(number, kind, data)
