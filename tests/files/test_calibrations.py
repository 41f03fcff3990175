"""Calibrations on disk: exact, checked against their schema, never half-written."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundcal.calibration import stated
from soundcal.calibration.model import Calibration, Chain, Link, new_calibration
from soundcal.errors import RecordError
from soundcal.files.calibrations import load_calibration, save_calibration

FOUND = stated.from_sensitivity({"left": 10.0, "right": 11.0}, u_db=0.5)


def test_a_calibration_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "cal.json"
    save_calibration(path, FOUND)
    assert load_calibration(path) == FOUND
    assert set(json.loads(path.read_text())["software"]) >= {"soundcal", "numpy"}


finite = st.floats(allow_nan=False, allow_infinity=False)
links = st.builds(
    Link,
    st.text(min_size=1),
    finite,
    st.floats(0.0, 1e9),
    st.one_of(st.just(math.inf), st.floats(0.5, 1e6)),
)


@given(st.dictionaries(st.text(), st.lists(links, min_size=1).map(Chain), min_size=1, max_size=3))
def test_the_round_trip_through_json_is_exact(chains: dict[str, Chain]) -> None:
    made = new_calibration("hats", "output", chains, residuals={"left": (0.1 + 0.2,)})
    assert Calibration.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_an_existing_file_stays_unless_force_is_given(tmp_path: Path) -> None:
    path = tmp_path / "cal.json"
    path.write_text("mine")
    with pytest.raises(RecordError, match="--force"):
        save_calibration(path, FOUND)
    assert path.read_text() == "mine"
    save_calibration(path, FOUND, force=True)
    assert load_calibration(path) == FOUND
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chains": {}}, "at chains"),
        ({"method": "guess"}, "at method: 'guess' is not one of"),
        ({"made": "yesterday"}, "at made"),
        ({"id": 7}, "at id: 7 is not of type 'string'"),
        ({"extra": 1}, "Additional properties"),
        ({"chains": {"left": [{"name": "x"}]}}, "at chains/left/0"),
        ({"schema": "soundcal/recording/1"}, "found 'soundcal/recording/1'"),
    ],
)
def test_what_is_no_calibration_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "cal.json"
    path.write_text(json.dumps(FOUND.to_dict() | change))
    with pytest.raises(RecordError, match=message):
        load_calibration(path)


def test_a_negative_uncertainty_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cal.json"
    record = FOUND.to_dict()
    record["chains"]["left"][0]["u_db"] = -1.0
    path.write_text(json.dumps(record))
    with pytest.raises(RecordError, match=r"at chains/left/0/u_db: -1\.0 is less than the minimum"):
        load_calibration(path)
