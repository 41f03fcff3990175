"""Section of a report about the methods, written from the study itself."""

from soundcal.indicators.rows import BINAURAL
from soundcal.report.sections.checklist import interval_in_words
from soundcal.report.sections.ears import ears_methods
from soundcal.report.sections.equivalence import equivalence_methods
from soundcal.report.sections.further import further_methods
from soundcal.report.sections.repeatability import repeatability_methods
from soundcal.report.style import count, family_name, unit_label
from soundcal.study import MethodComparison, Study
from soundcal.study.comparison import MAX_T_DRAWS, MAX_T_SEED
from soundcal.study.rules import in_order

__all__ = ["methods_text"]


def methods_text(study: Study) -> list[str]:
    """Return the paragraphs about the methods of a study."""
    table = study.table
    channels = ", ".join(dict.fromkeys(map(str, table["channel"])))
    families = [
        f"{family_name(str(indicator))} {indicator} ({unit_label(str(indicator), str(unit))}: "
        f"{', '.join(dict.fromkeys(map(str, rows['statistic'])))})"
        for (indicator, unit), rows in table.groupby(["indicator", "unit"], sort=False)
    ]
    software = ", ".join(f"{name} {version}" for name, version in study.software.items())
    texts = [
        f"{campaign.title}, by {', '.join(campaign.people)}, {campaign.place}. "
        f"{campaign.description} Licence of the data: {campaign.licence}.".replace("  ", " ")
        for campaign in study.campaigns
    ]
    texts += [
        f"{count(table['stimulus'].nunique(), 'stimulus', 'stimuli')} under "
        f"{count(table['condition'].nunique(), 'condition')} "
        f"({', '.join(in_order(map(str, table['condition'])))}), channels {channels}. "
        "Indicators: " + "; ".join(families) + ". A number n denotes the value exceeded n % of "
        "the time.",
    ]
    if BINAURAL in set(table["channel"]):
        texts.append(
            "Values of the channel binaural combine both ears as the standard itself does "
            "(ECMA-418-2:2025): the root mean square of the specific values of both ears at each "
            "time. No rule makes them of the values of single ears."
        )
    if study.comparisons:
        comparison = next(iter(study.comparisons.values()))
        more = (
            _scale_text(comparison),
            ears_methods(comparison),
            repeatability_methods(comparison),
            *further_methods(comparison),
        )
        texts += [_statistics_text(comparison), *equivalence_methods(comparison)]
        texts += [text for text in more if text]
    if len(study.comparisons) > 1:
        texts.append(
            f"The {len(study.comparisons)} combinations of equipment are compared one by one: the "
            "same stimuli over several combinations are not independent observations."
        )
    texts += [
        f"Seed of session {session.folder}: {session.settings['seed']}."
        for session in study.sessions
        if "seed" in session.settings
    ]
    texts.append(f"Software: {software}.")
    return texts


def _scale_text(comparison: MethodComparison) -> str:
    """Return the sentences about other scales than that of differences; "" if there are none."""
    scales: dict[str, list[str]] = {}
    for entry in comparison.entries:
        scales.setdefault(entry.scale, []).append(entry.indicator)
    texts = []
    if "ratio" in scales:
        texts.append(
            f"{', '.join(dict.fromkeys(scales['ratio']))}: bias and limits are ratios "
            "first/second, computed from differences of natural logarithms and transformed back, "
            "so that the bias is a geometric mean; 1 means no difference, and p values test bias "
            "= 1."
        )
    if "percent" in scales:
        texts.append(
            f"{', '.join(dict.fromkeys(scales['percent']))}: bias and limits are in percent of the "
            "mean of both methods."
        )
    if texts and "difference" in scales:
        names = ", ".join(dict.fromkeys(scales["difference"]))
        texts.append(f"{names}: differences in the indicator's unit.")
    return " ".join(texts)


def _statistics_text(comparison: MethodComparison) -> str:
    rules = comparison.rules
    differences = ", ".join(f"{first} − {second}" for first, second in comparison.pairs)
    z = "1.96" if rules.paper else f"the normal quantile for {100 * rules.coverage:g} %"
    chained = len(comparison.pairs) > len(comparison.methods) - 1
    several = {3: "three", 4: "four", 5: "five"}.get(len(comparison.methods), "several")
    text = (
        f"Methods were compared after Bland and Altman as differences {differences}, paired by "
        f"stimulus id. Ears: {comparison.ears_in_words}. Limits of agreement are bias ± {z} times "
        f"the standard deviation (divisor n − 1); {100 * rules.confidence:g} % confidence "
        f"intervals of the limits are {interval_in_words(comparison)}, that of the bias uses "
        f"Student's t. p values test bias = 0 (paired t, two-sided), adjusted by Holm's method for "
        f"all {len(comparison.entries)} tests of the comparison, and beside it by step-down max-T "
        f"(Westfall & Young 1993; studentized bootstrap of the stimuli, {MAX_T_DRAWS} draws, seed "
        f"{MAX_T_SEED}), which counts indicators that say the same once: indicators of one "
        "recording are strongly correlated. It gives no p value where the differences hang on one "
        "or two stimuli"
        + (f". Differences of {several} methods depend on each other." if chained else ".")
    )
    if rules.excluded:
        left_out = "; ".join(f"{name} ({reason})" for name, reason in rules.excluded.items())
        text += f" Stimuli left out: {left_out}."
    if rules.paper:
        text += " These are the choices of Lam et al. (arXiv 2207.12899)."
    return text
