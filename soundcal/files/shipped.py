"""Finds the protocols, stimuli and schemas that come with soundcal.

In a wheel they are in ``soundcal/_shipped``; in a checkout (and so in an editable install and in an
unpacked source distribution) they are in the folders beside the package.
"""

from pathlib import Path
from typing import Final, Literal

from soundcal.errors import RecordError

__all__ = ["Kind", "shipped"]

Kind = Literal["protocols", "stimuli", "schema"]

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_IN_CHECKOUT: Final[dict[Kind, str]] = {
    "protocols": "protocols",
    "stimuli": "stimuli",
    "schema": "measurements/schema",
}


def shipped(kind: Kind) -> Path:
    """Return the folder of shipped files of one kind.

    Raises
    ------
    RecordError
        The installation is incomplete.

    Examples
    --------
    >>> (shipped("stimuli") / "catalogue.toml").is_file()
    True
    """
    for folder in (_PACKAGE / "_shipped" / kind, _PACKAGE.parent / _IN_CHECKOUT[kind]):
        if folder.is_dir():
            return folder
    raise RecordError(
        f"the {kind} that ship with soundcal are missing from {_PACKAGE}; reinstall soundcal"
    )
