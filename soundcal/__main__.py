"""``python -m soundcal`` is the same as the command ``soundcal``."""

import sys

from soundcal.cli import main

if __name__ == "__main__":
    code = main()
    # CPython remembers a Ctrl-C that has passed through exec() of a text (as dataclasses do while a
    # module is imported) and would at last kill this process with SIGINT; another exec() forgets it
    exec("")
    sys.exit(code)
