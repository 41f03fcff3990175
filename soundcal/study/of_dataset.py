"""A study of the recordings of datasets, which ``soundcal measure --out FOLDER/`` writes."""

import os
from collections.abc import Mapping, Sequence

from soundcal.study.dataset_tables import datasets_table
from soundcal.study.drafts import with_comparisons
from soundcal.study.model import Study
from soundcal.study.rules import Rules

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
        Datasets. Of several, each is one method; of one, the methods are its stations. Recordings
        are paired by their path, see :mod:`soundcal.study.dataset_tables`.
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
        As for :func:`soundcal.study.dataset_tables.datasets_table` and
        :func:`soundcal.study.compare_methods`.
    """
    table = datasets_table(folders, labels=labels)
    names = dict.fromkeys(table["condition"])
    draft = Study(
        title=title or f"Recordings: {', '.join(names)}",
        table=table,
        comparisons={},
        warnings=table.attrs["notes"],
        answers=answers or {},
    )
    return with_comparisons(draft, methods, reference, rules)
