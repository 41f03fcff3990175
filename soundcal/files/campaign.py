"""Campaign folders: the description that their sessions share, and the list of sessions."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from soundcal.files.atomic import make_folder, partial_file
from soundcal.files.records import check_schema
from soundcal.files.session import is_session
from soundcal.files.text import read_toml

__all__ = ["CAMPAIGN_FILE", "Campaign", "read_campaign", "sessions", "write_campaign"]

CAMPAIGN_FILE: Final = "campaign.toml"
"""Name of the file in its folder."""

_SCHEMA: Final = "soundcal/campaign/1"


@dataclass(frozen=True, slots=True)
class Campaign:
    """Description that the sessions of a folder share.

    Parameters
    ----------
    title : str
        Subject of the measurements.
    people : tuple of str
        Names of those who carry them out.
    place : str
        Place of the measurements.
    licence : str
        Licence of the data, an SPDX identifier.
    description : str
        Further remarks.
    """

    title: str
    people: tuple[str, ...]
    place: str
    licence: str
    description: str = ""


def read_campaign(folder: Path) -> Campaign:
    """Read the ``campaign.toml`` of a folder.

    Raises
    ------
    RecordError
        Missing, not TOML, or not as the schema requires.
    """
    path = folder / CAMPAIGN_FILE
    missing = "no such file, so the folder is not a campaign"
    table = read_toml(path, "a campaign", missing=missing)
    check_schema(table, _SCHEMA, path)
    people = tuple(table["people"])
    return Campaign(
        table["title"], people, table["place"], table["licence"], table.get("description", "")
    )


def write_campaign(folder: Path, campaign: Campaign, *, force: bool = False) -> Path:
    """Write the ``campaign.toml`` of a folder, which is made if it is missing; return its path.

    Raises
    ------
    RecordError
        It exists and ``force`` is not set, it cannot be written, or a field is empty.
    """
    path = folder / CAMPAIGN_FILE
    content = {"schema": _SCHEMA, **asdict(campaign), "people": list(campaign.people)}
    check_schema(content, _SCHEMA, path)
    make_folder(folder)
    # a JSON string or list of strings is a TOML one, but for the delete character
    lines = [f"{key} = {_toml(value)}\n" for key, value in content.items()]
    with partial_file(path, force=force) as temporary:
        temporary.write_bytes("".join(lines).encode(errors="backslashreplace"))
    return path


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def sessions(folder: Path) -> list[Path]:
    """Return the session folders of a campaign, in the order of their names."""
    return sorted(path for path in folder.glob("*") if is_session(path))
