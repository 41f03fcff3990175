"""Settings from soundcal.toml stand below the command line."""

from pathlib import Path

import pytest

from soundcal.cli import main
from soundcal.cli.settings import with_settings
from soundcal.errors import RecordError

SETTINGS = """
[record]
device = "sim:lab"
fs = 44100
allow_os_mixer = true
realtime = false

[protocol.run]
device = "sim:lab"

[protocol.run.x]
set = ["insertions=2", "drift_limit=0.1"]
"""


def test_options_of_the_command_come_before_the_given_ones(tmp_path: Path) -> None:
    (tmp_path / "soundcal.toml").write_text(SETTINGS)
    assert with_settings(["record", "--fs", "48000", "a.wav"], tmp_path) == [
        "record",
        "--device=sim:lab",
        "--fs=44100",
        "--allow-os-mixer",
        "--fs",
        "48000",
        "a.wav",
    ]
    assert with_settings(["protocol", "run", "x"], tmp_path) == [
        "protocol",
        "run",
        "x",
        "--device=sim:lab",
        "--set=insertions=2",
        "--set=drift_limit=0.1",
    ]
    assert with_settings(["protocol", "run", "y"], tmp_path) == [
        "protocol",
        "run",
        "--device=sim:lab",
        "y",
    ]


def test_indicators_of_the_command_line_replace_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "soundcal.toml").write_text(
        '[measure]\nindicators = "LAeq,N5"\nfield = "diffuse"\n'
    )
    kept = ["measure", "--field=diffuse"]
    for given in (["--indicators", "S5"], ["--indicators=S5"], ["--ind", "S5"]):
        assert with_settings(["measure", "a.wav", *given], tmp_path) == [*kept, "a.wav", *given]
    other = ["measure", "--indicators=LAeq,N5", "--field=diffuse", "a.wav"]
    assert with_settings(["measure", "a.wav"], tmp_path) == other


def test_other_commands_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    assert with_settings(["record"], tmp_path) == ["record"]
    (tmp_path / "soundcal.toml").write_text(SETTINGS)
    for arguments in (["devices"], ["--help"], []):
        assert with_settings(arguments, tmp_path) == arguments


@pytest.mark.parametrize("content", ["[record\n", "[record]\nfs = 2020-01-01\n", "record = 3\n"])
def test_what_is_no_settings_file_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "soundcal.toml").write_text(content)
    with pytest.raises(RecordError, match=r"soundcal\.toml"):
        with_settings(["record"], tmp_path)


def test_a_table_of_no_command_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("soundcal.toml").write_text("[calibrat]\nlevel = 114\n")
    assert main(["stimuli"]) == 5
    assert "[calibrat] is not a command; there are demo, devices, " in capsys.readouterr().err


def test_an_error_in_the_settings_names_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = '[measure]\nfield = "open"\n[protocol.run]\nseed = "x"\n'
    (tmp_path / "soundcal.toml").write_text(text)
    with pytest.raises(SystemExit, match="2"):
        main(["measure", "a.wav"])
    assert "'open'" in (said := capsys.readouterr().err)
    assert "(--field is set in soundcal.toml)" in said
    with pytest.raises(SystemExit, match="2"):
        main(["protocol", "run", "hats_headphones"])
    assert "(--seed is set in soundcal.toml)" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["measure", "a.wav", "--field=ajar"])
    assert "soundcal.toml)" not in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "measure" in capsys.readouterr().out
