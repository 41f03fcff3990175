"""Write every number that the commands compute, to compare them before and after a change.

::

    soundcal demo --out DEMO                          # once, before the change
    python tests/results_snapshot.py DEMO before.txt  # before the change
    python tests/results_snapshot.py DEMO after.txt   # after it
    diff before.txt after.txt

``measure``, ``compare``, ``report``, ``ratings`` and ``relate`` run on the recordings of the demo
and on ``measurements/example``; ``calibrate``, ``record`` and a protocol run on a simulated lab.
Every number of their tables and records comes out as one line, with all its digits. Texts are left
out: they may be worded better without any result changing. So are the times at which something was
done.
"""

import csv
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parent.parent / "measurements" / "example"
TIMES = {"delivered_rate", "seconds"}
SCHEMA = {"schema", "software"}


def soundcal(*words: object) -> None:
    command = [sys.executable, "-m", "soundcal", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 4):
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Give every number of a JSON value with the keys that lead to it."""
    if isinstance(value, dict):
        for key in sorted(value.keys() - TIMES - SCHEMA):
            yield from leaves(value[key], f"{path}/{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from leaves(item, f"{path}/{place}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield f"{path} {float(value)!r}"


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def numbers(path: Path) -> Iterator[str]:
    """Give every number of a table or record."""
    if path.suffix == ".json":
        yield from leaves(json.loads(path.read_text(encoding="utf-8")))
    else:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found = {k: v for k, v in row.items() if k not in TIMES and is_number(v or "")}
                yield json.dumps(found, sort_keys=True)


def ratings_table(
    path: Path, stimuli: Sequence[str] = ("s0", "s1", "s2", "s3", "s4", "s5")
) -> None:
    """Write answers of 20 people to stimuli under two conditions; some took part in one only."""
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["participant", "condition", "stimulus", "attribute", "value"])
        for person in range(20):
            for condition in ("ocv", "hats")[person % 5 == 0 : 2 - (person % 7 == 0)]:
                for stimulus in stimuli:
                    for attribute in ("pleasant", "vibrant", "eventful", "chaotic",
                                      "annoying", "monotonous", "uneventful", "calm"):  # fmt: skip
                        value = chance.randint(0, 100)
                        table.writerow([f"p{person}", condition, stimulus, attribute, value])


def compute(demo: Path, out: Path) -> None:
    """Run the commands; their files go into ``out``."""
    session = demo / "interface+open-300"
    takes = sorted(session.glob("rec-[CW]*.wav"))
    soundcal("measure", *takes, "--indicators", "all", "--uncertainty", "--out", out / "m.csv")
    ears = ("--ears", "energy")
    soundcal("measure", *takes[:9], "--indicators", "levels,N", *ears, "--out", out / "ears.csv")
    for folder in (demo, EXAMPLE):
        soundcal("report", folder, "--no-cache", "--out", out / f"report-{folder.name}")
    indicators = out / f"report-{EXAMPLE.name}" / "indicators.csv"
    for rule in ("mean", "max", "energy"):
        table = out / f"compare-{rule}"
        soundcal("compare", indicators, "--ears", rule, "--delta", "L(A)=1", "--out", table)
    ratings_table(out / "answers.csv")
    answers = ("ratings", out / "answers.csv", "--scale", "0", "100")
    soundcal(*answers, "--mixed", "--out", out / "ratings")
    soundcal(*answers, "--paper", "--out", out / "ratings-paper")
    ratings_table(out / "heard.csv", ("CG01", "CG04", "CG07", "W01", "W06", "W09"))
    soundcal("relate", out / f"report-{demo.name}", out / "heard.csv", "--scale", "0", "100",
             "--combination", "sim:interface+open-300", "--out", out / "relation")  # fmt: skip
    lab = ("--device", "sim:lab")
    soundcal("calibrate", *lab, "--out", out / "ears.json")
    soundcal("calibrate", *lab, "--method", "ocv", "--out", out / "ocv.json")
    shutil.copy(takes[0], out / "stimulus.wav")
    soundcal("calibrate", *lab, "--method", "hats", "--ears-calibration", out / "ears.json",
             "--stimuli", out / "stimulus.wav", "--target", 65, "--table", out / "gains.csv",
             "--out", out / "hats.json")  # fmt: skip
    soundcal("record", *lab, "--duration", "3", out / "take.wav")
    soundcal("protocol", "run", "compare_methods", *lab, "--out", out / "session",
             *(f"--set={change}" for change in ("impedance=300", "sensitivity=103", "duration=2",
                                                "stimuli=CG01,W06")))  # fmt: skip


def main() -> int:
    """Compute everything and write the numbers."""
    demo, target = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        compute(demo, out)
        files = sorted(p for p in out.rglob("*") if p.suffix in (".csv", ".json"))
        with target.open("w", encoding="utf-8") as text:
            for path in files:
                for line in numbers(path):
                    text.write(f"{path.relative_to(out)}: {line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
