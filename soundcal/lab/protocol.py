"""Lab protocols: Python files that are run step by step and logged in a session folder.

A protocol is a Python file with

* a docstring, which is the lab sheet: the equipment, the steps, and when the result is accepted;
* ``SETTINGS``: a dictionary of :class:`Setting`, the values that may be changed for a run;
* ``run(bench)``: the steps. It uses the bench's device, operator and session and returns the exit
  status;
* optionally ``check(settings, device)``: it refuses settings that conflict with each other or with
  the device, before the session begins and before the operator has done anything;
* optionally ``effort(settings)``: the time and the hands that a run takes, which the operator is
  told at the start; :mod:`soundcal.lab.efforts` has those of the shared steps.

A protocol does not know whether its device is a soundcard or the simulated lab, or whether a person
or a script answers: it asks the :class:`~soundcal.lab.operator.Operator`.
"""

import importlib.util
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from soundcal.arrays import Samples
from soundcal.devices import AudioDevice
from soundcal.errors import ParameterError, ProtocolAborted, RecordError
from soundcal.files.atomic import make_folder
from soundcal.files.lock import held
from soundcal.files.session import Event, ExitStatus, Session
from soundcal.files.shipped import shipped
from soundcal.identity import same_device
from soundcal.lab.effort import Effort
from soundcal.lab.operator import Operator

if TYPE_CHECKING:
    from soundcal.stimuli import Stimulus

__all__ = [
    "Bench",
    "LabProtocol",
    "Render",
    "Setting",
    "Value",
    "find_protocol",
    "load",
    "run",
    "shipped_names",
]

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a protocol, which may be changed for a run.

    Parameters
    ----------
    default : bool, int, float or str
        Its type is the type of the setting.
    unit : str
        Unit, or "".
    meaning : str
        One line for the lab sheet.
    lowest, highest : float
        Range of a number; by default every finite number is accepted.
    choices : tuple of str
        Accepted texts; if empty, every text is accepted.
    required : bool
        Every run has to give a value; the default only determines its type.
    """

    default: Value
    unit: str
    meaning: str
    lowest: float = -math.inf
    highest: float = math.inf
    choices: tuple[str, ...] = ()
    required: bool = False

    def parse(self, name: str, text: str) -> Value:
        """Return ``text`` as a value of the setting's type.

        Raises
        ------
        ParameterError
            The text is not a value of that type, is outside the range, or is not among the choices.

        Examples
        --------
        >>> Setting(94.0, "dB", "level of the calibrator").parse("level", "114")
        114.0
        """
        kind = type(self.default)
        if kind is bool:
            if text.lower() in ("true", "yes", "1", "false", "no", "0"):
                return text.lower() in ("true", "yes", "1")
            raise self._refused(name, text, "true or false")
        try:
            value = kind(text)
        except ValueError as error:
            raise self._refused(name, text, "a whole number" if kind is int else "a number") from (
                error
            )
        if isinstance(value, str):
            if (self.choices and value not in self.choices) or (self.required and not value):
                raise self._refused(name, text, " or ".join(self.choices) or self.meaning)
        elif not (math.isfinite(value) and self.lowest <= value <= self.highest):
            ends = [f"at least {self.lowest:g}"] * math.isfinite(self.lowest)
            ends += [f"at most {self.highest:g}"] * math.isfinite(self.highest)
            raise self._refused(name, text, " and ".join(ends) or "a finite number")
        return value

    def _refused(self, name: str, text: str, expected: str) -> ParameterError:
        unit = f" (in {self.unit})" if self.unit else ""
        return ParameterError(f"setting {name}={text!r}{unit}: {expected} expected")


class Render(Protocol):
    """Gives the samples of a stimulus, as :func:`soundcal.stimuli.render` does."""

    def __call__(self, stimulus: "Stimulus", *, fs: int, duration: float) -> Samples:
        """Return the samples, shape (n_channels, n)."""
        ...


def _rendered(stimulus: "Stimulus", *, fs: int, duration: float) -> Samples:
    """Render a stimulus; the numerics that it takes are loaded with the first."""
    from soundcal.stimuli import render

    return render(stimulus, fs=fs, duration=duration)


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything a protocol works with: device, operator, session and settings of this run.

    ``render`` gives the samples of the stimuli, which may have been rendered before.
    """

    device: AudioDevice
    operator: Operator
    session: Session
    settings: Mapping[str, Value]
    render: Render = _rendered

    def number(self, name: str) -> float:
        """Return a numeric setting."""
        return float(self.settings[name])

    def step(self, name: str, action: Callable[[], object], *, place: str = "") -> None:
        """Carry out one step, unless the session being resumed has finished it already.

        The operator is told its name, and its ``place`` among others, such as "3 of 27".
        """
        if self.session.finished(name):
            self.operator.tell(f"{name}: already done, kept")
            return
        self.operator.tell(f"{name}, {place}" if place else name)
        action()
        self.session.log(Event.STEP, step=name)


@dataclass(frozen=True, slots=True)
class LabProtocol:
    """A protocol, loaded from its file.

    Parameters
    ----------
    name : str
        File name without its ending.
    sheet : str
        The lab sheet.
    settings : mapping of str to Setting
        Settings that may be changed for a run.
    steps : callable
        The file's ``run``.
    check, effort : callable, optional
        The file's ``check`` and ``effort``.
    """

    name: str
    sheet: str
    settings: Mapping[str, Setting]
    steps: Callable[[Bench], ExitStatus]
    check: Callable[[Mapping[str, Value], AudioDevice], None] | None = None
    effort: Callable[[Mapping[str, Value]], Effort] | None = None

    def resolve(self, changes: Mapping[str, str]) -> dict[str, Value]:
        """Return all settings with the changes applied.

        Raises
        ------
        ParameterError
            A setting is unknown, its value is not valid, or a required value is missing.
        """
        changed = self._parsed(changes)
        missing = [name for name, s in self.settings.items() if s.required and name not in changes]
        if missing:
            name, setting = missing[0], self.settings[missing[0]]
            raise ParameterError(
                f"{self.name} needs the setting {name} ({setting.meaning}"
                f"{f', in {setting.unit}' if setting.unit else ''}); set it (--set {name}=…)"
            )
        values = {name: setting.default for name, setting in self.settings.items()}
        return values | changed

    def refuse_other(self, changes: Mapping[str, str], kept: Mapping[str, Value]) -> None:
        """Refuse changes that differ from the settings ``kept`` by the session to be resumed.

        Raises
        ------
        ParameterError
            A change is not to a setting of this protocol, or differs from the session's setting.
        """
        for name, value in self._parsed(changes).items():
            if value != kept.get(name):
                raise ParameterError(
                    f"a resumed session keeps its settings: {name}={kept.get(name)}, not {value}; "
                    "leave the change out, or start a new session"
                )

    def _parsed(self, changes: Mapping[str, str]) -> dict[str, Value]:
        unknown = sorted(set(changes) - set(self.settings))
        if unknown:
            known = ", ".join(sorted(self.settings)) or "none"
            raise ParameterError(f"{self.name} has no setting {', '.join(unknown)}; known: {known}")
        return {name: self.settings[name].parse(name, text) for name, text in changes.items()}


def shipped_names() -> list[str]:
    """Return the names of the protocols that come with soundcal."""
    return sorted(path.stem for path in shipped("protocols").glob("[a-z]*.py"))


def find_protocol(name: str) -> Path:
    """Return the file of a protocol, given by the name of a shipped one or by a path.

    Raises
    ------
    ParameterError
        There is no such protocol.
    """
    if name.endswith(".py"):
        if Path(name).is_file():
            return Path(name)
        raise ParameterError(f"{name}: no such protocol file")
    if name in shipped_names():
        return shipped("protocols") / f"{name}.py"
    known = ", ".join(shipped_names()) or "none"
    raise ParameterError(f"no protocol {name!r}; shipped: {known}; or give the path of a .py file")


def load(name: str) -> LabProtocol:
    """Load a protocol by name or path. This executes the file: run only protocols you trust.

    Raises
    ------
    ParameterError
        No such protocol.
    RecordError
        The file is not a protocol.
    """
    path = find_protocol(name)
    module = _module(path)
    steps = getattr(module, "run", None)
    settings = getattr(module, "SETTINGS", {})
    check = getattr(module, "check", None)
    if not callable(steps) or not module.__doc__:
        raise RecordError(f"{path}: a protocol needs a docstring (the lab sheet) and run(bench)")
    wrong = [key for key, setting in settings.items() if not isinstance(setting, Setting)]
    if wrong:
        raise RecordError(f"{path}: SETTINGS[{wrong[0]!r}] is not a Setting")
    return LabProtocol(
        path.stem,
        module.__doc__.strip(),
        settings,
        cast(Callable[[Bench], ExitStatus], steps),
        cast(Callable[[Mapping[str, Value], AudioDevice], None] | None, check),
        cast(Callable[[Mapping[str, Value]], Effort] | None, getattr(module, "effort", None)),
    )


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"soundcal_protocol_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RecordError(f"{path}: cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        raise RecordError(f"{path}: cannot be loaded ({error})") from error
    return module


_ABORTS: Final = (KeyboardInterrupt, ProtocolAborted)


def run(
    protocol: LabProtocol,
    device: AudioDevice,
    operator: Operator,
    folder: Path,
    *,
    changes: Mapping[str, str] | None = None,
    resume: bool = False,
    render: Render = _rendered,
) -> Session:
    """Run a protocol in a session folder; the session is closed however the run ends.

    Parameters
    ----------
    protocol : LabProtocol
        The protocol to run.
    device : AudioDevice
        The device to measure with.
    operator : Operator
        Does what a computer cannot.
    folder : Path
        The session's folder.
    changes : mapping of str to str, optional
        Settings that differ from their defaults, as text. Those of a resumed session cannot be
        changed; repeating them is harmless.
    resume : bool
        Continue the interrupted session in ``folder``, with its own settings.
    render : callable, optional
        Gives the samples of the stimuli, by default :func:`soundcal.stimuli.render`.

    Raises
    ------
    ParameterError
        A setting is missing, is wrong, or does not suit the device; no session is begun.
    ProtocolAborted
        The operator stopped; the session is closed as aborted and can be resumed.
    RecordError
        Another process uses the folder, or it cannot be written.
    SoundcalError
        Another error stopped the protocol; the session is closed as failed, with the reason.
    """
    if resume:
        Session(folder).events()  # there is a session
    else:
        settings = protocol.resolve(changes or {})
        if protocol.check is not None:
            protocol.check(settings, device)
        make_folder(folder)
        if protocol.effort is not None:
            effort = protocol.effort(settings)
            operator.tell(effort.words(simulated=device.info.kind == "simulated"))
    with held(folder):
        if resume:
            session, settings = _resumed(protocol, device, operator, folder, changes or {})
        else:
            session = Session.create(
                folder, protocol.name, settings, device.info.identity, _hardware(device)
            )
        _run(protocol, Bench(device, operator, session, settings, render))
    return session


def _resumed(
    protocol: LabProtocol,
    device: AudioDevice,
    operator: Operator,
    folder: Path,
    changes: Mapping[str, str],
) -> tuple[Session, dict[str, Value]]:
    """Return the session in a folder, to be continued, and its settings."""
    start = Session(folder).events()[0]
    protocol.refuse_other(changes, start.get("settings", {}))
    _refuse_other_device(folder, start, device)
    session = Session.resume(folder, protocol.name)
    for name in session.events()[-1]["unfinished"]:
        operator.tell(f"{name}: incomplete when the session was interrupted; not used")
    return session, dict(start["settings"])


def _run(protocol: LabProtocol, bench: Bench) -> None:
    """Carry out the steps and close the session."""
    session = bench.session
    try:
        status = protocol.steps(bench)
    except _ABORTS as error:
        session.stop("aborted", str(error))
        raise ProtocolAborted(
            f"stopped by the operator; the finished steps are in {session.folder}, which can be "
            "resumed"
        ) from error
    except BaseException as error:
        session.stop("failed", f"{type(error).__name__}: {error}")
        raise
    session.stop(status)


def _hardware(device: AudioDevice) -> dict[str, int]:
    """Return what a device must still have when a session is resumed.

    That is its channels and its rate, and of a simulated lab its equipment.
    """
    info = device.info
    equipment = {} if info.seed is None else {"seed": info.seed}
    return {"inputs": info.inputs, "outputs": info.outputs, "fs": device.fs, **equipment}


def _refuse_other_device(folder: Path, start: Mapping[str, Any], device: AudioDevice) -> None:
    used, there = start.get("device"), device.info.identity
    if not same_device(str(used), there):
        raise RecordError(
            f"{folder}: the session was made with {used!r}, not {there!r}; resume it with that "
            "device, or start a new session"
        )
    had, has = start.get("hardware", {}), _hardware(device)
    if changed := [name for name in had if name in has and had[name] != has[name]]:
        words = {"inputs": "{} inputs", "outputs": "{} outputs", "fs": "{} Hz", "seed": "seed {}"}
        before, now = (
            ", ".join(words[name].format(found[name]) for name in changed) for found in (had, has)
        )
        raise RecordError(
            f"{folder}: the session was made with {before}, and {there} now has {now}; set the "
            "device as it was (sampling rate --fs, driver panel, --seed of a simulated lab), or "
            "start a new session"
        )
