"""The simulated lab: a conforming device whose measurements find its truth."""

import time

import numpy as np
import pytest
from device_conformance import CHECKS, Path

from soundcal.devices import Block, list_devices, open_device
from soundcal.devices.simulated.equipment import HEADPHONES, SOUNDCARDS
from soundcal.devices.simulated.lab import RATES, SimulatedLab, list_labs
from soundcal.dsp.weighting import weight
from soundcal.errors import DeviceUnavailable, ParameterError
from soundcal.recording import DELAY_NOT_MEASURED
from soundcal.units import db, from_db, pascal_to_level

COMBINATIONS = [f"{card}+{headphones}" for card in SOUNDCARDS for headphones in HEADPHONES]


TIME = np.arange(48000) / 48000


@pytest.mark.parametrize("name", COMBINATIONS)
def test_conformance(name):
    with SimulatedLab(name, seed=2) as lab:
        for check in CHECKS:
            check(lab, Path(output=1, input=1, spread=6))


@pytest.mark.parametrize("name", SOUNDCARDS)
def test_conformance_through_the_line_input(name):
    with SimulatedLab(f"{name}+open-32", seed=2) as lab:
        for check in CHECKS:
            check(lab, Path(output=2, input=4))


def test_long_take_reports_while_it_runs():
    """Half an hour would be computed for nothing if blocks came at the end only."""

    class Enough(Exception):
        pass

    def stop(block: Block) -> None:
        assert block.total == 1800 * 48000
        if block.position > 48000:
            raise Enough

    with SimulatedLab("lab", seed=2) as lab:
        clock = time.process_time()
        with pytest.raises(Enough):
            lab.record(1800.0, inputs=[1], on_block=stop)
        assert time.process_time() - clock < 5
        watched = lab.record(5.0, inputs=[1], on_block=lambda block: None)
    with SimulatedLab("lab", seed=2) as lab:
        np.testing.assert_array_equal(
            lab.record(5.0, inputs=[1]).samples,
            SimulatedLab("lab", seed=2)
            .record(5.0, inputs=[1], on_block=lambda block: None)
            .samples,
        )
        assert watched.n_samples == 240000


def test_names():
    assert [info.name for info in list_labs()] == ["sim:lab", *(f"sim:{n}" for n in COMBINATIONS)]
    assert len(COMBINATIONS) == 12
    assert list_devices()[0][-13:] == list_labs()
    with open_device("sim:lab,noise=0.5, spread=0") as lab:
        assert lab.info.identity == "sim:lab,noise=0.5, spread=0"
    for name in ("nonsense", "interface", "interface+open-301", "+", ""):
        with pytest.raises(DeviceUnavailable, match=r"interface, portable, onboard.*open-300"):
            SimulatedLab(name)
    with pytest.raises(ParameterError, match="output_impedance, spread, response, noise, seating"):
        SimulatedLab("lab,colour=1")
    for word in ("noise", "noise=", "noise=loud", "noise=-1", "noise=nan", "noise=101"):
        with pytest.raises(ParameterError, match="noise"):
            SimulatedLab(f"lab,{word}")
    with pytest.raises(DeviceUnavailable, match="48000"):
        SimulatedLab("lab", fs=47999)
    with pytest.raises(ParameterError, match="seed"):
        SimulatedLab("lab", seed=-1)


@pytest.mark.parametrize("name", COMBINATIONS)
@pytest.mark.parametrize("frequency", [100, 1000, 4000])
def test_level_through_the_chain_is_the_truth(name, frequency):
    for channel, ear in enumerate(("left", "right")):
        with SimulatedLab(f"{name},noise=0", seed=4) as lab:
            tone = 0.05 * np.sin(2 * np.pi * frequency * TIME)
            take = lab.play_and_record(tone, outputs=[channel + 1], inputs=[channel + 1])
            whole = take.samples[0, 24000:]  # whole periods, settled
            truth = lab.truth
            pressure = whole.std() / abs(truth.ear(ear, frequency))
            expected = 0.05 / np.sqrt(2) * abs(truth.transfer(ear, frequency))
            assert db(pressure / expected) == pytest.approx(0.0, abs=0.001)
            if frequency == 1000:
                calibrated = whole.std() * truth.ear_pa_per_fs[channel]
                assert db(calibrated / expected) == pytest.approx(0.0, abs=0.001)


@pytest.mark.parametrize("name", COMBINATIONS)
def test_filters_follow_the_physics(name):
    """The taps against the formulas written out here once more."""
    with SimulatedLab(name, seed=4) as lab:
        setup, truth = lab._setup, lab.truth
        f = np.geomspace(20, 16000, 200)
        for side, ear in enumerate(("left", "right")):
            z = setup.headphones.impedance[side]
            detuning = f / z.resonance - z.resonance / f
            impedance = (
                z.resistance + 2j * np.pi * f * z.inductance + z.bump / (1 + 1j * z.q * detuning)
            )
            source = truth.output_impedance[side]
            share = np.abs(impedance / (impedance + source))
            seat = setup.seating[side]
            leak = np.sqrt(1 + (seat.leak_hz / 1000) ** 2) / np.sqrt(1 + (seat.leak_hz / f) ** 2)
            response = from_db(setup.headphones.response[side].level(f) + seat.gain_db)
            pressure = 20e-6 * from_db(truth.level_1v[side]) * response * leak * share
            expected = pressure * truth.v_fs[side] * np.sqrt(2)
            error = np.abs(db(np.abs(truth.transfer(ear, f)) / expected))
            for lowest, limit in ((20, 0.3), (60, 0.05), (500, 0.001)):  # as Setup states
                assert error[f >= lowest].max() < limit


@pytest.mark.parametrize("name", COMBINATIONS)
def test_data_sheet_prediction_is_the_truth_without_the_effects(name):
    f = np.geomspace(20, 20000, 50)
    with SimulatedLab(f"{name},output_impedance=0,spread=0,response=0", seed=3) as lab:
        for side, ear in enumerate(("left", "right")):
            truth = lab.truth
            predicted = truth.nominal_sensitivity_db_v + db(truth.v_fs[side])
            found = pascal_to_level(np.abs(truth.transfer(ear, f)) / np.sqrt(2))
            np.testing.assert_allclose(found, predicted, atol=1e-6)
        assert truth.calibrator_error_db == 0
    with SimulatedLab(name, seed=3) as lab:
        truth = lab.truth
        predicted = truth.nominal_sensitivity_db_v + db(truth.v_fs[0])
        found = pascal_to_level(np.abs(truth.transfer("left", f)) / np.sqrt(2))
        assert np.abs(found - predicted).max() > 3


def test_output_impedance_lowers_the_level_of_low_impedance_headphones():
    def loss(name: str) -> float:
        with SimulatedLab(f"{name},spread=0,response=0") as lab:
            truth = lab.truth
            open_circuit = truth.nominal_sensitivity_db_v + db(truth.v_fs[0] * np.sqrt(2))
            return open_circuit - pascal_to_level(float(np.abs(truth.transfer("left", 1000.0))))

    assert loss("onboard+closed-16") == pytest.approx(-db(16 / 116), abs=0.5)
    assert loss("onboard+open-300") == pytest.approx(-db(300 / 400), abs=0.2)
    assert loss("interface+open-300") < 0.05


def test_same_seed_same_samples_other_seed_others():
    noise = 0.05 * np.clip(np.random.default_rng(1).standard_normal((2, 9600)), -4, 4)

    def takes(name: str, seed: int) -> list[np.ndarray]:
        with SimulatedLab(name, seed=seed) as lab:
            first = lab.play_and_record(noise)
            lab.seat_headphones()
            second = lab.play_and_record(noise)
            lab.attach_calibrator("right")
            return [first.samples, second.samples, lab.record(0.2).samples]

    one, again, other = takes("lab", 1), takes("lab", 1), takes("lab", 2)
    for a, b, c in zip(one, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
    with (
        SimulatedLab("interface+closed-16", seed=1) as a,
        SimulatedLab("onboard+closed-16", seed=1) as b,
    ):
        assert a.truth.level_1v == b.truth.level_1v  # the same headphones on another soundcard
        assert a.truth.v_fs != b.truth.v_fs


def test_units_scatter_around_the_data_sheet():
    errors = []
    for seed in range(200):
        unit = HEADPHONES["open-300"].unit(seed, spread=1.0)
        errors.append(unit.level_1v[0] - 103.0)
    assert np.mean(errors) == pytest.approx(0.0, abs=0.2)
    assert np.std(errors) == pytest.approx(0.7, rel=0.2)


def test_seating_changes_the_truth_and_only_when_the_headphones_are_put_on():
    f = np.array([30.0, 1000.0])
    with SimulatedLab("interface+closed-16", seed=1) as lab:
        first = lab.truth.transfer("left", f)
        lab.turn_knob(0.0)
        np.testing.assert_array_equal(lab.truth.transfer("left", f), first)
        lab.seat_headphones()
        change = db(np.abs(lab.truth.transfer("left", f) / first))
        assert 0.01 < abs(change[1]) < 2
        assert abs(change[0] - change[1]) > 0.05  # the leak acts at low frequencies
        lab.remove_headphones()
        assert not np.any(lab.truth.transfer("left", f))


def test_knob():
    with SimulatedLab("lab,noise=0", seed=1) as lab:
        tone = 0.05 * np.sin(2 * np.pi * 1000 * TIME)
        full, v_fs = lab.play_and_record(tone, inputs=[1]), lab.truth.v_fs
        lab.turn_knob(-12.5)
        assert lab.knob_db == -12.5
        assert db(lab.truth.v_fs[0] / v_fs[0]) == pytest.approx(-12.5)
        less = lab.play_and_record(tone, inputs=[1])
        assert db(less.samples.std() / full.samples.std()) == pytest.approx(-12.5, abs=1e-3)
        for position in (1.0, -81.0, np.nan):
            with pytest.raises(ParameterError, match="volume"):
                lab.turn_knob(position)


@pytest.mark.parametrize("ear", ["left", "right"])
def test_calibrator(ear):
    channel = ("left", "right").index(ear)
    with SimulatedLab("portable+open-32", seed=6) as lab:
        lab.attach_calibrator(ear, level=94.0)
        take = lab.record(5.0, inputs=[1, 2])
        levels = pascal_to_level(take.samples.std(axis=1) * np.array(lab.truth.ear_pa_per_fs))
        assert levels[channel] == pytest.approx(94.0 + lab.truth.calibrator_error_db, abs=0.1)
        assert levels[1 - channel] < 30
        assert abs(lab.truth.calibrator_error_db) < 0.25
        spectrum = np.abs(np.fft.rfft(take.samples[channel] * np.hanning(take.n_samples)))
        peak = np.argmax(spectrum) / 5.0
        assert peak == pytest.approx(1000.0, rel=0.007)
        first, second = (
            np.sqrt(np.sum(spectrum[round(5 * k * peak) - 8 : round(5 * k * peak) + 9] ** 2))
            for k in (1, 2)
        )
        assert second / first == pytest.approx(0.004, rel=0.05)
        with pytest.raises(ParameterError, match=f"{ear} ear"):
            lab.seat_headphones()
        lab.remove_calibrator()
        quiet = lab.record(1.0, inputs=[channel + 1])
        assert pascal_to_level(quiet.samples.std() * lab.truth.ear_pa_per_fs[channel]) < 30
        lab.seat_headphones()
        tone = 0.05 * np.sin(2 * np.pi * 1000 * TIME)
        assert lab.play_and_record(tone, inputs=[1]).flags == ()


def test_calibrator_repeats_within_its_coupling():
    with SimulatedLab("lab,noise=0", seed=6) as lab:
        levels = []
        for _ in range(40):
            lab.attach_calibrator("left", level=94.0)
            levels.append(pascal_to_level(lab.record(0.5, inputs=[1]).samples.std()))
            lab.remove_calibrator()
        assert np.std(levels) == pytest.approx(0.03, rel=0.35)


def test_hands_refuse_what_cannot_be():
    with SimulatedLab("lab") as lab:
        with pytest.raises(ParameterError, match="middle"):
            lab.attach_calibrator("middle")
        with pytest.raises(ParameterError, match="60 to 130"):
            lab.attach_calibrator("left", level=20.0)
        with pytest.raises(ParameterError, match="20 Hz"):
            lab.attach_calibrator("left", frequency=12000.0)
        with pytest.raises(ParameterError, match="channel 3"):
            lab.read_voltmeter(3)
    for hand in (lab.seat_headphones, lab.remove_headphones, lambda: lab.read_voltmeter("left")):
        with pytest.raises(DeviceUnavailable, match="closed"):
            hand()


def test_voltmeter_reads_open_and_loaded_voltage():
    tone = 0.1 * np.sin(2 * np.pi * 1000 * TIME[:4801])  # not a whole number of periods
    with SimulatedLab("onboard+closed-16,spread=0,noise=0") as lab:
        with lab.playing(np.stack([tone, 0 * tone])):
            loaded = lab.read_voltmeter("left")
            assert lab.read_voltmeter("right") < 1e-4 * loaded + 1e-6
            lab.remove_headphones()
            opened = lab.read_voltmeter("left")
        assert opened == pytest.approx(0.1 * lab.truth.v_fs[0], rel=1e-3)
        assert loaded / opened == pytest.approx(16 / 116, rel=0.06)
        assert lab.read_voltmeter("left") == 0.0
    for seed in range(5):
        with SimulatedLab("lab", seed=seed) as lab:
            lab.remove_headphones()
            with lab.playing(0.1 * np.sin(2 * np.pi * 1000 * TIME), outputs=[2]):
                expected = 0.1 * lab.truth.v_fs[1]
                assert lab.read_voltmeter(2) == pytest.approx(expected, rel=0.008)


def test_line_input_agrees_with_the_voltmeter():
    tone = 0.1 * np.sin(2 * np.pi * 1000 * TIME)
    with SimulatedLab("portable+open-32", seed=1) as lab:
        for plugged in (True, False):
            if not plugged:
                lab.remove_headphones()
            with lab.playing(tone, outputs=[1]):
                take = lab.record(1.0, inputs=[3, 4])
                volts = take.samples.std(axis=1) * np.array(lab.truth.line_v_per_fs)
                assert volts[0] == pytest.approx(lab.read_voltmeter("left"), rel=0.008)
                assert volts[1] < 1e-3 * volts[0]


def test_outputs_cannot_be_used_twice():
    tone = 0.1 * np.sin(2 * np.pi * 1000 * TIME)
    with SimulatedLab("lab") as lab, lab.playing(tone, outputs=[1]):
        with pytest.raises(DeviceUnavailable, match="in use"):
            lab.play_and_record(tone)
        with pytest.raises(DeviceUnavailable, match="in use"):
            lab.play(tone)
        with pytest.raises(DeviceUnavailable, match="in use"), lab.playing(tone):
            pass


def test_stream_hears_what_is_playing():
    tone = 0.05 * np.sin(2 * np.pi * 1000 * TIME)
    with SimulatedLab("lab", seed=1) as lab:
        with lab.playing(tone, outputs=[1]), lab.stream(inputs=[1]) as blocks:
            piece = np.concatenate([next(blocks).samples for _ in range(10)], axis=1)
        expected = 0.05 / np.sqrt(2) * abs(lab.truth.transfer("left", 1000.0))
        level = piece.std() * lab.truth.ear_pa_per_fs[0]
        assert db(level / expected) == pytest.approx(0.0, abs=0.01)
        assert piece[0, :4800].std() == pytest.approx(piece[0, -4800:].std(), rel=0.01)


def test_noise_of_the_ears():
    for name, level in (("interface+open-300", 21.0), ("interface+open-300,noise=2", 27.0)):
        with SimulatedLab(name, seed=1) as lab:
            lab.remove_headphones()
            take = lab.record(5.0, inputs=[1, 2])
            pressure = take.samples * np.array(lab.truth.ear_pa_per_fs)[:, np.newaxis]
            levels = pascal_to_level(weight(pressure, lab.fs, "A").std(axis=1))
            np.testing.assert_allclose(levels, level, atol=0.5)
    with SimulatedLab("lab,noise=0") as lab:
        assert not lab.record(0.5).samples.any()


def test_clipping_of_the_input_is_counted_and_kept():
    with SimulatedLab("interface+closed-16,noise=0", seed=1) as lab:
        loud = 0.9 * np.sin(2 * np.pi * 1000 * TIME)
        take = lab.play_and_record(loud, outputs=[1], inputs=[1, 2])
        assert take.clipped[0] > 1000
        assert take.clipped[1] == 0
        assert take.samples.max() == 1 - 2**-23
        assert take.samples.min() == -1.0
        lab.attach_calibrator("left", level=124.0)
        assert lab.record(0.5, inputs=[1]).clipped[0] > 0
        lab.attach_calibrator("left", level=114.0)
        assert lab.record(0.5, inputs=[1]).clipped == (0,)


def test_without_connection_there_is_no_delay():
    with SimulatedLab("lab", seed=1) as lab:
        lab.remove_headphones()
        take = lab.play_and_record(0.1 * np.sin(2 * np.pi * 1000 * TIME), inputs=[1, 2])
        assert take.latency is None
        assert take.flags[0].kind == DELAY_NOT_MEASURED
        assert take.n_samples == 48000


def test_delay_is_exact_and_differs_between_takes():
    noise = 0.01 * np.clip(np.random.default_rng(1).standard_normal(4800), -4, 4)
    with SimulatedLab("lab,noise=0", seed=1) as lab:
        takes = [lab.play_and_record(noise, outputs=[1], inputs=[3]) for _ in range(5)]
    assert len({take.latency for take in takes}) > 1
    for take in takes:
        gain = np.dot(take.samples[0], noise) / np.dot(noise, noise)
        np.testing.assert_allclose(take.samples[0], gain * noise, atol=5e-5)
        np.testing.assert_allclose(take.samples, takes[0].samples, atol=2e-7)


def test_captures_say_what_they_are():
    with SimulatedLab("lab", seed=1) as lab:
        take = lab.record(0.1)
        assert take.channels == ("left", "right", "line left", "line right")
        assert (take.device, take.simulated, take.delivered_rate) == ("sim:lab", True, None)
        assert lab.record(0.1, inputs=[2, 1]).channels == ("right", "left")
        assert lab.data_sheet == HEADPHONES["open-300"].sheet


@pytest.mark.parametrize("fs", RATES)
def test_every_rate(fs):
    with SimulatedLab("lab,noise=0", fs=fs, seed=1) as lab:
        tone = 0.05 * np.sin(2 * np.pi * 1000 * np.arange(fs) / fs)
        take = lab.play_and_record(tone, outputs=[1], inputs=[1])
        assert (take.flags, take.fs, take.n_samples) == ((), fs, fs)
        pressure = take.samples[0, fs // 2 :].std() / abs(lab.truth.ear("left", 1000.0))
        expected = 0.05 / np.sqrt(2) * abs(lab.truth.transfer("left", 1000.0))
        assert db(pressure / expected) == pytest.approx(0.0, abs=0.001)


def test_realtime_takes_as_long_as_a_soundcard():
    with SimulatedLab("lab", seed=1, realtime=True) as lab, SimulatedLab("lab", seed=1) as fast:
        times: list[float] = []
        clock = time.monotonic()
        take = lab.record(0.6, inputs=[1], on_block=lambda block: times.append(time.monotonic()))
        assert time.monotonic() - clock >= 0.6
        assert times[-1] - times[0] >= 0.3  # the blocks come one after the other, not at the end
        np.testing.assert_allclose(
            take.samples, fast.record(0.6, inputs=[1]).samples, atol=1.5 * 2**-23
        )
        assert take.delivered_rate is not None
        assert 0 < take.delivered_rate <= 48000
        clock = time.monotonic()
        lab.play(np.zeros(9600))
        assert time.monotonic() - clock >= 0.2
        clock = time.monotonic()
        with lab.stream(inputs=[1]) as blocks:
            for _ in range(2):
                next(blocks)
        assert time.monotonic() - clock >= 0.2


def test_notches_move_with_the_seating_where_the_option_asks_for_them():
    f = np.geomspace(5000.0, 19000.0, 400)

    def levels(name, times=1):
        with SimulatedLab(name, seed=2) as lab:
            found = []
            for _ in range(times):
                found.append(db(np.abs(lab.truth.transfer("left", [1000.0, *f]))))
                lab.seat_headphones()
        return np.array(found)

    plain, notched = levels("lab", 16), levels("lab,seating=1", 16)
    np.testing.assert_array_equal(levels("lab,seating=0"), plain[:1])
    np.testing.assert_allclose(notched[:, 0], plain[:, 0], atol=0.01)  # 1 kHz stays
    dip = notched[:, 1:] - plain[:, 1:]
    low = f < 11200.0
    centre, depth = np.log(f[low][np.argmin(dip[:, low], axis=1)]), -dip[:, low].min(axis=1)
    assert np.exp(centre.mean()) == pytest.approx(9300.0, rel=0.03)
    assert centre.std() == pytest.approx(0.05, rel=0.4)
    assert np.log(depth).mean() == pytest.approx(np.log(14.0), abs=0.15)
    assert np.log(depth).std() == pytest.approx(0.3, rel=0.4)
    still = levels("lab,seating=1,spread=0", 2)
    np.testing.assert_array_equal(still[0], still[1])
