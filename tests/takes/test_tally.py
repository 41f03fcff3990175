"""One count of a running stream: time, reports of the driver, freewheel mode."""

import numpy as np
import pytest

from soundcal.recording import (
    INCOMPLETE,
    MISSING,
    OVERFLOWS,
    PRIMING,
    RATE,
    STOPPED,
    Flag,
    clipping_flag,
)
from soundcal.takes.judge import stream_checks
from soundcal.takes.tally import StreamTally

FS = 48000
JACK = "JACK Audio Connection Kit"
BLOCK = np.full((2, 480), 0.1)


def streamed(host_api: str, speed: float, *, pause: float = 0.0, n: int = 8000) -> StreamTally:
    """Blocks of 10 ms that come ``speed`` times as fast, with a pause after the half of them."""
    tally = StreamTally(FS, 2, host_api)
    for block in range(n):
        tally.add(BLOCK, 480 * (block + 1), 1.0 + 0.01 * block / speed + pause * (block > n // 2))
    tally.end()
    return tally


def kinds(tally: StreamTally) -> list[str]:
    return [flag.kind for flag in tally.flags()]


def test_a_server_in_freewheel_mode_has_no_clock() -> None:
    tally = streamed(JACK, 10.0, pause=1.0)
    assert (tally.rate, tally.missing, tally.flags()) == (None, 0, ())


@pytest.mark.parametrize(("host_api", "speed"), [("ALSA", 10.0), (JACK, 1.2)])
def test_another_device_that_is_too_fast_has_a_wrong_rate(host_api: str, speed: float) -> None:
    tally = streamed(host_api, speed)
    assert tally.rate == pytest.approx(speed * FS)
    assert kinds(tally) == [RATE]


def test_time_that_is_missing_is_counted_and_noted() -> None:
    tally = streamed("ALSA", 1.0, pause=0.3)
    assert abs(tally.missing - 0.3 * FS) <= 1
    assert kinds(tally) == [MISSING]
    assert [flag.kind for flag in tally.noted] == [MISSING]


def test_every_report_is_counted_and_the_first_ones_keep_their_places() -> None:
    tally = StreamTally(FS, 2)
    for number in range(100):
        tally.report(Flag(OVERFLOWS, "input overflow"), 480 * number)
    tally.report(Flag(PRIMING, "priming output"), 0)
    assert tally.xruns == 100
    assert len(tally.noted) == 20
    assert str(tally.noted[3]) == "input overflow at 0.030 s"
    assert str(tally.flags()[0]) == "driver reported input overflow 100 times, first at 0.000 s"


def test_silence_at_the_end_and_clipped_samples_are_counted() -> None:
    tally = StreamTally(FS, 2, total=1000)
    tally.add(np.pad([[1.0, 0.5], [0.1, -1.0]], ((0, 0), (0, 8))), 10)
    tally.add(np.zeros((2, 990)), 1200)
    assert (tally.zeros, tally.clipped.tolist(), tally.n_samples) == (998, [1, 1], 1000)


def test_what_ended_a_stream_is_noted() -> None:
    tally = StreamTally(FS, 2, total=1000)
    tally.add(BLOCK, 480)
    tally.stop()
    tally.fail("unplugged")
    assert [flag.kind for flag in tally.noted] == [STOPPED, INCOMPLETE]
    assert str(tally.noted[1]) == "incomplete: unplugged"


def test_a_single_event_is_told_in_the_singular() -> None:
    (check,) = stream_checks(n_samples=10, fs=FS, xruns=1)
    assert check.reason == "1 overflow or underflow reported by the driver"
    assert str(clipping_flag("left", 1)).startswith("left: 1 sample at or beyond full scale")
