"""Device names: an index, an exact identity, or parts of "name, host API".

A name is resolved afresh whenever a device is opened, because indices change when devices come and
go. An ambiguous name is refused and the candidates are listed; no default ever takes its place.
"""

from collections.abc import Sequence
from typing import Final

from soundcal.devices.portaudio.host_apis import ASIO
from soundcal.devices.protocol import DeviceInfo
from soundcal.errors import DeviceUnavailable

__all__ = ["paired", "resolve_device", "resolve_pair"]


def resolve_device(spec: str | int, devices: Sequence[DeviceInfo], problem: str) -> DeviceInfo:
    """Return the device that ``spec`` means.

    Parameters
    ----------
    spec : str or int
        Index; or the exact "name, host API"; or words that all occur in it, in this order, in upper
        or lower case.
    devices : sequence of DeviceInfo
        The available devices.
    problem : str
        The reason why soundcards are missing, for the message.

    Raises
    ------
    DeviceUnavailable
        None or several match.
    """
    text = str(spec).strip()
    if not devices:
        raise DeviceUnavailable(f"device {text!r}: {problem}; {_OTHER_WAY}")
    if text.isdecimal():
        found = [info for info in devices if info.index == int(text)]
    else:
        found = [info for info in devices if info.identity == text]
        found = found or [info for info in devices if info.name == text]
        found = found or [info for info in devices if _contains(info.identity, text)]
    if len(found) == 1:
        return found[0]
    if not found:
        listed = "; ".join(_shown(info) for info in devices)
        why = f"{problem}; " if problem else ""
        raise DeviceUnavailable(f"no device {text!r}; available: {listed}; {why}{_OTHER_WAY}")
    listed = "; ".join(_shown(info) for info in found)
    raise DeviceUnavailable(
        f"device {text!r} is ambiguous: {listed}; give more of the name, the index, or, where "
        'input and output of a soundcard are two devices, "INPUT | OUTPUT"'
    )


def resolve_pair(
    spec: str | int, devices: Sequence[DeviceInfo], problem: str
) -> tuple[DeviceInfo, DeviceInfo]:
    """Return the devices that record and play: the same one, unless ``INPUT | OUTPUT`` is given.

    Some host APIs (WASAPI, often Core Audio) list the input and the output of one soundcard as two
    devices. Both must belong to one soundcard: two soundcards have two clocks, which drift apart.

    Raises
    ------
    DeviceUnavailable
        As for :func:`resolve`; or the two have different host APIs, or different ASIO drivers.
    """
    first, bar, second = str(spec).partition("|")
    if not bar:
        info = resolve_device(spec, devices, problem)
        return info, info
    into = resolve_device(first, [info for info in devices if info.inputs], problem)
    out = resolve_device(second, [info for info in devices if info.outputs], problem)
    if into.host_api != out.host_api:
        raise DeviceUnavailable(
            f"{into.identity} and {out.identity} have different host APIs: choose both from one"
        )
    if into.host_api == ASIO and into != out:
        raise DeviceUnavailable(
            f"{into.identity} and {out.identity} are two drivers, and ASIO runs one at a time: "
            "choose one for input and output"
        )
    return into, out


def paired(into: DeviceInfo, out: DeviceInfo) -> DeviceInfo:
    """Return the properties of two devices that are used as one."""
    if into == out:
        return into
    return DeviceInfo(
        name=f"{into.name} | {out.name}",
        host_api=into.host_api,
        inputs=into.inputs,
        outputs=out.outputs,
        rates=tuple(rate for rate in into.rates if rate in out.rates),
        default_rate=into.default_rate,
        obstacle=into.obstacle or out.obstacle,
    )


_OTHER_WAY: Final = "the simulated lab is --device sim:lab"


def _contains(identity: str, text: str) -> bool:
    rest = identity.casefold()
    for word in text.casefold().split():
        place = rest.find(word)
        if place < 0:
            return False
        rest = rest[place + len(word) :]
    return bool(text)


def _shown(info: DeviceInfo) -> str:
    return f"{info.index} {info.identity} ({info.inputs} in, {info.outputs} out)"
