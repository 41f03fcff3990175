"""Listening tests: participants answer on a page, and the calibrated soundcard plays.

::

    study = read_study(Path("test"))        # test/study.toml
    ratings = read_answers("test")          # what participants have answered so far

The room itself is opened by ``soundcal listen serve``.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.listening.answers import read_answers
    from soundcal.listening.new import new_study
    from soundcal.listening.reading import read_study
    from soundcal.listening.study import Study
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Study": "study",
            "new_study": "new",
            "read_answers": "answers",
            "read_study": "reading",
        },
    )

__all__ = ["Study", "new_study", "read_answers", "read_study"]
