"""Damaged bytes and exchanged values, for everything that reads a file."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from soundcal.calibration.model import Calibration, Chain, Link, new_calibration
from soundcal.errors import SoundcalError

FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Return a function that damages bytes at one to four places."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["change", "cut", "double", "insert", "end"]),
                st.floats(0.0, 1.0),
                st.integers(1, 64),
                st.binary(min_size=1, max_size=16),
            ),
            min_size=1,
            max_size=4,
        )
    )

    def damage(content: bytes) -> bytes:
        for kind, where, length, new in steps:
            at = int(where * len(content))
            piece = content[at : at + length]
            match kind:
                case "change":
                    content = content[:at] + new + content[at + len(new) :]
                case "cut":
                    content = content[:at] + content[at + length :]
                case "double":
                    content = content[:at] + piece + content[at:]
                case "insert":
                    content = content[:at] + new + content[at:]
                case "end":
                    content = content[:at]
        return content

    return damage


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON document."""
    found = [path]
    if isinstance(value, dict | list):
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in entries:
            found += places(inner, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def example_calibration() -> Calibration:
    links = (Link("calibrator", 20.0, 0.1, 9.0, source="certificate"), Link("gain", -3.0))
    chains = {"left": Chain(links), "right": Chain(links)}
    residuals = {"left": (0.01, -0.01), "right": (0.0,)}
    return new_calibration("calibrator", "input", chains, residuals=residuals)


def tried(read: Callable[[], Any]) -> None:
    with suppress(SoundcalError):
        read()
