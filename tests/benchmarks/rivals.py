"""Time rivals in a Python of their own; ``run.py --python`` talks to it.

The first line on stdout is a JSON object of libraries and versions. For each line ``[library,
analysis, file of samples]`` on stdin the processor time in s of one call follows.
"""

import contextlib
import importlib
import json
import sys
import time
import warnings
from importlib import metadata
from typing import Final

import numpy as np

FS: Final = 48000
FUNCTIONS: Final = {
    ("metasona", "loudness and tonality"): "ecma_tonal_analysis",
    ("metasona", "roughness"): "roughness_ecma",
    ("phonometry", "loudness"): "loudness_ecma",
    ("phonometry", "roughness"): "roughness_ecma",
    ("phonometry", "fluctuation strength"): "fluctuation_strength_ecma",
}


def main() -> None:
    """Answer until stdin ends."""
    versions = {}
    for library in sorted({library for library, _ in FUNCTIONS}):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[library] = metadata.version(library)
    print(json.dumps(versions), flush=True)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        library, analysis, path = json.loads(line)
        function = getattr(importlib.import_module(library), FUNCTIONS[library, analysis])
        x = np.load(path)
        start = time.process_time()
        function(x, FS)
        print(json.dumps(time.process_time() - start), flush=True)


if __name__ == "__main__":
    main()
