"""Find the playback gain of every stimulus at the ears of a HATS.

Needs
    soundcard with two outputs and two inputs, headphones, HATS or ear simulators, sound calibrator
    that fits the ears.

    With equalize=FILE the stimuli are equalised for the headphones, whose response is in the file
    (headphones.json of headphone_response).

Steps
    1. Sound calibrator on each ear, several times.
    2. Headphones on the HATS: noise floor. For every stimulus: search for the common gain at which
       the energetic mean of both ears meets the target level.
    3. Sound calibrator on each ear again: drift.

Accepted
    if the ears drifted by no more than drift_limit and every target was met within the tolerance.
    The gains are in gains_hats.json and, in the published layout, in gains_hats.csv.
"""

from collections.abc import Mapping
from functools import partial

from soundcal.files.session import ExitStatus
from soundcal.lab import efforts, equalised_gains, steps
from soundcal.lab.effort import Effort
from soundcal.lab.gains import keep_hats_gains
from soundcal.lab.protocol import Bench, Value

SETTINGS = {
    **steps.DEVICE,
    **steps.CALIBRATOR,
    **steps.DRIFT,
    **steps.STIMULI,
    **steps.SEARCH,
    **equalised_gains.EQUALIZE,
}

check = equalised_gains.check_with_equalisation


def effort(settings: Mapping[str, Value]) -> Effort:
    """Return the time and the hands that a run takes."""
    return efforts.ears_effort(settings) * 2 + efforts.stimuli_effort(
        settings, takes=efforts.SEARCH_TAKES
    )


def run(bench: Bench) -> ExitStatus:
    """Carry out the steps."""
    if bench.settings.get("equalize"):
        bench.step("response", partial(equalised_gains.keep_equalisation, bench))
    bench.step(
        "calibrator on the ears, before", partial(steps.calibrate_ears, bench, "calibration_before")
    )
    equalisation = equalised_gains.kept_equalisation(bench)
    record: steps.Record = steps.record_by_search
    if equalisation is not None:
        record = partial(equalised_gains.record_by_equalised_search, equalisation)
    steps.with_headphones_on(bench, record)
    bench.step(
        "calibrator on the ears, after", partial(steps.calibrate_ears, bench, "calibration_after")
    )
    about = None if equalisation is None else equalisation.record
    bench.step("table of gains", partial(keep_hats_gains, bench, equalisation=about))
    return steps.conclude(bench)
