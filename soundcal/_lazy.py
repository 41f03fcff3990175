"""Names of a package that are loaded on first use (PEP 562), so that importing it stays cheap.

An ``__init__`` holds a docstring and names, never code::

    if TYPE_CHECKING:
        from soundcal.errors import SoundcalError
    else:
        __getattr__, __dir__ = on_first_use(__name__, {"SoundcalError": "errors"})

    __all__ = ["SoundcalError"]

Type checkers and editors read the imports, Python reads the table, and a test holds them and
``__all__`` equal. A name must not be that of a submodule: importing the submodule would replace it.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["on_first_use"]


def on_first_use(
    package: str, table: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Name of the package.
    table : mapping of str to str
        Public name to the module of the package that defines it, ``"module"``, or
        ``"module:name"`` where the package gives it another name.
    """
    namespace = vars(sys.modules[package])

    def load(name: str) -> object:
        if name not in table:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, original = table[name].partition(":")
        value = getattr(import_module(f"{package}.{module}"), original or name)
        namespace[name] = value
        return value

    def names() -> list[str]:
        private = {"TYPE_CHECKING", "on_first_use"}  # what the ``__init__`` itself needs
        shown = {name for name in {*namespace, *table} if name[:1] != "_" or name[:2] == "__"}
        return sorted(shown - private)

    return load, names
