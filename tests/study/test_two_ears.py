"""Two ears in one model: the numbers of the model by hand, and the stimulus as the unit."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from report_tables import tidy
from scipy import stats

from soundcal.agreement import agreement_test, bland_altman, bland_altman_repeated
from soundcal.errors import ParameterError, RecordError
from soundcal.report import study_document
from soundcal.report.html import render_html
from soundcal.study import Rules, compare_methods, study_of
from soundcal.study.repeats import RepeatedValues
from soundcal.study.table import COLUMNS

BOTH = Rules(ears="both")


def table_of(d: np.ndarray, *, seed: int = 5) -> pd.DataFrame:
    """Return levels of two methods whose differences are d, shape (stimuli, 2 ears)."""
    rng = np.random.default_rng(seed)
    rows = []
    for i, pair in enumerate(d):
        level = rng.uniform(50, 80)
        for ear, value in zip(("left", "right"), pair, strict=True):
            base = level + rng.normal(0, 3)
            rows.append(("a", f"S{i:02d}", ear, "LA", "eq", base + value, "dB"))
            rows.append(("b", f"S{i:02d}", ear, "LA", "eq", base, "dB"))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_methods_without_a_binaural_value_are_named() -> None:
    table = pd.DataFrame(
        [
            (method, stimulus, channel, "NHM", "eq", value, "sone_HMS")
            for method, channels in (("a", ["left", "right"]), ("b", ["left", "right", "binaural"]))
            for stimulus, value in (("S1", 2.0), ("S2", 3.0))
            for channel in channels
        ],
        columns=list(COLUMNS),
    )
    with pytest.raises(
        RecordError, match=r"a has no binaural value \(measure --ears each,binaural"
    ):
        compare_methods(table, rules=Rules(ears="binaural"))


@pytest.fixture
def d() -> np.ndarray:
    rng = np.random.default_rng(8)
    return rng.normal(0.3, 0.8, (20, 1)) + rng.normal(0, 0.6, (20, 2)) + [0.4, -0.4]


def test_limits_are_those_of_a_single_ear(d: np.ndarray) -> None:
    (entry,) = compare_methods(table_of(d), rules=BOTH).entries
    a = entry.agreement
    # analysis of variance by hand (Bland & Altman 2007): two rows per stimulus
    between = 2 * d.mean(axis=1).var(ddof=1)
    within = ((d - d.mean(axis=1, keepdims=True)) ** 2).sum() / len(d)
    assert a.sd**2 == pytest.approx((between - within) / 2 + within)
    assert (a.lower, a.upper) == pytest.approx(
        (d.mean() - stats.norm.ppf(0.975) * a.sd, d.mean() + stats.norm.ppf(0.975) * a.sd)
    )
    # the stimulus is the unit of the bias and its test
    one = stats.ttest_1samp(d.mean(axis=1), 0.0)
    low, high = one.confidence_interval()
    assert a.bias_ci == pytest.approx((low, high))
    assert entry.p_value == pytest.approx(one.pvalue)
    assert (entry.n, entry.to_dict()["n"], len(entry.differences)) == (20, 20, 40)
    assert entry.diagnostics.n == 20
    assert entry.diagnostics.normality_p == pytest.approx(stats.shapiro(d.mean(axis=1)).pvalue)
    assert entry.lines is None
    assert entry.quantiles is None
    place = np.unravel_index(np.abs(d).argmax(), d.shape)
    assert entry.worst[0] == f"S{place[0]:02d} ({('left', 'right')[place[1]]})"


def test_the_fixed_difference_between_the_ears_is_estimated(d: np.ndarray) -> None:
    for rules in (BOTH, Rules()):
        (entry,) = compare_methods(table_of(d), rules=rules).entries
        ears = entry.two_ears
        assert ears is not None
        paired = stats.ttest_rel(d[:, 0], d[:, 1])
        assert ears.between == pytest.approx((d[:, 0] - d[:, 1]).mean())
        assert ears.between_p == pytest.approx(paired.pvalue)
        assert ears.between_ci == pytest.approx(tuple(paired.confidence_interval()))
        assert ears.sd_between == pytest.approx((d[:, 0] - d[:, 1]).std(ddof=1) / math.sqrt(2))
        # limits of one ear: those of the library with the ear as replicate
        model = bland_altman_repeated(
            d.ravel(), np.zeros(d.size), np.repeat(np.arange(20), 2), replicate=["l", "r"] * 20
        )
        half = model.z * model.sd
        for at, bias in zip((ears.at_left, ears.at_right), d.mean(axis=0), strict=True):
            assert at == pytest.approx((bias, bias - half, bias + half))
        mean = bland_altman(d.mean(axis=1), np.zeros(20))
        assert ears.mean.upper == pytest.approx(mean.upper)
        assert ears.widening == pytest.approx(ears.single.sd / mean.sd)
        assert ears.single.upper > ears.mean.upper


def test_the_mean_of_the_ears_is_unchanged_and_says_what_it_hides(d: np.ndarray) -> None:
    study = study_of(table_of(d))
    (entry,) = study.comparison.entries
    ears = entry.two_ears
    assert ears is not None
    assert entry.agreement.upper == pytest.approx(bland_altman(d.mean(axis=1), np.zeros(20)).upper)
    text = render_html(study_document(study))
    for value in (ears.mean.upper, ears.single.upper):
        assert f"to +{value:.2f} dB(A)" in text
    assert f"{ears.widening:.2f} times as wide" in text
    (table,) = [t for t in study_document(study).tables() if t.name == "ears-table-la"]
    assert table.rows[0][4] == (ears.single.lower, ears.single.upper)


def test_an_ear_that_is_missing_leaves_out_its_stimulus(d: np.ndarray) -> None:
    table = table_of(d)
    gone = (table["stimulus"] == "S03") & (table["channel"] == "left") & (table["condition"] == "b")
    table.loc[gone, "value"] = -np.inf
    (entry,) = compare_methods(table, rules=BOTH).entries
    assert entry.n == 19
    assert "S03" not in entry.stimuli
    assert any("S03" in text for text in entry.warnings)
    kept = np.delete(d, 3, axis=0)
    assert entry.agreement.bias == pytest.approx(kept.mean())


@pytest.mark.parametrize("scale", ["ratio", "percent"])
def test_both_ears_on_other_scales(scale) -> None:
    table = tidy(15, ("N",), 1)
    entry = compare_methods(table, rules=Rules(ears="both", scale=scale)).entries[0]
    wide = table.pivot(index=["stimulus", "channel"], columns="condition", values="value")
    x, y = wide["in-situ"].to_numpy(), wide["ocv"].to_numpy()
    d = np.log(x / y) if scale == "ratio" else 200 * (x - y) / (x + y)
    expected = bland_altman_repeated(d, np.zeros(d.size), np.repeat(np.arange(15), 2))
    back = np.exp if scale == "ratio" else np.asarray
    for name in ("bias", "lower", "upper", "bias_ci", "upper_ci", "prediction"):
        got = getattr(entry.agreement, name)
        assert np.asarray(got) == pytest.approx(back(np.asarray(getattr(expected, name))))
    assert entry.x == pytest.approx(x)
    assert entry.differences == pytest.approx(back(d))


def test_the_test_within_a_delta_uses_the_bounds_of_the_model(d: np.ndarray) -> None:
    def bounds(level: float) -> tuple[float, float]:
        model = bland_altman_repeated(
            d.ravel(), np.zeros(d.size), np.repeat(np.arange(20), 2), confidence=1 - 2 * level
        )
        return model.lower_ci[0], model.upper_ci[1]

    needed = max(-bounds(0.05)[0], bounds(0.05)[1])
    verdicts = []
    for size in np.linspace(0.3, 6.0, 40):
        rules = Rules(ears="both", delta={"LA": float(size)})
        (entry,) = compare_methods(table_of(d), rules=rules).entries
        found = entry.equivalence
        assert found is not None
        assert found.test.limits.bounds == pytest.approx(bounds(0.05))
        assert found.bounds == pytest.approx(tuple(b / size for b in bounds(0.05)))
        assert entry.within_delta == (needed < size)
        assert found.p_value is not None
        assert (found.p_value < 0.05) == entry.within_delta
        if 1e-8 < found.p_value < 0.49:
            low, high = bounds(found.p_value)
            assert max(-low, high) == pytest.approx(size, rel=1e-5)
        assert found.test.mean_bias.bounds == pytest.approx(
            agreement_test(d.mean(axis=1), np.zeros(20), size).mean_bias.bounds
        )
        inner = entry.agreement
        beyond = inner.upper_ci[0] > size or inner.lower_ci[1] < -size
        assert (found.verdict == "beyond") == beyond
        verdicts.append(found.verdict)
    assert set(verdicts) == {"within", "undecided", "beyond"}
    study = study_of(table_of(d), rules=Rules(ears="both", delta={"LA": 3.0}))
    (table,) = [t for t in study_document(study).tables() if t.name == "delta"]
    assert len(table.rows) == 2  # the content of such a model is not tested
    text = render_html(study_document(study))
    assert "bounds: MOVER" in text
    assert "within them (MOVER one-sided bounds)" in text
    assert "not tested for single ears or takes" in text


def test_agreement_is_concluded_falsely_at_its_level() -> None:
    """At the edge, one limit at delta, the test for single ears errs in 5 % or less."""
    rng = np.random.default_rng(12)
    runs, false = 400, 0
    size = 3.0 + 1.959963985
    for _ in range(runs):
        d = 3.0 + rng.normal(0, math.sqrt(0.6), (20, 1)) + rng.normal(0, math.sqrt(0.4), (20, 2))
        values = RepeatedValues(
            x=d.ravel(),
            y=np.zeros(d.size),
            stimulus=tuple(str(i // 2) for i in range(40)),
            part=("left", "right") * 20,
            names=("a", "b"),
            unit="dB",
            scale="difference",
            true_value="varying",
        )
        # whatever the intervals of the limits: those of 1999 would err in 9 %
        test, _ = values.test(replace(BOTH, interval="1999"), size)
        false += test.limits.concluded
    assert false / runs == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / runs))


def test_what_could_have_been_shown_is_about_stimuli(d: np.ndarray) -> None:
    (entry,) = compare_methods(table_of(d), rules=BOTH).entries
    shown = entry.sensitivity
    assert shown is not None
    assert (shown.size.n, shown.size.sd) == (20, pytest.approx(d.mean(axis=1).std(ddof=1)))
    assert math.isnan(shown.delta)
    (plain,) = compare_methods(table_of(d)).entries
    assert entry.p_max_t == plain.p_max_t


def test_the_report_on_single_ears() -> None:
    study = study_of(tidy(8), rules=Rules(ears="both", also=("ccc",)))
    text = render_html(study_document(study))
    for words in (
        "both ears in one model",
        "a single ear of a further stimulus",
        "All limits of the report are those of a single ear",
        "by variance recovery (Zou 2013)",
        "of the means of both ears",
    ):
        assert words in text
    assert "exact for each limit" not in text


def test_guards() -> None:
    mono = tidy(4).query("channel == 'left'").assign(channel="mono")
    with pytest.raises(RecordError, match="left and right; the table has mono"):
        compare_methods(mono, rules=BOTH)
    with pytest.raises(ParameterError, match="'pair' do not exist"):
        Rules(ears="both", interval="pair")
    takes = pd.concat([tidy(4).assign(take=name) for name in "12"])
    with pytest.raises(ParameterError, match="both ears and repeated takes"):
        compare_methods(takes, rules=BOTH)
