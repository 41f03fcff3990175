"""The simulated lab's signal processing does not depend on how the signal is cut into blocks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.devices.simulated.equipment import Voltmeter
from soundcal.devices.simulated.physics import (
    CalibratorTone,
    Impedance,
    SignalPath,
    Wiring,
    white_noise_rms,
)
from soundcal.dsp.weighting import weight
from soundcal.errors import ParameterError, SignalError
from soundcal.headphone import Headphone
from soundcal.units import pascal_to_level

N = 40_000  # more than two transforms of long blocks
CUTS = st.lists(st.integers(0, N), max_size=12)


def _pieces(cuts: list[int]) -> list[slice]:
    edges = [0, *sorted(cuts), N]
    return [slice(a, b) for a, b in pairwise(edges)]  # empty ones included


def _wiring(bits: int | None, noise: float = 1e-4) -> Wiring:
    rng = np.random.default_rng(3)
    kernels = rng.standard_normal((3, 900)) * np.exp(-np.arange(900) / 150) * 0.05
    kernels[2, 1:] = 0.0
    return Wiring(
        volts=np.array([1.5, 0.7]),
        kernels=kernels,
        sources=(0, 1, 0),
        noise=(noise, 0.0, noise),
        output_noise=noise,
        crosstalk=0.01,
        tones=((1, CalibratorTone(997.0, (0.1, 0.001), 0.002)),),
        bits=bits,
    )


SIGNAL = 0.2 * np.clip(np.random.default_rng(8).standard_normal((2, N)), -4, 4)


@settings(deadline=None, max_examples=60)
@given(CUTS, st.integers(0, 3000))
def test_any_blocks_give_the_same_samples(cuts, delay):
    whole = SignalPath(_wiring(None), fs=48000, seed=5, delay=delay).process(SIGNAL)
    chain = SignalPath(_wiring(None), fs=48000, seed=5, delay=delay)
    parts = np.concatenate([chain.process(SIGNAL[:, part]) for part in _pieces(cuts)], axis=1)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=20)
@given(CUTS)
def test_rounding_moves_a_sample_by_one_step_at_most(cuts):
    whole = SignalPath(_wiring(24), fs=48000, seed=5).process(SIGNAL)
    chain = SignalPath(_wiring(24), fs=48000, seed=5)
    parts = np.concatenate([chain.process(SIGNAL[:, part]) for part in _pieces(cuts)], axis=1)
    assert np.abs(parts - whole).max() <= 2.0**-23
    assert np.count_nonzero(parts != whole) <= 3


def test_choice_of_inputs_changes_no_samples():
    every = SignalPath(_wiring(24), fs=48000, seed=5).process(SIGNAL)
    some = SignalPath(_wiring(24), fs=48000, seed=5).process(SIGNAL, [2, 0])
    np.testing.assert_array_equal(some, every[[2, 0]])


def test_delay_is_exact_and_reset_silences():
    wire = Wiring(np.ones(1), np.ones((1, 1)), (0,), (0.0,), bits=None)
    chain = SignalPath(wire, fs=48000, delay=100)
    block = SIGNAL[:1, :1000]
    np.testing.assert_array_equal(chain.process(block)[:, 100:], block[:, :900])
    chain.reset(7)
    np.testing.assert_array_equal(chain.process(block)[:, 7:], block[:, :-7])
    assert not chain.process(np.zeros((1, 10)))[:, 7:].any()


def test_quantised_chain_clips_to_its_converter():
    wire = Wiring(np.array([2.0]), np.ones((1, 1)), (0,), (0.0,), bits=16)
    heard = SignalPath(wire, fs=48000).process(np.array([[0.9, -0.9, 0.1]]))
    assert heard[0, 0] == 1 - 2**-15
    assert heard[0, 1] == -1.0
    assert heard[0, 2] == round(0.1 * 2**15) / 2**15 * 2


def test_wiring_changes_while_running_but_not_its_size():
    chain = SignalPath(_wiring(None, noise=0.0), fs=48000)
    chain.process(SIGNAL[:, :5000])
    chain.wiring = _wiring(24, noise=0.0)
    with pytest.raises(ParameterError, match="cannot change"):
        chain.wiring = Wiring(np.ones(1), np.ones((1, 1)), (0,), (0.0,))
    with pytest.raises(SignalError, match="rows"):
        chain.process(SIGNAL[:1])
    with pytest.raises(ParameterError, match="delay"):
        chain.reset(-1)


def test_white_noise_has_its_weighted_level():
    for fs in (44100, 48000, 96000):
        noise = white_noise_rms(40.0, fs) * np.random.default_rng(1).standard_normal(10 * fs)
        found = pascal_to_level(float(weight(noise, fs, "A").std()))
        assert found == pytest.approx(40.0, abs=0.05)


def test_impedance_at_resonance_and_far_from_it():
    z = Impedance(30.0, 20.0, 100.0, 2.0, 1e-3)
    assert abs(z.at(100.0)) == pytest.approx(50.0, abs=0.05)
    assert abs(z.at(1.0)) == pytest.approx(30.0, abs=0.1)
    assert z.at(20000.0).imag == pytest.approx(2 * np.pi * 20, rel=0.01)
    np.testing.assert_allclose(z.scaled(2.0).at([50.0, 5000.0]), 2 * z.at([50.0, 5000.0]))


def test_data_sheets_per_volt():
    assert Headphone("a", 300.0, 103.0, "V").sensitivity_v == 103.0
    assert Headphone("b", 16.0, 96.0, "mW").sensitivity_v == pytest.approx(113.96, abs=0.01)


def test_voltmeter_rounds_to_its_range():
    meter = Voltmeter(0.0)
    assert meter.read(0.123456) == pytest.approx(0.12346, abs=1e-9)
    assert meter.read(1.23456) == pytest.approx(1.2346, abs=1e-9)
    assert meter.read(12.3456) == pytest.approx(12.346, abs=1e-9)
    assert Voltmeter(0.01).read(1.0) == pytest.approx(1.01)
