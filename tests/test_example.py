"""The example campaign that ships with the sources: intact, and good for a report."""

import shutil
from pathlib import Path

from soundcal.cli import main
from soundcal.files.campaign import read_campaign, sessions
from soundcal.files.session import Session
from soundcal.study import collect

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
    assert main(["report", str(campaign), "--indicators", "LA,LC"]) == 0
    page = (campaign / "derivatives" / "report.html").read_text()
    known = read_campaign(EXAMPLE)
    assert known.title in page
    assert known.place in page
    assert f"Licence of the data: {known.licence}." in page


def test_the_search_met_the_targets_and_ocv_did_not() -> None:
    study = collect(sessions(EXAMPLE), indicators="LAeq", cache=False)
    hats = study.comparison.entry("LAeq", "in-situ", "hats").agreement
    ocv = study.comparison.entry("LAeq", "in-situ", "ocv").agreement
    assert hats.n == ocv.n == 3
    assert abs(hats.bias) < 0.5 < abs(ocv.bias)
