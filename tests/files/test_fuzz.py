"""Damaged files of every kind that soundcal reads: an error of its own, never a traceback or hang.

Each file is written by soundcal, then mutated: bytes changed, cut out, doubled or put in, values of
JSON and TOML replaced by others. Whatever comes out, the reader either accepts it or raises a
SoundcalError.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzzing import FUZZ, example_calibration, json_values, mutations, places, replaced, tried
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.cli.settings import with_settings
from soundcal.errors import SoundcalError
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.files.campaign import Campaign, read_campaign, write_campaign
from soundcal.files.gain_tables import INPUT_COLUMNS, read_tracks
from soundcal.files.records import read_json, write_json
from soundcal.files.session import Session
from soundcal.files.shipped import shipped
from soundcal.stimuli import load_catalogue, render


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    write_json(
        folder / "calibration.json", "soundcal/calibration/1", example_calibration().to_dict()
    )
    write_campaign(folder, Campaign("title", ("a", "b"), "lab", "CC0-1.0", "more"))
    session = Session.create(folder / "session", "any", {"a": 1}, "sim:lab")
    session.add_audio(
        "rec-x",
        np.full((2, 64), 0.1),
        8000,
        {"stimulus": "x", "flags": [{"kind": "gaps", "text": "a"}]},
    )
    session.log("step", step="x")
    session.stop("done")
    for name in ("wav", "flac"):
        x = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 400))
        audio.write(folder / f"x.{name}", x, 8000, comment="calibrator-20221124-0123abcd")
    (folder / "soundcal.toml").write_text('[record]\ndevice = "sim:lab"\nset = ["a=1", "b=2"]\n')
    (folder / "tracks.csv").write_text(TRACKS)
    return folder


TRACKS = ",".join(INPUT_COLUMNS) + "\na.wav,60,0.1,0.01,2,10,10\nb.wav,70,0.1,0.01,2,10,10\n"


def blocks_of(path: Path) -> None:
    for _ in audio.blocks(path):
        pass


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "calibration": ("calibration.json", load_calibration),
    "recording": ("session/rec-x.json", lambda p: read_json(p, "soundcal/recording/2")),
    "campaign": ("campaign.toml", lambda p: read_campaign(p.parent)),
    "settings": ("soundcal.toml", lambda p: with_settings(["record", "x.wav"], p.parent)),
    "wav": ("x.wav", audio.read),
    "wav header": ("x.wav", audio.info),
    "wav blocks": ("x.wav", blocks_of),
    "flac": ("x.flac", audio.read),
    "tracks": ("tracks.csv", read_tracks),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", READERS)
@FUZZ
@given(damage=mutations())
def test_damaged_files(
    originals: Path, tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    file, read = READERS[name]
    path = tmp_path / Path(file).name
    path.write_bytes(damage((originals / file).read_bytes()))
    tried(lambda: read(path))


@FUZZ
@given(damage=mutations())
def test_damaged_logs(originals: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    folder = tmp_path / "session"
    folder.mkdir(exist_ok=True)
    for path in (originals / "session").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    log = folder / "session.jsonl"
    log.write_bytes(damage(log.read_bytes()))
    session = Session(folder)
    for read in (session.events, session.verify, lambda: session.exit_status):
        tried(read)
    tried(lambda: session.finished("x"))
    tried(lambda: Session.resume(folder, "any"))


@pytest.mark.parametrize("name", ["calibration", "recording"])
@FUZZ
@given(data=st.data(), new=json_values)
def test_exchanged_values(
    originals: Path, tmp_path: Path, name: str, data: st.DataObject, new: Any
) -> None:
    file, read = READERS[name]
    record = json.loads((originals / file).read_text())
    where = data.draw(st.sampled_from(places(record)))
    path = tmp_path / Path(file).name
    path.write_text(json.dumps(replaced(record, where, new)))
    tried(lambda: read(path))


@pytest.mark.parametrize("depth", [50, 100_000])
def test_deep_nesting(tmp_path: Path, depth: int) -> None:
    for name in ("calibration.json", "campaign.toml", "catalogue.toml", "soundcal.toml"):
        nested = "[" * depth + "]" * depth
        text = nested if name.endswith("json") else f"schema = {nested}"
        (tmp_path / name).write_text(text)
    with pytest.raises(SoundcalError):
        load_calibration(tmp_path / "calibration.json")
    with pytest.raises(SoundcalError):
        read_campaign(tmp_path)
    with pytest.raises(SoundcalError):
        load_catalogue(tmp_path / "catalogue.toml")
    with pytest.raises(SoundcalError):
        with_settings(["record"], tmp_path)
    (tmp_path / "session.jsonl").write_text(nested + "\n")
    with pytest.raises(SoundcalError):
        Session(tmp_path).events()


@FUZZ
@given(damage=mutations())
def test_damaged_catalogues(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    text = (shipped("stimuli") / "catalogue.toml").read_bytes()
    path = tmp_path / "catalogue.toml"
    # one signal and one scene: damage hits something in every example
    entries = text.split(b"[[stimulus]]")
    path.write_bytes(damage(b"[[stimulus]]".join([entries[0], entries[6], entries[12]])))
    with suppress(SoundcalError):
        for stimulus in load_catalogue(path).values():
            tried(lambda stimulus=stimulus: render(stimulus, fs=8000, duration=0.1))


numbers = st.integers(-3, 100_000) | st.floats() | st.sampled_from([0.0, -1.0, 1e-300, 1e300])
values = numbers | st.text(max_size=6) | st.lists(numbers, max_size=3) | st.none()
LAYERS = [layer for s in load_catalogue().values() for layer in s.parameters.get("layers", ())]
KEYS = sorted({key for layer in LAYERS for key in layer})


@settings(FUZZ, max_examples=100)
@given(data=st.data())
def test_absurd_scenes(data: st.DataObject) -> None:
    """Any value for any key of a layer of a shipped scene: refused, or rendered."""
    scene = data.draw(st.sampled_from([s for s in load_catalogue().values() if s.kind == "scene"]))
    layers = [dict(layer) for layer in scene.parameters["layers"]]
    number = data.draw(st.integers(0, len(layers) - 1))
    key = data.draw(st.sampled_from(KEYS))
    layers[number][key] = data.draw(values)
    changed = replace(scene, parameters={"layers": layers})
    with suppress(SoundcalError):
        samples = render(changed, fs=8000, duration=0.1)
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 0.9 + 2.0**-23


@settings(FUZZ, max_examples=60)
@given(data=st.data(), new=values)
def test_absurd_signals(data: st.DataObject, new: Any) -> None:
    signals = [s for s in load_catalogue().values() if s.kind != "scene" and s.parameters]
    signal = data.draw(st.sampled_from(signals))
    key = data.draw(st.sampled_from(sorted(signal.parameters)))
    changed = replace(signal, parameters={**signal.parameters, key: new})
    with suppress(SoundcalError):
        samples = render(changed, fs=8000, duration=0.1)
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 0.9 + 2.0**-23
