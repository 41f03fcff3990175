"""What the README shows is what happens."""

import re
from pathlib import Path

import pytest

from soundcal.cli import main
from soundcal.verification import all_rows

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")

SHORTER = {
    "stimuli render": " N1",
    "protocol run": " --set stimuli=CG01,N1,W06 --set duration=1 --set indicators=LA",
    "report": " --indicators LA",
}
"""What is added to a line of the tour to have it done in a second or two."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_every_line_of_the_tour_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tour = next(block for block in blocks("sh") if "soundcal devices" in block)
    lines = [line.partition("#")[0].strip() for line in tour.splitlines()]
    assert len(lines) == 10
    for line in lines:
        words = line.removeprefix("soundcal ")
        if words == "verify":  # half a minute; tests/test_verify.py runs it
            continue
        added = [more for start, more in SHORTER.items() if words.startswith(start)]
        assert main((words + "".join(added)).split()) == 0, line
    for name in ("take.wav", "ears.json", "scenes/N1.wav", "report/report.pdf"):
        assert (tmp_path / name).stat().st_size > 0


def test_the_tour_in_python_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    (tour,) = blocks("python")
    exec(compile(tour, "README.md", "exec"), {})
    level, loudness, bias = capsys.readouterr().out.splitlines()
    # the noise of the simulated ears, far below 30 dB(A) and 1 sone
    assert all(10 < float(value) < 30 for value in level.strip("[]").split())
    assert all(0 <= float(value) < 1 for value in loudness.strip("[]").split())
    assert float(bias) == pytest.approx((0.1 - 0.3 + 0.3) / 3)
    assert (tmp_path / "level.png").stat().st_size > 0


def test_the_number_of_verified_values_is_that_of_the_rows() -> None:
    assert re.findall(r"computes (\d+) numbers", README) == [str(len(all_rows()))]
