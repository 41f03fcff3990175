"""A calibration as text: sensitivities, uncertainties and their budget."""

import math
import textwrap
from typing import TYPE_CHECKING, Any, Final

from soundcal.units import AES17_OFFSET_DB, P_REF, db

if TYPE_CHECKING:
    from soundcal.calibration.model import Calibration, Chain

__all__ = ["COVERAGE", "budget_text", "sensitivities_text", "summary"]

COVERAGE: Final = 0.95
"""Coverage of the expanded uncertainties that are printed."""

_WIDTH: Final = 100
_SOURCE_WIDTH: Final = 40


def summary(calibration: "Calibration") -> dict[str, Any]:
    """Return sensitivity, expanded uncertainty and budget per channel, ready for JSON."""
    result: dict[str, Any] = {}
    for name, chain in calibration.chains.items():
        expanded, k = chain.expanded(COVERAGE)
        result[name] = {
            "pa_per_fs": calibration.sensitivity(name),
            "u_db": chain.u_db,
            "dof": chain.dof if math.isfinite(chain.dof) else None,
            "expanded_db": expanded,
            "k": k,
            "coverage": COVERAGE,
            "budget": chain.budget(),
        }
    return result


def sensitivities_text(calibration: "Calibration") -> str:
    """Return the calibration as text: its sensitivities with their expanded uncertainties."""
    what = {"input": "recorded", "output": "played"}[calibration.direction]
    lines = [
        f"{calibration.id}: {calibration.method}, {calibration.direction} "
        f"({what} samples to pascal)",
        f"device: {calibration.device}",
        *_short_lines(calibration),
    ]
    return "\n".join(lines) + "\n"


def budget_text(calibration: "Calibration") -> str:
    """Return the calibration as text: its sensitivities and their uncertainty budget."""
    lines = sensitivities_text(calibration).splitlines()
    for name, chain in calibration.chains.items():
        lines += ["", *_chain_lines(name, chain, calibration.sensitivity(name))]
        residuals = calibration.residuals.get(name, ())
        if len(residuals) > 1:
            spread = ", ".join(f"{value:+.3f}" for value in residuals)
            lines += textwrap.wrap(
                f"residuals: {spread} dB", _WIDTH, initial_indent="  ", subsequent_indent="    "
            )
    return "\n".join(lines) + "\n"


def _short_lines(calibration: "Calibration") -> list[str]:
    """Return the numbers that one needs first, one line per channel."""
    width = max(map(len, calibration.channels)) + 1
    lines = []
    for name, chain in calibration.chains.items():
        sensitivity, (expanded, _) = calibration.sensitivity(name), chain.expanded(COVERAGE)
        peak = db(sensitivity / P_REF)
        known = f", U = {expanded:.2f} dB" if expanded > 0 else ", uncertainty not stated"
        lines.append(
            f"{name + ':':{width}} {sensitivity:.5g} Pa per full scale{known}; full scale is "
            f"{peak:.2f} dB (peak), its sine {peak - AES17_OFFSET_DB:.2f} dB"
        )
    return lines


def _chain_lines(name: str, chain: "Chain", sensitivity: float) -> list[str]:
    expanded, k = chain.expanded(COVERAGE)
    dof = f"{chain.dof:.0f}" if chain.dof < 1000 else "infinite"
    known = (
        f"U = {expanded:.2f} dB ({100 * COVERAGE:.0f} %, k = {k:.2f}, {dof} degrees of freedom)"
        if expanded > 0
        else "uncertainty not stated"
    )
    lines = [
        f"{name}: {sensitivity:.5g} Pa per full scale ({chain.gain_db:.3f} dB re 1 Pa/FS), {known}",
        f"  {'influence':26}{'value':>9} {'unit':14}{'u / dB':>6}{'dof':>5}{'share':>6}  source",
    ]
    for row in chain.budget():
        degrees = "" if row["dof"] is None or row["dof"] > 999 else f"{row['dof']:.0f}"
        start = (
            f"  {row['name']:26}{row['gain_db']:>9.3f} {row['unit']:14}{row['u_db']:>6.3f}"
            f"{degrees:>5}{100 * row['share']:>5.0f}%  "
        )
        source = textwrap.wrap(row["source"], _SOURCE_WIDTH) or [""]
        lines += [start + source[0], *(" " * len(start) + rest for rest in source[1:])]
    return lines
