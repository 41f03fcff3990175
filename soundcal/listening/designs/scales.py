"""Rating scales with a study's own attributes.

A slider with two ends is a visual analogue scale (VAS), buttons are a Likert scale, and attributes
without a label but with two opposite ends are a semantic differential.
"""

from typing import TYPE_CHECKING

from soundcal.listening.designs.model import Item
from soundcal.listening.designs.rules import (
    ListDesign,
    attribute_item,
    check_items,
    question_item,
    refused,
)
from soundcal.listening.designs.summaries import profile
from soundcal.listening.study import Block, Study
from soundcal.listening.texts import Texts

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Scales"]


class Scales(ListDesign):
    """Scales of the block, ``[[block.attribute]]``, and its questions below them."""

    name = "scales"
    template = "scales.html"

    def check(self, block: Block, study: Study) -> None:
        """Refuse a block without sound or attributes, or an attribute without any label."""
        if not block.stimuli:
            raise refused(
                block, 'stimuli are missing; questions without sound are design = "questions"'
            )
        if not block.attributes:
            raise refused(block, "[[block.attribute]] is missing; scales has none of its own")
        for attribute in block.attributes:
            if not attribute.label and not (attribute.low_label and attribute.high_label):
                raise refused(
                    block,
                    f"attribute {attribute.id} needs a label, or labels of both ends "
                    "(low_label, high_label)",
                )
        check_items(block, self.own(block))

    def own(self, block: Block) -> tuple[str, ...]:
        """Return the attributes of the block."""
        return tuple(attribute.id for attribute in block.attributes)

    def items(self, block: Block, language: str, texts: Texts) -> tuple[Item, ...]:
        """Return the scales and the questions of the block."""
        scales = [
            attribute_item(attribute, block.scale, language, Item(attribute.id, "slider"))
            for attribute in block.attributes
        ]
        return (*scales, *(question_item(one, language) for one in block.questions))

    def analyse(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return median, range, mean and its confidence interval per sound and attribute."""
        return profile(table)
