"""Damaged files of responses: an error of soundcal's own, never a traceback or a warning."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import FUZZ, json_values, mutations, places, replaced, tried
from hypothesis import given
from hypothesis import strategies as st

from soundcal.response import (
    generic_response,
    load_response,
    open_response,
    read_response,
    write_own_csv,
)

TEXTS = {
    "umik": b'"Sens Factor =-1.198dB, SERNO: 7114754"\r\n20\t-3.5\r\n1000\t.5\r\n9000\t1e0\r\n',
    "rew": b"* Freq(Hz) SPL(dB) Phase(degrees)\n20,0 2,45 ?\n1000,0 68,1 0\n9000,5 70,1 -3\n",
    "autoeq": b"frequency,raw,error\n20.00,-1.5,0\n1000.0,0,0\n19000,-7,1\n",
    "winmls": b"M30\nfield\n781.25,  0.7222968\n3150.796,   4.31\n",
}


@FUZZ
@given(damage=mutations(), name=st.sampled_from(sorted(TEXTS)), absolute=st.booleans())
def test_damaged_text_files(
    tmp_path: Path, damage: Callable[[bytes], bytes], name: str, absolute: bool
) -> None:
    path = tmp_path / f"{name}.txt"
    path.write_bytes(damage(TEXTS[name]))
    tried(lambda: read_response(path, as_="response", kind="absolute" if absolute else "relative"))


@FUZZ
@given(damage=mutations())
def test_damaged_charts(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "own.csv"
    if not path.exists():
        write_own_csv(path, generic_response("p58-erp-drp"))
    damaged = tmp_path / "damaged.csv"
    text = path.read_bytes()
    damaged.write_bytes(damage(text))
    tried(lambda: open_response(damaged))
    typed = b"\n".join(line for line in text.split(b"\n") if not line.startswith(b"# id"))
    damaged.write_bytes(damage(typed))
    tried(lambda: open_response(damaged))


RECORD = generic_response("p58-erp-drp").to_dict()
PLACES = [place for place in places(RECORD) if not (len(place) == 4 and place[3] > 1)]


@FUZZ
@given(place=st.sampled_from(PLACES), value=json_values)
def test_records_with_other_values(tmp_path: Path, place: tuple[str, ...], value: object) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(replaced(RECORD, place, value)))
    tried(lambda: load_response(path))


@pytest.mark.parametrize("text", ["0 0\n0 0\n", "1e308 1\n1e309 2\n", '"\n"\n', "1 1e9\n2 -1e9\n"])
def test_odd_numbers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.txt"
    path.write_text(text)
    tried(lambda: read_response(path, as_="response"))
