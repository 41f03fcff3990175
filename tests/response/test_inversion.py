"""Inverses: flat within their range, limited, held beyond, robust against moving notches."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.devices.opening import open_device
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError
from soundcal.response import (
    ChannelResponse,
    Equaliser,
    Response,
    inverse,
    load_response,
    new_response,
    save_response,
)
from soundcal.units import db

FS = 48000
F = np.geomspace(15, 22000, 900)


def headphones(level: Any, *, f: Any = F, **more: Any) -> Response:
    curve = ChannelResponse(f, level, u_db=0.4, **more)
    return new_response("H 1", "FS", "DRP", "absolute", {"mono": curve})


def bell(centre: float, height: float, octaves: float) -> Any:
    return height * np.exp(-0.5 * (np.log2(F / centre) / octaves) ** 2)


ROUGH = headphones(30 + bell(3000, 8, 0.5) + bell(9000, -6, 0.15) + bell(60, -4, 1))


def played(filter_: Response, **more: Any) -> Equaliser:
    return Equaliser(filter_, direction="embed", fs=FS, channels=["mono"], **more)


def test_headphones_become_flat_and_keep_their_level_at_1_khz() -> None:
    filter_ = inverse(ROUGH)
    assert (filter_.source_point, filter_.target_point) == ("FS", "FS")
    assert (filter_.normalised_at, filter_.valid) == (1000.0, (40.0, 16000.0))
    assert filter_.provenance["of"][0]["sha256"] == ROUGH.sha256
    curve = ROUGH.channel("mono")
    f = np.geomspace(40, 16000, 500)
    heard = played(filter_).gain_db(f)[0] + curve.level(f) - curve.level(1000.0)
    assert np.abs(heard).max() < 0.05
    assert filter_.channel("mono").uncertainty(5000.0) == pytest.approx(0.4)
    edges = filter_.channel("mono").level([1, 40, 16000, 23000])
    assert edges[0] == edges[1]
    assert edges[2] == edges[3]


def test_smoothing_is_the_power_mean_over_its_width() -> None:
    step = headphones([0, 0, 10, 10], f=[20, 4000, 4000.0001, 20000])
    curve = inverse(step, smoothing=3, boost=40).channel("mono")
    share = np.clip(0.5 + 3 * np.log2(curve.frequency / 4000), 0, 1)  # of the window above 4 kHz
    assert np.count_nonzero((share > 0) & (share < 1)) >= 7
    expected = -10 * np.log10(1 - share + 10 * share)
    np.testing.assert_allclose(curve.magnitude_db, expected, atol=1e-5)


@pytest.mark.parametrize("rule", ["mean", "kirkeby"])
@pytest.mark.parametrize("boost", [3.0, 12.0])
def test_a_notch_is_filled_to_the_limit_only(rule: Any, boost: float) -> None:
    deep = headphones(20 + bell(9000, -30, 0.1) + bell(2000, 9, 0.3))
    filter_ = inverse(deep, rule=rule, boost=boost)
    equaliser = played(filter_)
    gain = equaliser.gain_db(np.append(np.linspace(0, FS / 2, 200), np.linspace(8000, 10000, 200)))[
        0
    ]
    assert np.isfinite(gain).all()
    assert filter_.channel("mono").magnitude_db.max() <= boost
    assert gain.max() < boost + 0.01
    assert gain.max() > boost - 0.2
    assert float(equaliser.gain_db([1000.0])[0, 0]) == pytest.approx(0, abs=1e-9)
    if rule == "mean":  # not bent where it needs no limit
        np.testing.assert_allclose(equaliser.gain_db([2000.0, 6000.0])[0], [-9, 0], atol=0.06)


def test_the_limit_bends_from_3_db_below_it() -> None:
    for level in (-20.0, -12.0, -9.0, -5.0, 6.0):
        slope = headphones([0, 0, level, level], f=[20, 2000, 4000, 20000])
        found = inverse(slope).channel("mono").level(8000.0)
        expected = -level if level >= -9 else 9 + 3 * np.tanh((-level - 9) / 3)
        assert found == pytest.approx(expected, abs=1e-9)


def test_kirkeby_bends_what_needs_no_limit_as_its_formula_says() -> None:
    slope = headphones([0, 0, -6, -6], f=[20, 2000, 4000, 20000])
    found = inverse(slope, rule="kirkeby").channel("mono").level(8000.0)
    assert found == pytest.approx(6 - 0.53 + 0.14, abs=0.02)


def test_moving_notches_are_not_filled_with_the_spread() -> None:
    seatings = headphones(0 * F, spread_db=bell(9000, 4, 0.2))
    found = inverse(seatings, rule="mean+2s").channel("mono")
    rng = np.random.default_rng(1)
    drawn = 10 ** (4 * rng.standard_normal(400_000) / 20)
    expected = -db(drawn.mean() + 2 * drawn.std())
    assert found.level(9000.0) == pytest.approx(expected, abs=0.06)
    assert found.level(1000.0) == 0.0
    assert inverse(seatings).channel("mono").level(9000.0) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ParameterError, match="spread between seatings"):
        inverse(ROUGH, rule="mean+2s")


def test_the_spread_is_in_the_record(tmp_path: Path) -> None:
    seatings = headphones(0 * F, spread_db=bell(9000, 4, 0.2))
    save_response(tmp_path / "h.json", seatings)
    again = load_response(tmp_path / "h.json").channel("mono").spread_db
    np.testing.assert_array_equal(again, bell(9000, 4, 0.2))
    with pytest.raises(ParameterError, match="negative spread"):
        headphones(0 * F, spread_db=-1.0)


def test_a_target_is_reached() -> None:
    target = new_response(
        "T", "DF", "DRP", "absolute", {"all": ChannelResponse(F, bell(3000, 15, 0.6), u_db=1)}
    )
    filter_ = played(inverse(ROUGH, target=target))
    f = np.geomspace(50, 15000, 300)
    level = ROUGH.channel("mono").level
    heard = filter_.gain_db(f)[0] + level(f) - level(1000.0)
    wanted = target.channel("mono").level(f) - target.channel("mono").level(1000.0)
    assert np.abs(heard - wanted).max() < 0.05
    other = new_response("T", "DF", "ERP", "absolute", {"all": target.channel("all")})
    with pytest.raises(ParameterError, match="leads to ERP, the response to DRP"):
        inverse(ROUGH, target=other)


def test_a_microphone_keeps_the_frequency_of_its_calibrator() -> None:
    curve = ChannelResponse(F, np.log2(F / 250) * 0.5, u_db=0.3)
    microphone = new_response("M", "P", "FS", "relative", {"mono": curve}, normalised_at=250.0)
    filter_ = inverse(microphone)
    assert (filter_.normalised_at, filter_.valid) == (250.0, (20.0, 20000.0))
    assert filter_.channel("mono").level(1000.0) == pytest.approx(-1, abs=0.01)


def test_what_cannot_be_inverted_is_refused() -> None:
    wide = new_response(
        "W", "FS", "DRP", "absolute", {"all": ROUGH.channel("mono")}, smoothing="1/6 octave"
    )
    for response, more, message in (
        (wide, {}, "export it without smoothing"),
        (ROUGH, {"boost": 2.0}, "3 dB or more"),
        (ROUGH, {"smoothing": 0}, "1 to 1/96"),
        (ROUGH, {"rule": "max"}, "one of mean, mean"),
        (ROUGH, {"low": 1200.0}, "a range around 1000 Hz"),
    ):
        with pytest.raises(ParameterError, match=message):
            inverse(response, **more)  # type: ignore[arg-type]


def test_the_lab_is_flat_on_the_same_seating() -> None:
    device = open_device("sim:lab,noise=0")
    assert isinstance(device, SimulatedLab)
    with device as lab:
        lab.seat_headphones()
        truth = lab.truth
    f = np.geomspace(50, 16000, 700)
    for ear in ("left", "right"):
        measured = headphones(db(np.abs(truth.transfer(ear, F))))
        chain = played(inverse(measured)).gain_db(f)[0] + db(np.abs(truth.transfer(ear, f)))
        assert np.abs(chain - np.interp(1000, f, chain)).max() < 0.02
