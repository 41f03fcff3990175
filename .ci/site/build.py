"""Build the site of soundcal: python .ci/site/build.py FOLDER.

The sources are the pages of the guide and a reference that is made of the packages' public names.
Needs the extra ``docs`` and no network; a warning is an error.
"""

import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Final

from sphinx.cmd.build import build_main

HERE: Final = Path(__file__).resolve().parent
GUIDE: Final = HERE.parents[1] / "soundcal" / "guide"
PACKAGES: Final = (
    "soundcal",
    "soundcal.recording",
    "soundcal.calibration.model",
    "soundcal.calibration.stated",
    "soundcal.devices",
    "soundcal.lab",
    "soundcal.files.audio",
    "soundcal.stimuli",
    "soundcal.indicators",
    "soundcal.agreement",
    "soundcal.study",
    "soundcal.ratings",
    "soundcal.relation",
    "soundcal.response",
    "soundcal.report",
    "soundcal.qualification",
    "soundcal.verification",
    "soundcal.units",
    "soundcal.errors",
)
"""Packages whose public names are described, in the order of the reference."""


def reference(packages: tuple[str, ...]) -> str:
    """Return the page of the reference; each name is described where it is listed first."""
    known: set[int] = set()
    parts = ["# Reference of the public names\n"]
    for package in packages:
        module = import_module(package)
        described = [n for n in module.__all__ if callable(getattr(module, n))]
        new = [name for name in described if id(getattr(module, name)) not in known]
        known |= {id(getattr(module, name)) for name in new}
        first = (module.__doc__ or "").partition("\n")[0]
        names = "\n".join(new)
        parts.append(
            f"## {package}\n\n{first}\n\n"
            f"```{{eval-rst}}\n.. currentmodule:: {package}\n\n"
            f".. autosummary::\n   :toctree: reference\n\n"
            + "".join(f"   {name}\n" for name in names.splitlines())
            + "```\n"
        )
    return "\n".join(parts)


def main(folder: str) -> int:
    """Build the site into a folder and return the exit code."""
    with tempfile.TemporaryDirectory() as made:
        sources = Path(made) / "sources"
        shutil.copytree(
            GUIDE, sources, ignore=shutil.ignore_patterns("*.py", "templates", "__pycache__")
        )
        (sources / "reference.md").write_text(reference(PACKAGES), encoding="utf-8")
        index = sources / "index.md"
        names = [page.stem for page in sorted(sources.glob("*.md")) if page != index]
        index.write_text(index.read_text("utf-8") + toctree(names), encoding="utf-8")
        return build_main(["-q", "-W", "--keep-going", "-c", str(HERE), str(sources), folder])


def toctree(names: list[str]) -> str:
    """Return the navigation: the pages in the order of the guide, then the reference."""
    from soundcal.guide.pages import guide_pages

    order = [page.name for page in guide_pages()]
    lines = "\n".join([*(name for name in order if name in names), "reference"])
    return f"\n```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{lines}\n```\n"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
