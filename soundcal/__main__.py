"""``python -m soundcal`` is the same as the command ``soundcal``."""

import sys

from soundcal.cli import main

if __name__ == "__main__":
    sys.exit(main())
