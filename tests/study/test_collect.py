"""From recordings on disk to a study: nothing is mixed up, nothing is computed twice."""

import json
from pathlib import Path

import numpy as np
import pytest

from soundcal.calibration.model import Calibration, Chain, Link, new_calibration
from soundcal.cli import main
from soundcal.errors import ParameterError, RecordError, SignalError, SoundcalError
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.files.campaign import Campaign, write_campaign
from soundcal.files.records import write_json
from soundcal.files.session import Event, Session
from soundcal.recording import Capture
from soundcal.report import study_document
from soundcal.report.document import Document, Section
from soundcal.report.html import render_html
from soundcal.study import Study, collect
from soundcal.units import from_db, pascal_to_level

FS = 48000
SCHEMA = "soundcal/calibration/1"
STIMULI = ("W01", "CT301", "HR01")
OFFSETS = {"in-situ": 0.0, "ocv": 2.0, "hats": 0.1}
TONE = np.sqrt(2.0) * np.sin(2.0 * np.pi * 1000.0 * np.arange(FS) / FS)


def calibration(gain_db: float) -> Calibration:
    chain = Chain((Link("calibrator", gain_db, 0.1, source="certificate"),))
    return new_calibration("calibrator", "input", {"left": chain, "right": chain})


def samples(rms: float) -> np.ndarray:
    return rms * np.stack([TONE, TONE])


def session(
    folder: Path,
    combination: str = "interface+open-300",
    status: str = "done",
    louder: tuple[float, ...] = (0.0,),
) -> Path:
    """Write a session of 1 kHz tones; method m plays OFFSETS[m] dB louder than in situ.

    ``louder`` has the gain in dB of each run.
    """
    made = Session.create(folder, "compare_methods", {"seed": 5}, "sim:lab")
    ears, stated = calibration(0.0), calibration(6.0)
    made.add_record("calibration_before", SCHEMA, ears.to_dict())
    made.add_record("calibration_in-situ", SCHEMA, stated.to_dict())
    for number, stimulus in enumerate(STIMULI):
        for condition, offset in OFFSETS.items():
            used, file = ears, "calibration_before.json"
            if condition == "in-situ":
                used, file = stated, "calibration_in-situ.json"
            offset += 0.1 * number * (condition == "ocv")
            for run, more in enumerate(louder, start=1):
                pressure = 0.02 * (number + 1) * from_db(offset + more)
                made.add_audio(
                    f"rec-{stimulus}_{condition}_run-{run}",
                    samples(pressure / used.sensitivity("left")),
                    FS,
                    {
                        "stimulus": stimulus,
                        "condition": condition,
                        "run": run,
                        "combination": combination,
                        "target": 60.0 + number,
                        "gain_db": -20.0 - OFFSETS[condition],
                        "calibration": used.id,
                        "calibration_file": file,
                        "capture": Capture(samples(0.0), FS, simulated=True).to_dict(),
                        "flags": [{"kind": "seat", "text": "seat moved"}]
                        if (stimulus, condition) == ("W01", "ocv")
                        else [],
                    },
                )
    made.stop(status)
    return folder


def plain(folder: Path, offset: float, stimuli: tuple[str, ...] = STIMULI) -> Path:
    folder.mkdir(parents=True)
    for number, stimulus in enumerate(stimuli):
        rms = 0.02 * (number + 1) * from_db(offset + 0.05 * number)
        audio.write(folder / f"{stimulus}.wav", samples(rms), FS, subtype="FLOAT")
    return folder


def level(study: Study, condition: str, stimulus: str) -> float:
    table = study.table
    rows = table[
        (table["condition"] == condition)
        & (table["stimulus"] == stimulus)
        & (table["indicator"] == "LA")
        & (table["channel"] == "left")
    ]
    return float(rows["value"].item())


def test_a_session_becomes_a_study(tmp_path: Path) -> None:
    study = collect([session(tmp_path / "s")], indicators="LAeq")
    assert level(study, "in-situ", "W01") == pytest.approx(pascal_to_level(0.02), abs=0.01)
    assert level(study, "ocv", "W01") == pytest.approx(pascal_to_level(0.02) + 2.0, abs=0.01)
    entry = study.comparison.entry("LAeq", "in-situ", "ocv")
    assert entry.agreement.bias == pytest.approx(-2.1, abs=1e-3)
    assert entry.agreement.n == 3
    assert len(study.sources) == 9
    assert len(study.calibrations) == 2
    assert [flags for flags in study.flags.values() if "seat moved" in map(str, flags)]
    assert study.sessions[0].exit_status == "done"
    assert set(study.table["combination"]) == {"interface+open-300"}


def test_runs_of_a_session_are_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = session(tmp_path / "s", louder=(0.0, 0.3))
    study = collect([folder], indicators="LAeq")
    entry = study.comparison.entry("LAeq", "in-situ", "ocv")
    assert entry.n == 3
    for one in entry.repeatability:
        assert (one.stimuli, one.takes) == (3, 6)
        # two takes that are 0.3 dB apart: SD 0.3/√2, and the takes of both methods are independent
        assert one.sd == pytest.approx(0.3 / np.sqrt(2.0), abs=2e-3)
    assert entry.agreement.bias == pytest.approx(-2.1, abs=2e-3)
    assert entry.agreement.sd**2 == pytest.approx(0.1**2 + 0.3**2 / 2, abs=2e-3)
    assert main(["report", str(folder), "--indicators", "LAeq", "--json", "--no-cache"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["method"] for row in told["repeatability"]} == {"in-situ", "ocv", "hats"}
    # a second session of the same combination repeats without saying so, and is refused
    with pytest.raises(RecordError, match="occurs more than once"):
        collect([folder, session(tmp_path / "s2")], indicators="LAeq")


def test_what_went_wrong_in_a_session_is_said(tmp_path: Path) -> None:
    folder = session(tmp_path / "s", status="out of tolerance")
    log = Session(folder)
    log.log(Event.TARGET_NOT_REACHED, stimulus="E05", reason="the floor is above the target")
    log.stop("out of tolerance")
    later = calibration(0.15)
    log.add_record("calibration_after", SCHEMA, later.to_dict())
    log.stop("out of tolerance")
    study = collect([folder], indicators="LAeq")
    assert study.sessions[0].drift == pytest.approx({"left": 0.15, "right": 0.15})
    told = render_html(study_document(study))
    assert "target of E05 not reached: the floor is above the target" in told
    assert "+0.150" in told
    assert "Playback gains" in told


def test_sessions_of_several_combinations_are_compared_one_by_one(tmp_path: Path) -> None:
    sessions = [
        session(tmp_path / "a", "interface+closed-16"),
        session(tmp_path / "b", "onboard+closed-16", "out of tolerance"),
    ]
    study = collect(sessions, indicators=["LAeq"])
    folder_of_them = collect([tmp_path], indicators=["LAeq"])
    assert [info.folder for info in folder_of_them.sessions] == ["a", "b"]
    assert list(study.comparisons) == ["interface+closed-16", "onboard+closed-16"]
    assert study.warnings == ("Session b ended as out of tolerance.",)


def test_a_recording_of_several_sessions_has_its_values_in_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # two equal channels would be a reason for doubt, and measured in each session
    two_ears = np.stack([TONE, np.roll(TONE, 12) + 0.2 * TONE**3])
    monkeypatch.setattr(f"{__name__}.samples", lambda rms: rms * two_ears)
    alone = []
    for number, name in enumerate(("a", "b")):
        minute = f"2026-01-01T00:0{number}:00+00:00"
        monkeypatch.setattr("soundcal.calibration.model.utc_now", lambda made=minute: made)
        folder = session(tmp_path / name, name, louder=(0.5 * number, 0.0))
        alone.append(collect([folder], indicators="LAeq,N5", cache=False).table)
    both = collect([tmp_path / "a", tmp_path / "b"], indicators="LAeq,N5", cache=False).table
    for table in alone:
        own = both[both["combination"] == table["combination"].iloc[0]]
        assert own.reset_index(drop=True).equals(table)
    assert len(set(both["calibration"])) == 4


def test_plain_folders_are_joined_by_the_name_of_the_file(tmp_path: Path) -> None:
    folders = [plain(tmp_path / "a", 0.0), plain(tmp_path / "b", 1.0, (*STIMULI[::-1], "X"))]
    study = collect(folders, calibrations=calibration(0.0), indicators="LAeq")
    entry = study.comparison.entry("LAeq", "a", "b")
    assert set(entry.stimuli) == set(STIMULI)
    for stimulus, difference in zip(entry.stimuli, entry.differences, strict=True):
        assert difference == pytest.approx(
            level(study, "a", stimulus) - level(study, "b", stimulus), abs=1e-9
        )
    assert any("X" in text for text in study.comparison.warnings)


def test_each_folder_may_have_its_own_calibration(tmp_path: Path) -> None:
    folders = [plain(tmp_path / "a", 0.0), plain(tmp_path / "b", 0.0)]
    write_json(folders[0] / "calibration.json", SCHEMA, calibration(0.0).to_dict())
    study = collect(folders, calibrations={"b": calibration(3.0)}, indicators="LAeq")
    assert study.comparison.entry("LAeq", "a", "b").agreement.bias == pytest.approx(-3.0)


def test_the_record_beside_a_file_names_its_calibration(tmp_path: Path) -> None:
    folder = plain(tmp_path / "a", 0.0)
    write_json(tmp_path / "ears.json", SCHEMA, calibration(3.0).to_dict())
    for path in list(folder.glob("*.wav")):
        record = {
            "audio": path.name,
            "sha256": file_digest(path),
            "fs": FS,
            "calibration_file": "../ears.json",
        }
        write_json(path.with_suffix(".json"), "soundcal/recording/2", record)
    study = collect([folder], indicators="LAeq")
    assert level(study, "a", "W01") == pytest.approx(pascal_to_level(0.02) + 3.0, abs=0.01)
    (folder / "W01.json").unlink()
    with pytest.raises(SignalError, match=r"W01.wav: not calibrated"):
        collect([folder], indicators="LAeq")


def test_one_folder_is_a_study_without_comparison(tmp_path: Path) -> None:
    study = collect([plain(tmp_path / "a", 0.0)], calibrations=calibration(0.0), indicators="LA")
    assert study.comparisons == {}
    assert len(study.table["stimulus"].unique()) == 3


def test_what_was_computed_is_used_again_only_if_nothing_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [plain(tmp_path / "a", 0.0), plain(tmp_path / "b", 1.0)]
    given = {"a": calibration(0.0), "b": calibration(1.0)}
    other = {**given, "b": calibration(2.0)}
    measured: list[str] = []

    def again(**changes) -> Study:
        measured.clear()
        return collect(
            folders,
            **{"calibrations": given, "indicators": "LAeq"} | changes,
            progress=lambda done, name, total: measured.append(name),
        )

    first = again()
    assert len(measured) == 6
    second = again()
    assert measured == []
    assert first.table.equals(second.table)
    again(indicators="LCeq")
    assert len(measured) == 6
    again(calibrations=other)
    assert len(measured) == 6  # other indicators in a, another calibration in b
    audio.write(folders[0] / "W01.wav", samples(0.5), FS, subtype="FLOAT", force=True)
    changed = again(calibrations=other)
    assert measured == ["W01.wav"]
    assert level(changed, "a", "W01") == pytest.approx(pascal_to_level(0.5), abs=0.01)
    monkeypatch.setattr("soundcal.study.measuring.__version__", "99")
    again(cache=True)
    assert len(measured) == 6
    again(cache=False)
    assert len(measured) == 6


@pytest.mark.parametrize("change", ["value", "flags", "not JSON", "older"])
def test_stored_indicators_that_were_changed_are_computed_anew(tmp_path: Path, change: str) -> None:
    folder, known = plain(tmp_path / "a", 0.0), calibration(0.0)
    first = collect([folder], calibrations=known, indicators="LAeq")
    stored = folder / "derivatives" / "indicators" / "W01.wav.json"
    content = json.loads(stored.read_text())
    if change == "value":
        content["rows"][0]["value"] += 1.0
    elif change == "flags":
        content["flags"] = ["nothing"]
    elif change == "older":
        del content["digest"]
    stored.write_text("{" if change == "not JSON" else json.dumps(content))
    second = collect([folder], calibrations=known, indicators="LAeq")
    assert first.table.equals(second.table)
    (note,) = second.warnings
    assert "computed anew" in note
    assert "W01.wav.json" in note
    assert collect([folder], calibrations=known, indicators="LAeq").warnings == ()


def test_silence_survives_being_kept(tmp_path: Path) -> None:
    folder = plain(tmp_path / "a", 0.0)
    audio.write(folder / "zero.wav", samples(0.0), FS, subtype="FLOAT")
    for _ in range(2):
        study = collect([folder], calibrations=calibration(0.0), indicators="LAeq")
        assert level(study, "a", "zero") == -np.inf


def change_audio(folder: Path) -> None:
    path = folder / "rec-W01_ocv_run-1.wav"
    audio.write(path, samples(0.3), FS, subtype="FLOAT", force=True)


def edit(folder: Path, name: str, **changes) -> None:
    """Change a record and log it, as a careless tool might."""
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    Session(folder).log("record", file=name, sha256=file_digest(path))


def test_sessions_without_recordings_are_refused(tmp_path: Path) -> None:
    Session.create(tmp_path / "s", "compare_methods", {}).stop("aborted")
    with pytest.raises(SoundcalError, match="no recordings"):
        collect([tmp_path / "s"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_audio, "changed after it was written"),
        (lambda f: (f / "rec-W01_ocv_run-1.wav").unlink(), "cannot be read"),
        (
            lambda f: edit(f, "rec-W01_ocv_run-1.json", schema="soundcal/recording/9"),
            "schema 'soundcal/recording/2' expected",
        ),
        (
            lambda f: edit(f, "rec-W01_ocv_run-1.json", sha256="0" * 64),
            "changed after it was recorded",
        ),
        (
            lambda f: edit(f, "rec-W01_ocv_run-1.json", calibration="another"),
            "restore the calibration of the session",
        ),
        (
            lambda f: edit(f, "rec-W01_ocv_run-1.json", calibration_file=None),
            "recorded without a calibration",
        ),
        (lambda f: edit(f, "calibration_before.json", chains={}), "at chains"),
        (lambda f: [p.unlink() for p in f.glob("rec-*.json")], "cannot be read"),
    ],
)
def test_sessions_that_do_not_fit_together_are_refused(tmp_path: Path, damage, message) -> None:
    folder = session(tmp_path / "s")
    damage(folder)
    with pytest.raises(SoundcalError, match=message):
        collect([folder], indicators="LAeq")


def test_folders_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    given = calibration(0.0)
    with pytest.raises(ParameterError, match="no folders"):
        collect([])
    with pytest.raises(RecordError, match="no such folder"):
        collect([tmp_path / "nowhere"], calibrations=given)
    write_campaign(tmp_path / "new", Campaign("Nothing yet", ("N. N.",), "lab", "CC0-1.0"))
    with pytest.raises(RecordError, match="the campaign holds no sessions"):
        collect([tmp_path / "new"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match="neither a session"):
        collect([tmp_path / "empty"], calibrations=given)
    one, two = plain(tmp_path / "a", 0.0), plain(tmp_path / "x" / "a", 0.0)
    with pytest.raises(SignalError, match=r"--calibration a=FILE"):
        collect([one])
    with pytest.raises(ParameterError, match="two folders are named 'a'"):
        collect([one, two], calibrations=given)
    audio.write(one / "W01.flac", samples(0.1), FS)
    with pytest.raises(RecordError, match="several files for the stimulus 'W01'"):
        collect([one], calibrations=given)


def test_a_file_that_cannot_be_measured_is_said_and_the_others_are_reported(
    tmp_path: Path,
) -> None:
    folder = plain(tmp_path / "a", 0.0)
    (folder / "bad.wav").write_bytes(b"no audio")
    study = collect([folder], calibrations=calibration(0.0), indicators="LAeq")
    assert "bad.wav could not be measured" in study.warnings[0]
    assert set(study.table["stimulus"]) == set(STIMULI)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = session(tmp_path / "s")
    arguments = ["report", str(folder), "--indicators", "LAeq,LCeq", "--ears", "max", "--json"]
    assert main([*arguments, "--pdf"]) == 0
    result = json.loads(capsys.readouterr().out)
    page = folder / "derivatives" / "report.html"
    assert result["report"] == str(page)
    assert "higher ear" in page.read_text(encoding="utf-8")
    assert (folder / "derivatives" / "report.pdf").is_file()
    assert main(arguments) == 5
    assert main([*arguments, "--force"]) == 0


def test_command_with_folders(tmp_path: Path) -> None:
    folders = [str(plain(tmp_path / name, offset)) for name, offset in (("a", 0.0), ("b", 1.0))]
    assert main(["report", *folders, "--indicators", "LAeq"]) == 5
    file = tmp_path / "cal.json"
    write_json(file, SCHEMA, calibration(0.0).to_dict())
    named = [f"--calibration=a={file}", f"--calibration=b={file}"]
    assert main(["report", *folders, "--indicators", "LAeq", *named]) == 0
    assert (tmp_path / "derivatives" / "report.html").is_file()
    mixed = [f"--calibration={file}", f"--calibration=b={file}"]
    assert main(["report", *folders, *mixed, "--force"]) == 2


def test_a_command_builds_its_document_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [str(plain(tmp_path / name, offset)) for name, offset in (("a", 0.0), ("b", 1.0))]
    write_json(tmp_path / "c.json", SCHEMA, calibration(0.0).to_dict())
    built: list[Document] = []

    def counted(title: str, subtitle: str, sections: tuple[Section, ...]) -> Document:
        built.append(Document(title, subtitle, sections))
        return built[-1]

    monkeypatch.setattr("soundcal.report.study.Document", counted)
    out = tmp_path / "out"
    given = ["--calibration", str(tmp_path / "c.json"), "--indicators", "LAeq", "--no-cache"]
    written = ["--out", str(out), "--pdf", "--figures", "svg", "--json"]
    assert main(["report", *folders, *given, *written]) == 0
    assert (out / "report.html").exists()
    assert (out / "report.pdf").exists()
    assert list((out / "figures").glob("*.svg"))
    assert len(built) == 1
    table, page = str(out / "indicators.csv"), tmp_path / "page.html"
    written = ["--out", str(tmp_path / "compared"), "--report", str(page)]
    assert main(["compare", table, *written]) == 0
    assert page.exists()
    assert (tmp_path / "compared" / "report.html").exists()
    assert len(built) == 2


def test_the_remarks_of_a_comparison_and_the_flags_of_takes_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = plain(tmp_path / "a", 0.0, (*STIMULI, "X")), plain(tmp_path / "b", 1.0)
    silent = np.stack([0.1 * TONE, 0.0 * TONE])
    for folder in (one, two):
        audio.write(folder / "dead.wav", silent, FS, subtype="FLOAT")
    write_json(tmp_path / "cal.json", SCHEMA, calibration(0.0).to_dict())
    command = ["report", str(one), str(two), "--indicators", "LAeq", "--json"]
    assert main([*command, f"--calibration={tmp_path / 'cal.json'}"]) == 0
    found = capsys.readouterr()
    result = json.loads(found.out)
    assert any("left out: X" in text for text in result["warnings"])
    assert any("The same audio under 2 names" in text for text in result["warnings"])
    assert "right: every sample is exactly zero" in " ".join(result["flags"][str(one / "dead.wav")])
    for text in (*result["warnings"], *result["flags"][str(one / "dead.wav")]):
        assert text in found.err


def test_indicators_are_computed_anew_if_the_record_of_a_take_says_something_else(
    tmp_path: Path,
) -> None:
    folder = session(tmp_path / "s")
    measured: list[str] = []

    def again() -> None:
        measured.clear()
        collect(
            [folder], indicators="LAeq", progress=lambda done, name, total: measured.append(name)
        )

    again()
    again()
    assert measured == []
    name = "rec-W01_ocv_run-1.json"
    edit(folder, name, capture=Capture(samples(0.0), FS, device="other").to_dict())
    again()
    assert measured == ["rec-W01_ocv_run-1.wav"]


def test_one_method_of_a_session_is_reported_alone(tmp_path: Path) -> None:
    """Its takes are rows of their own, and nothing else is measured."""
    folder = session(tmp_path / "s", louder=(0.0, 1.0))
    study = collect(folder, methods=["hats"], indicators="LAeq", cache=False)
    assert not study.comparisons
    assert {source.condition for source in study.sources} == {"hats"}
    table = next(t for t in study_document(study).tables() if t.name == "values-la")
    assert [column.title for column in table.columns] == ["Recording", "Take", "left", "right"]
    louder = {row[:2]: row[2] for row in table.rows}
    assert len(louder) == 2 * len(STIMULI)
    for stimulus in STIMULI:
        assert louder[stimulus, "2"] - louder[stimulus, "1"] == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(ParameterError, match="no method 'absent'"):
        collect(folder, methods=["absent"], indicators="LAeq", cache=False)
