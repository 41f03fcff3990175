"""``soundcal stimuli``: list the stimuli of a catalogue, and render them to files."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.output import print_json, progress, say, show

if TYPE_CHECKING:
    from soundcal.stimuli import Stimulus

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "stimuli", help="list the stimuli of a catalogue, or render them to files"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="ids, kinds, durations and target levels")
    _common(listing)
    listing.set_defaults(run=run_list)
    rendering = actions.add_parser("render", help="write stimuli as 24-bit WAV files")
    _common(rendering)
    rendering.add_argument("ids", nargs="*", metavar="ID", help="stimuli (default: all)")
    rendering.add_argument(
        "--out", type=Path, default=Path("stimuli-rendered"), metavar="DIR", help="folder to write"
    )
    rendering.add_argument(
        "--fs", type=int, default=48000, metavar="HZ", help="sampling rate, Hz (default 48000)"
    )
    rendering.add_argument(
        "--duration", type=float, metavar="S", help="duration, s (default: that of the catalogue)"
    )
    rendering.add_argument("--force", action="store_true", help="overwrite existing files")
    rendering.set_defaults(run=run_render)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="your own catalogue (TOML)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run_list(options: argparse.Namespace) -> int:
    """List the stimuli."""
    from soundcal.stimuli import load_catalogue

    catalogue = load_catalogue(options.catalogue)
    if options.json:
        print_json("soundcal/stimuli/1", {"stimuli": [_about(s) for s in catalogue.values()]})
        return 0
    width = max(len(name) for name in catalogue)
    for s in catalogue.values():
        show(
            f"{s.id:{width}}  {s.kind:6} {s.duration:5.1f} s {s.level:5.1f} dB({s.weighting})"
            f"  {s.title}"
        )
    return 0


def run_render(options: argparse.Namespace) -> int:
    """Render the stimuli; refuse existing files before anything is computed."""
    from soundcal.files import audio
    from soundcal.files.atomic import check_output, make_folder
    from soundcal.recording import counted
    from soundcal.stimuli import file_flags, load_catalogue, render, select

    chosen = select(load_catalogue(options.catalogue), options.ids)
    folder: Path = options.out
    paths = [folder / f"{s.id}.wav" for s in chosen]
    make_folder(folder)
    for path in paths:
        check_output(path, force=options.force)
    written: list[dict[str, Any]] = []
    with progress("rendering", len(chosen), unit="stimuli") as advance:
        for done, (stimulus, path) in enumerate(zip(chosen, paths, strict=True)):
            advance(done, stimulus.id)
            samples = render(stimulus, fs=options.fs, duration=options.duration)
            digest = audio.write(
                path, samples, options.fs, comment=f"stimulus {stimulus.id}", force=options.force
            )
            for flag in file_flags(stimulus):
                say(f"{stimulus.id}: {flag}")
            written.append({"id": stimulus.id, "file": str(path), "sha256": digest})
    if options.json:
        print_json("soundcal/rendered/1", {"fs": options.fs, "files": written})
    say(f"{counted(len(written), 'stimulus', 'stimuli')} written to {folder}")
    return 0


def _about(stimulus: "Stimulus") -> dict[str, Any]:
    from dataclasses import fields

    return {f.name: getattr(stimulus, f.name) for f in fields(stimulus) if f.name != "folder"}
