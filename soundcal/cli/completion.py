"""``soundcal completion``: tab completion of commands and options in a shell."""

import argparse
from typing import Any, Final

from soundcal.cli.output import show

__all__ = ["add"]

_SHELLS: Final = ("bash", "zsh", "fish", "powershell")

_EPILOG: Final = """\
For this shell only:
  bash        eval "$(soundcal completion bash)"
  zsh         eval "$(soundcal completion zsh)"
  fish        soundcal completion fish | source
  PowerShell  soundcal completion powershell | Out-String | Invoke-Expression
To have it always, put that line into ~/.bashrc, ~/.zshrc, ~/.config/fish/config.fish, or the file
that $PROFILE names.
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "completion",
        help="tab completion for bash, zsh, fish or PowerShell",
        description="Print the script by which a shell completes commands, options and files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", choices=_SHELLS, metavar="SHELL", help=", ".join(_SHELLS))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    from argcomplete.shell_integration import shellcode

    for line in shellcode(["soundcal"], shell=options.shell).splitlines():
        show(line)
    return 0
