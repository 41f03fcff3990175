"""A study made from recordings: session folders, or plain folders of audio, one per method.

Audio that does not match its checksum is refused.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.calibrated import as_sensitivities
from soundcal.calibration.model import Calibration
from soundcal.calibration.stated import StatedLevels
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files.atomic import file_digest
from soundcal.files.calibrations import load_calibration
from soundcal.files.campaign import CAMPAIGN_FILE, read_campaign
from soundcal.files.campaign import sessions as campaign_sessions
from soundcal.files.lock import user_of
from soundcal.files.names import normal_name, some
from soundcal.files.recordings import (
    RECORDS,
    RecordingRecord,
)
from soundcal.files.session import Event, Session, is_session
from soundcal.files.text import inside
from soundcal.indicators.names import STUDY, resolve
from soundcal.indicators.rows import BINAURAL, check_ear_rules
from soundcal.response.referring import not_undone
from soundcal.study.common_flags import without_common
from soundcal.study.drafts import with_comparisons
from soundcal.study.folders import Given, Stated, check_device, plain_folder
from soundcal.study.measuring import CalibratedRecording, Progress, measure_items
from soundcal.study.model import SessionInfo, Source, Study
from soundcal.study.rules import Rules

if TYPE_CHECKING:
    from soundcal.response.model import Response

__all__ = ["collect"]


def collect(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    calibrations: Given | Mapping[str, Given] | None = None,
    sensitivity: float | Sequence[float] | None = None,
    levels: Mapping[str, StatedLevels] | None = None,
    indicators: str | Sequence[str] | None = None,
    field: str = "",
    refer_to: str = "",
    responses: Sequence["Response"] = (),
    methods: Sequence[str] | None = None,
    reference: str | None = None,
    rules: Rules | None = None,
    title: str = "",
    answers: Mapping[int, str] | None = None,
    jobs: int = 1,
    cache: bool = True,
    other_device: bool = False,
    channels: Sequence[str] = (),
    progress: Progress | None = None,
    before: Callable[[Sequence[str]], None] | None = None,
) -> Study:
    """Measure all recordings and compare the methods.

    Parameters
    ----------
    paths : path or iterable of path
        Session folders (they hold ``session.jsonl``), folders of sessions such as a campaign, or
        plain folders of audio files: the folder's name is the method, the file's name without its
        ending the stimulus.
    calibrations : Calibration, path, or mapping of str to these, optional
        For plain folders: one for all, or one per folder name. By default the ``calibration.json``
        in the folder, or the one that the record beside each file names. Sessions have their own.
    sensitivity : float or sequence of float, optional
        For plain folders, instead of a calibration: stated sensitivity in Pa per full scale, one
        for all channels or one each.
    levels : mapping of str to StatedLevels, optional
        For plain folders, instead of a calibration: known level of each recording, by absolute
        path.
    indicators : str or sequence of str, optional
        Labels, symbols or families (see :func:`soundcal.indicators.resolve`); a string may name
        several, separated by commas. By default those of the study.
    field : {"free", "diffuse", "eardrum"}, optional
        Sound field, for the indicators where it matters; by default that of the reference point of
        each recording, or the free field.
    refer_to : {"", "ff", "df", "id"}
        Sound field to which the recordings are referred before they are measured.
    responses : sequence of Response
        Responses that lead there (:func:`soundcal.response.referring.chosen_responses`).
    methods, reference, rules
        As for :func:`soundcal.study.compare_methods`; of a single method, the values are reported.
    title : str
        Heading of the report; that of the campaign by default.
    answers : mapping of int to str, optional
        Answers to items of the checklist.
    jobs : int
        Files measured at the same time; with 1 the channels of a file share the cores.
    cache : bool
        Store indicators beside the recordings, and use stored ones.
    other_device : bool
        For plain folders: accept a calibration of a device other than that of the record beside a
        file; a flag says so.
    channels : sequence of str
        For plain folders: names of the channels, as they were calibrated.
    progress : callable, optional
        Called with the number of finished recordings, the name of the last, and the number of all.
    before : callable, optional
        Called with the names of the combinations of equipment before anything is measured; what it
        raises ends the work.

    Returns
    -------
    Study
        With one comparison per combination of equipment; without any for a single method.

    Raises
    ------
    RecordError
        A folder without recordings, a record or log of another schema, audio that does not match
        its checksum, a calibration that is not the one the record names.
    SignalError
        A plain folder without a calibration.
    ParameterError
        No folder, two plain folders of one name, a calibration of an output or of another device,
        or as for :func:`soundcal.study.compare_methods`.
    """
    from soundcal.prepared import Task

    listed = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    given = [Path(path) for path in listed]
    folders = [folder for path in given for folder in _members(path)]
    if not folders:
        raise ParameterError("no folders; at least one session or folder of recordings is expected")
    stated = Stated(as_sensitivities(sensitivity), levels or {}, tuple(channels))
    if stated.calibrates and all(is_session(folder) for folder in folders):
        raise ParameterError(
            "a sensitivity and levels are for plain folders; sessions have their own calibrations"
        )
    wanted = resolve(STUDY if indicators is None else indicators)
    if rules is not None and rules.ears == BINAURAL:
        check_ear_rules([BINAURAL], wanted)
    items: list[CalibratedRecording] = []
    left_out: list[Source] = []
    not_calibrated: list[str] = []
    sessions: list[SessionInfo] = []
    known: dict[str, Calibration] = {}
    for folder in folders:
        if is_session(folder):
            info, own, loaded = _session(folder)
            sessions.append(info)
            items += own
            known |= {calibration.id: calibration for calibration in loaded}
        else:
            own, lost, why = plain_folder(folder, calibrations, other_device, stated)
            items += own
            left_out += lost
            not_calibrated += why
    _check_names(folders)
    if methods and len(methods) == 1:  # that one alone, without a comparison
        items = [item for item in items if item.source.condition == methods[0]] or items
    if not items:
        raise SignalError("none of the recordings could be measured: " + "; ".join(not_calibrated))
    if before is not None:
        before(list(dict.fromkeys(item.source.combination for item in items)))
    known |= {item.calibration.id: item.calibration for item in items}
    base = Task(
        wanted=wanted,
        field=field,
        other_device=other_device,
        refer_to=refer_to,
        responses=tuple(responses),
    )
    rows, measured, failures = measure_items(items, base, jobs, cache, progress)
    sources, common = without_common(measured)
    return with_comparisons(
        Study(
            title=title or _title(given),
            table=rows,
            comparisons={},
            calibrations=known,
            sources=(*sources, *left_out),
            sessions=tuple(sessions),
            warnings=(
                *_session_warnings(sessions),
                *_doubtful_sources(sources),
                *_recalibrated(items),
                *common,
                *_not_undone(items, responses),
                *(_taken_to_be_at_the_drum(items) if refer_to else ()),
                *failures,
                *not_calibrated,
            ),
            answers=answers or {},
            campaigns=tuple(read_campaign(path) for path in given if _is_campaign(path)),
        ),
        methods,
        reference,
        rules,
    )


def _recalibrated(items: Sequence[CalibratedRecording]) -> Iterator[str]:
    """Give a remark on takes whose records name another calibration than the applied one."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in items:
        if item.record.calibration not in (None, item.calibration.id):
            key = str(item.record.calibration), item.calibration.id
            found.setdefault(key, []).append(item.source.path)
    for (own, applied), paths in found.items():
        yield f"{some(paths)}: recorded with calibration {own}, measured with {applied}."


def _not_undone(
    items: Sequence[CalibratedRecording], responses: Sequence["Response"]
) -> Iterator[str]:
    """Give a remark on calibrations that name a response which is not undone."""
    undone = {response.sha256 for response in responses}
    found: dict[str, list[str]] = {}
    for item in items:
        if named := not_undone(item.calibration, undone):
            found.setdefault(named, []).append(item.source.path)
    for named, paths in found.items():
        yield f"{some(paths)}: the calibration names {named}."


def _taken_to_be_at_the_drum(items: Sequence[CalibratedRecording]) -> Iterator[str]:
    """Give a remark on recordings that are referred without a stated reference point."""
    found = (item for item in items if not (item.record.point or item.calibration.point))
    if paths := [item.source.path for item in found]:
        taken = "taken to be that where the response begins (--refer-to)"
        yield f"{some(paths)}: the reference point is not stated; {taken}."


def _doubtful_sources(sources: Sequence[Source]) -> Iterator[str]:
    """Give a remark on audio that stands for several takes, and on takes of several devices."""
    found: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    for source in sources:
        named = found.setdefault((source.combination, source.sha256), {})
        named[source.condition, source.stimulus] = source.path
    for named in found.values():
        if len(named) > 1:
            yield f"The same audio under {len(named)} names: {some(named.values())}."
    devices: dict[str, list[str]] = {}
    for source in sources:  # the combination of a session is its equipment
        if not source.combination and source.device != "unknown":
            devices.setdefault(source.device, []).append(source.condition)
    if len(devices) > 1:
        words = (f"{name} ({some(dict.fromkeys(by))})" for name, by in devices.items())
        yield f"The recordings were made by different devices: {', '.join(words)}."


def _members(folder: Path) -> list[Path]:
    """Return the sessions of a campaign or another folder of sessions; else the folder itself."""
    if is_session(folder):
        return [folder]
    found = campaign_sessions(folder)
    if not found and _is_campaign(folder):
        raise RecordError(f"{folder}: the campaign holds no sessions (*/session.jsonl)")
    return found or [folder]


def _is_campaign(folder: Path) -> bool:
    return (folder / CAMPAIGN_FILE).exists()


def _title(folders: Sequence[Path]) -> str:
    if len(folders) == 1 and _is_campaign(folders[0]):
        return read_campaign(folders[0]).title
    return "Recordings: " + ", ".join(folder.resolve().name for folder in folders)


# Sessions ---------------------------------------------------------------------------------------


def _session(folder: Path) -> tuple[SessionInfo, list[CalibratedRecording], list[Calibration]]:
    """Return the description, the recordings and all calibrations of a session."""
    session = Session(folder)
    session.verify()
    events = session.events()
    start, status = events[0], session.exit_status
    unfinished = session.unfinished()
    loaded = {
        path.name: load_calibration(path) for path in sorted(folder.glob("calibration_*.json"))
    }
    info = SessionInfo(
        folder=folder.resolve().name,
        protocol=str(start.get("protocol", "")),
        device=str(start.get("device", "")),
        started=str(start.get("time", "")),
        exit_status="still open" if status == "interrupted" else status,
        settings=dict(start.get("settings", {})),
        problems=(
            *_in_use(folder),
            *_problems(events),
            *(f"{name} is unfinished and left out" for name in unfinished),
        ),
        drift=_drift(loaded),
        efforts={
            str(e["method"]): (float(e["seconds"]), int(e["hands"]))
            for e in session.events(Event.METHOD)
        },
        flatness={
            str(e["ear"]): (float(e["middle_db"]), float(e["wide_db"]))
            for e in session.events(Event.FLATNESS)
        },
    )
    records = sorted(path for path in folder.glob(RECORDS) if path.name not in unfinished)
    if not records:
        raise RecordError(f"{folder}: the session holds no recordings ({RECORDS})")
    # verify() has just compared these files with the log; they need not be read again
    logged = {str(e["file"]): str(e["sha256"]) for e in events if "file" in e and "sha256" in e}
    return info, [_recorded(path, loaded, logged) for path in records], list(loaded.values())


def _problems(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give the problems in the log, in words."""
    for event in events:
        if event["event"] == Event.TARGET_NOT_REACHED:
            yield f"target of {event.get('stimulus')} not reached: {event.get('reason')}"
        elif event["event"] == Event.DRIFT_EXCEEDED:
            yield f"drift of the ears: {event.get('reason')}"


def _drift(loaded: Mapping[str, Calibration]) -> Mapping[str, float]:
    before, after = (loaded.get(f"calibration_{when}.json") for when in ("before", "after"))
    if before is None or after is None:
        return {}
    from soundcal.calibration.drift import drift

    return dict(drift(before, after).change_db)


def _recorded(
    path: Path, loaded: Mapping[str, Calibration], logged: Mapping[str, str]
) -> CalibratedRecording:
    """Return the recording of one record after checking it."""
    record = RecordingRecord.read(path)
    if not (record.condition and record.stimulus):
        missing = "stimulus" if record.condition else "condition"
        raise RecordError(f"{path}: the record has no {missing!r}; it cannot be used")
    if record.calibration is None or record.calibration_file is None:
        raise SignalError(
            f"{path}: recorded without a calibration, so its samples cannot be given in pascal; "
            "calibrate and record again"
        )
    audio, file = inside(path.parent, record.audio), record.calibration_file
    calibration = loaded[file] if file in loaded else load_calibration(inside(path.parent, file))
    if calibration.id != record.calibration:
        raise RecordError(
            f"{path}: recorded with calibration {record.calibration}, but {file} is "
            f"{calibration.id}; restore the calibration of the session"
        )
    check_device(calibration, record, path, accepted=False)
    source = Source(
        path=str(audio),
        sha256=_checked_digest(audio, record.sha256, logged.get(audio.name)),
        condition=normal_name(record.condition),
        stimulus=normal_name(record.stimulus),
        combination=record.combination,
        calibration=calibration.id,
        flags=record.flags,
        simulated=bool(record.capture.get("simulated", False)),
        target=record.target,
        gain_db=record.gain_db,
        checks=record.checks,
        device=record.device,
    )
    return CalibratedRecording(source, record.run, record, calibration)


def _checked_digest(audio: Path, expected: str, known: str | None) -> str:
    found = known or file_digest(audio)
    if found != expected:
        raise RecordError(
            f"{audio}: SHA-256 {found} differs from {expected} in its record: the audio was "
            "changed after it was recorded"
        )
    return found


def _in_use(folder: Path) -> Iterator[str]:
    if user := user_of(folder):
        yield f"in use by {user}; what it had finished by now is reported"


def _session_warnings(sessions: Sequence[SessionInfo]) -> Iterator[str]:
    for session in sessions:
        if session.exit_status not in ("done", "still open"):
            yield f"Session {session.folder} ended as {session.exit_status}."
        yield from (f"Session {session.folder}: {problem}" for problem in session.problems)


def _check_names(folders: Sequence[Path]) -> None:
    plain = [f.resolve().name for f in folders if not is_session(f)]
    twice = sorted({name for name in plain if plain.count(name) > 1})
    if twice:
        raise ParameterError(
            f"two folders are named {twice[0]!r}; the folder's name is the method, so give "
            "them different names"
        )
