"""Registry, tidy rows, ear rules, and several indicators together."""

import inspect
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import soundcal.indicators
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import (
    COLUMNS,
    REGISTRY,
    STUDY,
    TidyRow,
    combine_ears,
    compute,
    compute_results,
    open_stream,
    resolve,
    to_frame,
)
from soundcal.indicators.registry import find, resolve_callable
from soundcal.recording import OVERFLOWS, Flag, Recording

FS = 48000


def recording(n: int = FS, **more: object) -> Recording:
    x = 0.1 * np.random.default_rng(0).standard_normal((2, n))
    return Recording(x, FS, "cal-1", u_db=(0.2, 0.3), source="take.wav", **more)


def test_every_public_name_resolves() -> None:
    assert all(getattr(soundcal.indicators, n) is not None for n in soundcal.indicators.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = soundcal.indicators.nothing


@pytest.mark.parametrize("symbol", list(REGISTRY))
def test_every_entry_points_to_what_exists(symbol: str) -> None:
    entry = find(symbol)
    assert entry.name in soundcal.indicators.__all__
    assert callable(resolve_callable(entry.stage or entry.derived))
    assert set(entry.optional) <= set(entry.statistics)
    assert all(needed in REGISTRY for needed in entry.needs)


@pytest.mark.parametrize("symbol", list(REGISTRY))
def test_every_function_is_called_the_same_way(symbol: str) -> None:
    entry = find(symbol)
    signature = inspect.signature(getattr(soundcal.indicators, entry.name))
    names = list(signature.parameters)
    if entry.derived:
        return
    assert names[:2] == ["pressure", "fs"]
    assert signature.parameters["field"].default == "free"


def test_labels_are_unique() -> None:
    labels = [label for entry in REGISTRY.values() for label in entry.labels]
    assert len(set(labels)) == len(labels)
    assert not set(labels) & set(REGISTRY)


def test_study_is_39_values_beginning_with_the_levels() -> None:
    assert len(set(STUDY)) == 39
    assert STUDY[:6] == ("LAeq", "LA5", "LA10", "LA50", "LA90", "LA95")
    assert resolve("study") == resolve(STUDY)


def test_names_of_all_kinds() -> None:
    assert resolve(["LCpeak"]) == {"LC": ("peak",)}
    assert resolve("LA5, N5") == resolve(["LA5", "N5"]) == resolve(["N5,LA5"])
    assert "peak" not in resolve(["LA"])["LA"]
    assert list(resolve(["levels"])) == ["LA", "LC", "LZ", "LB"]
    assert resolve(["LA95", "LAeq"]) == {"LA": ("eq", "95")}
    assert set(resolve(["all"])) == set(REGISTRY)
    with pytest.raises(ParameterError, match="no indicator 'LQ'"):
        resolve(["LQ"])
    with pytest.raises(ParameterError, match="at least one"):
        resolve([])
    with pytest.raises(ParameterError, match="no indicator 'X'"):
        find("X")


def test_rows_are_exactly_what_was_asked_for() -> None:
    rows = compute(recording(), ["LAeq", "LCmax"], label="a")
    assert [(r.channel, r.indicator, r.statistic) for r in rows] == [
        ("left", "LA", "eq"),
        ("right", "LA", "eq"),
        ("left", "LC", "max"),
        ("right", "LC", "max"),
    ]
    assert {(r.recording, r.calibration, r.unit) for r in rows} == {("a", "cal-1", "dB")}
    assert [r.u for r in rows] == [0.2, 0.3, 0.2, 0.3]
    assert rows[0].software.startswith("soundcal ")
    frame = to_frame(rows)
    assert tuple(frame.columns) == COLUMNS
    assert frame["value"].tolist() == [r.value for r in rows]


def test_uncertainty_is_empty_when_not_stated() -> None:
    plain = Recording(np.ones((1, 4800)), FS, "none")
    (row,) = compute(plain, ["LZeq"])
    assert row.u is None
    assert math.isnan(to_frame([row])["u"][0])


def test_validity_flags_travel_with_results() -> None:
    results = compute_results(recording(flags=(Flag(OVERFLOWS, "3 overflows"),)), ["LAeq"])
    assert results["LA"].warnings == ("3 overflows",)


def test_threads_change_nothing() -> None:
    one, two = (compute(recording(), ["LA", "LC"], threads=n) for n in (1, 2))
    assert one == two
    with pytest.raises(ParameterError, match="0 threads"):
        compute(recording(), threads=0)


def test_mosqito_only_where_it_is_named_and_only_what_it_has() -> None:
    short = recording(FS // 2)
    (left, right) = compute(short, ["Nst"], engine="mosqito")
    own = compute(short, ["Nst"])[0]
    assert "engine mosqito" in left.software
    assert own.software == f"soundcal {soundcal.__version__}"
    assert left.value == pytest.approx(own.value, rel=0.15)
    assert right.channel == "right"
    with pytest.raises(ParameterError, match="MoSQITo does not have LA"):
        compute(short, ["LAeq"], engine="mosqito")
    with pytest.raises(ParameterError, match="engine 'matlab'"):
        compute(short, ["LAeq"], engine="matlab")


def test_a_ratio_in_db_has_no_uncertainty_of_calibration() -> None:
    rows = compute(recording(FS), ["TNR"])
    assert {row.unit for row in rows} == {"dB"}
    assert {row.u for row in rows} == {None}
    # a ratio that no tone has, -inf, does not change either
    rows = compute(recording(FS), ["TNRmax"], uncertainty=True)
    assert {(row.value, row.u) for row in rows} == {(-math.inf, None)}
    # it is no level either: no power, no energetic mean
    assert {row.channel for row in combine_ears(rows, "energy")} == {"mean"}


@pytest.mark.parametrize(("asked", "most"), [(1, 0), (2, 2), (3, 3)])
def test_never_more_threads_than_asked(
    asked: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers: int) -> None:
            started.append(workers)
            super().__init__(workers)

    monkeypatch.setattr("soundcal.indicators.workers.ThreadPoolExecutor", Pool)
    compute(recording(), ["LA", "Loct"], threads=asked)
    assert max(started, default=0) == most


def test_one_thread_means_one() -> None:
    """Nor do the libraries below start threads that compute."""
    stream = open_stream(fs=FS, n_channels=2, threads=1)
    tone = 0.05 * np.sin(2 * np.pi * 1000 * np.arange(2 * FS) / FS)
    block = tone + np.random.default_rng(1).normal(0, 0.05, (2, tone.size))
    stream.push(block)
    process, thread = time.process_time(), time.thread_time()
    stream.push(block)
    process, thread = time.process_time() - process, time.thread_time() - thread
    assert process < 1.05 * thread


def ears(left: float, right: float, unit: str = "dB") -> list[TidyRow]:
    return [
        TidyRow("r", ear, "LA", "eq", value, unit, u, "c", "s")
        for ear, value, u in (("left", left, 0.2), ("right", right, 0.4))
    ]


@pytest.mark.parametrize(
    ("rule", "value", "u"),
    [
        ("mean", 63.0, 0.3),
        ("max", 66.0, 0.4),
        ("left", 60.0, 0.2),
        ("right", 66.0, 0.4),
        ("energy", 10 * math.log10((1e6 + 10**6.6) / 2), None),
    ],
)
def test_ear_rules(rule: str, value: float, u: float | None) -> None:
    (row,) = combine_ears(ears(60.0, 66.0), rule)
    assert (row.channel, row.value) == (rule, pytest.approx(value, abs=1e-12))
    if u is not None:
        assert row.u == pytest.approx(u)
    else:  # d(level)/d(ear) is the ear's share of the power
        share = 1e6 / (1e6 + 10**6.6)
        assert row.u == pytest.approx(share * 0.2 + (1 - share) * 0.4)


def test_ear_rules_answer_or_refuse() -> None:
    with pytest.raises(ParameterError, match="mean, max, energy, left, right"):
        combine_ears(ears(60, 66), "median")
    with pytest.raises(ParameterError, match="needs the channels left and right"):
        combine_ears(ears(60, 66)[:1], "mean")
    (loudness,) = combine_ears(
        [replace(row, indicator="N") for row in ears(4, 5, "sone")], "energy"
    )
    assert (loudness.channel, loudness.value) == ("mean", 4.5)
    (silent,) = combine_ears(ears(-math.inf, -math.inf), "energy")
    assert silent.value == -math.inf
    for missing in (ears(math.nan, 60), ears(60, math.nan)):
        for rule in ("max", "mean", "energy"):
            assert math.isnan(combine_ears(missing, rule)[0].value)


def test_ear_rule_in_compute() -> None:
    rows = compute(recording(), ["LA5"], ears="energy")
    assert [r.channel for r in rows] == ["energy"]


def test_stream_refusals() -> None:
    with pytest.raises(ParameterError, match="free, diffuse or eardrum"):
        open_stream(["LA"], fs=FS, field="reverberant")
    with pytest.raises(ParameterError, match="positive rate"):
        open_stream(["LA"], fs=0)
    with pytest.raises(ParameterError, match="at least 1"):
        open_stream(["LA"], fs=FS, n_channels=0)
    stream = open_stream(["LA"], fs=FS, n_channels=2)
    with pytest.raises(SignalError, match=r"\(2, n\)"):
        stream.push(np.ones((1, 10)))
    with pytest.raises(SignalError, match="NaN"):
        stream.push(np.full((2, 4), np.nan))
    with pytest.raises(SignalError, match="no samples"):
        stream.finish()


def test_without_keep_there_are_no_series() -> None:
    stream = open_stream(["LA"], fs=FS)
    stream.push(np.ones((1, FS)))
    assert stream.finish()["LA"].series is None


def test_importing_indicators_is_cheap() -> None:
    code = "import sys, soundcal.indicators; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_the_first_level_needs_neither_signal_nor_tables_nor_plots() -> None:
    """These imports alone would take longer than a lab wants to wait for the first value."""
    code = (
        "import sys, numpy as np\nfrom soundcal.indicators import leq\nleq(np.ones(4800), 48000)\n"
        "print(*{'scipy.signal', 'pandas', 'matplotlib', 'joblib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == ""
