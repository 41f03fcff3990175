"""Equalisation of the sounds of a study, and the gains that hold for it."""

import shlex
from collections.abc import Mapping

from soundcal.errors import ParameterError, RecordError
from soundcal.lab.equalisation import EqualisationRecord, StimulusEqualisation
from soundcal.lab.gains import GainTable
from soundcal.listening.study import Sound
from soundcal.response.opening import open_response

__all__ = ["equalisation_of", "missing_response", "refuse_other_equalisation"]


def equalisation_of(sound: Sound, device: str) -> StimulusEqualisation | None:
    """Return the filters of a study's sounds on a device; None if they are played as they are.

    Raises
    ------
    RecordError
        The response cannot be read.
    ParameterError
        It is not one of headphones or of a filter, or cannot be inverted by the rule.
    """
    if sound.equalize is None:
        return None
    if missing := missing_response(sound):
        raise RecordError(missing)
    response = open_response(sound.equalize)
    try:
        return StimulusEqualisation(response, fs=sound.fs, rule=sound.robust, device=device)
    except ParameterError as error:
        raise ParameterError(f"{sound.equalize}, robust = {sound.robust!r}: {error}") from error


def missing_response(sound: Sound) -> str:
    """Return that the response is missing, with the command that measures it; "" if it is there."""
    if sound.equalize is None or sound.equalize.is_file():
        return ""
    command = ["soundcal", "response", "measure", "--device", "DEVICE", "--out"]
    return f"{sound.equalize}: no such file; {shlex.join([*command, str(sound.equalize)])}"


def refuse_other_equalisation(
    tables: Mapping[str, GainTable], sound: Sound, wanted: EqualisationRecord | None
) -> None:
    """Refuse gains that were found with sounds that were equalised in another way.

    Parameters
    ----------
    tables : mapping of str to GainTable
        Tables of gains by condition.
    sound : Sound
        The study's settings.
    wanted : EqualisationRecord or None
        How its sounds are equalised.

    Raises
    ------
    RecordError
        With every such condition, both equalisations and the way out.
    """
    if wanted is None:
        remedy = "without --set equalize, or state equalize in [sound] of the study file"
    else:
        remedy = f"with --set equalize={sound.equalize} --set robust={sound.robust}"
    others: dict[EqualisationRecord | None, list[str]] = {}
    for condition, table in tables.items():
        if table.equalisation != wanted:
            others.setdefault(table.equalisation, []).append(condition)
    found = "; ".join(
        f"{', '.join(conditions)}: the gains were found with sounds {_said(then)}"
        for then, conditions in others.items()
    )
    if found:
        raise RecordError(
            f"{found}, and those of the study are {_said(wanted)}; find the gains again {remedy}"
        )


def _said(equalisation: EqualisationRecord | None) -> str:
    return "not equalised" if equalisation is None else f"equalised for {equalisation}"
