"""Sweeps: responses, noise and distortion of paths that are known."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from scipy.signal import butter, sosfilt, sosfreqz

from soundcal.arrays import Array
from soundcal.calibration import stated
from soundcal.errors import ParameterError, SignalError
from soundcal.response import ChannelResponse, Response, new_response
from soundcal.response.calibrated_inputs import at_inputs, by_substitution
from soundcal.response.deconvolution import Gate, deconvolve
from soundcal.response.distortion import harmonic_gains, total_harmonic_distortion
from soundcal.response.measurement import (
    MeasuredResponse,
    SweepTest,
    response_of_takes,
)
from soundcal.response.sweep import Sweep
from soundcal.units import db, from_db

FS = 48000
TAIL = 9600
SWEEP = Sweep(FS, duration=1.0)
TEST = SweepTest(SWEEP)


def measured(
    path: Callable[[Array], Array],
    *,
    takes: int = 1,
    noise: float = 0.0,
    test: SweepTest = TEST,
    seed: int = 1,
) -> MeasuredResponse:
    """Measure a path of one channel that adds white noise."""
    rng = np.random.default_rng(seed)
    played = np.pad(test.sweep.samples(), (0, TAIL))

    def take(x: Array) -> Array:
        return (path(x) + noise * rng.standard_normal(x.size))[np.newaxis]

    return response_of_takes(
        [take(played) for _ in range(takes)],
        take(np.zeros_like(played)),
        test,
        channels=("mono",),
        name="path",
    )


def echo(x: Array) -> Array:
    """A path with a gain of 0.5 and an echo of a fifth after 1 ms at 48 kHz."""
    y = 0.5 * x
    y[48:] += 0.1 * x[:-48]
    return y


def delayed(x: Array) -> Array:
    return np.concatenate([[0.0], x[:-1]])


@pytest.mark.parametrize("fs", [44100, 48000, 96000])
def test_the_response_of_a_known_path_is_found_at_every_rate(fs: int) -> None:
    test = SweepTest(Sweep(fs, duration=1.0))
    response = measured(echo, test=test).response
    assert (response.source_point, response.target_point) == ("FS", "FS")
    assert response.valid == (20.0, min(20000.0, 0.95 * 0.46 * fs))
    curve = response.channels["mono"]
    true = np.abs(0.5 + 0.1 * np.exp(-2j * np.pi * curve.frequency * 48 / fs))
    assert np.abs(curve.magnitude_db - db(true)).max() < 0.01
    assert response.conditions["unmet_limits"] == response.conditions["flags"] == []


@pytest.mark.parametrize("corner", [0.001, 5.0, 20.0, 50.0])
@pytest.mark.parametrize("order", [1, 2])
def test_low_frequencies_are_exact_with_and_without_a_high_pass(order: int, corner: float) -> None:
    sos = butter(order, corner, "highpass", fs=FS, output="sos")
    curve = measured(lambda x: sosfilt(sos, x)).response.channels["mono"]
    true = db(np.abs(sosfreqz(sos, curve.frequency, fs=FS)[1]))
    error = np.abs(curve.magnitude_db - true)
    assert error.max() <= 0.1
    assert error[(curve.frequency >= 100.0) & (curve.frequency <= 10000.0)].max() <= 0.02


def test_a_short_window_raises_the_lower_end() -> None:
    test = SweepTest(SWEEP, Gate(after=0.01))
    sos = butter(2, 50.0, "highpass", fs=FS, output="sos")
    response = measured(lambda x: sosfilt(sos, x), test=test).response
    assert response.valid[0] == response.channels["mono"].frequency[0] == 200.0
    assert response.conditions["flags"] == [
        "the response begins at 200 Hz, not 20 Hz: the window of 0.01 s is too short; 0.1 s are "
        "needed"
    ]
    curve = response.channels["mono"]
    true = db(np.abs(sosfreqz(sos, curve.frequency, fs=FS)[1]))
    assert np.abs(curve.magnitude_db - true).max() <= 0.1


def test_the_phase_is_that_of_the_path_and_not_of_the_window() -> None:
    curve = measured(lambda x: -delayed(x)).response.channels["mono"]
    assert curve.phase_deg is not None
    delay = -360.0 * curve.frequency / FS
    np.testing.assert_allclose(np.abs(curve.phase_deg - delay), 180.0, atol=0.05)


def test_the_impulse_response_begins_where_it_says() -> None:
    found = measured(echo)
    assert (found.first_sample, found.high_pass_hz) == (-240, 20.0)
    impulse = found.impulse[0]
    assert int(np.argmax(np.abs(impulse))) == 240
    assert impulse.size == 240 + 4800


def test_harmonics_of_a_polynomial_have_their_amplitudes() -> None:
    sweep = dataclasses.replace(SWEEP, level_dbfs=-6.0)
    x = np.pad(sweep.samples(), (0, TAIL))
    response = deconvolve(x + 0.01 * x**2 + 0.02 * x**3, sweep, 20.0)
    f, a = [50.0, 100.0, 1000.0, 3000.0], from_db(-6.0)
    assert 0.01 * a / 2 == pytest.approx(0.002506, rel=1e-3)  # as the specification has them
    assert 0.02 * a**2 / 4 == pytest.approx(0.001256, rel=1e-3)
    gains = partial(harmonic_gains, response, sweep, frequency=f, corner=20.0)
    np.testing.assert_allclose(gains(order=2), 0.002506, rtol=0.01)
    np.testing.assert_allclose(gains(order=3), 0.001256, rtol=0.01)
    assert gains(order=4).max() < 1e-5
    together = math.hypot(0.002506, 0.001256) / (1 + 0.02 * 0.75 * a**2)
    found = total_harmonic_distortion(response, sweep, f, corner=20.0)
    np.testing.assert_allclose(found, together, rtol=0.01)


def test_noise_is_not_taken_for_distortion_and_distortion_is_told() -> None:
    noisy = measured(echo, noise=1e-3).response
    assert max(noisy.conditions["distortion"]["mono"]) < 0.01
    bent = measured(lambda x: x + 0.5 * x**2).response
    found = bent.conditions["distortion"]["mono"]
    assert np.median(found) == pytest.approx(0.5 * from_db(-20.0) / 2, rel=0.01)
    assert "mono: harmonic distortion of 2." in bent.conditions["unmet_limits"][0]


def test_the_uncertainty_is_the_spread_of_repeated_measurements() -> None:
    noise, n = 2e-4, 12
    test = SweepTest(Sweep(FS, duration=0.3), Gate(after=0.02))
    for takes in (1, 4):
        curves = [
            measured(echo, noise=noise, takes=takes, test=test, seed=seed).response.channels["mono"]
            for seed in range(n)
        ]
        f = curves[0].frequency
        inner = (f > 1500.0) & (f < 9000.0)  # some 300 independent values
        spread = np.std([curve.magnitude_db[inner] for curve in curves], axis=0, ddof=1)
        stated_u = np.mean([curve.u_db[inner] for curve in curves], axis=0)
        ratio = np.sqrt(np.mean(spread**2) / np.mean(stated_u**2))
        assert ratio == pytest.approx(1.0, abs=0.1)


def test_a_range_without_enough_signal_is_not_valid() -> None:
    sos = butter(4, 300.0, "highpass", fs=FS, output="sos")
    response = measured(lambda x: sosfilt(sos, x), noise=3e-4).response
    assert 40.0 < response.valid[0] < 200.0
    assert response.valid[1] == 20000.0
    assert "at least 20 dB are needed" in response.conditions["unmet_limits"][0]
    with pytest.raises(SignalError, match="nothing but noise"):
        measured(np.zeros_like, noise=1e-3)
    with pytest.raises(SignalError, match="nothing of the sweep was recorded"):
        measured(np.zeros_like)


def test_takes_that_differ_are_not_averaged() -> None:
    x = np.pad(SWEEP.samples(), (0, TAIL))
    takes = [x[np.newaxis], delayed(x)[np.newaxis], 1.001 * x[np.newaxis]]
    response = response_of_takes(
        takes, np.zeros((1, x.size)), TEST, channels=("mono",), name="path"
    ).response
    assert response.channels["mono"].level(1000.0) == pytest.approx(db(1.0005), abs=1e-3)
    assert "1 of 3 takes not averaged" in response.conditions["flags"][0]
    noisy = measured(echo, takes=4, noise=0.01).response  # noise is what averages are for
    assert noisy.conditions["flags"] == []
    alone = measured(echo, noise=0.01).response
    better = np.array(noisy.conditions["snr_db"]["mono"]) - alone.conditions["snr_db"]["mono"]
    assert np.median(better) == pytest.approx(6.0, abs=1.0)
    with pytest.raises(SignalError, match="samples were lost"):
        deconvolve(x[:1000], SWEEP, 20.0)


def test_outputs_in_turn_keep_their_channels_apart() -> None:
    played = SWEEP.staggered(2)
    mixed = np.pad(played + 0.1 * played[::-1], ((0, 0), (0, TAIL))) * [[1.0], [0.5]]
    response = response_of_takes(
        [mixed], np.zeros_like(mixed), TEST, channels=("a", "b"), name="path", n_outputs=2
    ).response
    alone = measured(lambda x: x).response.channels["mono"].magnitude_db
    for name, gain in (("a", 1.0), ("b", 0.5)):
        level = response.channels[name].magnitude_db - db(gain)
        assert np.abs(level - alone).max() < 0.01
        assert max(response.conditions["distortion"][name]) < 0.01


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"duration": 0.1}, "0.2 s to 60 s"),
        ({"duration": math.nan}, "0.2 s to 60 s"),
        ({"low": 20000.0}, "at least an octave"),
        ({"high": 30000.0}, "at least an octave"),
        ({"level_dbfs": 1.0}, "-100 to 0 dBFS"),
    ],
)
def test_impossible_sweeps_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        dataclasses.replace(SWEEP, **wrong)


def test_impossible_ranges_and_windows_are_refused() -> None:
    with pytest.raises(ParameterError, match="begins above 11 Hz"):
        SweepTest(SWEEP, low=10.0)
    with pytest.raises(ParameterError, match="window of"):
        Gate(after=0.0)


# ---- from samples to pascal


def flat(source: str, target: str, level: float, **more: float) -> Response:
    curve = ChannelResponse([10.0, 1000.0, 24000.0], [level, 0.0, level], u_db=0.3)
    return new_response("r", source, target, "relative", {"mono": curve}, normalised_at=1000.0)


def test_calibrated_inputs_and_their_response_are_undone() -> None:
    raw = measured(lambda x: 0.5 * x).response
    calibration = stated.from_sensitivity({"mono": 20.0}, u_db=0.2)
    ears = flat("DRP", "FS", -2.0)
    found = at_inputs(raw, calibration, inputs=ears)
    assert (found.source_point, found.target_point, found.unit) == ("FS", "DRP", "dB re Pa/FS")
    curve = found.channel("mono")
    assert curve.level(1000.0) == pytest.approx(db(10.0), abs=0.005)
    # the inputs read 2 dB too little at the edges: there is more sound than they say
    assert curve.level(20000.0) == pytest.approx(
        db(10.0) - float(ears.channel("mono").level(2e4)), abs=0.03
    )
    assert curve.uncertainty(1000.0) == pytest.approx(math.hypot(0.2, 0.3), abs=1e-3)
    rms = db(float(np.sqrt(np.mean((0.5 * SWEEP.samples()) ** 2))))
    assert found.conditions["level_db"]["mono"] == pytest.approx(rms + db(20.0 / 20e-6))
    assert found.provenance["calibration"] == calibration.id
    plain = at_inputs(raw, calibration)
    assert "taken as flat" in plain.conditions["flags"][0]
    assert plain.channel("mono").level(20000.0) == pytest.approx(db(10.0), abs=0.03)
    with pytest.raises(ParameterError, match="from P to FS, relative; the response of the inputs"):
        at_inputs(raw, calibration, inputs=flat("P", "FS", 0.0))


def test_a_microphone_in_the_place_of_a_reference() -> None:
    def tilted(x: Array) -> Array:
        return np.convolve(x, [0.7, 0.2])[: x.size]

    place = measured(echo).response
    reference = flat("P", "FS", 1.0)
    found = by_substitution(measured(lambda x: tilted(echo(x))).response, place, reference)
    assert (found.source_point, found.target_point, found.normalised_at) == ("P", "FS", 1000.0)
    f = np.array([100.0, 1000.0, 4000.0, 10000.0])
    gain = db(np.abs(0.7 + 0.2 * np.exp(-2j * np.pi * f / FS)))
    wanted = gain - gain[1] + reference.channel("mono").level(f)
    np.testing.assert_allclose(found.channel("mono").level(f), wanted, atol=0.01)
    with pytest.raises(ParameterError, match="leads from P to FS"):
        by_substitution(place, place, flat("DRP", "FS", 1.0))


def test_a_response_that_was_changed_marks_what_is_made_of_it() -> None:
    raw, calibration = measured(echo).response, stated.from_sensitivity({"mono": 20.0})
    ears, reference = flat("DRP", "FS", 1.0), flat("P", "FS", 1.0)
    assert not at_inputs(raw, calibration, inputs=ears).is_changed
    assert not by_substitution(raw, raw, reference).is_changed
    more = {"conditions": {"edited": True}}
    assert at_inputs(raw, calibration, inputs=dataclasses.replace(ears, **more)).is_changed
    assert by_substitution(raw, raw, dataclasses.replace(reference, **more)).is_changed
    assert by_substitution(raw, dataclasses.replace(raw, **more), reference).is_changed
