"""One name, one meaning: a public class or function has a name of its own."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "soundcal"

SHARED = {
    "add": "every command of cli/ adds itself to the parser by it",
    "main": "the command, and the process that owns PortAudio",
    "run": "every command of cli/ and every protocol is run by it",
    "rows": "every family of verification/ gives its rows by it",
    "rates": "every family of verification/statistics/ gives its rates by it",
    "calibrate": "the methods of calibration/ have one verb; the package names them apart",
    "calibrate_ears": "the laboratory's procedure, and the protocols' step that carries it out",
    "loudness_zwst": "MoSQITo answers to the same names as soundcal",
    "loudness_zwtv": "the same",
    "roughness_dw": "the same",
    "sharpness_din_st": "the same",
    "sharpness_din_tv": "the same",
}
"""Names that several modules define on purpose, and the purpose."""

SHARED_CLASSES = {
    "Block": "a piece of a running stream, and a part of a listening test: its usual name there",
    "Response": "the responses of a soundcard in its test, and one between two reference points",
    "Study": "recordings that are compared, and a listening test: people call both a study",
}
"""The same of classes, which are imported from packages of their own."""


def homes(kind: type[ast.ClassDef] | type[ast.FunctionDef]) -> dict[str, set[str]]:
    """Return the modules that define each public class or function at their top level."""
    found = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, kind) and not node.name.startswith("_"):
                found[node.name].add(str(path.relative_to(PACKAGE)))
    return dict(found)


def test_public_classes_share_a_name_only_on_purpose() -> None:
    found = homes(ast.ClassDef)
    assert len(found) > 100
    assert {name for name, modules in found.items() if len(modules) > 1} == set(SHARED_CLASSES)


def test_public_functions_share_a_name_only_on_purpose() -> None:
    found = homes(ast.FunctionDef)
    assert len(found) > 300
    assert {name for name, modules in found.items() if len(modules) > 1} == set(SHARED)


def test_no_package_gives_a_name_that_a_module_of_it_has() -> None:
    # importing the module would replace the name by the module
    both = {}
    for path in sorted(PACKAGE.rglob("__init__.py")):
        names = {name for node in ast.parse(path.read_text("utf-8")).body for name in listed(node)}
        inside = {module.stem for module in path.parent.iterdir()}
        both[str(path.parent.relative_to(PACKAGE))] = names & inside
    assert {package: names for package, names in both.items() if names} == {}


def listed(node: ast.stmt) -> list[str]:
    """Return the names of ``__all__``."""
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return [str(name) for name in ast.literal_eval(node.value)]
    return []
