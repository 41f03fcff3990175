"""Open-circuit voltage to level, gain and knob; and calibrations that are merely stated."""

import math
from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundcal.calibration import ocv, stated
from soundcal.calibration.ocv import Omissions
from soundcal.calibration.tone import sine
from soundcal.devices.simulated.lab import SimulatedLab, list_labs
from soundcal.errors import ParameterError, SignalError, TargetNotReached, ToneNotFound
from soundcal.headphone import Headphone
from soundcal.recording import EARS, Capture
from soundcal.units import db, level_to_pascal, pascal_to_level

HIGH = Headphone("open, 300 ohm", 300.0, 103.0, "V")
LOW = Headphone("closed, 16 ohm", 16.0, 96.0, "mW")


def test_sensitivity_per_milliwatt_becomes_per_volt() -> None:
    assert Headphone("", 55.0, 91.0, "mW").sensitivity_v == pytest.approx(103.6, abs=0.005)
    assert LOW.sensitivity_v == pytest.approx(96.0 + 10 * math.log10(62.5))
    assert HIGH.sensitivity_v == 103.0


@given(st.floats(1e-3, 10.0), st.floats(-60.0, -3.1), st.floats(-80.0, 0.0))
def test_the_predicted_level_is_that_of_the_definitions(
    voltage: float, test_level: float, stimulus: float
) -> None:
    found = ocv.calibrate({"left": voltage}, HIGH, digital_level=test_level)
    level = ocv.predicted_levels(found, {"left": stimulus})["left"]
    v_fs = voltage / 10 ** (test_level / 20)
    assert level == pytest.approx(103.0 + 20 * math.log10(v_fs) + stimulus, abs=1e-9)
    assert found.details["v_fs_sine"]["left"] == pytest.approx(v_fs / math.sqrt(2.0))


@given(st.floats(40.0, 90.0), st.floats(-60.0, -10.0), st.none() | st.floats(0.0, 600.0))
def test_knob_and_gain_lead_to_the_same_level(
    target: float, stimulus: float, z_out: float | None
) -> None:
    volts = ocv.target_voltage(HIGH, target, stimulus, output_impedance=z_out)
    omissions = ocv.Omissions(output_impedance=z_out)
    found = ocv.calibrate({"left": volts, "right": volts}, HIGH, omissions=omissions)
    gain = ocv.gain_for(found, target, {"left": stimulus, "right": stimulus}, peak=0.5)
    assert gain == pytest.approx(0.0, abs=1e-9)


def test_the_gain_is_for_the_energetic_mean_of_both_ears() -> None:
    found = ocv.calibrate({"left": 0.1, "right": 0.1}, HIGH)
    gain = ocv.gain_for(found, 70.0, {"left": -30.0, "right": -36.0}, peak=0.1)
    levels = ocv.predicted_levels(found, {"left": -30.0 + gain, "right": -36.0 + gain})
    mean = 10 * math.log10(sum(10 ** (lv / 10) for lv in levels.values()) / 2)
    assert mean == pytest.approx(70.0)


def test_a_gain_that_would_clip_is_refused_with_what_can_be_had() -> None:
    found = ocv.calibrate({"left": 0.001}, HIGH)
    with pytest.raises(TargetNotReached, match=r"clips beyond \+6\.02 dB.*at least 24\.0 dB"):
        ocv.gain_for(found, 73.0, {"left": -20.0}, peak=0.5)
    with pytest.raises(SignalError, match="is silent"):
        ocv.gain_for(found, 73.0, {"left": -math.inf}, peak=0.0)


@pytest.mark.parametrize("voltage", [0.0, -0.1, math.nan, math.inf, 230.0])
def test_absurd_voltages_are_refused(voltage: float) -> None:
    with pytest.raises(ParameterError, match=r"voltage .*at most 100 V"):
        ocv.calibrate({"left": voltage}, HIGH)


def test_odd_voltages_are_doubted_on_record() -> None:
    def doubts(**voltages: float) -> str:
        return " | ".join(ocv.calibrate(voltages, HIGH).details["warnings"])

    assert "more than 10 V" in doubts(left=12.0)
    assert "less than 0.001 V" in doubts(left=0.0005)
    assert "differ by 1.94 dB" in doubts(left=0.1, right=0.125)
    assert doubts(left=0.1, right=0.11) == ""


def test_the_budget_names_what_is_left_out() -> None:
    chain = ocv.calibrate({"left": 0.1}, LOW).chain("left")
    links = {link.name: link for link in chain.links}
    for name in ("source-load divider", "frequency response", "seating", "field reference"):
        assert links[name].gain_db == 0.0
        assert links[name].u_db > 0.0
        assert "left out" in links[name].source
    loss = -20 * math.log10(16.0 / 136.0)
    assert links["source-load divider"].u_db == pytest.approx(loss / math.sqrt(3.0))


def test_what_a_lab_knows_replaces_the_assumptions() -> None:
    known = Omissions(voltmeter=0.1, output_impedance=33.0, unit=1.0, response=0.5, field=0.5)
    found = ocv.calibrate({"left": 0.1}, LOW, omissions=known, knob="40 of 100")
    plain = ocv.calibrate({"left": 0.1}, LOW)
    divider = 20 * math.log10(16.0 / 49.0)
    assert found.chain("left").gain_db - plain.chain("left").gain_db == pytest.approx(divider)
    assert found.chain("left").u_db < 1.1 < 7.0 < plain.chain("left").u_db
    assert found.details["knob"] == "40 of 100"
    with pytest.raises(ParameterError, match="seating -1"):
        Omissions(seating=-1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("x", 0.0, 100.0), "impedance 0.0 ohm"),
        (("x", 32.0, 300.0), "sensitivity 300.0 dB"),
        (("x", 32.0, 100.0, "W"), "per 'W'"),
    ],
)
def test_impossible_headphones_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Headphone(*arguments)


def test_a_line_input_reads_the_voltage_without_noise_and_hum() -> None:
    rng = np.random.default_rng(3)
    x = sine(-20.0, duration=2.0) + rng.normal(0.0, 0.01, 96000)
    x += 0.01 * np.sin(2 * np.pi * 50 * np.arange(96000) / 48000)
    take = Capture(np.stack([x, 0.5 * x]), 48000)
    found = ocv.line_voltages(take, {"left": 2.0, "right": 3.0})
    assert found == pytest.approx({"left": 0.2, "right": 0.15}, rel=2e-3)


def test_a_line_input_without_the_test_sine_is_refused() -> None:
    take = Capture(sine(-20.0, 440.0, duration=2.0), 48000, channels=("left",))
    with pytest.raises(ToneNotFound, match=r"1000 Hz not found, strongest line at 440\.0 Hz"):
        ocv.line_voltages(take, {"left": 1.0})
    with pytest.raises(ParameterError, match=r"0\.0 V per full scale"):
        ocv.line_voltages(take, {"right": 1.0})
    with pytest.raises(SignalError, match="left: 96000 clipped samples in the take, 0 are allowed"):
        ocv.line_voltages(Capture(np.ones(96000), 48000, channels=("left",)), {"left": 1.0})
    with pytest.raises(SignalError, match="left: 1 overflow or underflow in the take"):
        ocv.line_voltages(replace(take, xruns=1), {"left": 1.0})


def test_levels_at_the_ear_need_an_output_calibration() -> None:
    with pytest.raises(ParameterError, match="of an input"):
        ocv.predicted_levels(stated.from_sensitivity({"left": 1.0}), {"left": -20.0})


def test_a_stated_level_is_the_level_of_the_calibrated_recording() -> None:
    rng = np.random.default_rng(4)
    from soundcal.indicators import leq

    take = Capture(rng.normal(0.0, [[0.1], [0.02]], (2, 96000)), 48000)
    levels = {"left": 65.0, "right": 61.5}
    for weighting in ("A", "C", "Z"):
        found = stated.from_level(take, levels, weighting=weighting, u_db=0.7)
        recording = found.apply(take)
        values = leq(recording.pressure, 48000, weighting=weighting).value
        assert values == pytest.approx([65.0, 61.5], abs=1e-9)
        assert found.method == "stated"
        assert recording.u_db == (0.7, 0.7)


def test_a_stated_sensitivity_is_recorded_as_stated() -> None:
    found = stated.from_sensitivity({"left": 10.0}, source="data sheet")
    pressure = found.apply(Capture(sine(-20.0), 48000, channels=("left",))).pressure
    assert pascal_to_level(float(np.std(pressure))) == pytest.approx(93.979, abs=1e-3)
    assert "data sheet; no uncertainty stated" in found.chain("left").links[0].source


def test_levels_that_cannot_be_stated_are_refused() -> None:
    take = Capture(np.zeros((2, 48000)), 48000)
    with pytest.raises(SignalError, match="left: silent"):
        stated.from_level(take, {"left": 65.0})
    with pytest.raises(ParameterError, match="no channel 'centre'"):
        stated.from_level(take, {"centre": 65.0})
    with pytest.raises(ParameterError, match=r"level 1000\.0 dB"):
        stated.from_level(take, {"left": 1000.0})
    with pytest.raises(SignalError, match="left: 48000 clipped samples in the take, 0 are allowed"):
        stated.from_level(Capture(np.ones((2, 48000)), 48000), {"left": 65.0})
    with pytest.raises(ParameterError, match="sensitivity nan"):
        stated.from_sensitivity({"left": math.nan})


def noise(seconds: float = 4.0) -> np.ndarray:
    return np.random.default_rng(5).normal(0.0, 0.05, (2, round(48000 * seconds)))


def hole(x: np.ndarray) -> None:
    x[0, 60000:110000] = 0.0


def twice(x: np.ndarray) -> None:
    x[0, 50512:51024] = x[0, 50000:50512]


def flat_tops(x: np.ndarray) -> None:
    x[0] = np.clip(10.0 * x[0], -0.2, 0.2)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (hole, "1 gap of exact zeros .*, 50000 samples in all, first at 1.250 s"),
        (twice, "1 block of samples delivered twice, 512 samples in all"),
        (flat_tops, "left: flat tops"),
    ],
)
def test_the_level_of_an_invalid_recording_cannot_be_stated(
    edit: Callable[[np.ndarray], None], reason: str
) -> None:
    samples = noise()
    edit(samples)
    take = Capture(samples, 48000)
    with pytest.raises(SignalError, match=f"left: the take is invalid .*{reason}"):
        stated.from_level(take, {"left": 65.0, "right": 65.0})
    assert set(stated.from_level(take, {"right": 65.0}).channels) == {"right"}


def test_silence_at_the_ends_of_a_prepared_recording_belongs_to_it() -> None:
    samples = noise()
    ramp = np.minimum(1.0, np.arange(48000) / 48000.0) ** 4
    samples[:, :48000] *= ramp
    samples[:, -48000:] *= ramp[::-1]
    samples = np.pad(np.rint(samples * 2**15) / 2**15, ((0, 0), (9600, 9600)))
    found = stated.from_level(Capture(samples, 48000), {"left": 65.0}, weighting="Z")
    rms = float(np.sqrt(np.mean(samples[0] ** 2)))
    assert found.sensitivity("left") * rms == pytest.approx(level_to_pascal(65.0), rel=1e-9)


@pytest.mark.parametrize("name", [info.name[4:] for info in list_labs() if "+" in info.name])
def test_the_truth_of_every_simulated_lab_lies_within_the_stated_uncertainty(name: str) -> None:
    """The level of 1 kHz at the ear, with the output impedance left out and with it corrected."""
    for seed in (0, 1):
        with SimulatedLab(name, fs=16000, seed=seed) as lab:
            truth = {ear: db(float(abs(lab.truth.transfer(ear, 1000.0)))) for ear in EARS}
            lab.remove_headphones()
            with lab.playing(np.tile(sine(-20.0, fs=16000), (2, 1))):
                voltages = {ear: lab.read_voltmeter(ear) for ear in EARS}
            headphone = Headphone(**asdict(lab.data_sheet))
            for impedance in (None, lab.truth.output_impedance[0]):
                known = Omissions(output_impedance=impedance)
                found = ocv.calibrate(voltages, headphone, omissions=known)
                for ear in EARS:
                    expanded, _ = found.chain(ear).expanded(0.95)
                    assert found.chain(ear).gain_db == pytest.approx(truth[ear], abs=expanded)
