"""Absolute category rating: one sound, one score from 5 to 1 (ITU-T P.800, 08/96, annex B)."""

from typing import TYPE_CHECKING, Final

from soundcal.listening.designs.model import Item
from soundcal.listening.designs.rules import (
    ListDesign,
    check_items,
    check_words,
    question_item,
    refused,
)
from soundcal.listening.designs.summaries import mean_opinion
from soundcal.listening.study import Block, Scale, Study
from soundcal.listening.texts import Texts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SCORE", "Acr"]

SCORE: Final = "score"
"""Id of the score in the tables."""


class Acr(ListDesign):
    """A score of five categories for every sound."""

    name = "acr"
    template = "scales.html"

    def check(self, block: Block, study: Study) -> None:
        """Refuse a block without sound, with a scale or attributes, or without words for them."""
        if not block.stimuli:
            raise refused(block, "stimuli are missing; acr asks about sounds")
        if block.attributes or block.scale != Scale():
            raise refused(
                block, 'acr has its own scale from 5 to 1; design = "scales" takes other ones'
            )
        check_items(block, (SCORE,))
        check_words(self, block, study)

    def prompt(self, block: Block, language: str, texts: Texts) -> str:
        """Return the sentence of the block, or that of the texts."""
        return block.prompt.get(language) or texts["acr_prompt"]

    def own(self, block: Block) -> tuple[str, ...]:
        """Return the score."""
        return (SCORE,)

    def items(self, block: Block, language: str, texts: Texts) -> tuple[Item, ...]:
        """Return the score, the best category first, and the questions of the block."""
        choices = tuple((str(score), texts[f"acr_{score}"]) for score in (5, 4, 3, 2, 1))
        score = Item(SCORE, "buttons", texts["acr_score"], 1.0, 5.0, 1.0, choices=choices)
        return (score, *(question_item(one, language) for one in block.questions))

    def analyse(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return the mean opinion score of every sound, with its confidence interval and n."""
        return mean_opinion(table[table["attribute"] == SCORE])
