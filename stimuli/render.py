"""Renders the catalogue beside this file into ``rendered/`` and refreshes its checksums.

Usage: ``python stimuli/render.py [ID …]``. Run it after you add or change an entry, then review the
new checksums and commit them with the entry. If a checksum changes although its entry did not, the
arithmetic has changed, and stored results belong to other stimuli than those rendered now; this
must not happen within a major version.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path

from soundcal.files import audio
from soundcal.stimuli import digest, load_catalogue, render, select

FOLDER = Path(__file__).resolve().parent
CATALOGUE = FOLDER / "catalogue.toml"


def main(ids: list[str]) -> None:
    """Render and write every stimulus, or some of them, and enter their checksums."""
    text = CATALOGUE.read_text(encoding="utf-8")
    (FOLDER / "rendered").mkdir(exist_ok=True)
    for stimulus in select(load_catalogue(CATALOGUE), ids):
        samples = render(replace(stimulus, sha256=""))
        found = digest(samples)
        if found != stimulus.sha256:
            sys.stdout.write(f"{stimulus.id}: {stimulus.sha256[:8] or 'new'} -> {found[:8]}\n")
        entry = re.compile(rf'(id = "{re.escape(stimulus.id)}"\n(?:.+\n)*?sha256 = ")[^"]*')
        text = entry.sub(rf"\g<1>{found}", text)
        path = FOLDER / "rendered" / f"{stimulus.id}.wav"
        audio.write(path, samples, 48000, comment=f"stimulus {stimulus.id}", force=True)
    CATALOGUE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
