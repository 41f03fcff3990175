"""Condition and stimulus of a table of ``soundcal measure``, from the names of its recordings."""

from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Final

from soundcal.errors import RecordError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["with_conditions"]

_FAILED: Final = "failed"


def with_conditions(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table of measured files with the columns condition and stimulus.

    As in a report on plain folders, the name of the folder is the condition, and the name of the
    file without its ending the stimulus. Rows ``failed`` are left out. A note in ``attrs["notes"]``
    says both.

    Raises
    ------
    RecordError
        All recordings are in one folder.
    """
    failed = table["indicator"] == _FAILED
    kept = table[~failed].reset_index(drop=True)
    # both kinds of separators: a table may come from another system
    paths = [PureWindowsPath(name) for name in kept["recording"]]
    conditions = [path.parent.name for path in paths]
    found = list(dict.fromkeys(conditions))
    if len(found) < 2 or "" in found:
        where = " and ".join(name or "the working folder" for name in found) or "no folder"
        raise RecordError(
            f"the table has no columns condition and stimulus, and its recordings are in {where}; "
            "measure the files of two folders, one per method, as FOLDER/FILE, or compare the "
            "folders themselves: soundcal report FOLDER FOLDER"
        )
    kept.insert(0, "condition", conditions)
    kept.insert(1, "stimulus", [path.stem for path in paths])
    note = f"conditions {', '.join(found)} and stimuli are the names of folders and files"
    left_out = table.loc[failed, "recording"].drop_duplicates().tolist()
    more = [f"{name}: not measured in full, and left out as far as it failed" for name in left_out]
    kept.attrs["notes"] = (*table.attrs.get("notes", ()), note, *more)
    return kept
