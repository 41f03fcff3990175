"""The order of the measurements of a qualification, and its verdicts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from soundcal.devices import AudioDevice
from soundcal.errors import ParameterError
from soundcal.qualification import measurements as measure
from soundcal.qualification.assessment import assess
from soundcal.qualification.limits import merged
from soundcal.qualification.measurements import Loop, OnProgress
from soundcal.qualification.results import Qualification, QualificationPlan
from soundcal.recording import utc_now

__all__ = ["qualify"]

_HEADROOM_DB: Final = 1.0
_LOWEST_DB: Final = -60.0


def qualify(
    device: AudioDevice,
    *,
    outputs: Sequence[int] = (1, 2),
    inputs: Sequence[int] = (1, 2),
    plan: QualificationPlan | None = None,
    os_mixer_allowed: bool = False,
    on_progress: OnProgress | None = None,
) -> Qualification:
    """Measure and judge a device whose outputs are cabled to its inputs.

    Parameters
    ----------
    device : AudioDevice
        An opened device.
    outputs, inputs : sequence of int
        Channels from 1; the first output is cabled to the first input, and so on.
    plan : QualificationPlan, optional
        Level and length of the test.
    os_mixer_allowed : bool
        Accept the operating system's mixer in the signal path without a verdict.
    on_progress : callable, optional
        Called with the seconds of sound done, out of ``plan.seconds``, and the name of the present
        measurement.

    Returns
    -------
    Qualification
        All measurements and verdicts. Swapped cables are found and reported; the measurements are
        made as if the cables were right.

    Raises
    ------
    ParameterError
        The numbers of outputs and inputs differ.
    SignalError
        No input hears one of the outputs; nothing louder than -40 dBFS has been played by then.
    DeviceUnavailable
        As for every take.
    StreamError
        Takes broke off, or their delay was not found, more than three times.
    """
    plan = plan or QualificationPlan()
    if len(outputs) != len(inputs):
        raise ParameterError(
            f"{len(outputs)} outputs for {len(inputs)} inputs: one input per output is expected"
        )
    started = utc_now()
    loop = Loop(device, tuple(outputs), tuple(inputs), on_progress)
    gain, swapped = measure.wiring(loop)
    level = max(_LOWEST_DB, min(plan.level, -_HEADROOM_DB - float(gain.max())))
    played = replace(plan, level=level)
    noise = measure.idle_noise(loop)
    response = measure.responses(loop, level, noise.offset)
    tones = tuple(measure.distortion(loop, at) for at in played.tone_levels)
    dynamic = measure.distortion(loop, measure.DYNAMIC_DB)
    linearity = measure.level_linearity(loop, played, noise)
    drift = measure.clocks(loop, played)
    stability = measure.level_over_time(loop, played) if plan.pieces else None
    found = Qualification(
        device=device.info,
        fs=device.fs,
        outputs=loop.outputs,
        inputs=loop.inputs,
        swapped=swapped,
        broken=tuple(loop.broken),
        plan=plan,
        level=level,
        started=started,
        response=response,
        noise=noise,
        distortion=tones,
        dynamic=dynamic,
        linearity=linearity,
        timing=loop.timing(drift),
        stability=stability,
        checks=merged(loop.checks),
    )
    judged = assess(found, os_mixer_allowed=os_mixer_allowed)
    return replace(found, checks=(*judged, *found.checks))
