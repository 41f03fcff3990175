"""Damaged tables, mappings, gains and kept results: an error of soundcal's own, never a traceback.

As :mod:`test_fuzz`, for the imports of tables and for what a report reads of a session. Bytes are
damaged, cells are exchanged for values that no sane table has, texts are far too large.
"""

import csv
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import FUZZ, example_calibration, json_values, mutations, places, replaced, tried
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.cli.settings import with_settings
from soundcal.errors import SoundcalError
from soundcal.files.calibrations import load_calibration
from soundcal.files.campaign import read_campaign
from soundcal.files.gain_tables import INPUT_COLUMNS, read_tracks
from soundcal.files.records import read_json, write_json
from soundcal.files.session import Session
from soundcal.ratings import read_exclusions, read_gui, read_mapped, read_ratings
from soundcal.recording import Capture
from soundcal.stimuli import load_catalogue
from soundcal.study import collect, read_table, study_of

FEW = settings(FUZZ, max_examples=30)

RATINGS = """participant,condition,stimulus,attribute,value
p1,a,N1,pleasant,10
p1,b,N1,pleasant,20
p2,a,N1,pleasant,30
p2,b,N1,pleasant,40
"""
GUI = "1,50,50,10,20,30,40,50,60,1,12.5\n2,40,50,10,20,30,40,50,60,1,9.25\n"
EXCLUSIONS = "participant,condition,stimulus,reason\np1,a,N1,noise\np2,,,left\n"
WIDE = "who,sound,C1,C2,t\nu1,street.wav,80,20,41000\nu2,street.wav,25,75,28000\n"
MAPPING = """[scale]
low = 0
high = 100
[columns]
participant = "session_uuid"
stimulus = "trial_id"
attribute = "rating_stimulus"
value = "rating_score"
[constants]
condition = "hats"
[attributes]
C1 = "pleasant"
[stimuli]
"street.wav" = "CG01"
"""
COLUMNS = """[columns]
stimulus = "Sound"
[wide]
"LAeq left" = "LAeq left"
"N5 right [sone]" = "N5 R"
[stimuli]
N1 = "CG01"
"""
LONG = """session_uuid,trial_id,rating_stimulus,rating_score
u1,street.wav,C1,80
u2,street.wav,C1,25
"""
TIDY = "recording,channel,indicator,statistic,value,unit,u,condition,stimulus\n" + "".join(
    f"{stimulus}.wav,{ear},LA,eq,{60 + 3 * n + shift},dB,0.1,{condition},{stimulus}\n"
    for n, stimulus in enumerate(("N1", "N2", "N3"))
    for ear in ("left", "right")
    for condition, shift in (("hats", 0.0), ("ocv", 0.4 + 0.1 * n))
)
INDICATORS = "made by hand\n\nSound,Condition,LAeq left,LAeq right,N5 L,N5 R,x\n" + ",,dB(A),,,,\n"
INDICATORS += "".join(
    f"{stimulus}.wav,{condition},{60 + 3 * n},{61 + 2 * n + shift},{7 + n + shift},{8 + n},a\n"
    for n, stimulus in enumerate(("N1", "N2", "N3"))
    for condition, shift in (("hats", 0.0), ("ocv", 0.5))
)
TRACKS = ",".join(INPUT_COLUMNS) + "\na.wav,60,0.1,0.01,2,10,10\nb.wav,70,0.1,0.01,2,10,10\n"


def beside(path: Path, name: str, content: str) -> Path:
    other = path.with_name(name)
    other.write_text(content)
    return other


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "ratings": (RATINGS, lambda path: read_ratings(path, scale=(0.0, 100.0))),
    "gui": (GUI, lambda path: read_gui(path, participant="p", condition="c")),
    "exclusions": (EXCLUSIONS, read_exclusions),
    "mapped": (LONG, lambda path: read_mapped(path, beside(path, "m.toml", MAPPING))),
    "mapping": (MAPPING, lambda path: read_mapped(beside(path, "t.csv", LONG), path)),
    "tidy": (TIDY, lambda path: study_of(read_table(path))),
    "indicators": (INDICATORS, lambda path: study_of(read_table(path))),
    "columns": (
        COLUMNS,
        lambda path: read_table(beside(path, "t.csv", INDICATORS), mapping=path),
    ),
    "tracks": (TRACKS, read_tracks),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", READERS)
@FEW
@given(damage=mutations())
def test_damaged_tables(tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    text, read = READERS[name]
    path = tmp_path / "x.csv"
    path.write_bytes(damage(text.encode()))
    tried(lambda: read(path))


CELLS = ["", "nan", "inf", "-1e999", "1" + "0" * 400, "0x10", "1_000", "=1+1", "\u0661", "é" * 99]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", sorted(READERS.keys() - {"mapping", "columns"}))
@FEW
@given(data=st.data(), cell=st.sampled_from(CELLS) | st.text(max_size=9))
def test_exchanged_cells(tmp_path: Path, name: str, data: st.DataObject, cell: str) -> None:
    text, read = READERS[name]
    rows = [line.split(",") for line in text.splitlines()]
    row = data.draw(st.sampled_from(rows))
    row[data.draw(st.integers(0, len(row) - 1))] = cell
    path = tmp_path / "x.csv"
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        csv.writer(file).writerows(rows)
    tried(lambda: read(path))


def test_the_undamaged_tables_are_read(tmp_path: Path) -> None:
    for text, read in READERS.values():
        (tmp_path / "x.csv").write_text(text)
        read(tmp_path / "x.csv")


# ---- what a report reads


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished session of one recording, with its kept results."""
    folder = tmp_path_factory.mktemp("study") / "session"
    session = Session.create(folder, "any", {}, "sim:lab")
    made = example_calibration()
    session.add_record("calibration_before", "soundcal/calibration/1", made.to_dict())
    about = {"condition": "hats", "stimulus": "N1", "run": 1, "combination": "x", "flags": []}
    about |= {"calibration": made.id, "calibration_file": "calibration_before.json"}
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 4000))
    about |= {"capture": Capture(x, 8000, ("left", "right")).to_dict()}
    session.add_audio("rec-N1_hats_run-1", x, 8000, about)
    gains = {"gains": [{"stimulus": "N1", "target": 60.0, "gain_db": -3.0}]}
    session.add_record("gains_hats", "soundcal/gains/1", gains)
    session.stop("done")
    found = collect([folder], indicators="LZeq")
    assert len(found.sources) == 1
    return folder


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.json*"))


@pytest.mark.filterwarnings("error")
@FEW
@given(data=st.data(), damage=mutations())
def test_damaged_sessions(
    study: Path, tmp_path: Path, data: st.DataObject, damage: Callable[[bytes], bytes]
) -> None:
    folder = tmp_path / "session"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(study, folder)
    path = data.draw(st.sampled_from(kept(folder)))
    path.write_bytes(damage(path.read_bytes()))
    tried(lambda: collect([folder], indicators="LZeq"))


@pytest.mark.filterwarnings("error")
@FEW
@given(data=st.data(), new=json_values)
def test_exchanged_values_in_sessions(
    study: Path, tmp_path: Path, data: st.DataObject, new: Any
) -> None:
    folder = tmp_path / "session"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(study, folder)
    path = data.draw(st.sampled_from(kept(folder)))
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    number = data.draw(st.integers(0, len(lines) - 1))
    record = json.loads(lines[number])
    where = data.draw(st.sampled_from(places(record)))
    lines[number] = json.dumps(replaced(record, where, new))
    path.write_text("\n".join(lines) + "\n")
    tried(lambda: collect([folder], indicators="LZeq"))


OUTSIDE = ["../stolen.json", "/stolen.json", "link.json", "sub/../../stolen.json", ".", "\0"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("key", ["audio", "calibration_file", "file", "record"])
def test_no_record_leads_out_of_its_session(
    study: Path, tmp_path: Path, key: str, name: str
) -> None:
    folder = tmp_path / "session"
    shutil.copytree(study, folder)
    calibration = folder / "calibration_before.json"
    (tmp_path / "stolen.json").write_bytes(calibration.read_bytes())
    (folder / "link.json").symlink_to(tmp_path / "stolen.json")
    if key in ("audio", "calibration_file"):
        path = folder / "rec-N1_hats_run-1.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: name}))
    else:
        path = folder / "session.jsonl"
        events = [json.loads(line) for line in path.read_text().splitlines()]
        changed = [event | {key: name} if key in event else event for event in events]
        path.write_text("".join(json.dumps(event) + "\n" for event in changed))
    with pytest.raises(SoundcalError):
        collect([folder], indicators="LZeq", cache=False)


# ---- texts without measure

BOMBS = {
    "a million brackets": "[" * 1_000_000,
    "a million objects": '{"a":' * 1_000_000,
    "a number of 10^5 digits": '{"schema": ' + "9" * 100_000 + "}",
    "a text of 10^6 letters": '{"schema": "' + "a" * 1_000_000 + '"}',
    "10^4 keys": json.dumps({str(i): i for i in range(10_000)}),
}


def said(read: Callable[[], Any]) -> str:
    """The error, if there is one: a text of 10^6 letters may well be one."""
    try:
        read()
    except SoundcalError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("bomb", BOMBS)
def test_texts_without_measure_end_in_time(tmp_path: Path, bomb: str) -> None:
    text = BOMBS[bomb]
    for name in ("x.json", "session.jsonl"):
        (tmp_path / name).write_text(text + "\n")
    for name in ("campaign.toml", "soundcal.toml", "catalogue.toml"):
        (tmp_path / name).write_text("schema = " + text.replace(":", "="))
    readers: list[Callable[[], Any]] = [
        lambda: load_calibration(tmp_path / "x.json"),
        lambda: read_json(tmp_path / "x.json", "soundcal/recording/2"),
        lambda: Session(tmp_path).events(),
        lambda: read_campaign(tmp_path),
        lambda: with_settings(["record"], tmp_path),
        lambda: load_catalogue(tmp_path / "catalogue.toml"),
        lambda: read_mapped(beside(tmp_path / "x", "t.csv", LONG), tmp_path / "campaign.toml"),
        lambda: read_exclusions(tmp_path / "x.json"),
        lambda: study_of(read_table(tmp_path / "x.json")),
        lambda: read_tracks(tmp_path / "x.json"),
    ]
    started = time.process_time()
    for read in readers:
        assert len(said(read)) < 2000
    assert time.process_time() - started < 20.0


def test_gains_are_checked_like_all_records(tmp_path: Path) -> None:
    content = {"gains": [{"stimulus": "N1", "target": 60.0, "gain_db": -3.0}]}
    write_json(tmp_path / "g.json", "soundcal/gains/1", content)
    record = json.loads((tmp_path / "g.json").read_text())
    for where in places(record):
        for new in (None, [], {}, "x", -1, float("nan")):
            path = tmp_path / "changed.json"
            path.write_text(json.dumps(replaced(record, where, new)))
            tried(lambda path=path: read_json(path, "soundcal/gains/1"))
