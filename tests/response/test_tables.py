"""Tables of standards, and responses by name."""

from pathlib import Path

import numpy as np
import pytest

from soundcal.errors import ParameterError, RecordError
from soundcal.response import (
    GENERIC_RESPONSES,
    combine_responses,
    generic_response,
    open_response,
    save_response,
    write_own_csv,
)
from soundcal.response.tables import is_generic


@pytest.mark.parametrize(
    ("name", "source", "levels"),
    [
        ("generic-ff", "FF", {20: 0, 100: 0, 125: 0.1, 1000: 2.6, 2500: 16.8, 9000: -0.9}),
        ("generic-df", "DF", {20: 0, 100: 0, 1000: 3.8, 2500: 14.9, 8000: 8.5, 20000: 2}),
        ("p58-erp-drp", "ERP", {100: 0, 250: 0.3, 1000: 1.7, 3150: 10.3, 8000: 16, 10000: 14.4}),
    ],
)  # fmt: skip
def test_tables_are_absolute_and_lead_to_the_drum(
    name: str, source: str, levels: dict[float, float]
) -> None:
    response = generic_response(name)
    assert (response.source_point, response.target_point) == (source, "DRP")
    assert response.kind == "absolute"
    curve = response.channel("left")
    assert curve.level(list(levels)).tolist() == list(levels.values())
    assert response.id == generic_response(name).id


def test_tables_say_that_the_print_was_not_checked_and_whose_ears_they_are_not() -> None:
    for name in GENERIC_RESPONSES:
        about = generic_response(name).provenance
        assert "not checked against the print" in about["read"]
        assert about["flag"] == "not your HATS"
        assert "edition not stated" in about["standard"]
        assert (generic_response(name).channel("mono").u_db > 0).all()
    free = generic_response("generic-ff").channel("mono")
    assert free.uncertainty([1000.0, 5000.0, 6000.0]).tolist() == [1.0, 1.0, 4.0]


def test_what_is_made_of_a_table_keeps_its_flag() -> None:
    free, diffuse = generic_response("generic-ff"), generic_response("generic-df")
    between = combine_responses(free, diffuse.reversed())
    assert (between.source_point, between.target_point) == ("FF", "DF")
    assert is_generic(between)
    assert between.channel("mono").level(1000.0) == pytest.approx(2.6 - 3.8)


def test_a_response_is_found_by_name(tmp_path: Path) -> None:
    free = generic_response("generic-ff")
    assert open_response("generic-ff").to_dict() == free.to_dict()
    save_response(tmp_path / "x.json", free)
    write_own_csv(tmp_path / "x.csv", free)
    for name in ("x.json", "x.csv"):
        assert open_response(tmp_path / name).to_dict() == free.to_dict()
    (tmp_path / "mic.txt").write_text("20 1\n1000 0\n")
    with pytest.raises(RecordError, match="import it first: soundcal response import"):
        open_response(tmp_path / "mic.txt")
    with pytest.raises(RecordError, match="no such file, and not one of the tables generic-ff"):
        open_response(tmp_path / "generic")
    with pytest.raises(ParameterError, match="one of the tables generic-ff, generic-df"):
        generic_response("kemar")


def test_free_and_diffuse_field_differ_as_the_tables_say() -> None:
    f = np.array([200.0, 2000.0, 8000.0])
    levels = [generic_response(f"generic-{x}f").channel("mono").level(f) for x in "fd"]
    assert levels[0] - levels[1] == pytest.approx([0.1, 1.8, -6.7])
