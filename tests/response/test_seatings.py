"""Several seatings: mean, spread, and the seating that does not fit."""

import math
from typing import Any

import numpy as np
import pytest

from soundcal.errors import ParameterError, SignalError
from soundcal.response import ChannelResponse, Response, new_response
from soundcal.response.seatings import misfit, over_seatings

F = np.array([50.0, 100.0, 500.0, 1000.0, 8000.0])
N_BANDS = 2


def seating(*left: float, right: float = 0.0, snr: float = 60.0, **more: Any) -> Response:
    levels = {"left": np.array(left), "right": np.full(F.size, right)}
    conditions = {
        "bands_hz": [100.0, 1000.0],
        "snr_db": {name: [snr, 50.0] for name in levels},
        "distortion": {name: [0.001, 0.002] for name in levels},
        "rms_db": dict.fromkeys(levels, -30.0),
        "flags": [],
    }
    curves = {name: ChannelResponse(F, level, u_db=0.01) for name, level in levels.items()}
    return new_response("s", "FS", "FS", "absolute", curves, conditions=conditions, **more)


FIVE = [seating(x, 0, 0, 0, -x, snr=50.0 + x) for x in (-2.0, -1.0, 0.0, 1.0, 2.0)]


def test_mean_spread_and_uncertainties() -> None:
    mean = over_seatings(FIVE, name="headphones")
    curve, s = mean.channels["left"], math.sqrt(2.5)
    np.testing.assert_allclose(curve.magnitude_db, 0.0)
    np.testing.assert_allclose(curve.spread_db, [s, 0, 0, 0, s])
    np.testing.assert_allclose(curve.u_db, np.array([s, 0, 0, 0, s]) / math.sqrt(5))
    assert curve.degrees_of_freedom(50.0) == pytest.approx(4.0)
    assert curve.next_seating_uncertainty(50.0) == pytest.approx(s * math.sqrt(1.2))
    assert mean.conditions["seatings"] == 5
    assert mean.conditions["snr_db"]["left"] == [48.0, 50.0]
    assert mean.conditions["unmet_limits"] == []
    assert [one["id"] for one in mean.provenance["of"]] == [one.id for one in FIVE]


def test_one_seating_has_no_spread() -> None:
    alone = over_seatings(FIVE[:1])
    assert alone.channels["left"].spread_db is None
    assert "spread between seatings is not known" in alone.conditions["flags"][0]


def test_a_wide_spread_is_out_of_limits() -> None:
    wide = [seating(0, x, 0, 0, 0) for x in (-4.0, 0.0, 4.0)]
    assert over_seatings(wide).conditions["unmet_limits"] == [
        "left: standard deviation of 4.0 dB between seatings at 100 Hz, the limit is 3 dB; seat "
        "the headphones more carefully"
    ]


@pytest.mark.parametrize("place", range(4))
def test_the_seating_that_does_not_fit_is_found_whenever_it_was_made(place: int) -> None:
    seatings = FIVE[:3]
    seatings.insert(place, seating(0, -7.0, -1, 0, 0))
    found = misfit(seatings)
    assert found is not None
    assert found[0] == place
    assert f"seating {place + 1}, left: -7.0 dB at 100 Hz" in found[1]
    assert "seat the headphones again" in found[1]


def test_what_fits_is_kept() -> None:
    assert misfit(FIVE) is None  # 4 dB at 50 Hz and 8 kHz do not count
    assert misfit([seating(0, 9, 9, 9, 0), FIVE[0]]) is None  # two: nobody knows which is wrong
    assert misfit([*FIVE[:2], seating(0, -5.9, 0, 0, 0)]) is None
    right = misfit([*FIVE[:2], seating(0, 0, 0, 0, 0, right=6.1)])
    assert right is not None
    assert "right: +6.1 dB" in right[1]


def test_seatings_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ParameterError, match="no seating"):
        over_seatings([])
    with pytest.raises(ParameterError, match="different ends"):
        over_seatings([FIVE[0], FIVE[1].normalised(1000.0)])
    other = seating(0, 0, 0, 0, 0)
    curves = {name: curve.at(F * 1.1) for name, curve in other.channels.items()}
    moved = new_response("s", "FS", "FS", "absolute", curves, conditions=other.conditions)
    with pytest.raises(ParameterError, match="different frequencies"):
        over_seatings([FIVE[0], moved])
    apart = [seating(0, 0, 0, 0, 0, valid=v) for v in ((50.0, 400.0), (500.0, 8000.0))]
    with pytest.raises(SignalError, match="no common range"):
        over_seatings(apart)
