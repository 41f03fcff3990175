"""The designs by name: those of soundcal, and plug-ins.

A plug-in is an installed package with an entry point of the group ``soundcal.listening``, whose
name is that of the design and whose object is a
:class:`~soundcal.listening.designs.model.Design`.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from soundcal.errors import ParameterError
from soundcal.listening.designs.acr import Acr
from soundcal.listening.designs.model import Design
from soundcal.listening.designs.paq import Paq
from soundcal.listening.designs.questions import Questions
from soundcal.listening.designs.scales import Scales
from soundcal.listening.study import Study

__all__ = ["DESIGNS", "GROUP", "Designs", "check_designs"]

GROUP: Final = "soundcal.listening"
"""Group of the entry points of plug-ins."""

_PARTS: Final = (
    "accept",
    "analyse",
    "asked",
    "check",
    "items",
    "name",
    "next",
    "prompt",
    "template",
)


class Designs(Mapping[str, Design]):
    """The designs by name. A plug-in is loaded when it is asked for."""

    def __init__(self, *shipped: Design) -> None:
        self._found: dict[str, Design] = {design.name: design for design in shipped}

    @cached_property
    def _plug_ins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=GROUP)}

    def __getitem__(self, name: str) -> Design:
        """Return a design.

        Raises
        ------
        ParameterError
            There is none of this name, or its plug-in cannot be used.
        """
        if name not in self._found:
            if name not in self._plug_ins:
                close = get_close_matches(name, list(self), 1)
                raise ParameterError(
                    f"no design {name!r}; "
                    + (f"did you mean {close[0]}?" if close else f"there are {', '.join(self)}")
                )
            self._found[name] = _loaded(self._plug_ins[name])
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._found or name in self._plug_ins

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._found, *self._plug_ins]))

    def __len__(self) -> int:
        return len({*self._found, *self._plug_ins})


def _loaded(point: EntryPoint) -> Design:
    where = f"the plug-in {point.value} of the design {point.name!r}"
    try:
        design = point.load()
    except Exception as error:
        raise ParameterError(
            f"{where} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    missing = [part for part in _PARTS if not hasattr(design, part)]
    if missing:
        raise ParameterError(f"{where} is not a design: it lacks {', '.join(missing)}")
    found: Design = design
    return found


DESIGNS: Final = Designs(Paq(), Scales(), Acr(), Questions())
"""The designs by name."""


def check_designs(study: Study) -> None:
    """Refuse a study with a block that its design cannot carry out.

    Raises
    ------
    ParameterError
        With the id of the block.
    """
    for block in study.blocks:
        try:
            design = DESIGNS[block.design]
        except ParameterError as error:
            raise ParameterError(f"block {block.id}: {error}") from error
        design.check(block, study)
