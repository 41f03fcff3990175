"""Perceived affective quality: eight attributes of a sound environment (ISO/TS 12913-2:2018).

The sentence and the order of the attributes are those of Lam et al. (2022, arXiv:2207.12899); names
of the attributes and the structure of the scale are those of the standard.
"""

from typing import TYPE_CHECKING

from soundcal.listening.designs.model import Item
from soundcal.listening.designs.rules import (
    ListDesign,
    attribute_item,
    check_items,
    check_words,
    question_item,
    refused,
)
from soundcal.listening.designs.summaries import profile
from soundcal.listening.study import Attribute, Block, Study
from soundcal.listening.texts import Texts
from soundcal.ratings.soundscape import GUI_ATTRIBUTES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Paq"]


class Paq(ListDesign):
    """Eight attributes, each on a scale from disagreement to agreement."""

    name = "paq"
    template = "scales.html"

    def check(self, block: Block, study: Study) -> None:
        """Refuse a block without sound, with attributes of its own, or without words for them."""
        if not block.stimuli:
            raise refused(block, "stimuli are missing; paq asks about sounds")
        if block.attributes:
            raise refused(
                block, 'paq has eight attributes of its own; design = "scales" takes others'
            )
        check_items(block, GUI_ATTRIBUTES)
        check_words(self, block, study)

    def prompt(self, block: Block, language: str, texts: Texts) -> str:
        """Return the sentence of the block, or that of the texts."""
        return block.prompt.get(language) or texts["paq_prompt"]

    def own(self, block: Block) -> tuple[str, ...]:
        """Return the eight attributes."""
        return GUI_ATTRIBUTES

    def items(self, block: Block, language: str, texts: Texts) -> tuple[Item, ...]:
        """Return the eight scales and the questions of the block."""
        attributes = [
            attribute_item(
                Attribute(name),
                block.scale,
                language,
                Item(
                    name,
                    "slider",
                    texts[f"paq_{name}"],
                    low_label=texts["paq_low"],
                    high_label=texts["paq_high"],
                ),
            )
            for name in GUI_ATTRIBUTES
        ]
        return (*attributes, *(question_item(one, language) for one in block.questions))

    def analyse(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return median, range, mean and its confidence interval per sound and attribute.

        Coordinates, tests and figures are those of :mod:`soundcal.ratings`.
        """
        return profile(table)
