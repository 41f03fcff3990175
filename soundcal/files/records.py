"""Session folders: an append-only log, JSON records, audio with checksums.

::

    <session>/
      session.jsonl      one event per line: start, every event, stop with exit_status
      *.json             records, written atomically
      *.wav              audio; its SHA-256 stands in the log and in the record beside it

A session without a ``stop`` event was interrupted: it can be seen, and resumed with
:meth:`Session.resume`, which repeats nothing that was finished. A file counts once the log says so;
what was half-written when the program was killed is named by :meth:`Session.unfinished`.
"""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import RecordError
from soundcal.files import audio
from soundcal.files.atomic import PARTIAL, file_digest, partial_file
from soundcal.files.shipped import shipped
from soundcal.files.text import check_file, inside, read_text
from soundcal.recording import utc_now
from soundcal.stopping import uninterrupted
from soundcal.version import __version__

__all__ = [
    "RECORDING_SCHEMA",
    "ExitStatus",
    "Session",
    "check_schema",
    "provenance",
    "read_json",
    "write_json",
]

ExitStatus = Literal["done", "out of tolerance", "aborted", "failed"]

RECORDING_SCHEMA: Final = "soundcal/recording/1"
"""Value of the key ``schema`` in the record beside a recording."""

_LOG: Final = "session.jsonl"
_SCHEMA: Final = "soundcal/session/1"


@cache
def _versions() -> dict[str, str]:
    return {
        "soundcal": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name: metadata.version(name) for name in ("numpy", "scipy", "numba", "soundfile")},
    }


def provenance() -> dict[str, str]:
    """Return the versions that stand in everything written to disk."""
    return dict(_versions())


def write_json(
    path: Path,
    schema: str,
    content: Mapping[str, Any],
    *,
    force: bool = False,
    compact: bool = False,
) -> None:
    """Write a JSON record atomically, with its schema name and the software's versions.

    It is indented for people; ``compact`` is for large tables that only programs read.

    Raises
    ------
    RecordError
        The content is not as the schema says, the file exists and ``force`` is not set, or it
        cannot be written.
    """
    record = {"schema": schema, "software": provenance(), **content}
    text = json.dumps(record, indent=None if compact else 2) + "\n"
    if _validator(schema) is not None:
        check_schema(json.loads(text), schema, path)
    with partial_file(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path, schema: str) -> dict[str, Any]:
    """Read a JSON record and check it against its schema.

    ``soundcal/NAME/1`` is described by ``NAME.schema.json`` among the shipped schemas; of a schema
    without such a file only the name is checked.

    Raises
    ------
    RecordError
        Missing, not JSON, of another schema, or not as the schema says.
    """
    try:
        record = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # not JSON, too deep
        raise RecordError(f"{path}: cannot be read as a JSON record ({error})") from error
    check_schema(record, schema, path)
    return dict(record)


def check_schema(record: Any, schema: str, path: Path) -> None:
    """Check a record, as JSON values, against its schema.

    Raises
    ------
    RecordError
        Of another schema, or not as the schema says.
    """
    found = record.get("schema") if isinstance(record, dict) else None
    if found != schema:
        raise RecordError(f"{path}: record of schema {schema!r} expected, found {found!r:.80}")
    _check(record, schema, path)


def _check(record: Mapping[str, Any], schema: str, where: Path | str) -> None:
    validator = _validator(schema)
    if validator is None or validator.is_valid(record):
        return
    from jsonschema.exceptions import best_match

    error = best_match(validator.iter_errors(record))
    place = "/".join(str(key) for key in error.absolute_path) or "record"
    raise RecordError(f"{where}: not as schema {schema!r} says, at {place}: {error.message[:300]}")


@lru_cache(maxsize=16)
def _validator(schema: str) -> Any:
    """Return the validator of a schema, None if no description of it ships."""
    file = shipped("schema") / f"{schema.split('/')[1]}.schema.json"
    if not file.is_file():
        return None
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))


@dataclass(slots=True)
class Session:
    """One session on disk. Make it with :meth:`create` or :meth:`resume`.

    Parameters
    ----------
    folder : Path
        The session's folder.
    """

    folder: Path

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

        ``device`` is the identity of the device, ``hardware`` what it must still have when the
        session is resumed: numbers of ``inputs`` and ``outputs``, and its rate ``fs`` in Hz.

        Raises
        ------
        RecordError
            The folder holds a session already, or cannot be written.
        """
        session = cls(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            begun = (folder / _LOG).exists() and b"\n" in (folder / _LOG).read_bytes()
            if not begun:  # killed within its first line, it is no session yet
                (folder / _LOG).unlink(missing_ok=True)
        except OSError as error:
            raise RecordError(f"{folder}: cannot be made ({error.strerror})") from error
        if begun:
            raise RecordError(
                f"{folder}: holds a session already; choose another folder or resume it"
            )
        session.log(
            "start",
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
        """Go on with an interrupted session after checking everything it holds.

        Raises
        ------
        RecordError
            No session, another protocol, finished already, or a file does not match its checksum.
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
        session.log("resume", software=provenance(), unfinished=session.unfinished())
        for path in folder.glob(f".*{PARTIAL}*"):
            path.unlink(missing_ok=True)
        return session

    def _drop_torn_line(self) -> None:
        """Remove what a crash left of a last line, so that the next event starts on its own."""
        path = self.folder / _LOG
        content = path.read_bytes()
        if not content.endswith(b"\n"):
            with open(path, "r+b") as file:
                file.truncate(content.rfind(b"\n") + 1)

    def log(self, event: str, **fields: Any) -> None:
        """Append one event and flush it to the disk.

        Raises
        ------
        RecordError
            The event is not as the schema says, or the log cannot be written.
        """
        line = json.dumps({"time": utc_now(), "event": event, **fields})
        _check(json.loads(line), _SCHEMA, self.folder / _LOG)
        rest = memoryview(line.encode() + b"\n")
        try:
            with open(self.folder / _LOG, "ab", buffering=0) as file:
                before = file.tell()
                try:
                    while rest:
                        rest = rest[file.write(rest) :]
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(before)  # a torn line would spoil the ones after it
                    raise
        except OSError as error:
            raise RecordError(
                f"{self.folder / _LOG}: cannot be written ({error.strerror})"
            ) from error

    def events(self) -> list[dict[str, Any]]:
        """Return all events; a last line torn by a crash is left out.

        Raises
        ------
        RecordError
            No session, or a damaged log.
        """
        path = self.folder / _LOG
        check_file(path, missing=f"no session ({_LOG} is missing)")
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        events: list[dict[str, Any]] = []
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
                f"{path}: holds no event; the session was ended before it began: start it again"
            )
        if events[0].get("schema") != _SCHEMA:
            raise RecordError(f"{path}: does not begin with a start event of schema {_SCHEMA!r}")
        return events

    @property
    def exit_status(self) -> str:
        """How the session ended; ``interrupted`` if it did not."""
        last = self.events()[-1]
        return str(last.get("exit_status")) if last["event"] == "stop" else "interrupted"

    def finished(self, step: str) -> bool:
        """Return whether a step was logged as finished (event ``step``)."""
        return any(e["event"] == "step" and e.get("step") == step for e in self.events())

    def add_audio(
        self, name: str, samples: NDArray[np.float64], fs: int, about: Mapping[str, Any]
    ) -> Path:
        """Write ``name``.wav (32-bit float) with its record ``name``.json, and log both."""
        path = self.path(f"{name}.wav")
        with uninterrupted():
            self._withdraw(path.name, f"{name}.json")
            # a file without its log line is what a crash left of an unfinished step
            digest = audio.write(path, samples, fs, subtype="FLOAT", force=True)
            record = {"audio": path.name, "sha256": digest, "fs": fs, **about}
            beside = path.with_suffix(".json")
            write_json(beside, RECORDING_SCHEMA, record, force=True)
            self.log(
                "audio",
                file=path.name,
                sha256=digest,
                record=beside.name,
                record_sha256=file_digest(beside),
            )
        return path

    def add_record(self, name: str, schema: str, content: Mapping[str, Any]) -> Path:
        """Write ``name``.json and log it with its checksum."""
        path = self.path(f"{name}.json")
        with uninterrupted():
            self._withdraw(path.name)
            write_json(path, schema, content, force=True)
            self.log("record", file=path.name, sha256=file_digest(path))
        return path

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
            An event is not as the schema says, or a file is missing or was changed after it was
            written.
        """
        for number, event in enumerate(self.events(), start=1):
            _check(event, _SCHEMA, f"{self.folder / _LOG}: line {number}")
        for name, digest in self._digests().items():
            found = file_digest(self.path(name))
            if found != digest:
                raise RecordError(
                    f"{self.folder / name}: SHA-256 {found} differs from the logged {digest}; "
                    "the file was changed after it was written"
                )

    def _digests(self) -> dict[str, str]:
        """Return the files that the log vouches for, with their checksums."""
        newest: dict[str, str] = {}
        for event in self.events():
            if event["event"] in ("audio", "record"):
                newest[event["file"]] = event["sha256"]
            if event["event"] == "audio":
                newest[event["record"]] = event["record_sha256"]
            for name in event["files"] if event["event"] == "withdrawn" else ():
                newest.pop(name, None)
        return newest

    def _withdraw(self, *names: str) -> None:
        """Take back what the log says of files, before a repeated step writes them anew."""
        if known := [name for name in names if name in self._digests()]:
            self.log("withdrawn", files=known)

    def unfinished(self) -> list[str]:
        """Return the audio files and records that the log does not vouch for.

        They were being written, or had not been logged, when the program was ended; none of them
        belongs to a step that was finished.
        """
        files = [path.name for path in self.folder.iterdir() if path.suffix in (".wav", ".json")]
        for number, name in enumerate(files):
            hidden, partial, suffix = name.partition(PARTIAL)
            if partial:  # .NAME.PROCESS.part.SUFFIX
                files[number] = hidden[1:].rpartition(".")[0] + suffix
        return sorted(set(files) - set(self._digests()))

    def stop(self, exit_status: ExitStatus, reason: str = "") -> None:
        """Close the session."""
        self.log("stop", exit_status=exit_status, reason=reason)
