"""Session folders: an append-only log, JSON records, audio with checksums.

::

    <session>/
      session.jsonl      one event per line: start, every event, stop with exit_status
      *.json             records, written atomically
      *.wav              audio; its SHA-256 is in the log and in the record beside it

A session without a ``stop`` event was interrupted: it can be examined, and resumed with
:meth:`Session.resume`, which repeats no finished step. A file counts once it is in the log;
:meth:`Session.unfinished` names the files that were half-written when the program was killed.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Self

from soundcal.arrays import Array
from soundcal.errors import RecordError
from soundcal.files import audio
from soundcal.files.atomic import PARTIAL, file_digest, make_folder, why_unwritable
from soundcal.files.records import RECORDING_SCHEMA, check_content, provenance, write_json
from soundcal.files.text import TEXT_LIMIT, check_file, inside
from soundcal.recording import utc_now
from soundcal.stopping import uninterrupted

__all__ = ["Event", "ExitStatus", "Session", "is_session"]

ExitStatus = Literal["done", "out of tolerance", "aborted", "failed"]

_LOG: Final = "session.jsonl"
_SCHEMA: Final = "soundcal/session/1"


class Event(StrEnum):
    """Events of a session that soundcal itself logs; a protocol may add others.

    The fields of the first seven are in ``measurements/schema/session.schema.json``.
    """

    START = "start"
    RESUME = "resume"
    STEP = "step"
    """A step was finished; ``step`` is its name."""
    AUDIO = "audio"
    """A recording and its record were written."""
    RECORD = "record"
    """A record was written."""
    WITHDRAWN = "withdrawn"
    """``files`` no longer count: they were refused, or the step that wrote them is repeated."""
    STOP = "stop"
    TARGET_NOT_REACHED = "target not reached"
    """The level of ``stimulus`` could not be set, for a ``reason``; ``search`` is the search for
    its gain, or null."""
    NOISE_FLOOR = "noise floor"
    """``levels`` per ear in dB, null for silence."""
    DRIFT = "drift"
    """The change of the ears between both calibrations, within ``limit_db``."""
    DRIFT_EXCEEDED = "drift exceeded"
    """The change was larger than the limit; ``reason`` gives both."""
    FLATNESS = "flatness"
    """Largest deviation of the equalised headphones from their level at 1 kHz at an ``ear``, in dB:
    ``middle_db`` from 100 Hz to 10 kHz, ``wide_db`` from 50 Hz to 16 kHz."""
    METHOD = "method"
    """``method`` takes ``seconds`` of playing and recording and ``hands`` actions by hand."""


def is_session(folder: Path) -> bool:
    """Return whether a folder holds a session, finished or not."""
    return (folder / _LOG).exists()


@dataclass(slots=True)
class Session:
    """One session on disk. Make it with :meth:`create` or :meth:`resume`.

    Its log is read once, and again only if something else has changed it.

    Parameters
    ----------
    folder : Path
        The session's folder.
    """

    folder: Path
    _events: list[dict[str, Any]] = field(default_factory=list, init=False, repr=False)
    _read: tuple[int, int] | None = field(default=None, init=False, repr=False)  # state of the log

    @classmethod
    def create(
        cls,
        folder: Path,
        protocol: str,
        settings: Mapping[str, Any],
        device: str = "",
        hardware: Mapping[str, int] | None = None,
    ) -> Self:
        """Start a session in a new folder.

        ``device`` is the identity of the device. ``hardware`` must be the same when the session is
        resumed: the numbers of ``inputs`` and ``outputs``, and the rate ``fs`` in Hz.

        Raises
        ------
        RecordError
            The folder already holds a session, or cannot be written.
        """
        session = cls(folder)
        make_folder(folder)
        try:
            begun = (folder / _LOG).exists() and b"\n" in (folder / _LOG).read_bytes()
            if not begun:  # killed within its first line: not yet a session
                (folder / _LOG).unlink(missing_ok=True)
        except OSError as error:
            raise RecordError(
                f"{folder}: cannot be written ({why_unwritable(error, folder)})"
            ) from error
        if begun:
            raise RecordError(
                f"{folder}: already holds a session; choose another folder or resume it"
            )
        session.log(
            Event.START,
            schema=_SCHEMA,
            protocol=protocol,
            settings=dict(settings),
            device=device,
            hardware=dict(hardware or {}),
            software=provenance(),
        )
        return session

    @classmethod
    def resume(cls, folder: Path, protocol: str) -> Self:
        """Continue an interrupted session after checking everything it holds.

        Raises
        ------
        RecordError
            There is no session, it is finished or of another protocol, or a file does not match its
            checksum.
        """
        session = cls(folder)
        events = session.events()
        if events[0].get("protocol") != protocol:
            raise RecordError(
                f"{folder}: session of protocol {events[0].get('protocol')!r}, not {protocol!r}"
            )
        if session.exit_status in ("done", "out of tolerance"):
            raise RecordError(f"{folder}: the session is finished; there is nothing to resume")
        session.verify()
        session._drop_torn_line()
        session.log(Event.RESUME, software=provenance(), unfinished=session.unfinished())
        for path in folder.glob(f".*{PARTIAL}*"):
            path.unlink(missing_ok=True)
        return session

    def _drop_torn_line(self) -> None:
        """Remove a last line cut short by a crash, so that the next event gets its own line."""
        path = self.folder / _LOG
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            with open(path, "r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)

    def log(self, event: str, **fields: Any) -> None:
        """Append one event and flush it to the disk.

        Parameters
        ----------
        event : str
            One of :class:`Event`, or a protocol's own.
        **fields
            JSON values; the schema states the fields that each event must have.

        Raises
        ------
        RecordError
            The event is not as the schema requires, or the log cannot be written.
        """
        line = json.dumps({"time": utc_now(), "event": event, **fields})
        appended = json.loads(line)
        check_content(appended, _SCHEMA, self.folder / _LOG)
        rest = memoryview(line.encode() + b"\n")
        try:
            with open(self.folder / _LOG, "ab", buffering=0) as file:
                before = file.tell()
                known = self._read == _state(file.fileno())
                try:
                    while rest:
                        rest = rest[file.write(rest) :]
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(before)  # a torn line would spoil the ones after it
                    raise
                if known:
                    self._events.append(appended)
                    self._read = _state(file.fileno())
        except OSError as error:
            raise RecordError(
                f"{self.folder / _LOG}: cannot be written ({why_unwritable(error, self.folder)})"
            ) from error

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the events, all or those of some kinds; a last line torn by a crash is left out.

        Raises
        ------
        RecordError
            There is no session, or its log is damaged.
        """
        path = self.folder / _LOG
        check_file(path, missing=f"no session ({_LOG} is missing)")
        if self._read is None or self._read != _state(path):
            self._read = None
            with open(path, "rb") as file:
                state, content = _state(file.fileno()), file.read(TEXT_LIMIT + 1)
            if len(content) > TEXT_LIMIT:
                raise RecordError(f"{path}: larger than {TEXT_LIMIT // 2**20} MiB, not a log")
            self._events = _parsed(content, path)
            self._read = state if len(content) == state[0] and content.endswith(b"\n") else None
        return [event for event in self._events if not kinds or event["event"] in kinds]

    @property
    def exit_status(self) -> str:
        """Exit status of the session; ``interrupted`` if it was not closed."""
        last = self.events()[-1]
        return str(last.get("exit_status")) if last["event"] == Event.STOP else "interrupted"

    def finished(self, step: str) -> bool:
        """Return True if a step was logged as finished."""
        return any(event.get("step") == step for event in self.events(Event.STEP))

    def add_audio(self, name: str, samples: Array, fs: int, about: Mapping[str, Any]) -> Path:
        """Write ``name``.wav (32-bit float) with its record ``name``.json, and log both."""
        path = self.path(f"{name}.wav")
        with uninterrupted():
            self.withdraw(path.name, f"{name}.json")
            # a file without its log line was left by a crash in an unfinished step
            digest = audio.write(path, samples, fs, subtype="FLOAT", force=True)
            record = {"audio": path.name, "sha256": digest, "fs": fs, **about}
            beside = path.with_suffix(".json")
            write_json(beside, RECORDING_SCHEMA, record, force=True)
            self.log(
                Event.AUDIO,
                file=path.name,
                sha256=digest,
                record=beside.name,
                record_sha256=file_digest(beside),
            )
        return path

    def add_record(self, name: str, schema: str, content: Mapping[str, Any]) -> Path:
        """Write ``name``.json and log it with its checksum."""
        return self.add_file(
            f"{name}.json", lambda path: write_json(path, schema, content, force=True)
        )

    def add_file(self, name: str, write: Callable[[Path], object]) -> Path:
        """Let ``write`` write a file, replacing one of that name, and log it with its checksum."""
        path = self.path(name)
        with uninterrupted():
            self.withdraw(name)
            write(path)
            self.log(Event.RECORD, file=name, sha256=file_digest(path))
        return path

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files that count, in the order in which they were logged."""
        return tuple(self._digests())

    def path(self, name: str) -> Path:
        """Return the path of a file in the session.

        Raises
        ------
        RecordError
            The name would leave the session folder.
        """
        return inside(self.folder, name)

    def verify(self) -> None:
        """Check every event against the schema and every logged file against its checksum.

        Raises
        ------
        RecordError
            An event is not as the schema requires, or a file is missing or was changed after it was
            written.
        """
        self._read = None  # check the log on the disk, not the one read before
        for number, event in enumerate(self.events(), start=1):
            check_content(event, _SCHEMA, f"{self.folder / _LOG}: line {number}")
        for name, digest in self._digests().items():
            found = file_digest(self.path(name))
            if found != digest:
                raise RecordError(
                    f"{self.folder / name}: SHA-256 {found} differs from the logged {digest}; "
                    "the file was changed after it was written"
                )

    def _digests(self) -> dict[str, str]:
        """Return the files that are listed in the log, with their checksums."""
        newest: dict[str, str] = {}
        for event in self.events(Event.AUDIO, Event.RECORD, Event.WITHDRAWN):
            if event["event"] == Event.WITHDRAWN:
                for name in event["files"]:
                    newest.pop(name, None)
                continue
            newest[event["file"]] = event["sha256"]
            if event["event"] == Event.AUDIO:
                newest[event["record"]] = event["record_sha256"]
        return newest

    def withdraw(self, *names: str) -> None:
        """Withdraw files that no longer count: those that a repeated step writes again."""
        logged = self._digests()
        if known := [name for name in names if name in logged]:
            self.log(Event.WITHDRAWN, files=known)

    def unfinished(self) -> list[str]:
        """Return the audio files and records that are not listed in the log.

        They were being written, or had not been logged yet, when the program ended; none of them
        belongs to a finished step.
        """
        files = [path.name for path in self.folder.iterdir() if path.suffix in (".wav", ".json")]
        for number, name in enumerate(files):
            hidden, partial, suffix = name.partition(PARTIAL)
            if partial:  # .NAME.UNIQUE.part.SUFFIX
                files[number] = hidden[1:].rpartition(".")[0] + suffix
        return sorted(set(files) - set(self._digests()))

    def stop(self, exit_status: ExitStatus, reason: str = "") -> None:
        """Close the session."""
        self.log(Event.STOP, exit_status=exit_status, reason=reason)


def _state(file: Path | int) -> tuple[int, int]:
    """Return the state of a file that any change alters: its size and time of last change in ns."""
    status = os.stat(file)
    return status.st_size, status.st_mtime_ns


def _parsed(content: bytes, path: Path) -> list[dict[str, Any]]:
    """Return the events in a log."""
    events: list[dict[str, Any]] = []
    lines = content.decode("utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            event: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{path}: line {number} is damaged ({error})") from error
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise RecordError(f"{path}: line {number} is not an event")
        events.append(event)
    if not events:
        raise RecordError(
            f"{path}: contains no event; the session was stopped before it began: start it again"
        )
    if events[0].get("schema") != _SCHEMA:
        raise RecordError(f"{path}: does not begin with a start event of schema {_SCHEMA!r}")
    return events
