"""Compare ways of calibrating headphones: by open-circuit voltage (OCV) and on a HATS.

The study of Lam et al. (2022, arXiv 2205.04728 and 2207.12899) for one combination of soundcard and
headphones. Every stimulus has a target level, the level it had in situ. Its playback gain is found
by each of the chosen methods, and the stimulus is recorded at the ears of a head and torso
simulator (HATS) with each gain. The setting methods names them:

    ocv   open-circuit voltage, and the sensitivity of the headphones in their data sheet
    ocv+  the same with published curves: impedance and response of the headphones over frequency
    hats  search at the ears of the HATS
    eq    the same with every stimulus equalised for the headphones, whose response is measured on
          the HATS over several seatings

Needs
    soundcard with two outputs (headphones) and two inputs (ears), headphones, HATS or ear
    simulators, sound calibrator that fits the ears; for ocv and ocv+ a true-rms voltmeter and the
    headphones' data sheet (impedance, sensitivity), for ocv+ also the output impedance of the
    soundcard and files with the published curves (the simulated lab has all of these).

Steps
    1. Sound calibrator on each ear, several times: the ears' sensitivities.
    2. For ocv and ocv+: headphones unplugged, voltage of a 1 kHz tone at both outputs.
    3. For eq: headphones on the HATS several times, sweeps each time; the mean response of each ear
       is inverted.
    4. Headphones on the HATS once more; for eq, one sweep shows how flat they are as they sit. For
       every stimulus: play with the predicted gains and record; search for the gain at the ears and
       keep the accepted recording.
    5. Sound calibrator on each ear again: drift.
    6. Indicators, agreement of in-situ with every method, report in the session's folder
       derivatives.

Accepted
    if the ears drifted by no more than drift_limit and the search met the target of every stimulus
    within its tolerance. Otherwise the session ends as "out of tolerance", and the report lists the
    targets that were missed.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from soundcal.files.session import ExitStatus
from soundcal.lab import efforts, methods, steps
from soundcal.lab.effort import Effort
from soundcal.lab.operator import telling
from soundcal.lab.protocol import Bench, Setting, Value

SETTINGS = {
    **steps.DEVICE,
    **steps.CALIBRATOR,
    **steps.DRIFT,
    **{name: replace(setting, required=False) for name, setting in steps.HEADPHONES.items()},
    **steps.STIMULI,
    **steps.SEARCH,
    **methods.METHODS,
    "indicators": Setting("", "", "indicators, separated by commas; empty: those of the study"),
    "report": Setting(True, "", "compute indicators and write the report at the end"),
}

check = methods.check_methods


def effort(settings: Mapping[str, Value]) -> Effort:
    """Return the time and the hands that a run takes."""
    ears = efforts.ears_effort(settings) * 2
    report = Effort(report=bool(settings["report"]))
    return ears + methods.methods_effort(settings) + report


def run(bench: Bench) -> ExitStatus:
    """Carry out the steps."""
    if len(steps.selected_stimuli(bench.settings)) == 1:
        bench.operator.tell(
            "one stimulus: its levels are reported, but no agreement, which needs two or more"
        )
    bench.step(
        "calibrator on the ears, before", partial(steps.calibrate_ears, bench, "calibration_before")
    )
    methods.prepare_methods(bench)
    methods.record_with_methods(bench, steps.record_in_situ)
    bench.step(
        "calibrator on the ears, after", partial(steps.calibrate_ears, bench, "calibration_after")
    )
    methods.keep_efforts(bench)
    status = steps.conclude(bench)
    if bench.settings["report"]:
        bench.step("indicators, agreement, report", partial(_report, bench))
    return status


def _report(bench: Bench) -> None:
    """Write indicators, agreement and report of this session."""
    from soundcal.report import write_report
    from soundcal.study import collect

    wanted = steps.names_in(str(bench.settings["indicators"]))
    folder = bench.session.folder
    measured = telling(bench.operator, "indicators", "recordings")
    study = collect([folder], indicators=wanted or None, progress=measured)
    drawn = telling(bench.operator, "report", "figures")
    path = write_report(study, folder / "derivatives", force=True, progress=drawn)
    bench.operator.tell(f"  report: {path}")
