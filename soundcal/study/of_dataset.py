"""A study of the recordings of datasets, which ``soundcal measure --out FOLDER/`` writes."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from soundcal.errors import ParameterError, RecordError
from soundcal.files.names import normal_name, some
from soundcal.periods.recordings import recordings_table
from soundcal.study.drafts import with_comparisons
from soundcal.study.model import Study
from soundcal.study.of_files import with_conditions
from soundcal.study.rules import Rules

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["study_of_datasets"]


def study_of_datasets(
    folders: Sequence[str | os.PathLike[str]],
    *,
    labels: str | None = None,
    methods: Sequence[str] | None = None,
    reference: str | None = None,
    rules: Rules | None = None,
    title: str = "",
    answers: Mapping[int, str] | None = None,
) -> Study:
    """Return a study of the recordings of datasets, each merged of all its pieces.

    Parameters
    ----------
    folders : sequence of path
        Datasets. Of several, each is one method, named by its folder. Of one, the methods are the
        folders of its recordings if there are several, or else it is one method.
    labels : str, optional
        Values, with commas; by default those that the runs were asked for.
    methods, reference, rules
        As for :func:`soundcal.study.compare_methods`.
    title : str
        Heading.
    answers : mapping of int to str, optional
        Answers to items of the checklist.

    Raises
    ------
    RecordError, ParameterError
        As for :func:`soundcal.periods.summarise` and :func:`soundcal.study.compare_methods`, or
        two datasets of one name.
    """
    import pandas as pd

    paths = [Path(folder) for folder in folders]
    names = [normal_name(path.resolve().name) for path in paths]
    if len(set(names)) < len(names):
        raise ParameterError(
            f"two datasets of one name among {some(names)}; the name of the folder is the method, "
            "so give them different names"
        )
    methods_of = names if len(names) > 1 else [""]
    parts = [
        _with_conditions(path, recordings_table(path, labels=labels), name)
        for path, name in zip(paths, methods_of, strict=True)
    ]
    notes = tuple(dict.fromkeys(note for part in parts for note in part.attrs["notes"]))
    draft = Study(
        title=title or f"Recordings: {', '.join(names)}",
        table=pd.concat(parts, ignore_index=True),
        comparisons={},
        warnings=notes,
        answers=answers or {},
    )
    return with_comparisons(draft, methods, reference, rules)


def _with_conditions(path: Path, table: "pd.DataFrame", method: str) -> "pd.DataFrame":
    """Return a table with conditions: ``method``, the folders of the recordings, or one of all."""
    above = {PurePosixPath(name).parent.name for name in table["recording"].unique()}
    if not method and (len(above) < 2 or "" in above):
        method = normal_name(path.resolve().name)
    try:
        return with_conditions(table, method)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error
