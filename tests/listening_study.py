"""A small study for the tests of the listening room."""

from pathlib import Path

from soundcal.listening.reading import read_study
from soundcal.listening.study import Study

HEAD = """\
schema = "soundcal/study/1"
title = "Two calibrations, four scenes"
id = "small"
seed = 20260301
languages = ["eng"]

[texts.eng]
information = "You will hear four sounds, twice."
consent_version = "2026-03-01"

[sound]
duration = 2

[sound.conditions]
OCV = "sessions/ocv/gains_ocv.json"
HATS = "sessions/hats/gains_hats.json"

[participants]
planned = 8
conditions = "sessions"
"""

BLOCKS = """
[[block]]
id = "training"
design = "paq"
stimuli = ["W01"]
scored = false

[[block]]
id = "main"
design = "paq"
stimuli = ["CG01", "CT301", "E02", "N1"]
order = "permutation"
plays = { min_complete = 1, max = 0, stop_after_first = true }
pause = { after = 2, at_least_s = 1 }

[[block]]
id = "about-you"
design = "questions"

[[block.question]]
id = "hearing"
kind = "choice"
text = { eng = "Do you have any hearing loss that you know of?" }
choices = ["no", "yes", "no answer"]
personal = true
"""


def write_study(folder: Path, *changes: tuple[str, str], blocks: str = BLOCKS) -> Path:
    """Write the small study with texts replaced by others, and return its folder."""
    text = HEAD + blocks
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


def small_study(folder: Path, *changes: tuple[str, str], blocks: str = BLOCKS) -> Study:
    """Return the small study with texts replaced by others."""
    return read_study(write_study(folder, *changes, blocks=blocks))
