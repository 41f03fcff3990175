"""The study file: what is read, and what is refused with the line of the error."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening_study import BLOCKS, HEAD, small_study, write_study

from soundcal.errors import ParameterError, RecordError
from soundcal.listening.reading import read_study
from soundcal.listening.study import changes
from soundcal.listening.texts import LANGUAGES, load_texts


def test_a_study_is_read(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    training, main, about = study.blocks
    assert (study.id, study.seed, study.languages) == ("small", 20260301, ("eng",))
    assert study.sound.conditions["OCV"] == tmp_path / "sessions/ocv/gains_ocv.json"
    assert study.sound.duration == 2.0
    assert (training.scored, training.visits) == (False, "every")
    assert main.stimuli == ("CG01", "CT301", "E02", "N1")
    assert (main.pause.after, main.pause.at_least_s) == (2, 1.0)
    assert (about.stimuli, about.visits) == ((), "first")
    assert about.questions[0].personal
    assert study.limits.exposure_pa2h == 0.16
    assert study.words("eng")["information"] == "You will hear four sounds, twice."
    assert study.words("eng").fill("trial_count", n=3, total=4) == "Sound 3 of 4"


def test_all_stimuli_are_the_scenes_of_the_catalogue(tmp_path: Path) -> None:
    study = small_study(tmp_path, ('["CG01", "CT301", "E02", "N1"]', '"all"'))
    assert len(study.block("main").stimuli) == 27
    assert study.stimuli()[0] == "W01"


REFUSED = [
    ("after = 2", "aftr = 2", "block 2, pause, aftr: unknown key; did you mean after?"),
    ("seed = 20260301", "seed = 1" + 400 * "0", "seed: 1000"),
    ("max = 0", "max = -1", "block 2, plays, max: -1; 0 or more is expected"),
    ("planned = 8", "planned = 8.0", "participants, planned: 8.0; a whole number is expected"),
    ("planned = 8", "planed = 8", "participants, planed: unknown key; did you mean planned?"),
    ('"CG01", ', '"CG1", ', "block 2, stimuli: no stimulus 'CG1'; did you mean CG01?"),
    ('"choice"', '"chioce"', "block 3, question 1, kind: 'chioce'; one of choice, many, scale"),
    ('{ eng = "Do', '{ english = "Do', "block 3, question 1, text: 'english'; a language of"),
    ('"sessions/ocv', '"../ocv', "sound, conditions, OCV: "),
    ('"sessions/ocv', '"/ocv', "sound, conditions, OCV: "),
    ('id = "main"', 'id = "training" #', "block 2, id: 'training' is used twice"),
    ('"sessions"', '"one"', "participants, conditions: the sound has 2 conditions (OCV, HATS)"),
    ('"sessions"', '"sessions"\nboth = 9', "participants, both: 9 of 8 planned people"),
    ('"sessions"', '"mixed"\nboth = 9', "participants, both: conditions = 'mixed'; sessions or"),
    ("duration = 2", "duration = nan", "sound, duration: nan; a number is expected"),
    ("duration = 2", 'catalogue = "no.toml"', "sound, catalogue: "),
    ("duration = 2", 'equalize = "../h.json"', "sound, equalize: "),
    ("duration = 2", 'robust = "flat"', "sound, robust: 'flat'; one of mean+2s, mean, kirkeby is"),
    ("complete = 1, max = 0", "complete = 3, max = 2", "block 2, plays: max = 2 is less than"),
    ("at_least_s = 1", "at_least_s = 9, at_most_s = 1", "block 2, pause: at_most_s = 1 s is less"),
    ("seed = 20260301", "seed = 2026-03-01", "seed: datetime.date(2026, 3, 1); a whole number"),
    ('"soundcal/study/1"', '"soundcal/study/9"', "schema: 'soundcal/study/9'; 'soundcal/study/1'"),
    ('"permutation"', '"blocks"\ngroups = [["CG01", "W01"]]', "block 2, groups: no stimulus of"),
    ('"permutation"', '"fixed"\ngroups = [["CG01", "N1"]]', "block 2, groups: order = "),
    ('order = "permutation"', "scale = { step = 1e-9 }", "block 2, scale: steps of 1e-09 from 0"),
    ("[texts.eng]", '[texts.eng]\njoin_titel = "Hi"', "texts, eng, join_titel: unknown text; did"),
    ('version = "', f'version = "{64 * "x"}', "texts, eng, consent_version: "),
    # the nearest line that there is
    ('{ eng = "Do', '{ deu = "Do', "block 3: question hearing: no text in eng", "\nid = \"about"),
    ('["eng"]', '["eng", "deu"]', "texts: [texts.deu] is missing", "[texts.eng]"),
    ("consent_version", "consent", "texts, eng: consent_version is missing", "[texts.eng]"),
    ("choices =", "#", "block 3, question 1: kind choice: choices are missing", "[[block.question"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case[1].strip())
def test_an_error_names_the_line(tmp_path: Path, case: tuple[str, ...]) -> None:
    old, new, message, *elsewhere = case
    folder = write_study(tmp_path, (old, new))
    place = elsewhere[0] if elsewhere else new
    before = (folder / "study.toml").read_text().partition(place)[0]
    # of a table, the line of its head
    line = before.count("\n") + 1 + new.count("\n")
    with pytest.raises(RecordError) as refused:
        read_study(folder)
    assert f"{folder / 'study.toml'}, line {line}: {message}" in str(refused.value)


def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"study\.toml: cannot be read as a study .*line 2"):
        small_study(tmp_path, ('title = "Two', "title = Two"))
    with pytest.raises(RecordError, match="soundcal listen new makes one"):
        read_study(tmp_path / "nowhere")


def test_lines_within_a_text_are_no_keys(tmp_path: Path) -> None:
    text = 'information = """\nTwo lines\n[[block]]\nid = "x"\n\n"""'
    change = ('information = "You will hear four sounds, twice."', text)
    study = small_study(tmp_path, change)
    assert study.texts["eng"]["information"] == 'Two lines\n[[block]]\nid = "x"\n\n'
    with pytest.raises(RecordError, match="line 39: block 2, pause, aftr"):
        small_study(tmp_path, change, ("after = 2", "aftr = 2"))


WORDS = [
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "=",
    "#",
    "\n",
    "[[block]]",
    '"""',
    "\\",
    "1e999",
    "-1",
    "id",
]
WORDS += ["inf", "true", "1979-05-27", "all", "design", "\u202e", "\0", "é", ".", ",", "a.b = 1\n"]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_whatever_stands_in_the_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chance = random.Random(seed)
    text = HEAD + BLOCKS
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(text))
        cut = at + chance.choice([0, 1, 5, 30])
        text = text[:at] + chance.choice(WORDS) + text[cut:]
    folder = tmp_path_factory.getbasetemp()
    (folder / "study.toml").write_bytes(text.encode())
    refused = ""
    try:
        assert read_study(folder).blocks
    except RecordError as error:
        refused = str(error)
    assert not refused or "study.toml" in refused


def test_digests_name_what_changed(tmp_path: Path) -> None:
    gains = tmp_path / "sessions/ocv/gains_ocv.json"
    for path in (gains, tmp_path / "sessions/hats/gains_hats.json"):
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    (gains.parent / "calibration_ocv.json").write_text("{}")
    study = small_study(tmp_path)
    before = study.digests()
    assert {"study.toml", "sessions/ocv/gains_ocv.json", "stimulus W01"} <= set(before)
    gains.write_text("{ }")
    (gains.parent / "calibration_ocv.json").unlink()
    now = small_study(tmp_path, ("planned = 8", "planned = 9")).digests()
    assert changes(before, now) == (
        "study.toml has changed",
        "sessions/ocv/gains_ocv.json has changed",
        "sessions/ocv/calibration_ocv.json is no longer part of the study",
    )
    assert changes(now, now) == ()


def test_a_missing_gains_file_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"gains_ocv\.json"):
        small_study(tmp_path).digests()


def own_language(folder: Path, *changed: tuple[str, str]) -> Path:
    """Write a language from right to left, made of the English texts, and return its study."""
    text = (LANGUAGES / "eng.toml").read_text(encoding="utf-8")
    head = (('"eng"', '"qaa"'), ('"English"', '"\u05d0\u05d1"'), ('"ltr"', '"rtl"'))
    for old, new in (*head, *changed):
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / "languages" / "qaa.toml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return folder


def test_a_study_brings_a_language_of_its_own(tmp_path: Path) -> None:
    texts = load_texts("qaa", own_language(tmp_path))
    assert (texts.name, texts.direction) == ("\u05d0\u05d1", "rtl")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('join_title = "Welcome"\n', "", "the text join_title is missing"),
        ("join_title =", "join_titel =", "the text join_title is missing"),
        ('join_title = "Welcome"', 'join_title = "Welcome"\njoin_titel = "W"', "did you mean join"),
        ("{n} of {total}", "{m} of {total}", "holds {m}"),
        ('dir = "rtl"', 'dir = "up"', "ltr or rtl"),
        ('join_title = "Welcome"', 'join_title = " "', "a text is expected"),
    ],
)
def test_a_language_has_all_texts(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        load_texts("qaa", own_language(tmp_path, (old, new)))


def test_every_text_is_shown_somewhere() -> None:
    folder = LANGUAGES.parent
    sources = [path for path in folder.rglob("*") if path.suffix in (".py", ".html", ".js")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    words = {word for pair in re.findall(r'"(\w+)"|\'(\w+)\'', code) for word in pair}
    # some names are put together: "headphones_" ~ side, screen ~ "_title"
    parts = {word for word in words if word.startswith("_") or word.endswith("_")}
    unused = [
        key
        for key in load_texts("eng").words
        if key not in words and not any(key.startswith(p) or key.endswith(p) for p in parts if p)
    ]
    assert unused == []


def test_an_unknown_language_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no texts in the language 'tlh'; soundcal has eng"):
        load_texts("tlh", tmp_path)
    with pytest.raises(ParameterError, match="the text nowhere is missing in eng"):
        load_texts("eng")["nowhere"]
