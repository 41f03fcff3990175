"""Protocols: a lab's recipe in one Python file, run step by step and logged in a session folder.

A protocol is a Python file with

* a docstring, which is the lab sheet: what is needed, the steps, when the result is accepted;
* ``SETTINGS``: a dictionary of :class:`Setting`, the values that may be changed for a run;
* ``run(bench)``: the steps. It uses the bench's device, operator and session and returns the exit
  status.

Protocols never know whether the device is a soundcard or the simulated lab, nor whether a person or
a script answers: they ask the :class:`Operator`.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol, cast

from soundcal.devices import AudioDevice
from soundcal.errors import ParameterError, ProtocolAborted, RecordError
from soundcal.records import ExitStatus, Session
from soundcal.resources import shipped

__all__ = ["Bench", "LabProtocol", "Operator", "Setting", "find", "load", "run", "shipped_names"]

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of a protocol that may be changed for a run.

    Parameters
    ----------
    default : bool, int, float or str
        Its type is the type of the setting.
    unit : str
        Unit, or "".
    meaning : str
        One line for the lab sheet.
    """

    default: Value
    unit: str
    meaning: str

    def parse(self, name: str, text: str) -> Value:
        """Return ``text`` as a value of the setting's type.

        Raises
        ------
        ParameterError
            The text is not such a value.

        Examples
        --------
        >>> Setting(94.0, "dB", "level of the calibrator").parse("level", "114")
        114.0
        """
        kind = type(self.default)
        if kind is bool:
            if text.lower() in ("true", "yes", "1", "false", "no", "0"):
                return text.lower() in ("true", "yes", "1")
            raise ParameterError(f"setting {name}={text!r}: true or false expected")
        try:
            return kind(text)
        except ValueError as error:
            unit = f" in {self.unit}" if self.unit else ""
            raise ParameterError(
                f"setting {name}={text!r}: a value of type {kind.__name__}{unit} expected"
            ) from error


class Operator(Protocol):
    """Whoever acts in the lab: a person at the terminal, or the simulated lab's own hands.

    Every method returns when the thing is done and raises :class:`ProtocolAborted` if the operator
    gives up.
    """

    def tell(self, text: str) -> None:
        """Say how the work goes on."""
        ...

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        """Put the sound calibrator on an ear; level in dB re 20 µPa, frequency in Hz."""
        ...

    def remove_calibrator(self) -> None:
        """Take the sound calibrator off."""
        ...

    def seat_headphones(self) -> None:
        """Put the headphones on the simulator's ears, afresh."""
        ...

    def remove_headphones(self) -> None:
        """Unplug the headphones, so that the output is unloaded."""
        ...

    def read_voltmeter(self, channel: str) -> float:
        """Read the true-rms voltage of an output channel in V."""
        ...


@dataclass(frozen=True, slots=True)
class Bench:
    """What a protocol works with: device, operator, session and the settings of this run."""

    device: AudioDevice
    operator: Operator
    session: Session
    settings: Mapping[str, Value]

    def number(self, name: str) -> float:
        """Return a numeric setting."""
        return float(self.settings[name])

    def step(self, name: str, action: Callable[[], None]) -> None:
        """Carry out one step, unless the session being resumed has finished it already."""
        if self.session.finished(name):
            self.operator.tell(f"{name}: done before, kept")
            return
        self.operator.tell(name)
        action()
        self.session.log("step", step=name)


@dataclass(frozen=True, slots=True)
class LabProtocol:
    """A protocol file that was loaded.

    Parameters
    ----------
    name : str
        File name without its ending.
    sheet : str
        The lab sheet.
    settings : mapping of str to Setting
        What may be changed for a run.
    steps : callable
        The file's ``run``.
    """

    name: str
    sheet: str
    settings: Mapping[str, Setting]
    steps: Callable[[Bench], ExitStatus]

    def resolve(self, changes: Mapping[str, str]) -> dict[str, Value]:
        """Return all settings with the changes applied.

        Raises
        ------
        ParameterError
            Unknown setting, or a value of the wrong type.
        """
        unknown = sorted(set(changes) - set(self.settings))
        if unknown:
            known = ", ".join(sorted(self.settings)) or "none"
            raise ParameterError(f"{self.name} has no setting {', '.join(unknown)}; known: {known}")
        values = {name: setting.default for name, setting in self.settings.items()}
        return values | {name: self.settings[name].parse(name, changes[name]) for name in changes}


def shipped_names() -> list[str]:
    """Return the names of the protocols that come with soundcal."""
    return sorted(path.stem for path in shipped("protocols").glob("[a-z]*.py"))


def find(name: str) -> Path:
    """Return the file of a shipped protocol's name or of a path.

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
    path = find(name)
    module = _module(path)
    steps = getattr(module, "run", None)
    settings = getattr(module, "SETTINGS", {})
    if not callable(steps) or not module.__doc__:
        raise RecordError(f"{path}: a protocol needs a docstring (the lab sheet) and run(bench)")
    wrong = [key for key, setting in settings.items() if not isinstance(setting, Setting)]
    if wrong:
        raise RecordError(f"{path}: SETTINGS[{wrong[0]!r}] is not a Setting")
    return LabProtocol(
        path.stem, module.__doc__.strip(), settings, cast(Callable[[Bench], ExitStatus], steps)
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
) -> Session:
    """Run a protocol and leave a session folder, closed whatever happens.

    Parameters
    ----------
    protocol : LabProtocol
        What to do.
    device : AudioDevice
        What to do it with.
    operator : Operator
        Who does what a computer cannot.
    folder : Path
        The session's folder.
    changes : mapping of str to str, optional
        Settings that differ from their defaults, as text.
    resume : bool
        Go on with the interrupted session in ``folder``, with its own settings.

    Raises
    ------
    ProtocolAborted
        The operator stopped; the session is closed as aborted and can be resumed.
    SoundcalError
        Whatever stopped the protocol; the session is closed as failed with the reason.
    """
    if resume:
        if changes:
            raise ParameterError("a resumed session keeps its settings; leave --set out")
        session = Session.resume(folder, protocol.name)
        settings: dict[str, Value] = dict(session.events()[0]["settings"])
        used = session.events()[0].get("device")
        if used != device.info.identity:
            raise RecordError(f"{folder}: was made with {used!r}, not {device.info.identity!r}")
    else:
        settings = protocol.resolve(changes or {})
        session = Session.create(folder, protocol.name, settings, device.info.identity)
    try:
        status = protocol.steps(Bench(device, operator, session, settings))
    except _ABORTS as error:
        session.stop("aborted", str(error))
        raise ProtocolAborted(
            f"stopped by the operator; what was finished is in {folder} and can be resumed"
        ) from error
    except BaseException as error:
        session.stop("failed", f"{type(error).__name__}: {error}")
        raise
    session.stop(status)
    return session
