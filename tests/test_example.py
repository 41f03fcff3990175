"""The example campaign that ships with the sources: intact, and good for a report."""

import shutil
from pathlib import Path

from soundcal import report
from soundcal.campaign import read_campaign, sessions
from soundcal.cli import main
from soundcal.records import Session

EXAMPLE = Path(__file__).resolve().parent.parent / "measurements" / "example"


def test_the_example_matches_its_checksums() -> None:
    assert read_campaign(EXAMPLE).licence == "CC0-1.0"
    folders = sessions(EXAMPLE)
    assert len(folders) == 1
    session = Session(folders[0])
    session.verify()
    assert session.exit_status == "done"


def test_a_report_is_made_of_a_copy(tmp_path: Path) -> None:
    campaign = tmp_path / "example"
    shutil.copytree(EXAMPLE, campaign)
    folders = [str(folder) for folder in sessions(campaign)]
    out = tmp_path / "report"
    assert main(["report", *folders, "--indicators", "LA,LC", "--out", str(out)]) == 0
    assert (out / "report.html").is_file()


def test_the_search_met_the_targets_and_ocv_did_not() -> None:
    study = report.collect(sessions(EXAMPLE), indicators="LAeq", cache=False)
    hats = study.comparison.entry("LAeq", "in-situ", "hats").agreement
    ocv = study.comparison.entry("LAeq", "in-situ", "ocv").agreement
    assert hats.n == ocv.n == 3
    assert abs(hats.bias) < 0.5 < abs(ocv.bias)
