"""Questions after a sound, or on a page of their own without sound."""

from typing import TYPE_CHECKING

from soundcal.listening.designs.model import Item
from soundcal.listening.designs.rules import ListDesign, check_items, question_item, refused
from soundcal.listening.designs.summaries import counts
from soundcal.listening.study import Block, Scale, Study
from soundcal.listening.texts import Texts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Questions"]


class Questions(ListDesign):
    """The questions of the block, ``[[block.question]]``."""

    name = "questions"
    template = "questions.html"

    def check(self, block: Block, study: Study) -> None:
        """Refuse a block without questions, or with attributes or a scale."""
        if not block.questions:
            raise refused(block, "[[block.question]] is missing")
        if block.attributes or block.scale != Scale():
            raise refused(
                block, 'questions have neither attributes nor a scale; design = "scales" has both'
            )
        check_items(block, ())

    def items(self, block: Block, language: str, texts: Texts) -> tuple[Item, ...]:
        """Return the questions of the block."""
        return tuple(question_item(one, language) for one in block.questions)

    def analyse(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return how often every answer was given, per sound and question."""
        return counts(table)
