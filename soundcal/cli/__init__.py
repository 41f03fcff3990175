"""Command line: parser, dispatch, exit codes."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.cli.command import main
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "main": "command",
        },
    )

__all__ = [
    "main",
]
