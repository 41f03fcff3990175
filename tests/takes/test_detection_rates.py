"""The script that measures the detection rates works, and finds what it always finds."""

import detection_rates
import pytest

ALWAYS = {
    "any file": ["32 zeros on all channels, in the middle", "both channels equal"],
    "any recording": [
        "32 zeros on one channel, at the start",
        "block of 64 to 8192 samples delivered twice",
        "44.1 kHz in place of 48 kHz",
    ],
    "white noise, played": ["32 zeros on one channel, at the end", "level step of 0.6 dB"],
    "scenes, played": ["1 sample lost or inserted", "automatic gain that settles by 3 dB"],
    "tones, played": ["10 ms replaced by noise as loud as the sound", "level ramp of 1 dB"],
    "calibrator's tone": ["1 sample lost or inserted", "16 bits in place of 24"],
}


@pytest.mark.parametrize("kind", ALWAYS)
def test_what_is_always_found_is_found_and_a_clean_take_passes(kind: str) -> None:
    found = detection_rates.trial((1, kind, 1), faults=ALWAYS[kind])
    assert found == [True] * (len(ALWAYS[kind]) + 1)


def test_what_no_take_shows_is_not_found() -> None:
    faults = ["one channel inverted", "level step of 3 dB"]
    assert detection_rates.trial((1, "any recording", 2), faults=faults) == [False, False, True]


def test_the_table_counts() -> None:
    rows = len(detection_rates.FAULTS) + 1
    lines = detection_rates.table({"scenes": [[True] * rows, [False] * rows]}).split("\n")
    assert len(lines) == rows + 2
    assert {line.split(" | ")[1] for line in lines[2:]} == {"1/2 |"}
