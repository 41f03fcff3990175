"""Tables for Soundscapy: columns of the International Soundscape Database, and the way back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ratings_data import study

from soundcal.errors import ParameterError
from soundcal.ratings import ATTRIBUTES, Ratings, make_ratings, read_mapped

PAQ = [f"PAQ{i}" for i in range(1, 9)]


@pytest.fixture(scope="module")
def whole_numbers() -> Ratings:
    """Answers from 1 to 5, one of them missing."""
    table = study(both=5, only_ocv=2, only_hats=1).table
    table["value"] = np.round(1 + table["value"] / 25)
    table.loc[3, "value"] = np.nan
    return make_ratings(table, scale=(1, 5))


def mapping(folder: Path) -> Path:
    """The mapping that the documentation of ``to_isd`` shows."""
    text = str(Ratings.to_isd.__doc__).partition("::\n")[2]
    path = folder / "isd.toml"
    path.write_text("\n".join(line.strip() for line in text.splitlines()))
    return path


def test_the_columns_are_those_of_the_database(whole_numbers: Ratings) -> None:
    table = whole_numbers.to_isd()
    ids = ["LocationID", "SessionID", "GroupID", "RecordID"]
    assert list(table.columns) == [*ids, *PAQ, "ISOPleasant", "ISOEventful"]
    assert table["RecordID"].is_unique
    wide = whole_numbers.wide()
    assert len(table) == len(wide)
    for row, (key, values) in zip(table.to_dict("records"), wide.iterrows(), strict=True):
        assert (row["GroupID"], row["SessionID"], row["LocationID"]) == key
        np.testing.assert_array_equal([row[name] for name in PAQ], values[list(ATTRIBUTES)])
    points = whole_numbers.points()
    complete = table.dropna()
    assert len(complete) == len(points) == len(table) - 1
    np.testing.assert_array_equal(complete["ISOPleasant"], points["pleasantness"])
    np.testing.assert_array_equal(complete["ISOEventful"], points["eventfulness"])


def test_a_table_goes_back_in_unchanged(whole_numbers: Ratings, tmp_path: Path) -> None:
    whole_numbers.to_isd().to_csv(tmp_path / "isd.csv", index=False)
    back = read_mapped(tmp_path / "isd.csv", mapping(tmp_path))
    assert (back.scale, back.language) == (whole_numbers.scale, whole_numbers.language)
    pd.testing.assert_frame_equal(back.wide(), whole_numbers.wide(), check_exact=True)
    pd.testing.assert_frame_equal(back.to_isd(), whole_numbers.to_isd(), check_exact=True)


def test_answers_of_a_slider_are_converted(tmp_path: Path) -> None:
    ratings = study(both=3, only_ocv=0, only_hats=0)
    table = ratings.to_isd()
    expected = 1.0 + ratings.wide()[list(ATTRIBUTES)].to_numpy() / 25.0
    np.testing.assert_allclose(table[PAQ], expected, rtol=1e-14)
    # the coordinates do not depend on the scale
    again = make_ratings(ratings.table.assign(value=1 + ratings.table["value"] / 25), scale=(1, 5))
    np.testing.assert_allclose(
        table[["ISOPleasant", "ISOEventful"]],
        again.points()[["pleasantness", "eventfulness"]],
        rtol=0,
        atol=1e-14,
    )
    table.to_csv(tmp_path / "isd.csv", index=False)
    back = read_mapped(tmp_path / "isd.csv", mapping(tmp_path)).to_isd()
    pd.testing.assert_frame_equal(back[PAQ], table[PAQ], check_exact=True)


def test_other_attributes_follow_by_their_names(whole_numbers: Ratings) -> None:
    loud = whole_numbers.table[whole_numbers.table["attribute"] == "calm"].assign(attribute="loud")
    both = make_ratings(pd.concat([whole_numbers.table, loud]), scale=(1, 5)).to_isd()
    assert list(both.columns[12:]) == ["loud", "ISOPleasant", "ISOEventful"]
    np.testing.assert_array_equal(both["loud"], both["PAQ8"])


def test_the_values_that_soundscapy_prints_for_two_persons() -> None:
    # documentation of soundscapy.surveys.processing.add_iso_coords, version 0.8.5
    values = {"a": (4, 3, 2, 1, 5, 3, 4, 2), "b": (2, 5, 4, 3, 1, 2, 3, 5)}
    rows = [
        (name, "x", "S1", attribute, value)
        for name, answers in values.items()
        for attribute, value in zip(ATTRIBUTES, answers, strict=True)
    ]
    columns = ["participant", "condition", "stimulus", "attribute", "value"]
    table = make_ratings(pd.DataFrame(rows, columns=columns), scale=(1, 5)).to_isd()
    assert table["ISOPleasant"].round(2).tolist() == [-0.03, 0.47]
    assert table["ISOEventful"].round(2).tolist() == [-0.28, 0.18]
    assert table.attrs["val_range"] == (1.0, 5.0)
    assert table.attrs["angles"] == (0, 45, 90, 135, 180, 225, 270, 315)


def test_an_incomplete_set_of_attributes_is_refused(whole_numbers: Ratings) -> None:
    table = whole_numbers.table[whole_numbers.table["attribute"] != "calm"]
    with pytest.raises(ParameterError, match="calm"):
        make_ratings(table, scale=(1, 5)).to_isd()
