"""``python -m soundcal`` is the same as the command ``soundcal``."""

import sys

from soundcal.isolation import working_folder_left_out

if __name__ == "__main__":
    with working_folder_left_out():
        from soundcal.cli import main

        code = main()
    # CPython remembers a Ctrl-C that has passed through exec() of a text (as dataclasses do while a
    # module is imported) and would at last kill this process with SIGINT; another exec() forgets it
    exec("")
    sys.exit(code)
