"""Validity of a take: every fault put into a clean one is found, and clean takes are believed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.signal import resample

from soundcal.cli import main
from soundcal.cli.operators import operator_for
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, SignalError
from soundcal.files import audio
from soundcal.lab import protocol
from soundcal.recording import DELAY_NOT_MEASURED, Capture, Flag
from soundcal.takes.against_stimulus import compare_with_stimulus, judge_played
from soundcal.takes.check import Check, flags_of, judged
from soundcal.takes.judge import (
    SignalChecks,
    judge,
    refuse_invalid,
    stream_checks,
)
from soundcal.takes.level_over_time import level_step
from soundcal.takes.slips import find_slips
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


@settings(max_examples=60, deadline=None)
@given(
    place=st.integers(10_000, 13_999),
    n=st.sampled_from([24_000, 96_000, 480_000]),
    step=st.floats(1.0, 40.0) | st.floats(-40.0, -1.0),
    frequency=st.floats(100.0, 8000.0),
)
@example(place=10_000, n=24_000, step=1.0, frequency=103.0)
@example(place=13_881, n=24_000, step=-1.048, frequency=106.66)
def test_a_level_step_is_found_wherever_and_however_large_it_is(
    place: int, n: int, step: float, frequency: float
) -> None:
    wave = 0.1 * np.sin(2 * np.pi * frequency * np.arange(n) / FS)
    wave[place:] *= from_db(step)
    found = level_step(wave, FS)
    assert found is not None
    assert found.verdict == "invalid"
    assert found.value == pytest.approx(step, abs=0.3)


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
    assert len(stream_checks(n_samples=FS, fs=FS, delivered_rate=1e4)) == 1  # too short to tell


def test_verdicts_become_flags_once(clean: Capture) -> None:
    take = changed(clean, lambda samples: samples + 0.05)
    checks = judge(take)
    flagged = judged(take, checks)
    assert len(flagged.flags) == 2
    assert all("DC of" in flag.text for flag in flagged.flags)
    assert judged(flagged, checks) is flagged


def test_a_check_is_ready_for_json(clean: Capture) -> None:
    silent = judge(Capture(np.full(FS, 0.1) * (np.arange(FS) > 40000), FS))
    quiet = one(silent, "quietest 50 ms", "mono")
    assert quiet.value == -np.inf
    assert quiet.to_dict()["value"] is None
    assert one(judge(clean), "DC", "left").to_dict()["limit"]["value"] == 0.01


def test_blocks_must_have_the_channels() -> None:
    with pytest.raises(ParameterError, match="2 channels of samples, 1 are expected"):
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


MANY = ((475, 0.25), (25, 1.0))
CARDS = ("interface+open-300", "portable+closed-16", "onboard+monitor-80", "interface+open-32")


def all_checks(take: Capture, played: np.ndarray) -> tuple[Check, ...]:
    return judge_played(take, played, expected=played.shape[1])


@pytest.mark.parametrize(
    ("number", "seconds"),
    [(95, 0.25), (5, 1.0), *(pytest.param(*n, marks=pytest.mark.long) for n in MANY)],
)
def test_clean_takes_are_never_called_invalid(number: int, seconds: float) -> None:
    n = round(seconds * FS)
    labs = [SimulatedLab(name, seed=seed) for seed, name in enumerate(CARDS)]
    for seed in range(number):
        lab = labs[seed % len(labs)]
        played = 0.5 * np.stack([stimuli(seed, n), stimuli(seed + 1, n)])
        take = lab.play_and_record(played, inputs=[1, 2] if seed % 3 else [3, 4])
        invalid = [check for check in all_checks(take, played) if check.verdict == "invalid"]
        assert invalid == [], (seed, take.device)


PLAYED = 0.1 * rng(5).standard_normal((2, 2 * FS)).clip(-4, 4)


@pytest.fixture(scope="module", params=[(1, 2), (3, 4)], ids=["ears", "lines"])
def known(request: pytest.FixtureRequest) -> Capture:
    """A clean take of known noise, by the ears and by the line inputs."""
    with SimulatedLab("interface+open-300", seed=1) as lab:
        return replace(
            lab.play_and_record(PLAYED, inputs=request.param), channels=("left", "right")
        )


def test_a_clean_take_is_true_to_its_stimulus(known: Capture) -> None:
    checks = compare_with_stimulus(known, PLAYED)
    assert doubts(checks) == {}
    assert {check.name for check in checks} == {
        "dropouts",
        "other content",
        "slips",
        "spread of the delay",
        "clock drift",
        "level step",
        "level over time",
        "crosstalk",
        "swapped channels",
    }
    assert abs(one(checks, "clock drift", "left").value) < 0.2
    assert one(checks, "crosstalk", "left").value < -55


@given(
    at=st.integers(9000, 80000),
    size=st.integers(1, 1500) | st.integers(-1500, -1) | st.sampled_from([-1, 1]),
)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_lost_and_inserted_samples_are_found_to_the_sample(
    known: Capture, at: int, size: int
) -> None:
    def slip(samples: np.ndarray) -> np.ndarray:
        if size > 0:
            other = 0.1 * rng(at).standard_normal((2, size))
            return np.concatenate([samples[:, :at], other, samples[:, at:]], axis=1)
        return np.delete(samples, range(at, at - size), axis=1)

    take = changed(known, slip)
    for name, x, s in zip(take.channels, take.samples, PLAYED, strict=True):
        (found,) = find_slips(x, s, FS)
        assert found.size == size, name
        # the first sample after the change may be predicted by both delays
        assert abs(found.position - at) <= 3, name


@pytest.mark.parametrize("offset", [0.05, -0.3])
def test_an_offset_hides_no_slip(known: Capture, offset: float) -> None:
    take = changed(known, lambda samples: np.delete(samples, range(40_000, 40_005), axis=1))
    take = changed(take, lambda samples: samples + offset)
    found = one(compare_with_stimulus(take, PLAYED), "slips", "left")
    assert (found.value, found.verdict) == (5.0, "invalid")
    assert "5 samples missing at 0.833" in found.reason


def test_two_slips_are_told_apart(known: Capture) -> None:
    def slip(samples: np.ndarray) -> np.ndarray:
        return np.delete(np.insert(samples, [30000] * 64, 0.0, axis=1), range(70000, 70128), axis=1)

    found = one(compare_with_stimulus(changed(known, slip), PLAYED), "slips", "right")
    assert (found.value, found.verdict) == (192, "invalid")
    assert "64 samples inserted at 0.625" in found.reason
    assert "128 samples missing at 1.458" in found.reason


@pytest.mark.parametrize(("ppm", "verdict"), [(2, "pass"), (20, "suspect"), (-100, "suspect")])
def test_a_clock_difference_is_measured(known: Capture, ppm: float, verdict: str) -> None:
    n = known.n_samples

    def stretch(samples: np.ndarray) -> np.ndarray:
        fine = resample(samples, 16 * n, axis=1)
        at = 16 * np.arange(n) * (1 - 1e-6 * ppm)
        return np.stack([np.interp(np.maximum(at, 0), np.arange(16 * n), row) for row in fine])

    checks = compare_with_stimulus(changed(known, stretch), PLAYED)
    found = one(checks, "clock drift", "left")
    assert found.value == pytest.approx(ppm, abs=1.0)
    assert found.verdict == verdict
    assert one(checks, "slips", "left").verdict == "pass"


@pytest.mark.parametrize("n", [32, 480, 4800])
def test_a_dropout_of_one_channel_is_found(known: Capture, n: int) -> None:
    def drop(samples: np.ndarray) -> np.ndarray:
        samples[1, 50000 : 50000 + n] = 0.0
        return samples

    checks = compare_with_stimulus(changed(known, drop), PLAYED)
    found = one(checks, "dropouts", "right")
    assert (found.value, found.verdict) == (n, "invalid")
    assert "on right" in found.reason
    assert one(checks, "dropouts", "left").verdict == "pass"


@pytest.mark.parametrize("n", [480, 48_000])
@pytest.mark.parametrize("kind", ["noise", "block before, with dither"])
def test_what_was_replaced_by_something_else_is_doubted(known: Capture, kind: str, n: int) -> None:
    def put(samples: np.ndarray) -> np.ndarray:
        other = rng(7).standard_normal(n) * samples[0].std()
        if kind != "noise":
            other = samples[0, 20_000 - n // 4 : 20_000 - n // 4 + n] + 1e-7 * other
        samples[0, 20_000 : 20_000 + n] = other
        return samples

    checks = compare_with_stimulus(changed(known, put), PLAYED)
    found = one(checks, "other content", "left")
    assert (found.verdict, found.value > -20.0) == ("suspect", True)
    assert one(checks, "other content", "right").verdict == "pass"


@pytest.mark.parametrize(("step", "verdict"), [(1.0, "invalid"), (-6.0, "invalid")])
def test_a_level_step_re_the_stimulus_is_found(known: Capture, step: float, verdict: str) -> None:
    def turn(samples: np.ndarray) -> np.ndarray:
        samples[0, 60000:] *= from_db(step)
        return samples

    checks = compare_with_stimulus(changed(known, turn), PLAYED)
    assert one(checks, "level step", "left").verdict == verdict
    assert one(checks, "level step", "left").value == pytest.approx(step, abs=0.2)
    assert one(checks, "level step", "right").verdict == "pass"


@pytest.mark.parametrize("amount", [-40.0, -14.0, -6.0])
def test_crosstalk_is_measured(known: Capture, amount: float) -> None:
    def mix(samples: np.ndarray) -> np.ndarray:
        samples[1] += from_db(amount) * samples[0]
        return samples

    checks = compare_with_stimulus(changed(known, mix), PLAYED)
    found = one(checks, "crosstalk", "right")
    assert found.value == pytest.approx(amount, abs=0.5)
    assert found.verdict == ("suspect" if amount > -20 else "pass")
    assert one(checks, "crosstalk", "left").value < -45


def test_swapped_channels_are_invalid(known: Capture) -> None:
    checks = compare_with_stimulus(changed(known, lambda samples: samples[::-1]), PLAYED)
    assert one(checks, "swapped channels").verdict == "invalid"
    assert "swapped" in one(checks, "swapped channels").reason


def test_a_dead_input_tells_nothing_about_crosstalk(known: Capture) -> None:
    def dead(samples: np.ndarray) -> np.ndarray:
        samples[1] = 0.0
        return samples

    checks = compare_with_stimulus(changed(known, dead), PLAYED)
    assert {"crosstalk", "swapped channels"}.isdisjoint(check.name for check in checks)


def test_the_same_on_both_ears_tells_nothing_about_crosstalk(known: Capture) -> None:
    with SimulatedLab("interface+open-300", seed=1) as lab:
        same = np.stack([PLAYED[0], PLAYED[0]])
        checks = compare_with_stimulus(lab.play_and_record(same, inputs=[1, 2]), same)
    assert doubts(checks) == {}
    assert "crosstalk" not in {check.name for check in checks}


def test_what_cannot_be_compared_is_not(known: Capture) -> None:
    with pytest.raises(ParameterError, match="3 outputs for 2 inputs"):
        compare_with_stimulus(known, np.zeros((3, 100)))
    lost = replace(known, latency=None, flags=(Flag(DELAY_NOT_MEASURED, "no marker"),))
    assert compare_with_stimulus(lost, PLAYED) == ()
    silent = compare_with_stimulus(known, np.zeros((2, FS)))
    assert {check.name for check in silent} == {"dropouts"}


def test_an_invalid_take_does_not_become_a_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(10 * FS) / FS)
    tone += 1e-5 * rng(1).standard_normal(tone.size)
    tone[5 * FS : 5 * FS + 100] = 0.0
    audio.write(tmp_path / "left.wav", tone[np.newaxis], FS)
    out = tmp_path / "ears.json"
    command = ["calibrate", "--ears", "left", "--left", str(tmp_path / "left.wav")]
    assert main([*command, "--out", str(out)]) == SignalError.exit_code
    assert "1 gap of exact zeros on all inputs, 100 samples in all" in capsys.readouterr().err
    assert not out.exists()


class Losing(SimulatedLab):
    """A lab whose soundcard loses 64 samples in the middle of what it records while playing."""

    def play_and_record(self, samples: np.ndarray, **options: Any) -> Capture:
        take = super().play_and_record(samples, **options)
        middle = take.n_samples // 2
        lost = np.delete(take.samples, range(middle, middle + 64), axis=1)
        return replace(take, samples=np.pad(lost, ((0, 0), (0, 64)), mode="reflect"), clipped=())


def test_a_session_keeps_the_verdict_with_the_recording(tmp_path: Path) -> None:
    changes = {"impedance": "300", "sensitivity": "103", "stimuli": "N1", "duration": "2"}
    changes |= {"insertions": "1", "report": "no"}
    with Losing("interface+open-300") as lab:
        loaded = protocol.load("compare_methods")
        # a gain search refuses such a take; one played by its OCV gain is kept with its verdict
        with pytest.raises(SignalError, match="64 samples missing"):
            protocol.run(loaded, lab, operator_for(lab), tmp_path / "s", changes=changes)
    assert not list(tmp_path.glob("s/*_hats_*"))
    record = json.loads((tmp_path / "s" / "rec-N1_ocv_run-1.json").read_text())
    slips = [check for check in record["checks"] if check["name"] == "slips"]
    assert [(check["value"], check["verdict"]) for check in slips] == [(64, "invalid")] * 2
    lost = [flag["text"] for flag in record["flags"] if flag["kind"] == "slips"]
    assert "left: 64 samples missing at 1.000" in lost[0]
    assert record["flags"] == record["capture"]["flags"]
