"""Responses: values between frequencies, both directions, chains, files."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.errors import ParameterError, RecordError
from soundcal.response import (
    POINTS,
    ChannelResponse,
    Response,
    combine_responses,
    join_channels,
    load_response,
    new_response,
    read_response,
    save_response,
    with_type_correction,
    write_own_csv,
)
from soundcal.response.model import renamed_response

FREQUENCY = (20.0, 250.0, 1000.0, 20000.0)
MADE = "2026-01-01T12:00:00+00:00"


def curve(*levels: float, u: float = 0.3, **more: Any) -> ChannelResponse:
    return ChannelResponse(np.array(FREQUENCY), np.array(levels), u_db=np.array(4 * [u]), **more)


def microphone(*levels: float) -> Response:
    return new_response(
        "M 1",
        "P",
        "FS",
        "relative",
        {"mono": curve(*levels)},
        normalised_at=1000.0,
        incidence="0deg",
        made=MADE,
    )


def head(source: str = "DF", target: str = "DRP", **more: Any) -> Response:
    channels = {"left": curve(0, 1, 2.9, -4, **more), "right": curve(0, 1.5, 3.1, -6, **more)}
    return new_response("H 1", source, target, "absolute", channels, made=MADE)


MICROPHONE = microphone(-2, 1, 0, 6)
LEFT_EAR = new_response("x", "DRP", "FS", "absolute", {"left": curve(0, 0, 0, 0)})


def test_levels_are_linear_over_the_logarithm_of_frequency_and_held_at_the_edges() -> None:
    channel = MICROPHONE.channel("any name")
    assert channel.level(FREQUENCY) == pytest.approx([-2, 1, 0, 6], abs=1e-12)
    assert channel.level(math.sqrt(250.0 * 1000.0)) == pytest.approx(0.5, abs=1e-12)
    assert channel.level([0.0, 1.0, 96000.0]).tolist() == [-2, -2, 6]
    assert channel.level(np.ones((2, 3))).shape == (2, 3)


def test_levels_beyond_the_valid_range_are_those_at_its_edges() -> None:
    channel = new_response(
        "x", "P", "FS", "absolute", {"mono": curve(-2, 1, 0, 6)}, valid=(250.0, 1000.0)
    ).channel("mono")
    assert channel.level([20.0, 20000.0]).tolist() == [1, 0]


def test_reversed_is_the_negative_the_other_way() -> None:
    there = head(phase_deg=np.array([0.0, -10.0, -40.0, -800.0]))
    back = there.reversed()
    assert (back.source_point, back.target_point) == ("DRP", "DF")
    assert back.channel("left").level(1000.0) == -2.9
    assert back.channel("left").phase_deg is not None
    assert back.channel("left").phase(1000.0) == pytest.approx(40.0)
    assert back.provenance["of"] == [{"id": there.id, "sha256": there.sha256}]
    again = back.reversed().channels["right"]
    assert again.to_dict() == there.channels["right"].to_dict()


def test_normalised_at_the_calibrators_frequency() -> None:
    sensitivity = new_response("x", "P", "FS", "absolute", {"mono": curve(-40, -37, -38, -30)})
    assert sensitivity.unit == "dB re FS/Pa"
    relative = sensitivity.normalised(250.0)
    assert (relative.kind, relative.normalised_at, relative.unit) == (
        "relative",
        250.0,
        "dB re 250 Hz",
    )
    assert relative.channel("mono").level(FREQUENCY).tolist() == [-3, 0, -1, 7]
    with pytest.raises(ParameterError, match="valid range of 20 to 20000 Hz"):
        sensitivity.normalised(10.0)


def test_channels_serve_by_name_and_one_without_a_name_serves_all() -> None:
    assert microphone(0, 0, 0, 1).channel("left").level(20000.0) == 1.0
    with pytest.raises(ParameterError, match="no channel 'mono', only left, right"):
        head().channel("mono")
    with pytest.raises(ParameterError, match="no channel 'right', only left"):
        LEFT_EAR.channel("right")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequency": [20, 250, 250, 20000]}, "250 Hz follows 250 Hz"),
        ({"frequency": [0, 250, 1000, 20000]}, "frequency 0.0 Hz"),
        ({"frequency": [20]}, "1 frequencies; 2 to 200000"),
        ({"magnitude_db": [0, 1, 2]}, r"magnitude_db of shape \(3,\); shape \(4,\)"),
        ({"magnitude_db": [0, 1, 2, math.nan]}, "NaN or infinite"),
        ({"magnitude_db": ["a", 1, 2, 3]}, "numbers are expected"),
        ({"u_db": [0, -1, 0, 0]}, "negative standard uncertainty"),
        ({"dof": [1, 2, 0, 3]}, "degrees of freedom"),
        ({"correlation_octaves": math.nan}, "correlation over nan octaves"),
    ],
)
def test_curves_that_are_none_are_refused(change: dict[str, Any], message: str) -> None:
    fine = {"frequency": FREQUENCY, "magnitude_db": (0, 1, 2, 3), "u_db": 0.1}
    with pytest.raises(ParameterError, match=message):
        ChannelResponse(**(fine | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source_point": "ear"}, "reference point 'ear'; one of these is expected: FS"),
        ({"kind": "correction"}, "relative, absolute is expected"),
        ({"channels": {}}, "0 channels"),
        ({"incidence": "45deg"}, "incidence '45deg'"),
        ({"valid": (10.0, 100.0)}, "valid from 10 to 100 Hz"),
        ({"normalised_at": 1000.0}, "not normalised"),
        ({"kind": "relative"}, "needs the frequency"),
        ({"kind": "relative", "normalised_at": 1000.0}, "2 dB at 1000 Hz"),
        ({"conditions": {"level": math.nan}}, "conditions of response x"),
    ],
)
def test_responses_that_contradict_themselves_are_refused(
    change: dict[str, Any], message: str
) -> None:
    fine = {"source_point": "P", "target_point": "FS", "kind": "absolute"}
    fine |= {"channels": {"mono": curve(0, 1, 2, 3)}}
    with pytest.raises(ParameterError, match=message):
        new_response("x", **(fine | change))  # type: ignore[arg-type]


# ---- chains


def test_chains_add_levels_and_add_uncertainties_in_squares() -> None:
    canal = new_response(
        "canal",
        "DRP",
        "ERP",
        "absolute",
        {
            "mono": ChannelResponse(
                np.array([100.0, 1000.0]),
                np.array([0.0, -1.0]),
                u_db=0.4,
                dof=np.array([4.0, 4.0]),
                correlation_octaves=0.5,
            )
        },
    )
    both = combine_responses(head(), canal)
    assert (both.source_point, both.target_point, both.kind) == ("DF", "ERP", "absolute")
    assert both.valid == (100.0, 1000.0)
    right = both.channel("right")
    assert right.frequency.tolist() == [100.0, 250.0, 1000.0]
    assert right.level(1000.0) == pytest.approx(2.1)
    assert right.level(250.0) == pytest.approx(1.5 - math.log10(2.5))
    assert right.uncertainty(500.0) == pytest.approx(0.5)
    assert right.degrees_of_freedom(500.0) == pytest.approx(4 * (0.5 / 0.4) ** 4)
    assert right.correlation_octaves == 1.0
    assert [part["id"] for part in both.provenance["of"]] == [head().id, canal.id]
    assert both.smoothing == "none"
    unknown = dataclasses.replace(canal, smoothing="not stated")
    assert combine_responses(head(), unknown).smoothing == "DF to DRP: none; DRP to ERP: not stated"


def test_a_chain_and_its_way_back_are_flat_and_certain() -> None:
    ear = head(spread_db=np.full(4, 0.8), dof=np.full(4, 4.0))
    flat = combine_responses(ear, ear.reversed())
    assert (flat.source_point, flat.target_point) == ("DF", "DF")
    left = flat.channel("left")
    for values in (left.magnitude_db, left.u_db, left.spread_db):
        assert np.asarray(values).tolist() == [0, 0, 0, 0]
    canal = new_response("C", "DRP", "ERP", "absolute", {"all": curve(0, 0, 3, 1, u=0.4)})
    detour = combine_responses(ear, canal, canal.reversed())
    assert detour.channel("left").u_db.tolist() == [0.3] * 4
    assert detour.channel("left").dof == pytest.approx(4.0)
    other = new_response("D", "ERP", "DRP", "absolute", {"all": curve(0, 0, -3, -1, u=0.4)})
    assert combine_responses(canal, other).channel("all").u_db == pytest.approx(0.4 * math.sqrt(2))


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ([head()], "at least 2"),
        ([head(), head()], "leads to DRP, but .* begins at DF"),
        ([head("DF", "P"), MICROPHONE], "relative and absolute"),
        ([MICROPHONE.reversed(), MICROPHONE.normalised(250.0)], "relative to different"),
        ([head(), LEFT_EAR], "the same are"),
    ],
)
def test_chains_that_do_not_meet_are_refused(chain: list[Response], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        combine_responses(*chain)


# ---- side by side, and with a type's correction


def test_two_ears_become_one_response() -> None:
    right = new_response(
        "r", "DRP", "FS", "absolute", {"right": curve(1, 2, 3, 4)}, valid=(100.0, 9000.0)
    )
    both = join_channels(LEFT_EAR, right, name="ears")
    assert tuple(both.channels) == ("left", "right")
    assert both.valid == (100.0, 9000.0)
    assert both.channel("right").level(1000.0) == 3.0
    assert join_channels(right) is right
    assert list(both.provenance["parts"]) == ["left", "right"]
    for other, message in (
        (LEFT_EAR, "left, left; different names"),
        (right.normalised(1000.0), "r: DRP to FS, dB re 1000 Hz, but x: DRP to FS, dB re FS/Pa"),
        (right.reversed(), "r: FS to DRP, dB re Pa/FS"),
        (new_response("m", "DRP", "FS", "absolute", {"mono": curve(0, 0, 0, 0)}), "left, mono"),
    ):
        with pytest.raises(ParameterError, match=message):
            join_channels(LEFT_EAR, other)


def test_the_field_response_of_a_microphone_from_that_of_an_actuator() -> None:
    actuator = new_response(
        "A", "P", "FS", "relative", {"mono": curve(-1, 0, 0, -4, u=0.3)}, normalised_at=250.0
    )
    correction = new_response(
        "T", "P", "P", "absolute", {"mono": curve(0, 0.1, 0.2, 5, u=0.4)}, incidence="0deg"
    )
    field = with_type_correction(actuator, correction)
    assert (field.incidence, field.normalised_at, field.kind) == ("0deg", 250.0, "relative")
    assert field.channel("mono").level(FREQUENCY) == pytest.approx([-1.1, 0, 0.1, 0.9])
    assert field.channel("mono").uncertainty(1000.0) == pytest.approx(0.5)
    assert field.provenance["type_correction"] == correction.provenance
    with pytest.raises(ParameterError, match="from P to P is expected, not P to FS"):
        with_type_correction(actuator, actuator)
    with pytest.raises(ParameterError, match=r"actuator from P is expected, .*, 0deg"):
        with_type_correction(MICROPHONE, correction)


def test_the_spread_between_seatings_adds_to_the_uncertainty_of_the_mean() -> None:
    n, s = 5, 0.8
    mean = curve(0, 0, 0, 0, u=s / math.sqrt(n), spread_db=np.full(4, s))
    assert mean.next_seating_uncertainty(500.0) == pytest.approx(s * math.sqrt(1 + 1 / n))
    chain = combine_responses(
        new_response("headphones", "FS", "DRP", "absolute", {"left": mean}),
        new_response("ear", "DRP", "FS", "absolute", {"left": curve(0, 0, 0, 0, u=0.1)}),
    ).channels["left"]
    np.testing.assert_allclose(chain.spread_db, s)
    assert curve(0, 0, 0, 0, u=0.1).next_seating_uncertainty(500.0) == pytest.approx(0.1)
    with pytest.raises(ParameterError, match="negative spread between seatings"):
        curve(0, 0, 0, 0, spread_db=-mean.spread_db)


# ---- files

numbers = st.floats(-1e3, 1e3, allow_nan=False)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    frequency = sorted(draw(st.sets(st.floats(1.0, 1e5), min_size=2, max_size=12)))
    n = len(frequency)
    lists = st.lists(numbers, min_size=n, max_size=n)
    dof = st.lists(st.floats(1.0, 1e3) | st.just(math.inf), min_size=n, max_size=n)
    channel = ChannelResponse(
        np.array(frequency),
        np.array(draw(lists)),
        u_db=np.abs(draw(lists)),
        phase_deg=draw(st.none() | lists.map(np.array)),
        dof=draw(st.none() | dof.map(np.array)),
        spread_db=draw(st.none() | lists.map(np.abs)),
        correlation_octaves=draw(st.floats(0.0, 9.0) | st.just(math.inf)),
    )
    ends = draw(st.tuples(st.sampled_from(POINTS), st.sampled_from(POINTS)))
    words = st.text(max_size=20)
    response = new_response(
        draw(words), *ends, "absolute", {draw(words): channel}, conditions={"knob": draw(words)}
    )
    return draw(st.sampled_from([response, response.normalised(frequency[-1])]))


@settings(max_examples=30, deadline=None)
@given(response=responses())
def test_responses_come_back_from_their_files_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, response: Response
) -> None:
    path = tmp_path_factory.mktemp("r") / "response.json"
    save_response(path, response)
    found = load_response(path)
    assert found.to_dict() == response.to_dict()
    assert found.id.endswith(found.sha256[:8])
    assert not found.is_changed
    write_own_csv(path.with_suffix(".csv"), response)
    assert read_response(path.with_suffix(".csv")).to_dict() == response.to_dict()


def test_files_that_were_changed_are_marked_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    save_response(path, microphone(0, 0, 0, 3))
    with pytest.raises(RecordError, match="exists"):
        save_response(path, microphone(0, 0, 0, 3))
    record = json.loads(path.read_text())
    record["channels"]["mono"]["magnitude_db"][3] = -3.0
    path.write_text(json.dumps(record))
    changed = load_response(path)
    assert changed.provenance["changed"] is True
    back = changed.reversed()
    for made in (combine_responses(changed, back), renamed_response(changed, "M 2"), back):
        assert made.id != changed.id
        assert made.is_changed
    for entry, text in (("id", "mine"), ("id", f"{record['id'][:-1]}x"), ("made", MADE[:-6])):
        path.write_text(json.dumps(microphone(0, 0, 0, 3).to_dict() | {entry: text}))
        assert load_response(path).is_changed
    path.write_text(json.dumps(microphone(0, 0, 0, 3).to_dict() | {"unit": "dB re V/Pa"}))
    with pytest.raises(RecordError, match="unit 'dB re V/Pa', but its ends and kind have dB re 10"):
        load_response(path)
    record["channels"]["mono"]["magnitude_db"].pop()
    path.write_text(json.dumps(record))
    with pytest.raises(RecordError, match=r"m\.json: response record is damaged"):
        load_response(path)
    record["to"] = "ear"
    path.write_text(json.dumps(record))
    with pytest.raises(RecordError, match="does not match schema 'soundcal/response/1' at to"):
        load_response(path)
    with pytest.raises(ParameterError, match="path of its file"):
        load_response(3)  # type: ignore[arg-type]
