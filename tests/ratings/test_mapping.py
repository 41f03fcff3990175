"""Ratings by a mapping: names are text, and what a mapping names in vain is said."""

from pathlib import Path

import pandas as pd
import pytest
from ratings_data import study

from soundcal.errors import RecordError
from soundcal.ratings import compare_ratings, make_ratings, read_mapped
from soundcal.ratings.soundscape import ATTRIBUTES

MAPPING = (
    '[scale]\nlow = 0\nhigh = 100\n[columns]\nparticipant = "participant"\n'
    'condition = "session"\nstimulus = "sound"\n[wide]\ncalm = "slider_calm"\n'
    'annoying = "slider_annoying"\n[conditions]\n"001" = "ocv"\n"002" = "hats"\n'
)
HEAD = "participant,session,sound,slider_calm,slider_annoying\n"


def tables(folder: Path, mapping: str = MAPPING) -> tuple[list[Path], Path]:
    """Two sessions of three participants, one with the empty rows that routines leave."""
    paths = [folder / "first.csv", folder / "second.csv"]
    for path, session, blank in zip(paths, ("001", "002"), ("", ",,,,\n"), strict=True):
        rows = (f"{n:02},{session},s.wav,{40 + 3 * n},{60 - n}\n{blank}" for n in (1, 2, 3))
        path.write_text(HEAD + "".join(rows))
    (folder / "map.toml").write_text(mapping)
    return paths, folder / "map.toml"


def test_ids_are_text_also_beside_empty_rows(tmp_path: Path) -> None:
    ratings = read_mapped(*tables(tmp_path))
    assert ratings.conditions == ("ocv", "hats")
    assert set(ratings.table["participant"]) == {"01", "02", "03"}
    assert compare_ratings(ratings, "ocv", "hats").cells["n_pairs"].tolist() == [3, 3]
    assert ratings.notes == ()


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        ('"001" = "ocv"', '"1" = "ocv"', "'1' of [conditions] never occurs in the tables; they"),
        ("[conditions]", '[stimuli]\n"x.wav" = "X"\n[conditions]', "'x.wav' of [stimuli] never"),
        ("[conditions]", '[attributes]\nCalm = "calm"\n[conditions]', "'Calm' of [attributes]"),
        ("slider_annoying", "slider_bad", "'annoying' of [wide] never occurs"),
        ("[wide]", 'seconds = "time"\n[wide]', "'seconds' of [columns] never occurs"),
    ],
)
def test_keys_that_never_occur_are_noted(
    tmp_path: Path, before: str, after: str, note: str
) -> None:
    ratings = read_mapped(*tables(tmp_path, MAPPING.replace(before, after)))
    (found,) = ratings.notes
    assert note in found
    assert ratings.to_dict()["notes"] == [found]


def test_kept_rows_are_compared_as_what_they_are(tmp_path: Path) -> None:
    paths, mapping = tables(tmp_path)
    for wanted, count in (('["01", "2"]', 1), ("[1, 2.0]", 2)):
        mapping.write_text(MAPPING + f"[keep]\nparticipant = {wanted}\n")
        assert read_mapped(paths, mapping).table["participant"].nunique() == count
    mapping.write_text(MAPPING + '[keep]\nparticipant = "01"\n')
    with pytest.raises(RecordError, match="takes lists"):
        read_mapped(paths, mapping)


def one_sided(column: str, name: str, other: str | None = None) -> pd.DataFrame:
    """The table of a study without a name under hats, or with another spelling of it."""
    table = study(both=6, only_ocv=0, only_hats=0, stimuli=3).table
    here = (table["condition"] == "hats") & (table[column] == name)
    if other is None:
        return table[~here]
    return table.assign(**{column: table[column].mask(here, other)})


@pytest.mark.parametrize(
    ("column", "name", "kind"),
    [
        ("attribute", "calm", "attributes"),
        ("stimulus", "S1", "stimuli"),
        ("participant", "p01", "participants"),
    ],
)
def test_what_occurs_under_one_condition_only_is_said(column: str, name: str, kind: str) -> None:
    whole = compare_ratings(
        make_ratings(one_sided(column, "nobody"), scale=(0, 100)), "ocv", "hats"
    )
    assert not any("only" in text for text in whole.warnings)
    found = compare_ratings(make_ratings(one_sided(column, name), scale=(0, 100)), "ocv", "hats")
    assert f"{kind} with answers under ocv only: {name}" in found.warnings
    assert len(found.plane) == {"attribute": 0, "stimulus": 3, "participant": 4}[column]
    if column != "participant":
        cells, all_cells = (
            c.set_index(["stimulus", "attribute"]) for c in (found.cells, whole.cells)
        )
        rest = cells.drop(name, level=column)
        assert cells.xs(name, level=column)["estimate"].isna().all()
        assert rest["estimate"].equals(all_cells.loc[rest.index, "estimate"])
    spelled = one_sided(column, name, f" {name.swapcase()}")
    found = compare_ratings(make_ratings(spelled, scale=(0, 100)), "ocv", "hats")
    pair = f"{name!r} (ocv) and {name.swapcase()!r} (hats)"
    assert any(pair in text and "spell them alike" in text for text in found.warnings)


def test_capital_attributes_have_no_plane_and_that_is_said() -> None:
    table = study(both=6, only_ocv=0, only_hats=0, stimuli=2).table
    table["attribute"] = table["attribute"].str.title()
    found = compare_ratings(make_ratings(table, scale=(0, 100)), "ocv", "hats")
    assert found.plane.empty
    assert len(found.cells) == 2 * len(ATTRIBUTES)
    assert any("in lower case" in text for text in found.warnings)
