"""Roughness by Daniel & Weber, beside the rows of ``soundcal verify``."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import open_stream, roughness_dw
from soundcal.indicators.modulation.excitation import CHANNEL_BARK, N_CHANNELS, lines_of
from soundcal.indicators.modulation.excitation_kernels import excite
from soundcal.indicators.modulation.excitation_tables import G_ROUGHNESS, H2, H5, H16, H21, H42
from soundcal.indicators.modulation.roughness import (
    CALIBRATION,
    HOP,
    LENGTH,
    RoughnessMethod,
    _modulation,
    _modulation_weights,
)
from soundcal.units import level_to_pascal
from soundcal.verification.roughness import MEASURED

Table = tuple[tuple[float, float], ...]

FS = 48000
RNG = np.random.default_rng(5)
NOISE = 0.05 * RNG.standard_normal(FS)


def am(
    fs: int = FS, duration: float = 0.5, carrier: float = 1000.0, modulation: float = 70.0
) -> np.ndarray:
    t = np.arange(round(duration * fs)) / fs
    tone = (1 + np.sin(2 * np.pi * modulation * t)) * np.sin(2 * np.pi * carrier * t)
    return 0.02 * tone / np.sqrt(np.mean(tone**2))


def test_any_leading_shape_and_the_axes() -> None:
    result = roughness_dw(np.stack([am(), 0 * am(), NOISE[: FS // 2]])[np.newaxis], FS)
    assert result.value.shape == (1, 3)
    assert result.series.shape == (1, 3, 4)
    assert result.specific.shape == (1, 3, 4, 47)
    assert result.times.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert result.axis.tolist() == CHANNEL_BARK.tolist()
    assert result.value[0, 0] == roughness_dw(am(), FS).value
    assert np.allclose(0.5 * result.specific.sum(axis=-1), result.series, rtol=1e-12)


def test_silence_has_none_and_steady_tones_have_next_to_none() -> None:
    silent = roughness_dw(np.zeros(FS), FS)
    assert silent.value == 0.0
    assert set(silent.statistics.values()) == {0.0}
    t = np.arange(FS) / FS
    assert roughness_dw(0.02 * np.sin(2 * np.pi * 1000 * t), FS).value < 1e-6


@pytest.mark.parametrize("fs", [16000, 44100, 96000])
def test_other_rates(fs: int) -> None:
    assert roughness_dw(am(fs), fs).value == pytest.approx(1.0, abs=0.005)


def test_diffuse_field_differs() -> None:
    free = roughness_dw(NOISE, FS).value
    diffuse = roughness_dw(NOISE, FS, field="diffuse").value
    assert diffuse != free
    assert diffuse == pytest.approx(free, rel=0.2)
    with pytest.raises(ParameterError, match="sound field 'near'"):
        roughness_dw(NOISE, FS, field="near")


def test_refused_input() -> None:
    with pytest.raises(SignalError, match=r"at least 0\.2 s"):
        roughness_dw(NOISE[: LENGTH - 1], FS)
    with pytest.raises(SignalError, match="NaN"):
        roughness_dw(np.full(FS, np.nan), FS)
    with pytest.raises(SignalError, match="floating-point"):
        roughness_dw(np.ones(FS, dtype=np.int16), FS)
    assert roughness_dw(NOISE[:LENGTH], FS).series.shape == (1,)


def test_a_constant_offset_does_not_count() -> None:
    assert roughness_dw(np.ones(FS), FS).value == 0.0
    assert roughness_dw(am() + 1.0, FS).value == pytest.approx(1.0, abs=1e-3)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 12000), max_size=6), st.sampled_from([FS, 44100]))
def test_block_sizes_do_not_matter(sizes: list[int], fs: int) -> None:
    signal = NOISE[: 3 * LENGTH]
    whole = roughness_dw(signal, fs)
    stream = open_stream(["R"], fs=fs, keep=True)
    edges = np.minimum(np.cumsum([0, *sizes]), signal.size)
    for start, stop in zip(edges, [*edges[1:], signal.size], strict=True):
        stream.push(signal[np.newaxis, start:stop])
    found = stream.finish()["R"]
    assert found.series.tolist() == [whole.series.tolist()]
    assert found.statistics["5"].tolist() == [whole.statistics["5"]]


def test_a_frame_gives_the_same_whichever_are_analysed_with_it() -> None:
    loud, tone = 20 * NOISE[:LENGTH], am()[:LENGTH]
    frames = np.stack([NOISE[:LENGTH], tone, 0 * tone, loud, 1e-3 * loud, tone + loud, 0.1 * tone])
    together = RoughnessMethod().analyse(frames)[1].tolist()
    method = RoughnessMethod()
    for some in ([6, 0, 3], [1], [2, 5, 4, 0, 1]):
        assert method.analyse(frames[some])[1].tolist() == [together[i] for i in some]


def test_without_keep_only_statistics() -> None:
    stream = open_stream(["Rmean"], fs=FS)
    stream.push(NOISE[np.newaxis])
    found = stream.finish()["R"]
    assert found.series is None
    assert found.specific is None
    assert found.statistics["mean"].tolist() == [roughness_dw(NOISE, FS).value]


def test_too_short_for_a_stream() -> None:
    stream = open_stream(["R"], fs=FS)
    stream.push(NOISE[np.newaxis, :100])
    with pytest.raises(SignalError, match=r"too short for roughness_dw: at least 0\.2 s"):
        stream.finish()


@pytest.mark.parametrize("carrier", [1000.0, 4000.0, 6000.0, 8000.0, 12000.0])
def test_the_phase_of_the_carrier_does_not_matter(carrier: float) -> None:
    t = np.arange(LENGTH) / FS
    envelope = 0.02 * (1.0 + np.sin(2 * np.pi * 70.0 * t))
    found = [
        roughness_dw(envelope * np.sin(2 * np.pi * carrier * t + phase), FS).value
        for phase in (0.0, 0.3, 0.6, 1.0, 1.3)
    ]
    assert found[0] > 0.1
    assert found == pytest.approx([found[0]] * 5, abs=2e-4)


@pytest.mark.parametrize("level", [60.0, 90.0])
def test_excitations_are_rectified_as_if_they_were_not_sampled(level: float) -> None:
    """Modulated noise: against the same excitations at 16 times the sampling rate."""
    t = np.arange(LENGTH) / FS
    noise = np.random.default_rng(5).standard_normal(LENGTH) * (1.0 + np.sin(2 * np.pi * 70 * t))
    frame = noise * level_to_pascal(level) / np.sqrt(np.mean(noise**2))
    method = RoughnessMethod()
    (value,), _ = method.analyse(frame[np.newaxis])
    dense = 16 * LENGTH
    rectified = np.zeros((N_CHANNELS, dense))
    for channel, row in enumerate(rectified):
        low, own = method._excitation.lines_in(channel)
        row[:] = np.abs(np.fft.irfft(np.pad(own, (low, 1)), dense, norm="forward"))
    lines = np.fft.rfft(rectified, axis=1)
    weights = _modulation_weights(np.arange(130) * FS / LENGTH)
    lines = lines[:, :130] / dense
    specific = _modulation(lines[:, 0].real, lines * weights) ** 2
    g = np.interp(CHANNEL_BARK, np.arange(len(G_ROUGHNESS)), G_ROUGHNESS)
    assert value == pytest.approx(CALIBRATION * (g * specific).sum(), abs=6e-4)


def test_slopes_of_one_line() -> None:
    """A line of 70 dB at 1 kHz, 8.5 Bark: 27 dB/Bark down, 24 + 0.23 − 14 dB/Bark up."""
    lines = lines_of(LENGTH, FS)
    spectrum = np.zeros(lines.hearing.size, dtype=complex)
    spectrum[200] = 2e-5 * 10 ** (70 / 20)
    gains = np.zeros((47, spectrum.size), dtype=np.float32)
    spans = np.zeros((47, 2), dtype=np.int64)
    room = np.empty((4, 256))
    rooms = room, room[0].view(np.int64)
    assert excite(spectrum, np.ones(spectrum.size), lines, *rooms, gains, spans) == 1
    assert spans[16].tolist() == [200, 201]
    assert spans[0].tolist() == [0, 0], "nothing there"
    level = 70.0 + 20 * np.log10(np.maximum(gains[:, 200], 1e-12))
    assert level[16] == pytest.approx(70.0)
    assert level[[15, 14, 13]] == pytest.approx([70.0, 56.5, 43.0])
    slope = 24 + 0.23 - 14
    assert level[[17, 18, 19]] == pytest.approx([70.0, 70 - slope / 2, 70 - slope])
    assert (level[:10] < 0).all(), "below the threshold in quiet nothing is left"
    assert np.count_nonzero(gains) == np.count_nonzero(gains[:, 200])


def test_frames_overlap_by_half() -> None:
    burst = np.concatenate([am(duration=0.4), np.zeros(FS)])
    series = roughness_dw(burst, FS).series
    assert HOP * 2 == LENGTH
    assert series[:3] == pytest.approx(1.0, abs=0.01)
    assert (series[5:] == 0.0).all()


def test_weights_of_modulation_by_channel() -> None:
    frequency = np.arange(0.0, 650.0, 5.0)
    weights = _modulation_weights(frequency)
    assert weights.shape == (47, 130)
    assert (weights[:, :3] == 0.0).all()
    starts = [(1, H2), (6, H5), (16, H16), (21, H21), (26, H42), (48, H42)]
    for (first, curve), (after, _) in pairwise(starts):
        places, values = np.array(curve).T
        expected = np.interp(frequency[3:], places, values)
        assert (weights[first - 1 : after - 1, 3:] == expected).all(), first


@pytest.mark.parametrize(("low", "middle", "high"), [(H2, H5, H16), (H16, H21, H42)])
def test_curves_between_lie_halfway_at_equal_weight(low: Table, middle: Table, high: Table) -> None:
    def falling(curve: Table, weight: float) -> float:
        places, values = np.array(curve).T
        top = int(values.argmax())
        return float(np.interp(-weight, -values[top:], places[top:]))

    for weight in (1.0, 0.9, 0.8, 0.7, 0.6, 0.4, 0.2, 0.1, 0.0):
        ends = falling(low, weight) + falling(high, weight)
        assert falling(middle, weight) == pytest.approx(ends / 2, abs=0.6), weight


def test_weights_of_the_channels_follow_from_measured_roughness() -> None:
    """The least squared steps from Bark to Bark that give seven carriers their roughness."""
    method = RoughnessMethod()
    bark = np.arange(len(G_ROUGHNESS))
    shares = np.array([np.interp(CHANNEL_BARK, bark, unit) for unit in np.eye(bark.size)])

    def response(carrier: float, modulation: float) -> np.ndarray:
        tone = am(duration=0.3, carrier=carrier, modulation=modulation)
        frames = method.analyse(np.stack([tone[start : start + LENGTH] for start in (0, HOP)]))[1]
        weight = CALIBRATION * np.interp(CHANNEL_BARK, bark, G_ROUGHNESS)
        return shares @ (0.5 * np.mean(frames, axis=0) / weight)

    wanted = [(response(1000, 70), 1.0)]
    for carrier, values in MEASURED.items():
        rows = [response(carrier, 20 + 10 * i) for i in range(len(values))]
        wanted.append((np.sum(rows, axis=0), sum(values)))
    conditions, sums = np.array([row for row, _ in wanted]), np.array([s for _, s in wanted])
    steps = np.diff(np.eye(bark.size), axis=0)
    none = np.zeros((sums.size, sums.size))
    system = np.block([[steps.T @ steps, conditions.T], [conditions, none]])
    found = np.linalg.solve(system, np.concatenate((np.zeros(bark.size), sums)))[: bark.size]
    assert found.max() == pytest.approx(CALIBRATION, rel=1e-3)
    assert found / found.max() == pytest.approx(G_ROUGHNESS, abs=0.001)
