import numpy as np
import pytest
from scipy.signal import hilbert

from soundcal.indicators.hearing_model.envelope import EnvelopeBlocks


def blocks_of(signal, length, cut):
    """Starts, r.m.s. values and envelopes of all blocks of a signal that arrives in parts."""
    blocks = EnvelopeBlocks([length])
    parts = np.split(signal, range(cut, signal.shape[1], cut), axis=1) if cut else [signal]
    found = []
    for part in parts:
        found += [(b.start, b.rms.copy(), b.envelopes()) for b in blocks.push(part)]
    return found + [(b.start, b.rms.copy(), b.envelopes()) for b in blocks.finish()]


@pytest.mark.parametrize(("length", "odd"), [(16384, 0), (16384, 777), (65536, 12001)])
def test_envelopes_are_magnitudes_of_the_analytic_signal_at_every_32nd_sample(length, odd):
    hop = length // 4
    signal = np.random.default_rng(5).standard_normal((53, 2 * hop + odd))
    padded = np.concatenate([np.zeros((53, length)), signal], axis=1)
    found = blocks_of(signal, length, 3001)
    flush = [signal.shape[1]] if odd else []
    assert [start for start, _, _ in found] == [0, hop, 2 * hop, *flush]
    for start, rms, envelopes in found:
        block = padded[:, start : start + length]
        expected = np.abs(hilbert(block, axis=1))[:, ::32]
        np.testing.assert_allclose(envelopes, expected, rtol=0, atol=1e-12)
        positive = np.maximum(block, 0.0)
        np.testing.assert_allclose(rms, np.sqrt(2 * np.mean(positive**2, axis=1)), rtol=1e-12)


def test_a_block_gives_envelopes_of_chosen_bands_and_its_time():
    signal = np.random.default_rng(6).standard_normal((53, 4096))
    blocks = EnvelopeBlocks([16384])
    times = []
    for block in blocks.push(signal):
        times.append(block.time)
        some = np.array([52, 3, 17])
        np.testing.assert_allclose(block.envelopes(some), block.envelopes()[some], rtol=1e-12)
    assert times == [0.0, 4096 / 48000]


def test_blocks_of_two_lengths_are_those_of_each():
    signal = np.random.default_rng(7).standard_normal((53, 70001))
    both = EnvelopeBlocks([65536, 16384])
    found = {16384: [], 65536: []}
    for blocks in (both.push(signal[:, :30000]), both.push(signal[:, 30000:]), both.finish()):
        for block in blocks:
            found[block.length].append((block.start, block.rms, block.envelopes()))
    for length, blocks in found.items():
        for one, other in zip(blocks, blocks_of(signal, length, 0), strict=True):
            assert one[0] == other[0]
            np.testing.assert_allclose(one[1], other[1], rtol=1e-12)
            np.testing.assert_allclose(one[2], other[2], rtol=0, atol=1e-12)


def test_no_signal_has_no_block():
    blocks = EnvelopeBlocks([16384])
    assert list(blocks.push(np.zeros((53, 0)))) == []
    assert list(blocks.finish()) == []
