"""Check what a wheel holds: everything a user needs and nothing a developer left lying about.

Usage: python tests/check_wheel.py WHEEL
"""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "soundcal" / "guide"
LISTENING = ROOT / "soundcal" / "listening"
NEEDED = (
    *(path.relative_to(ROOT).as_posix() for path in GUIDE.glob("**/*.md")),
    *(path.relative_to(ROOT).as_posix() for path in GUIDE.glob("figures/*.png")),
    *(path.relative_to(ROOT).as_posix() for path in GUIDE.glob("notebooks/*.ipynb")),
    *(path.relative_to(ROOT).as_posix() for path in LISTENING.glob("languages/*.toml")),
    *(path.relative_to(ROOT).as_posix() for path in LISTENING.glob("templates/*.toml")),
    "soundcal/listening/pages/base.html",
    "soundcal/listening/pages/listening.css",
    "soundcal/listening/pages/listening.js",
    "soundcal/listening/pages/sheets.html",
    "soundcal/py.typed",
    "soundcal/_shipped/stimuli/catalogue.toml",
    "soundcal/_shipped/protocols/compare_methods.py",
    "soundcal/_shipped/protocols/hats_headphones.py",
    "soundcal/_shipped/protocols/headphone_response.py",
    "soundcal/_shipped/protocols/listening_session.py",
    "soundcal/_shipped/protocols/microphone_check.py",
    "soundcal/_shipped/protocols/ocv_headphones.py",
    "soundcal/_shipped/schema/calibration.schema.json",
    "soundcal/_shipped/schema/study.schema.json",
)
LIMIT = 7_000_000
"""Bytes; code, guide and pictures have 5.4 million, an audio file left lying has some more."""


def problems(wheel: str) -> list[str]:
    """Return what is wrong with the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        size = sum(entry.file_size for entry in archive.infolist())
    found = [f"missing: {name}" for name in NEEDED if name not in names]
    if not any(name.startswith("soundcal/report/templates/") for name in names):
        found.append("missing: the templates of the report")
    tops = {name.split("/")[0] for name in names}
    stray = {top for top in tops if top != "soundcal" and not top.endswith(".dist-info")}
    found += [f"stray: {top}" for top in sorted(stray)]
    found += [f"stray: {name}" for name in names if name.endswith((".wav", ".pyc"))]
    if size > LIMIT:
        found.append(f"{size} bytes; at most {LIMIT} are expected")
    return found


if __name__ == "__main__":
    complaints = problems(sys.argv[1])
    sys.exit("\n".join(complaints) or None)
