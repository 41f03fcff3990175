"""``soundcal devices --test``: test a device whose outputs are cabled to its inputs."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soundcal.cli.device_options import channel_list, open_from
from soundcal.cli.output import print_json, progress, say, show

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice
    from soundcal.qualification import Qualification, QualificationPlan

__all__ = ["add_test_options", "run_test"]

_SCHEMA: Final = "soundcal/qualification/2"
_FAILED: Final = 4
_PATHS: Final[dict[str, tuple[int, ...]]] = {"soundcard": (1, 2), "simulated": (3, 4)}


def add_test_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``--test``."""
    group = parser.add_argument_group("test (with --test)")
    group.add_argument(
        "--outputs", type=channel_list, default=(1, 2), metavar="N,N", help="output channels (1,2)"
    )
    group.add_argument(
        "--inputs",
        type=channel_list,
        metavar="N,N",
        help="input channels that the outputs are cabled to, in the same order (1,2; simulated "
        "lab: its line inputs, 3,4)",
    )
    group.add_argument(
        "--level",
        type=float,
        default=-6.0,
        metavar="DBFS",
        help="highest level of the test signals, dBFS (full-scale sine = 0); default -6; with -1 "
        "the converters are tested nearly up to full scale",
    )
    group.add_argument(
        "--minutes",
        type=float,
        default=1.0,
        metavar="N",
        help="time for which the stability of the level is watched, min (1); 0 leaves it out",
    )
    group.add_argument(
        "--plays",
        type=int,
        default=5,
        metavar="N",
        help="plays of the noise for delay and clocks (5)",
    )
    group.add_argument("--out", "-o", type=Path, metavar="HTML", help="write a page with plots")
    group.add_argument("--force", action="store_true", help="replace an existing page")
    group.add_argument("--yes", action="store_true", help="do not prompt: the cables are connected")


def run_test(options: argparse.Namespace) -> int:
    """Test the device; the results are written before the verdict ends the command."""
    from soundcal.files.atomic import check_output
    from soundcal.files.records import provenance
    from soundcal.qualification import QualificationPlan, qualify

    plan = QualificationPlan(level=options.level, minutes=options.minutes, plays=options.plays)
    if options.out:
        check_output(options.out, force=options.force)
    with open_from(options) as device:
        inputs = options.inputs or _PATHS[device.info.kind]
        _prepare(options, device, plan, inputs)
        with progress("testing", plan.seconds(len(options.outputs)), unit="s") as advance:
            found = qualify(
                device,
                outputs=options.outputs,
                inputs=inputs,
                plan=plan,
                os_mixer_allowed=options.allow_os_mixer,
                on_progress=advance,
            )
    if options.out:
        from soundcal.report import write_document
        from soundcal.report.qualification import qualification_document

        write_document(qualification_document(found), options.out, force=options.force)
        say(f"report in {options.out}")
    if options.json:
        print_json(_SCHEMA, {"software": provenance(), **found.to_dict()})
    else:
        for line in _lines(found):
            show(line)
    _tell(found, plan)
    return 0 if found.verdict == "pass" else _FAILED


def _prepare(
    options: argparse.Namespace,
    device: "AudioDevice",
    plan: "QualificationPlan",
    inputs: tuple[int, ...],
) -> None:
    """Ensure that nothing but cables is connected to the outputs before anything is played."""
    from soundcal.cli.operators import TerminalOperator
    from soundcal.devices.simulated.lab import SimulatedLab

    if isinstance(device, SimulatedLab):
        device.remove_headphones()
        return
    cables = ", ".join(f"{o} to {i}" for o, i in zip(options.outputs, inputs, strict=False))
    say(
        f"WARNING: test signals of up to {_dbfs(plan.level)} will be played for "
        f"{plan.seconds(len(inputs)) / 60:.1f} minutes: they can damage hearing and loudspeakers."
    )
    if options.yes:
        return
    operator = TerminalOperator(hint="cable everything beforehand and give --yes")
    operator.confirm(
        "Unplug headphones and loudspeakers, turn phantom power and direct monitoring off, and "
        f"cable outputs to inputs: {cables}"
    )


def _dbfs(level: float) -> str:
    return f"{level:.4g} dBFS".replace("-", "−")


def _lines(found: "Qualification") -> list[str]:
    """Return one line per property, with the values of all paths."""
    from soundcal.qualification.limits import overall
    from soundcal.report.qualification import by_property, number_text

    lines = []
    for name, checks in by_property(found):
        limit, unit = checks[0].limit, checks[0].unit
        told = "" if limit is None else f"  ({limit.text})"
        values = ", ".join(f"{check.channel} {number_text(check)}".strip() for check in checks)
        lines.append(f"{overall(checks):<8} {name:<36} {values} {unit}".rstrip() + told)
    return lines


def _tell(found: "Qualification", plan: "QualificationPlan") -> None:
    if found.level < plan.level:
        say(
            f"the inputs are near full scale at {_dbfs(plan.level)}: the highest level played was "
            f"{_dbfs(found.level)}; turn the input gain down to test at a higher level"
        )
    for check in found.checks:
        if check.verdict != "pass":
            say(f"{check.verdict}: {check.reason}")
    passed = sum(check.verdict == "pass" for check in found.checks)
    say(
        f"verdict: {found.verdict} ({passed} of {len(found.checks)} checks passed, test signals up "
        f"to {_dbfs(found.level)})"
    )
