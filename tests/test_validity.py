"""Validity of a take: every fault put into a clean one is found, and clean takes are believed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.devices.simulated import SimulatedLab
from soundcal.devices.validity import (
    Check,
    SignalChecks,
    flags_of,
    judge,
    judged,
    level_step,
    refuse_invalid,
    stream_checks,
)
from soundcal.errors import ParameterError, SignalError
from soundcal.recording import Capture
from soundcal.units import db, from_db

FS = 48000
rng = np.random.default_rng


def tone_take(seed: int = 1, seconds: float = 2.0) -> Capture:
    """A sound calibrator on the left ear of the simulated lab."""
    with SimulatedLab("interface+open-300", seed=seed) as lab:
        lab.attach_calibrator("left", level=94.0)
        return lab.record(seconds, inputs=[1, 2])


@pytest.fixture(scope="module")
def clean() -> Capture:
    return tone_take()


def changed(take: Capture, change: Callable[[np.ndarray], np.ndarray]) -> Capture:
    """The take after something happened to it; counts are taken anew."""
    return replace(take, samples=change(take.samples.copy()), clipped=())


def one(checks: tuple[Check, ...], name: str, channel: str = "") -> Check:
    (found,) = [check for check in checks if (check.name, check.channel) == (name, channel)]
    return found


def doubts(checks: tuple[Check, ...]) -> dict[tuple[str, str], str]:
    return {(c.name, c.channel): c.verdict for c in checks if c.verdict != "pass"}


def test_a_clean_take_passes_with_numbers(clean: Capture) -> None:
    checks = judge(clean, steady=["left"], expected=2 * FS)
    assert doubts(checks) == {}
    assert flags_of(checks) == ()
    assert judged(clean, checks) is clean
    left = clean.samples[0]
    assert one(checks, "DC", "left").value == pytest.approx(left.mean(), abs=1e-4)
    assert one(checks, "bits used", "left").value == 24
    above = one(checks, "level above the quietest 50 ms", "left")
    quiet = one(checks, "quietest 50 ms", "left")
    assert above.value + quiet.value == pytest.approx(db(float(left.std())), abs=0.05)
    assert abs(one(checks, "level step", "left").value) < 0.14
    refuse_invalid(clean, "left")


@pytest.mark.parametrize("n", [2, 7])
def test_clipped_samples_are_counted(clean: Capture, n: int) -> None:
    def clip(samples: np.ndarray) -> np.ndarray:
        samples[0, 5000 : 5000 + n] = 1.0
        return samples

    checks = judge(changed(clean, clip))
    assert doubts(checks)["clipping", "left"] == "invalid"
    assert one(checks, "clipping", "left").value == n
    assert one(checks, "clipping", "right").value == 0


def test_one_sample_at_full_scale_is_only_suspect(clean: Capture) -> None:
    def spike(samples: np.ndarray) -> np.ndarray:
        samples[1, [100, 900]] = (1.0, -1.0)
        return samples

    checks = judge(changed(clean, spike))
    assert one(checks, "clipping", "right").verdict == "suspect"
    assert one(checks, "clipping", "right").value == 2


@pytest.mark.parametrize("frequency", [50.0, 997.0, 1500.0])
@pytest.mark.parametrize("below_db", [0.5, 3.0])
def test_a_signal_clipped_and_then_turned_down_has_plateaus(
    frequency: float, below_db: float
) -> None:
    time = np.arange(FS) / FS
    wave = from_db(below_db) * np.sin(2 * np.pi * frequency * time)
    checks = judge(Capture(0.4 * np.clip(wave, -1, 1), FS))
    found = one(checks, "plateaus", "mono")
    assert found.verdict == "invalid"
    assert found.value >= frequency  # one or two per period
    assert "-8.0 dB re full scale" in found.reason


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("frequency", [20.0, 100.0, 1000.0, 12000.0])
def test_quantised_sines_have_no_plateaus(bits: int, frequency: float) -> None:
    wave = 0.9 * np.sin(2 * np.pi * frequency * np.arange(FS) / FS + 0.1)
    quantised = np.round(wave * 2 ** (bits - 1)) / 2 ** (bits - 1)
    assert one(judge(Capture(quantised, FS)), "plateaus", "mono").verdict == "pass"


@pytest.mark.parametrize("bits", [8, 14, 16, 17, 20, 24])
def test_the_bits_in_use_are_counted(clean: Capture, bits: int) -> None:
    def cut(samples: np.ndarray) -> np.ndarray:
        return np.round(samples * 2 ** (bits - 1)) / 2 ** (bits - 1)

    found = one(judge(changed(clean, cut)), "bits used", "left")
    assert found.value == bits
    assert found.verdict == ("suspect" if bits <= 16 else "pass")


def test_samples_finer_than_24_bits_are_no_doubt(clean: Capture) -> None:
    found = one(judge(changed(clean, lambda samples: samples * 0.7)), "bits used", "left")
    assert (found.value, found.verdict) == (25, "pass")


@pytest.mark.parametrize("offset", [-0.05, 0.02])
def test_an_offset_is_measured(clean: Capture, offset: float) -> None:
    found = one(judge(changed(clean, lambda samples: samples + offset)), "DC", "right")
    assert found.verdict == "suspect"
    assert found.value == pytest.approx(offset, abs=1e-3)


def test_a_dead_and_a_stuck_channel_are_invalid(clean: Capture) -> None:
    def dead(samples: np.ndarray) -> np.ndarray:
        samples[0] = 0.0
        samples[1] = 0.25
        return samples

    checks = judge(changed(clean, dead))
    assert doubts(checks) == {("swing", "left"): "invalid", ("swing", "right"): "invalid"}
    assert "exactly zero" in one(checks, "swing", "left").reason
    assert "stuck at 0.25" in one(checks, "swing", "right").reason


@pytest.mark.parametrize("n", [32, 480])
def test_a_gap_is_found_with_place_and_size(clean: Capture, n: int) -> None:
    def drop(samples: np.ndarray) -> np.ndarray:
        samples[:, 24000 : 24000 + n] = 0.0
        return samples

    checks = judge(changed(clean, drop))
    found = one(checks, "gaps")
    assert (found.value, found.verdict) == (n, "invalid")
    assert "first at 0.500 s" in found.reason
    with pytest.raises(SignalError, match=f"{n} samples in all"):
        refuse_invalid(changed(clean, drop), "left")


@pytest.mark.parametrize(
    ("step", "verdict"), [(0.2, "suspect"), (-0.3, "suspect"), (-6.0, "invalid")]
)
def test_a_level_step_is_found_in_a_steady_take(clean: Capture, step: float, verdict: str) -> None:
    def turn(samples: np.ndarray) -> np.ndarray:
        samples[:, 60000:] *= from_db(step)
        return samples

    found = one(judge(changed(clean, turn), steady=["left"]), "level step", "left")
    assert found.verdict == verdict
    assert found.value == pytest.approx(step, abs=0.05)
    assert "at 1.25 s" in found.reason


def test_an_unsteady_or_short_take_has_no_level_step(clean: Capture) -> None:
    wave = clean.samples[0] * np.repeat(rng(3).uniform(0.2, 1.0, 40), 2400)
    assert level_step(wave, FS) is None
    assert level_step(clean.samples[0, :9600], FS) is None
    assert level_step(clean.samples[0, :19200], FS) is not None


def test_a_calibration_judges_its_ear_only(clean: Capture) -> None:
    def silent(samples: np.ndarray) -> np.ndarray:
        samples[1] = 0.0
        return samples

    take = changed(clean, silent)
    assert all(check.channel in ("", "left") for check in refuse_invalid(take, "left"))
    with pytest.raises(SignalError, match="right: every sample is exactly zero"):
        refuse_invalid(take, "right")
    with pytest.raises(ParameterError, match="no channel 'top'"):
        refuse_invalid(take, "top")
    mono = Capture(clean.samples[0], FS)
    assert one(refuse_invalid(mono, "left"), "clipping", "mono").value == 0


def test_the_stream_is_judged() -> None:
    assert doubts(stream_checks(n_samples=FS, fs=FS, expected=FS)) == {}
    short = stream_checks(n_samples=FS - 64, fs=FS, expected=FS, xruns=2)
    assert doubts(short) == {
        ("overflows and underflows", ""): "suspect",
        ("samples", ""): "invalid",
    }
    assert one(short, "samples").value == -64
    rates = {48000.0: "pass", 48100.0: "pass", 44100.0: "invalid", 96000.0: "invalid"}
    for rate, verdict in rates.items():
        found = one(stream_checks(n_samples=10 * FS, fs=FS, delivered_rate=rate), "rate")
        assert found.verdict == verdict
        assert found.value == pytest.approx(1e6 * (rate / FS - 1))
    freewheeling = stream_checks(
        n_samples=10 * FS, fs=FS, delivered_rate=1e6, device="X, JACK Audio Connection Kit"
    )
    assert [check.name for check in freewheeling] == ["overflows and underflows"]
    assert len(stream_checks(n_samples=FS, fs=FS, delivered_rate=1e4)) == 1  # too short to tell


def test_verdicts_become_flags_once(clean: Capture) -> None:
    take = changed(clean, lambda samples: samples + 0.05)
    checks = judge(take)
    flagged = judged(take, checks)
    assert len(flagged.flags) == 2
    assert all("DC of" in flag for flag in flagged.flags)
    assert judged(flagged, checks) is flagged


def test_a_check_is_ready_for_json(clean: Capture) -> None:
    silent = judge(Capture(np.full(FS, 0.1) * (np.arange(FS) > 40000), FS))
    quiet = one(silent, "quietest 50 ms", "mono")
    assert quiet.value == -np.inf
    assert quiet.to_dict()["value"] is None
    assert one(judge(clean), "DC", "left").to_dict()["limit"] == 0.01


def test_blocks_must_have_the_channels() -> None:
    with pytest.raises(ParameterError, match="2 channels of samples, 1 expected"):
        SignalChecks(("left",), FS).push(np.zeros((2, 10)))
    assert SignalChecks(("left",), FS).checks() == ()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    cuts=st.lists(st.integers(1, 9599), max_size=12),
    fault=st.sampled_from(["none", "clip", "gap", "plateaus", "coarse"]),
)
def test_blocks_give_what_the_whole_gives(seed: int, cuts: list[int], fault: str) -> None:
    samples = 0.2 * rng(seed).standard_normal((2, 9600)).clip(-4, 4)
    if fault == "clip":
        samples = np.clip(3 * samples, -1, 1)
    elif fault == "gap":
        samples[:, 4000:4100] = 0.0
    elif fault == "plateaus":
        samples[:] = np.clip(np.sin(np.arange(9600) / 30), -0.5, 0.5)
    elif fault == "coarse":
        samples = np.round(samples * 128) / 128
    whole, parts = (SignalChecks(("a", "b"), FS) for _ in range(2))
    whole.push(samples)
    for part in np.split(samples, sorted(cuts), axis=1):
        parts.push(part)
    for one_, other in zip(whole.checks(), parts.checks(), strict=True):
        assert (one_.name, one_.verdict, one_.channel) == (other.name, other.verdict, other.channel)
        assert other.value == pytest.approx(one_.value, rel=1e-9, abs=1e-12)


def stimuli(seed: int, n: int) -> np.ndarray:
    """One of several kinds of sound, seeded, shape (n,)."""
    random, time = rng(seed), np.arange(n) / FS
    white = random.standard_normal(n)
    kinds = (
        0.1 * white,
        0.5 * np.sin(2 * np.pi * random.uniform(30, 15000) * time),
        0.3 * np.cumsum(white) / np.sqrt(n),
        0.3 * np.sin(2 * np.pi * 200 * time * (1 + 20 * time)),
        0.2 * white * (np.sin(2 * np.pi * 8 * time) > 0),
    )
    return np.clip(kinds[seed % len(kinds)], -0.9, 0.9)


def test_500_clean_takes_are_never_called_invalid() -> None:
    n = round(0.25 * FS)
    cards = ("interface+open-300", "portable+closed-16", "onboard+monitor-80", "interface+open-32")
    labs = [SimulatedLab(name, seed=seed) for seed, name in enumerate(cards)]
    for seed in range(500):
        lab = labs[seed % len(labs)]
        played = np.stack([stimuli(seed, n), stimuli(seed + 1, n)])
        take = lab.play_and_record(0.5 * played)
        invalid = [check for check in judge(take, expected=n) if check.verdict == "invalid"]
        assert invalid == [], (seed, take.device)
