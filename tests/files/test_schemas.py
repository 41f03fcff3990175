"""Every record that the code writes is as its schema says, and what is not is refused."""

import json
import math
import random
import string
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from soundcal.calibration.model import Chain, Link, Method, new_calibration
from soundcal.cli import main
from soundcal.errors import RecordError
from soundcal.files import audio
from soundcal.files.campaign import Campaign, read_campaign, sessions, write_campaign
from soundcal.files.records import check_content, read_json, write_json
from soundcal.files.session import Session
from soundcal.files.shipped import shipped
from soundcal.files.upgrades import UPGRADES
from soundcal.recording import Capture, Flag
from soundcal.stimuli import load_catalogue

SCHEMAS = sorted(shipped("schema").glob("*.schema.json"))
HEX = "0123456789abcdef" * 4


def validator(name: str) -> Draft202012Validator:
    path = shipped("schema") / f"{name}.schema.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def test_schemas_are_schemas_and_listed() -> None:
    index = (shipped("schema") / "README.md").read_text(encoding="utf-8")
    assert len(SCHEMAS) >= 8
    for path in SCHEMAS:
        schema = json.loads(path.read_text(encoding="utf-8"))
        Draft202012Validator.check_schema(schema)
        name, number, version = path.name.removesuffix(".schema.json").rpartition("-")
        if number and version.isdigit():
            assert schema["title"] == f"soundcal/{name}/{version}"
            assert schema["title"] in UPGRADES
        else:
            name = path.name.removesuffix(".schema.json")
            newest = 1 + sum(known.startswith(f"soundcal/{name}/") for known in UPGRADES)
            assert schema["title"] == f"soundcal/{name}/{newest}"
        assert f"`{name}`" in index


@pytest.mark.parametrize("command", [["devices"], ["stimuli", "list"]])
def test_listings_are_as_their_schemas_say(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--json"]) == 0
    validator(command[0]).validate(json.loads(capsys.readouterr().out))


def test_renderings_are_as_their_schema_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path), "--duration", "0.1", "--json"]
    assert main(["stimuli", "render", "tone-1k", *out]) == 0
    validator("rendered").validate(json.loads(capsys.readouterr().out))


COMPARED = """recording,channel,indicator,statistic,value,unit,u,condition,stimulus
a,left,LA,eq,60,dB,0.1,a,N1
a,left,LA,eq,61,dB,0.1,b,N1
a,left,LA,eq,63,dB,0.1,a,N2
a,left,LA,eq,65,dB,0.1,b,N2
a,left,LA,eq,67,dB,0.1,a,N3
a,left,LA,eq,67.4,dB,0.1,b,N3
a,left,LA,eq,70,dB,0.1,a,N4
a,left,LA,eq,70.7,dB,0.1,b,N4
"""
SIM = "--device sim:lab --fs 8000"


@pytest.mark.parametrize(
    ("schema", "command", "code"),
    [
        ("measure", "measure noise.wav silence.wav --sensitivity 1 --indicators LA,N", 0),
        ("measure", "measure noise.wav text.wav --sensitivity 1 --indicators LAeq --ears mean", 5),
        ("spectrum", "spectrum noise.wav --sensitivity 1 --resolution 500", 0),
        ("spectrum", "spectrum silence.wav --sensitivity 1 --resolution 500 --spectrogram", 0),
        ("playback", f"play noise.wav {SIM} --gain-db -20", 0),
        ("playback", f"play noise.wav {SIM} --level 60 --calibration output.json", 0),
        ("drift", "check ears.json ears.json", 0),
        ("session-result", f"protocol run microphone_check {SIM} --out session", 0),
        ("comparison", "compare table.csv --ears left", 0),
        ("comparison", "compare table.csv --ears left --delta jnd LAeq=0.7 --exclude N3=x", 0),
        ("verify", "verify --family calibrator --no-mosqito", 0),
    ],
)
def test_outputs_are_as_their_schemas_say(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    schema: str,
    command: str,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, (2, 8000))
    audio.write("noise.wav", noise, 8000)
    audio.write("silence.wav", 0.0 * noise, 8000)
    Path("text.wav").write_text("no audio")
    Path("table.csv").write_text(COMPARED)
    for name, direction in (("ears", "input"), ("output", "output")):
        chains = {ear: Chain((Link("known", 0.0),)) for ear in ("left", "right")}
        made = new_calibration("stated", direction, chains, device="sim:lab")  # type: ignore[arg-type]
        write_json(Path(f"{name}.json"), "soundcal/calibration/1", made.to_dict())
    assert main([*command.split(), "--json"]) == code
    # JSON knows no NaN and no infinity, Python's reader does
    content = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    validator(schema).validate(content)


def test_catalogue_loader_and_schema_agree() -> None:
    required = validator("stimuli").schema["properties"]["stimuli"]["items"]
    for stimulus in load_catalogue().values():
        assert set(required["required"]) == set(stimulus.__slots__) - {"folder"}
    kinds = {stimulus.kind for stimulus in load_catalogue().values()}
    assert kinds | {"file"} == set(required["properties"]["kind"]["enum"])


KEYWORDS = {
    "$schema", "title", "description", "type", "required", "properties", "additionalProperties",
    "items", "minItems", "maxItems", "uniqueItems", "minProperties", "minLength", "pattern", "enum",
    "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "allOf", "anyOf",
    "oneOf", "if", "then", "$defs", "$ref", "maxLength", "propertyNames",
}  # fmt: skip
"""Keywords with one meaning in draft 2020-12 and in the drafts that are compiled; no defaults."""
MANY = {"properties", "$defs"}
INNER = {
    "items", "additionalProperties", "propertyNames", "allOf", "anyOf", "oneOf", "if", "then"
}  # fmt: skip
ODD = [None, True, 1, 1.0, 0, -1, 2.5, math.nan, "", "x", "left", "0", HEX, [], ["x", "x"], {}]
ODD += [["left"], [1], [1, True], {"x": 1}, {"kind": "x", "text": "y"}]


def parts(schema: Any) -> list[dict[str, Any]]:
    """Return a schema and all schemas in it."""
    found = [schema]
    for key, value in schema.items():
        inner = value.values() if key in MANY else value if isinstance(value, list) else [value]
        if key in MANY | INNER:
            found += [part for s in inner if isinstance(s, dict) for part in parts(s)]
    return found


def instance(schema: dict[str, Any], root: dict[str, Any], chance: random.Random) -> Any:
    """Return a value that has the shape of a schema, though it need not be valid."""
    if "$ref" in schema:
        return instance(root["$defs"][schema["$ref"].rpartition("/")[2]], root, chance)
    schema = dict(schema)
    for key in ("allOf", "anyOf", "oneOf"):
        for part in chance.sample(schema.get(key, []), k=min(1, len(schema.get(key, [])))):
            schema |= part | part.get("then", {}) | part.get("if", {})
    if "const" in schema or "enum" in schema:
        return schema.get("const", chance.choice(schema.get("enum", [None])))
    kind = schema.get("type", "object")
    kind = chance.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        values = schema.get("properties", {}).items()
        return {name: instance(value, root, chance) for name, value in values}
    if kind == "array":
        size = chance.randint(schema.get("minItems", 0), schema.get("minItems", 0) + 2)
        return [instance(schema.get("items", {}), root, chance) for _ in range(size)]
    return {"string": "left", "null": None, "boolean": False}.get(kind, chance.choice([1, 2.5]))


def changed(value: Any, chance: random.Random) -> Any:
    """Return a value with one odd thing somewhere in it."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(sorted(value))
        rest = {k: v for k, v in value.items() if k != key}
        return rest if chance.random() < 0.2 else value | {key: changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], changed(value[at], chance), *value[at + 1 :]]
    return chance.choice(ODD)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name.split(".")[0])
def test_what_is_compiled_and_jsonschema_agree(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    for part in parts(schema):
        assert set(part) <= KEYWORDS
        assert "$ref" not in part or set(part) == {"$ref"}
    chance, reference, verdicts = random.Random(1), Draft202012Validator(schema), set()
    for _ in range(150):
        record = instance(schema, schema, chance)
        for _ in range(chance.randint(0, 2)):
            record = changed(record, chance)
        valid = reference.is_valid(record)
        try:
            check_content(record, schema["title"], "here")
        except RecordError:
            assert not valid, record
        else:
            assert valid, record
        verdicts.add(valid)
    assert False in verdicts


# ---- properties: whatever the code may be given, it writes what the schema allows

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
words = st.text(min_size=1, max_size=20)


@st.composite
def captures(draw: st.DrawFn) -> Capture:
    n_channels = draw(st.integers(1, 8))
    return Capture(
        np.full((n_channels, 16), draw(st.floats(-1.5, 1.5))),
        draw(st.integers(8000, 192000)),
        device=draw(words),
        simulated=draw(st.booleans()),
        xruns=draw(st.integers(0, 9)),
        delivered_rate=draw(st.none() | st.floats(1.0, 2e5)),
        latency=draw(st.none() | st.floats(0.0, 1e4)),
        flags=tuple(Flag("gaps", text) for text in draw(st.lists(words, max_size=3))),
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(capture=captures(), target=finite, gain=st.none() | finite, stimulus=words)
def test_every_recording_written_is_valid(
    tmp_path_factory: pytest.TempPathFactory,
    capture: Capture,
    target: float,
    gain: float | None,
    stimulus: str,
) -> None:
    session = Session.create(tmp_path_factory.mktemp("s"), "any", {"stimulus": stimulus})
    about = {"stimulus": stimulus, "condition": "hats", "run": 1, "combination": capture.device}
    about |= {"target": target, "weighting": "A", "gain_db": gain, "calibration": None}
    about |= {"capture": capture.to_dict(), "flags": capture.to_dict()["flags"]}
    path = session.add_audio("rec-x", capture.samples, capture.fs, about)
    session.add_record("gains_hats", "soundcal/gains/1", {"gains": [
        {"stimulus": stimulus, "target": target, "gain_db": gain}
    ]})  # fmt: skip
    session.stop("done", stimulus)
    assert read_json(path.with_suffix(".json"), "soundcal/recording/2")["gain_db"] == gain
    lines = (session.folder / "session.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines:
        validator("session").validate(json.loads(line))
    session.verify()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    method=st.sampled_from(get_args(Method)),
    gain=finite,
    u=st.floats(0.0, 10.0),
    dof=st.just(math.inf) | st.floats(1e-3, 1e6),
    name=words,
)
def test_every_calibration_written_is_valid(
    tmp_path_factory: pytest.TempPathFactory,
    method: Method,
    gain: float,
    u: float,
    dof: float,
    name: str,
) -> None:
    chain = Chain((Link(name, gain, u, dof, source=name),))
    made = new_calibration(method, "input", {name: chain}, device=name)
    path = tmp_path_factory.mktemp("c") / "calibration.json"
    write_json(path, "soundcal/calibration/1", made.to_dict())
    assert type(made).from_dict(read_json(path, "soundcal/calibration/1")) == made


@settings(max_examples=100, deadline=None)
@given(title=words, people=st.lists(words, min_size=1, max_size=4), place=st.text(max_size=20))
def test_campaigns_come_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, title: str, people: list[str], place: str
) -> None:
    folder = tmp_path_factory.mktemp("campaign") / "new"
    campaign = Campaign(title, tuple(people), place, "CC0-1.0", title)
    write_campaign(folder, campaign)
    assert read_campaign(folder) == campaign


# ---- refusals


@pytest.mark.parametrize(
    ("schema", "content", "place"),
    [
        ("recording", {"audio": "../x.wav", "sha256": HEX, "fs": 48000}, "audio"),
        ("recording", {"audio": "x.wav", "sha256": "zz", "fs": 48000}, "sha256"),
        ("recording", {"audio": "x.wav", "sha256": HEX, "fs": -1}, "fs"),
        ("recording", {"audio": "x.wav", "sha256": HEX}, "'fs' is a required"),
        ("gains", {"gains": [{"stimulus": "N1", "target": "loud", "gain_db": 0}]}, "target"),
        ("calibration", {"id": "x"}, "required"),
    ],
)
def test_wrong_records_are_neither_written_nor_read(
    tmp_path: Path, schema: str, content: dict[str, Any], place: str
) -> None:
    path = tmp_path / "record.json"
    with pytest.raises(RecordError, match=place):
        write_json(path, f"soundcal/{schema}/1", content)
    assert not path.exists()
    record = {"schema": f"soundcal/{schema}/1", "software": {"soundcal": "1"}, **content}
    path.write_text(json.dumps(record))
    with pytest.raises(RecordError, match=place):
        read_json(path, f"soundcal/{schema}/1")


def test_sessions_whose_files_were_exchanged_are_refused(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "a", "any", {})
    take = session.add_audio("rec-N1", np.full((2, 480), 0.1), 48000, {"stimulus": "N1"})
    other = Session.create(tmp_path / "b", "any", {})
    other.add_audio("rec-N1", np.full((2, 480), 0.2), 48000, {"stimulus": "N1"})
    session.verify()
    record = take.with_suffix(".json")
    kept = record.read_bytes()
    record.write_bytes((tmp_path / "b" / record.name).read_bytes())
    with pytest.raises(RecordError, match="changed after"):
        session.verify()
    record.write_bytes(kept)
    session.verify()
    log = session.folder / "session.jsonl"
    text = log.read_text()
    log.write_text(text.replace('"sha256"', '"sum"'))
    with pytest.raises(RecordError, match="line 2: does not match schema 'soundcal/session/1'"):
        session.verify()
    with pytest.raises(RecordError, match="exit_status"):
        other.stop("finished")  # type: ignore[arg-type]
    assert other.exit_status == "interrupted"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "schema"),
        ("title = ", "cannot be read"),
        ('schema = "soundcal/campaign/1"\ntitle = "x"', "required"),
        ('schema = "soundcal/campaign/2"\ntitle = "x"', "expected"),
    ],
)
def test_campaigns_that_are_none_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecordError, match="not a campaign"):
        read_campaign(tmp_path)
    (tmp_path / "campaign.toml").write_text(text)
    with pytest.raises(RecordError, match=message):
        read_campaign(tmp_path)
    with pytest.raises(RecordError, match="people"):
        write_campaign(tmp_path, Campaign("x", (), "", "CC0-1.0"), force=True)


def test_campaigns_know_their_sessions_and_are_not_overwritten(tmp_path: Path) -> None:
    for name in string.ascii_lowercase[:3]:
        Session.create(tmp_path / name, "any", {})
    (tmp_path / "derivatives").mkdir()
    assert [path.name for path in sessions(tmp_path)] == ["a", "b", "c"]
    campaign = Campaign("x", ("N. N.",), "lab", "CC0-1.0")
    write_campaign(tmp_path, campaign)
    with pytest.raises(RecordError, match="exists"):
        write_campaign(tmp_path, campaign)
    write_campaign(tmp_path, campaign, force=True)
