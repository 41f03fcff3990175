"""Options of files that several commands share."""

import argparse
import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

__all__ = ["Patterns", "add_other_device", "add_point", "channel_names_of", "expanded"]

_POINTS: Final = (
    "eardrum",
    "ear-canal-entrance",
    "free-field",
    "diffuse-field",
    "coupler",
    "terminals",
)


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
    return [type(name)(match) for match in sorted(glob.glob(text))] or [name]


def channel_names_of(text: str) -> tuple[str, ...]:
    """Return the channel names of an option such as ``left,right``, for ``type=``."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def add_point(group: Any) -> None:
    """Add the option that names the point to which a sound pressure refers."""
    group.add_argument(
        "--point",
        choices=_POINTS,
        default="",
        help="point to which the sound pressure refers; a calibration of another point is flagged",
    )


def add_other_device(group: Any) -> None:
    """Add the option that accepts a calibration of another device."""
    group.add_argument(
        "--other-device",
        action="store_true",
        help="accept a calibration that names a device other than the record beside a file does, "
        "e.g. after a driver has renamed it; results carry a flag",
    )
