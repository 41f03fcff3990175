"""Names of a package that are loaded on first use (PEP 562), so that importing it stays cheap.

An ``__init__`` holds a docstring and names, never code::

    if TYPE_CHECKING:
        from soundcal.errors import SoundcalError
    else:
        __getattr__, __dir__ = on_first_use(__name__, {"SoundcalError": "errors"})

    __all__ = ["SoundcalError"]

Type checkers and editors read the imports, Python reads the table, and a test holds them and
``__all__`` equal. A name must not be that of a submodule: importing the submodule would replace it.
``dir`` shows the names and the submodules, and nothing else; a submodule is imported when it is
first used.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules

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
    module = sys.modules[package]
    namespace = vars(module)

    def load(name: str) -> object:
        if name not in table and name not in rooms():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if name not in table:
            return import_module(f"{package}.{name}")
        home, _, original = table[name].partition(":")
        value = getattr(import_module(f"{package}.{home}"), original or name)
        namespace[name] = value
        return value

    def rooms() -> list[str]:
        found = (name for _, name, _ in iter_modules(module.__path__))
        return [name for name in found if name[:1] != "_"]

    def names() -> list[str]:
        return sorted({*namespace.get("__all__", ()), *table, *rooms()})

    return load, names
