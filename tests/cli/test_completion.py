"""Tab completion, as the shells ask for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soundcal.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_of_every_shell_is_printed(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    assert "soundcal" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("soundcal mea", {"measure"}),
        ("soundcal measure --ind", {"--indicators"}),
        ("soundcal measure --field ", {"free", "diffuse", "eardrum"}),
        ("soundcal calibrate --method o", {"ocv"}),
    ],
)
def test_bash_completes_commands_options_and_choices(
    line: str, offered: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", "bash"]) == 0
    (tmp_path / "completion.sh").write_text(capsys.readouterr().out)
    command = tmp_path / "soundcal"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m soundcal "$@"\n')
    command.chmod(0o755)
    (tmp_path / "soundcal.toml").write_text('[measure]\nfield = "free"\n')
    asked = f"""
        source completion.sh
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_TYPE=9 COMP_WORDBREAKS=$' \\t\\n'
        read -ra COMP_WORDS <<< {line!r}
        _python_argcomplete soundcal
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    found = subprocess.run(
        ["bash", "-c", asked],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        timeout=60,
    )
    assert {word.strip() for word in found.stdout.split()} == offered, found.stderr
