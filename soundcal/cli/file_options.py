"""Options of files that several commands share."""

import argparse
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.errors import ParameterError, RecordError

if TYPE_CHECKING:
    from soundcal.calibration.model import Calibration
    from soundcal.devices import AudioDevice
    from soundcal.response.referring import Referral

__all__ = [
    "Patterns",
    "add_live_response",
    "add_mapping",
    "add_other_device",
    "add_point",
    "add_referring",
    "channel_names_of",
    "expanded",
    "live_response",
    "referring",
    "refuse_own_inputs",
    "stated_point",
]


class Patterns(argparse.Action):
    """Action of an option of file names: patterns such as ``*.wav`` are expanded.

    A shell of Windows leaves that to the program. A name that exists is no pattern, and a pattern
    without a match stays as it is, for the message of the command. An option of one name takes a
    pattern with one match.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store the names, each pattern replaced by its matches in the order of their names."""
        if isinstance(values, list):
            setattr(namespace, self.dest, [name for value in values for name in expanded(value)])
            return
        found = expanded(values)
        if len(found) > 1:
            some = f"{found[0]}, {found[1]}"
            raise argparse.ArgumentError(
                self, f"{values}: {len(found)} files match ({some} …); one file is expected"
            )
        setattr(namespace, self.dest, found[0])


def expanded(name: str | Path) -> Sequence[str | Path]:
    """Return the files that a name stands for, of the type of the name."""
    text = str(name)
    if not glob.has_magic(text) or os.path.exists(text):
        return [name]
    return [type(name)(match) for match in sorted(glob.glob(text, recursive=True))] or [name]


def channel_names_of(text: str) -> tuple[str, ...]:
    """Return the channel names of an option such as ``left,right``, for ``type=``."""
    from soundcal.files.names import normal_name

    return tuple(name for name in map(normal_name, text.split(",")) if name)


def add_mapping(group: Any, option: str) -> None:
    """Add the option for the mapping file of wide tables of indicators."""
    group.add_argument(
        option,
        dest="table_mapping",
        type=Path,
        action=Patterns,
        metavar="FILE.toml",
        help="what columns and names of wide tables of other programs stand for (an example: "
        "soundcal compare --help)",
    )


def add_point(group: Any) -> None:
    """Add the options that name the point to which a sound pressure refers."""
    from soundcal.calibration.reference_point import STATED_INCIDENCES, STATED_POINTS

    group.add_argument(
        "--point",
        choices=tuple(STATED_POINTS),
        default="",
        help="reference point of the sound pressure: P (at a microphone), DRP (ear drum of a HATS "
        "or coupler), ERP (ear reference point), BEC (blocked ear canal), FF or DF (free or "
        "diffuse field without the head), ID (maker's direction-independent reference), or one of "
        "the older words; a calibration of another point is flagged",
    )
    group.add_argument(
        "--incidence",
        choices=STATED_INCIDENCES,
        default="",
        help="sound incidence for which the pressure at a microphone (--point P) is defined",
    )


def add_referring(group: Any) -> None:
    """Add the options that refer recordings to a sound field before they are measured."""
    group.add_argument(
        "--refer-to",
        choices=("ff", "df", "id"),
        default="",
        help="refer recordings at the ear drum to a sound field before they are measured: ff "
        "(frontal free field), df (diffuse field), id (the maker's direction-independent "
        "reference); --field follows",
    )
    group.add_argument(
        "--response",
        action="append",
        default=[],
        metavar="FILE",
        help="with --refer-to: response from the field to the ear drum (default for ff and df: an "
        "average head, with a flag); or response of the microphone, which is undone; repeatable",
    )


def referring(options: argparse.Namespace) -> dict[str, Any]:
    """Return the field and the responses of these options, as ``Task`` and ``collect`` take them.

    Raises
    ------
    RecordError, ParameterError
        A file that cannot be read, or responses that do not lead to the field.
    """
    from soundcal.response.opening import open_response
    from soundcal.response.referring import chosen_responses

    if not (options.refer_to or options.response):
        return {}
    given = [open_response(name) for name in options.response]
    return {"refer_to": options.refer_to, "responses": chosen_responses(options.refer_to, given)}


def add_live_response(group: Any) -> None:
    """Add the option that undoes the response of a microphone in levels shown while it runs."""
    group.add_argument(
        "--response",
        action=Patterns,
        metavar="FILE",
        help="response of the microphone or ear simulator, which is undone in the levels shown; "
        "recorded samples stay as they are",
    )


def live_response(
    options: argparse.Namespace,
    calibration: "Calibration | None",
    channels: Sequence[str],
    device: "AudioDevice",
) -> "Referral | None":
    """Return the filters of this option for the inputs of a device; None if it was not given.

    Raises
    ------
    RecordError, ParameterError
        A file that cannot be read, or a response that is not one of a microphone for these
        channels.
    """
    if options.response is None and calibration is None:
        return None
    from soundcal.calibration.reference_point import reference_point
    from soundcal.cli.output import say
    from soundcal.response.doubts import response_doubts
    from soundcal.response.opening import open_response
    from soundcal.response.referring import chosen_responses, not_undone, referral

    if options.response is None:
        if calibration is not None and (named := not_undone(calibration, ())):
            say(f"note: calibration {calibration.id} names {named}")
        return None
    [response] = chosen_responses("", [open_response(options.response)])
    for flag in response_doubts(response, device.info.identity, device.fs):
        say(f"flag: {flag}")
    return referral(
        [response],
        "",
        point="" if calibration is None else reference_point(calibration.point),
        incidence="",
        channels=channels,
        fs=device.fs,
        tone_frequency=None if calibration is None else calibration.tone_frequency,
        device=device.info.identity,
    )


def stated_point(options: argparse.Namespace) -> dict[str, str]:
    """Return the point and the incidence that were stated, by the name of their option.

    Raises
    ------
    ParameterError
        An incidence at another point than a microphone.
    """
    if options.incidence and options.point != "P":
        raise ParameterError("--incidence is for the pressure at a microphone; add --point P")
    both = {"point": options.point, "incidence": options.incidence}
    return {name: text for name, text in both.items() if text}


def add_other_device(group: Any) -> None:
    """Add the option that accepts a calibration of another device."""
    group.add_argument(
        "--other-device",
        action="store_true",
        help="accept a calibration that names a device other than the record beside a file does, "
        "e.g. after a driver has renamed it; results carry a flag",
    )


def refuse_own_inputs(
    options: argparse.Namespace, writing: Sequence[str], beside: str = ""
) -> None:
    """Refuse to replace a file that the same command reads, such as the recording by its table.

    Parameters
    ----------
    options : Namespace
        Options of the command.
    writing : sequence of str
        Those of them that name a file to write; any other may name files to read.
    beside : str
        Ending of a second file that is written beside each of them.

    Raises
    ------
    RecordError
        ``force`` is set, and a file to write is one of the files to read.
    """
    given = vars(options)
    if not given.get("force"):
        return
    left_out = (*writing, "expected")  # an earlier calibration is replaced by that of today
    read = [path for name in given if name not in left_out for path in _files(given[name])]
    for path in (path for name in writing for path in _files(given.get(name), beside)):
        if any(os.path.samefile(path, other) for other in read):
            raise RecordError(
                f"{path}: this command reads the file and would replace it; write to another one"
            )


def _files(value: Any, beside: str = "") -> Iterator[Path]:
    """Yield the files that the value of an option names."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _files(item, beside)
    elif isinstance(value, str | Path) and str(value):
        path = Path(value)
        second = [path.with_suffix(beside)] if beside and path.name else []
        yield from filter(os.path.isfile, (path, *second))
