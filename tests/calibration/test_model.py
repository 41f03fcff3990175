"""Links, chains and their uncertainty, held against GTC."""

import math
from dataclasses import replace

import GTC
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundcal.calibration.model import Calibration, Chain, Link, new_calibration
from soundcal.calibration.uncertainty import (
    coverage_factor,
    dof_from_doubt,
    expanded_to_standard,
    rectangular,
    type_a,
)
from soundcal.errors import ParameterError, RecordError
from soundcal.recording import Capture, Flag, Recording

links = st.builds(
    lambda name, gain, u, dof: Link(name, gain, u, dof),
    st.text(min_size=1, max_size=5),
    st.floats(-120.0, 120.0),
    st.floats(1e-3, 2.0),
    st.one_of(st.just(math.inf), st.floats(1.0, 200.0)),
)
chains = st.lists(links, min_size=1, max_size=6).map(Chain)


def by_gtc(chain: Chain) -> GTC.lib.UncertainReal:
    """Return the chain as a GTC uncertain number in dB."""
    return sum(GTC.ureal(link.gain_db, link.u_db, link.dof) for link in chain.links)


def assert_equal(found: tuple[float, float, float], number: GTC.lib.UncertainReal) -> None:
    value, u, dof = found
    assert value == pytest.approx(GTC.value(number), abs=1e-9)
    assert u == pytest.approx(GTC.uncertainty(number), rel=1e-9)
    assert min(dof, 1e9) == pytest.approx(min(GTC.dof(number), 1e9), rel=1e-6)


@given(chains)
def test_gain_uncertainty_and_degrees_of_freedom_are_those_of_gtc(chain: Chain) -> None:
    assert_equal((chain.gain_db, chain.u_db, chain.dof), by_gtc(chain))


@given(chains, chains, links)
def test_the_difference_of_two_chains_is_that_of_gtc(first: Chain, second: Chain, link) -> None:
    same = replace(link, name="same calibrator")
    one, other = (Chain((*chain.links, same)) for chain in (first, second))
    error = GTC.ureal(same.gain_db, same.u_db, same.dof)
    both = (by_gtc(first) + error) - (by_gtc(second) + error)
    assert_equal(one.minus(other, shared=[same.name]), both)


def test_the_coverage_factor_is_that_of_the_gum() -> None:
    """GUM Table G.2, 95 %: ν = 1, 2, 5, 10, 50 and infinite."""
    table = {1: 12.71, 2: 4.30, 5: 2.57, 10: 2.23, 50: 2.01, math.inf: 1.960}
    for dof, k in table.items():
        assert coverage_factor(dof) == pytest.approx(k, abs=0.005)
    expanded, k = Chain((Link("a", 0.0, 0.1, 5.0),)).expanded()
    assert (expanded, k) == (pytest.approx(0.257, abs=1e-3), pytest.approx(2.571, abs=1e-3))


def test_standard_uncertainties_from_what_is_stated() -> None:
    assert rectangular(0.3) == pytest.approx(0.3 / math.sqrt(3.0))
    assert expanded_to_standard(0.15) == 0.075
    assert dof_from_doubt(0.5) == 2.0
    mean, u, dof = type_a([0.0, 2.0])
    assert (mean, u, dof) == (1.0, pytest.approx(1.0), 1.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: rectangular(-0.1), "half width -0.1"),
        (lambda: expanded_to_standard(0.1, 0.0), "k = 0.0"),
        (lambda: dof_from_doubt(1.0), r"doubt 1\.0"),
        (lambda: type_a([1.0]), "1 observations"),
        (lambda: coverage_factor(0.0), "degrees of freedom"),
        (lambda: coverage_factor(5.0, 1.0), r"coverage 1\.0"),
        (lambda: Link("x", math.inf), "x: gain inf"),
        (lambda: Link("x", 0.0, -1.0), "uncertainty -1.0"),
        (lambda: Link("x", 0.0, 1.0, 0.0), "0.0 degrees of freedom"),
        (lambda: Chain(()), "at least one link"),
    ],
)
def test_impossible_values_are_refused(wrong, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        wrong()


def test_what_two_chains_share_cancels_in_their_difference() -> None:
    calibrator = Link("calibrator", 0.02, 0.1)
    first = Chain((calibrator, Link("level", 20.0, 0.03, 2.0)))
    second = Chain((calibrator, Link("level", 20.5, 0.04, 2.0)))
    value, u, dof = second.minus(first, shared=["calibrator"])
    assert (value, u) == (pytest.approx(0.5), pytest.approx(0.05))
    assert dof == pytest.approx(0.05**4 / (0.03**4 / 2 + 0.04**4 / 2))
    assert second.minus(first)[1] == pytest.approx(math.sqrt(2 * 0.01 + 0.05**2))
    with pytest.raises(ParameterError, match="room: not a link of both"):
        second.minus(first, shared=["room"])


FOUND = new_calibration("stated", "input", {"left": Chain((Link("s", 6.0, 0.2),))})


def test_flags_travel_from_the_capture_to_the_recording() -> None:
    take = Capture(
        [[0.1, 1.0, -1.0]], 48000, channels=("left",), xruns=3, flags=(Flag("loud", "loud"),)
    )
    recording = FOUND.apply(take)
    assert tuple(map(str, recording.flags)) == (
        "loud",
        "left: 2 samples at or beyond full scale; lower the input gain",
        "3 overflows or underflows of the driver",
    )
    assert recording.u_db == (0.2,)
    assert recording.capture_sha256 == take.sha256


def test_channels_are_mapped_only_when_told() -> None:
    take = Capture([[0.1, 0.2]], 48000)
    with pytest.raises(ParameterError, match="no channel 'mono', only left"):
        FOUND.apply(take)
    assert FOUND.apply(take, mapping={"mono": "left"}).channels == ("mono",)
    with pytest.raises(ParameterError, match="mapping names right"):
        FOUND.embed(Recording([[1.0, 1.0]], 48000, "x"), mapping={"right": "left"})


def test_damaged_records_are_refused() -> None:
    record = FOUND.to_dict()
    with pytest.raises(RecordError, match="is expected"):
        Calibration.from_dict(record | {"schema": "other"})
    with pytest.raises(RecordError, match="damaged"):
        Calibration.from_dict(record | {"method": "guess"})
    with pytest.raises(RecordError, match="without 'id'"):
        Calibration.from_dict({k: v for k, v in record.items() if k != "id"})
    with pytest.raises(ParameterError, match="details"):
        new_calibration("stated", "input", FOUND.chains, details={"x": math.nan})


def test_the_identity_depends_on_the_content() -> None:
    made = "2026-01-01T00:00:00+00:00"
    one = new_calibration("stated", "input", FOUND.chains, made=made)
    same = new_calibration("stated", "input", FOUND.chains, made=made)
    other = new_calibration("stated", "output", FOUND.chains, made=made)
    assert one == same
    assert one.id.startswith("stated-20260101T000000-")
    assert one.id != other.id
