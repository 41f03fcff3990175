"""Equalisers: signs, levels, blocks, reference points, flags."""

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from soundcal.dsp.octave import bands_between
from soundcal.dsp.weighting import exact_level
from soundcal.errors import ParameterError, SignalError, TargetNotReached
from soundcal.recording import CHANGED, EQUALISED_PEAK, HELD, Recording
from soundcal.response import (
    ChannelResponse,
    Equaliser,
    Response,
    check_headroom,
    generic_response,
    new_response,
    point_after,
)
from soundcal.response.directions import incidence_after
from soundcal.stimuli.catalogue import load_catalogue, scenes
from soundcal.stimuli.rendering import render
from soundcal.units import db, power_db

FS = 48000
EARS = ("left", "right")
F = np.geomspace(20, 20000, 200)
MADE = "2026-01-01T12:00:00+00:00"


def microphone(
    level: Any,
    *,
    at: float = 1000.0,
    f: Any = F,
    ends: tuple[str, str] = ("P", "FS"),
    **more: Any,
) -> Response:
    curve = ChannelResponse(f, level, u_db=0.3)
    curve = curve.shifted(-float(curve.level(at)))
    more |= {"normalised_at": at, "incidence": "0deg", "made": MADE}
    return new_response("M 1", *ends, "relative", {"mono": curve}, **more)


# flat to 5 kHz, +3 dB at 10 kHz and above
BRIGHT = microphone([0, 0, 0, 3, 3], f=[20, 1000, 5000, 10000, 20000])
# a roll-off of second order at 20 Hz, and a boss
ROUGH = microphone(-10 * np.log10(1 + (20 / F) ** 4) + 5 * np.exp(-(np.log2(F / 9000) ** 2) / 0.2))
# a low-pass, whose largest tap is not the first
LATE = microphone([0, 0, -12, -48], f=[20, 1000, 2000, 8000], ends=("FS", "FS"))


def tone(frequency: float, seconds: float = 1.0, amplitude: float = 1.0) -> Any:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * FS)) / FS)


def recording(pressure: Any, point: str = "", **more: Any) -> Recording:
    return Recording(pressure, FS, "c", point=point, **more)


def change_db(before: Any, after: Any) -> Any:
    """Return the change of level of a tone of 1 s from 0.5 to 0.7 s, between the transients."""
    steady = slice(FS // 2, 7 * FS // 10)
    return db(np.std(after[..., steady], axis=-1) / np.std(before[..., steady], axis=-1))


def only(response: Response, direction: Any, **more: Any) -> Equaliser:
    return Equaliser(response, direction=direction, fs=FS, channels=["mono"], **more)


@pytest.mark.parametrize("phase", ["minimum", "linear"])
def test_what_a_microphone_reads_too_much_is_taken_away(phase: Any) -> None:
    high, reference = tone(10000), tone(1000)
    undo, embed = (only(BRIGHT, direction, phase=phase) for direction in ("undo", "embed"))
    assert change_db(high, undo.apply(recording(high)).pressure)[0] == pytest.approx(-3, abs=0.01)
    assert change_db(high, embed.apply(recording(high)).pressure)[0] == pytest.approx(3, abs=0.01)
    read = undo.apply(recording(reference))
    assert change_db(reference, read.pressure)[0] == pytest.approx(0, abs=1e-9)
    assert read.point == "P"


def test_the_tone_of_a_pistonphone_keeps_its_level() -> None:
    curve = microphone(np.log2(F / 1000))  # -2 dB at 250 Hz
    pistonphone = tone(250)
    fixed = only(curve, "undo", fixed_at=250.0)
    found = fixed.apply(recording(pistonphone)).pressure
    assert change_db(pistonphone, found)[0] == pytest.approx(0, abs=1e-9)
    assert fixed.gain_db([1000.0])[0, 0] == pytest.approx(-2, abs=1e-3)
    assert only(curve, "undo").gain_db([250.0])[0, 0] == pytest.approx(2, abs=1e-3)


def test_an_absolute_response_keeps_its_level() -> None:
    head = generic_response("generic-ff")
    both = np.stack([tone(1000), tone(1000, amplitude=0.5)])
    ears = recording(both, "DRP", capture_sha256="ab", u_db=(0.2, 0.2))
    to_field = Equaliser(head, direction="undo", fs=FS, channels=EARS)
    field = to_field.apply(ears)
    np.testing.assert_allclose(change_db(both, field.pressure), -2.6, atol=0.01)
    assert (field.point, field.capture_sha256, field.u_db) == ("FF", "ab", (0.2, 0.2))
    assert [flag.kind for flag in field.flags] == ["not your HATS"]
    (step,) = field.equalisation
    assert (step.sha256, step.direction) == (head.sha256, "undo")
    assert (step.source_point, step.target_point) == ("FF", "DRP")
    bands = step.bands["right"]
    at = bands.frequency.index(pytest.approx(1000.0))
    assert bands.gain_db[at] == pytest.approx(-2.6, abs=0.01)
    assert bands.u_db[at] == 1.0
    assert np.abs(bands.residual_db).max() < 0.05
    assert step.to_dict()["bands"]["left"]["dof"][0] is None


def test_undoing_after_embedding_restores_the_recording() -> None:
    rng = np.random.default_rng(4)
    noise = recording(rng.standard_normal((2, FS)), "FF", capture_sha256="ab")
    head = generic_response("generic-ff")
    embed, undo = (
        Equaliser(head, direction=direction, fs=FS, channels=EARS)
        for direction in ("embed", "undo")
    )
    drum = embed.apply(noise)
    again = undo.apply(drum)
    assert (drum.point, again.point, again.capture_sha256) == ("DRP", "FF", "ab")
    assert [s.direction for s in again.equalisation] == ["embed", "undo"]
    assert len({s.sha256 for s in again.equalisation}) == 1
    spectra = np.abs(np.fft.rfft([noise.pressure[0], again.pressure[0]])) ** 2
    f = np.fft.rfftfreq(FS, 1 / FS)
    for low, high in pairwise(np.geomspace(20, 20000, 31)):
        power = spectra[:, (f >= low) & (f < high)].sum(axis=1)
        assert float(power_db(power[1] / power[0])) == pytest.approx(0, abs=0.01)


def test_any_blocks_give_the_same_samples_as_the_sum_over_the_filter() -> None:
    noise = np.random.default_rng(1).standard_normal((1, 30000))
    equaliser = only(ROUGH, "undo", taps=4096)
    whole = equaliser.process(noise)
    summed = np.convolve(noise[0], equaliser.taps[0])[:30000]
    limit = 1e-12 * np.abs(whole).max()
    np.testing.assert_allclose(whole[0], summed, rtol=0, atol=limit)
    for edges in ([0, 1, 1, 8, 1031, 5831, 30000], range(0, 30001, 1250)):
        equaliser.reset()
        parts = [equaliser.process(noise[:, first:end]) for first, end in pairwise(edges)]
        np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=0, atol=limit)


@pytest.mark.parametrize("phase", ["minimum", "linear"])
@pytest.mark.parametrize("n", [100, 30000])
def test_a_stream_keeps_its_length_and_has_a_tail_on_request(phase: Any, n: int) -> None:
    equaliser = only(ROUGH, "undo", phase=phase, taps=1024)
    noise = np.random.default_rng(2).standard_normal((1, n))
    whole = np.convolve(noise[0], equaliser.taps[0])[equaliser.delay :]
    for tail, length in ((False, n), (True, whole.size)):
        blocks = (noise[:, at : at + 700] for at in range(0, n, 700))
        found = np.concatenate(list(equaliser.stream(blocks, tail=tail)), axis=1)
        np.testing.assert_allclose(found[0], whole[:length], rtol=0, atol=1e-11)


def test_linear_phase_is_symmetrical_and_refused_live() -> None:
    equaliser = only(ROUGH, "undo", phase="linear")
    assert equaliser.delay == 4096
    np.testing.assert_allclose(equaliser.taps, equaliser.taps[:, ::-1], rtol=0, atol=1e-15)
    with pytest.raises(ParameterError, match=r"delays by 85\.3 ms"):
        equaliser.process(np.zeros((1, 10)))


def test_filters_of_0_17_s_follow_a_roll_off_of_second_order() -> None:
    for fs in (44100, 48000, 96000):
        equaliser = Equaliser(ROUGH, direction="undo", fs=fs, channels=["mono"])
        assert equaliser.taps.shape[1] in (8192, 16384)
        f = np.geomspace(20, 20000, 400)
        away = np.abs(equaliser.gain_db(f)[0] - equaliser.wanted_db("mono", f))
        assert away.max() < 0.06
        assert away[f >= 31.5].max() < 0.02


# like a measurement microphone: 12 Hz high-pass, -0.6 dB at 4 kHz, +1.8 dB at 11 kHz
MEASURING = microphone(
    -10 * np.log10(1 + (12 / F) ** 4)
    - 0.6 * np.exp(-(np.log2(F / 4000) ** 2) / 0.5)
    + 1.8 * np.exp(-(np.log2(F / 11000) ** 2) / 0.3)
)


def assert_level_is_the_sum(equaliser: Equaliser, sound: Any) -> None:
    """Compare the change of LAeq with sums over lines and over third octaves."""
    n = sound.shape[1]
    f = np.fft.rfftfreq(2 * n, 1 / FS)
    weights = 10 ** (exact_level(f) / 10)
    filtered = np.concatenate(list(equaliser.stream([sound], tail=True)), axis=1)
    # the tail fits into the zeros behind the sound
    after, before = (np.abs(np.fft.rfft(x[0], 2 * n)) ** 2 * weights for x in (filtered, sound))
    measured = float(power_db(after.sum() / before.sum()))
    gain = 10 ** (equaliser.wanted_db("mono", f) / 10)
    lines = float(power_db((before * gain).sum() / before.sum()))
    assert lines == pytest.approx(measured, abs=0.001)
    bands = bands_between(3, 20, 20000)
    shares = [before[(f >= b.lower) & (f < b.upper)].sum() for b in bands]
    gain = 10 ** (equaliser.wanted_db("mono", [b.mid for b in bands]) / 10)
    thirds = float(power_db((shares * gain).sum() / np.sum(shares)))
    assert thirds == pytest.approx(measured, abs=0.05)


def test_the_change_of_a_level_is_the_sum_over_its_spectrum() -> None:
    rng = np.random.default_rng(5)
    equaliser = only(MEASURING, "undo")
    for slope in (0, 1, 2):  # white, pink, brown
        spectrum = np.fft.rfft(rng.standard_normal(FS))
        spectrum[1:] /= np.arange(1, spectrum.size) ** (slope / 2)
        spectrum[:20] = 0
        assert_level_is_the_sum(equaliser, np.fft.irfft(spectrum, FS)[np.newaxis])


@pytest.mark.long  # noises are above
def test_the_change_of_the_level_of_27_scenes_is_the_sum_over_their_spectra() -> None:
    equaliser = only(MEASURING, "undo")
    found = [render(scene, fs=FS, duration=2.0)[:1] for scene in scenes(load_catalogue())]
    assert len(found) == 27
    for sound in found:
        assert_level_is_the_sum(equaliser, sound)


def test_energy_beyond_the_range_of_a_response_is_told() -> None:
    narrow = microphone([0.0, 0.0], f=[100, 8000])
    equaliser = only(narrow, "undo")
    inside = recording(tone(1000) + tone(12000, amplitude=0.05))
    outside = recording(tone(1000) + tone(12000, amplitude=0.2))
    assert not equaliser.apply(inside).flags
    (flag,) = equaliser.apply(outside).flags
    assert flag.kind == HELD
    assert re.match(
        r"mono: 1\.\d % of the A-weighted energy lies outside 100 to 8000 Hz", flag.text
    )
    short = recording(tone(12000, 0.01))
    assert [flag.kind for flag in equaliser.apply(short).flags] == [HELD]
    assert not equaliser.apply(recording(np.zeros(100))).flags


def test_peaks_raised_at_high_frequencies_are_told() -> None:
    for level, kinds in ((2.9, []), (3.1, [EQUALISED_PEAK])):
        curve = microphone([0, 0, level], f=[20, 4000, 12000])
        assert [f.kind for f in only(curve, "embed").apply(recording(tone(500))).flags] == kinds
        assert not only(curve, "undo").apply(recording(tone(500))).flags


def test_a_changed_response_is_told() -> None:
    data = BRIGHT.to_dict()
    data["channels"]["mono"]["magnitude_db"][-1] = 4.0
    changed = Response.from_dict(data)
    assert CHANGED in [f.kind for f in only(changed, "undo").apply(recording(tone(500))).flags]


def test_another_rate_and_a_single_seating_are_told() -> None:
    for conditions, texts in (
        ({"fs": 44100}, ["holds for 44100 Hz, not for 48000 Hz"]),
        ({"seatings": 1}, ["does not contain the spread between seatings"]),
        ({"fs": FS, "seatings": 2}, []),
    ):
        flags = only(microphone(0 * F, conditions=conditions), "undo").flags()
        assert len(flags) == len(texts)
        assert all(text in str(flag) for text, flag in zip(texts, flags, strict=True))


def test_only_a_response_that_leads_from_the_point_is_applied() -> None:
    head = generic_response("generic-df")
    assert point_after(head, "undo", "DRP") == "DF"
    assert point_after(head, "embed", "DF") == "DRP"
    assert point_after(head.reversed(), "embed", "DRP") == "DF"
    assert point_after(BRIGHT, "undo", "") == point_after(BRIGHT, "undo", "P") == "P"
    for response, direction, point, message in (
        (head, "undo", "DF", "needs sound pressure at DRP; the recording refers to DF"),
        (head, "embed", "", "does not state its reference point"),
        (head.normalised(1000.0), "undo", "DRP", "every level is shifted"),
        (BRIGHT, "undo", "DF", "the recording refers to DF, not to P"),
        (microphone(0 * F, ends=("FS", "FS")), "embed", "P", "for samples"),
        (head, "apply", "DRP", "undo or embed is expected"),
    ):
        with pytest.raises(ParameterError, match=message):
            point_after(response, direction, point)  # type: ignore[arg-type]
    sensitivity = new_response("S", "P", "FS", "absolute", {"all": BRIGHT.channel("mono")})
    with pytest.raises(ParameterError, match="calibration contains its level"):
        point_after(sensitivity, "undo", "P")


def test_the_response_of_another_incidence_is_refused() -> None:
    for stated in ("", "0deg"):
        assert incidence_after(BRIGHT, "P", stated) == "0deg"
    for stated in ("90deg", "random"):
        with pytest.raises(ParameterError, match=f"incidence 0deg.*stated for {stated}"):
            only(BRIGHT, "undo").apply(recording(tone(500, 0.1), "P", incidence=stated))


def test_a_microphone_is_undone_once() -> None:
    undo, embed = only(BRIGHT, "undo"), only(BRIGHT, "embed")
    once = undo.apply(recording(tone(500), "P"))
    with pytest.raises(ParameterError, match="undo already"):
        undo.apply(once)
    assert len(undo.apply(embed.apply(once)).equalisation) == 3


def test_an_equaliser_fits_its_recording() -> None:
    head = generic_response("generic-ff")
    equaliser = Equaliser(head, direction="undo", fs=44100, channels=EARS)
    with pytest.raises(ParameterError, match="left, right at 44100 Hz"):
        equaliser.apply(recording(np.zeros((2, 100)), "DRP"))
    with pytest.raises(SignalError, match=r"\(2, n\) is expected"):
        equaliser.process(np.zeros((1, 100)))
    with pytest.raises(ParameterError, match="absolute response"):
        Equaliser(head, direction="undo", fs=FS, channels=EARS, fixed_at=1000.0)
    with pytest.raises(ParameterError, match="20 to 20000 Hz is expected"):
        only(BRIGHT, "undo", fixed_at=10.0)
    with pytest.raises(ParameterError, match="taps"):
        only(BRIGHT, "undo", taps=3)
    with pytest.raises(ParameterError, match="minimum or linear"):
        only(BRIGHT, "undo", phase="zero")
    with pytest.raises(ParameterError, match="0 channels"):
        Equaliser(BRIGHT, direction="undo", fs=FS, channels=[])
    with pytest.raises(ParameterError, match="at most 80 dB"):
        only(microphone([0, 0, -90, 0], f=[20, 1000, 4000, 20000]), "undo")
    ear = new_response("E", "DF", "DRP", "absolute", {"left": head.channel("all")})
    with pytest.raises(ParameterError, match="no channel 'right'"):
        Equaliser(ear, direction="undo", fs=FS, channels=EARS)


def test_channels_have_their_own_filters() -> None:
    levels = {"left": [0.0, 0.0], "right": [6.0, 6.0]}
    curves = {name: ChannelResponse([20, 20000], at, u_db=0.1) for name, at in levels.items()}
    ears = new_response("E", "DF", "DRP", "absolute", curves)
    for channels, expected in ((EARS, [0, -6]), (("right", "left"), [-6, 0])):
        equaliser = Equaliser(ears, direction="undo", fs=FS, channels=channels, taps=256)
        np.testing.assert_allclose(equaliser.gain_db([500.0])[:, 0], expected, atol=1e-9)


def test_missing_headroom_is_found_before_playing() -> None:
    louder = microphone([0, 0, 6, 6], f=[20, 1000, 2000, 20000], ends=("FS", "FS"))
    equaliser = only(louder, "embed")
    blocks = [tone(4000, 0.1, 0.4)[np.newaxis]] * 2
    peak = np.abs(np.convolve(np.concatenate(blocks, axis=1)[0], equaliser.taps[0])).max()
    assert 0.8 < peak < 0.9
    assert check_headroom(equaliser, blocks) == pytest.approx(peak, abs=1e-12)
    missing = re.escape(f"{6 + 20 * np.log10(peak):.2f} dB of headroom are missing")
    with pytest.raises(TargetNotReached, match=missing):
        check_headroom(equaliser, blocks, gain_db=6.0)
    last = np.zeros((1, 100))
    last[0, -1] = 0.9  # rings beyond the end
    assert check_headroom(only(LATE, "embed"), [last]) == pytest.approx(
        0.9 * np.abs(only(LATE, "embed").taps).max(), abs=1e-12
    )
