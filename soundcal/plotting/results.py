"""One function that plots every result."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from soundcal.agreement.limits_of_agreement import Agreement
from soundcal.agreement.nonparametric import NonparametricLimits
from soundcal.calibration.model import Calibration
from soundcal.errors import ParameterError
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.spectra import SpectralDensity
from soundcal.plotting import compared, measured, rated
from soundcal.plotting.canvas import Drawing, drawn
from soundcal.ratings.analysis import RatingsAnalysis
from soundcal.ratings.comparison import RatingsComparison
from soundcal.ratings.table import Ratings
from soundcal.recording import Capture, Recording
from soundcal.relation.result import Relation
from soundcal.response.model import Response
from soundcal.study.comparison import Entry, MethodComparison
from soundcal.study.model import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]

Kinds = Mapping[str, Callable[[Any, str], Drawing]]
"""Kinds of plots of an object, the default first."""


def plot(result: object, kind: str = "", *, of: str = "", ax: "Axes | None" = None) -> "Axes":
    """Plot a recording or a result.

    The first kind is the default; ``of`` picks a part of what is plotted.

    ======================  ==================================================  ================
    object                  ``kind``                                            ``of``
    ======================  ==================================================  ================
    Recording               ``LAF`` (level over time; ``LAS``, ``LCF``, …),     channel
                            ``pressure``, ``spectrum`` (third octaves),
                            ``density`` (power spectral density),
                            ``spectrogram``
    IndicatorResult         ``series`` (over time), ``map`` (bands over time),  channel,
                            ``bands``, ``values`` (statistics as bars),         ``binaural``
                            ``frequency`` (of the tonality over time);
                            those that the result has
    … of tones              ``tones`` (in the spectrum), ``ratios`` (with the   channel
                            criterion), ``tracks`` (tones over time),
                            ``series``, ``values``
    SpectralDensity         ``spectrogram`` if it is over time, ``density``     channel
    Calibration             ``budget`` (uncertainty)
    Response                ``level`` (with its standard uncertainty)           channel
    Agreement,              ``bland-altman``
    NonparametricLimits
    MethodComparison,       ``forest`` (bias and limits; in units of the        label (``LAeq``)
    Study                   allowable differences if these were stated and no
                            label is given), ``bland-altman``, ``values``
                            (per stimulus)
    Entry of a comparison   ``bland-altman``
    Ratings                 ``plane``, ``likert``, ``median``, ``mean``
    RatingsAnalysis         ``plane``, ``shifts`` (per stimulus), ``likert``,
                            ``median``, ``mean``, ``differences``
    Relation                ``correlations``, ``scatter``                       outcome
    ======================  ==================================================  ================

    Parameters
    ----------
    result : object
        One of these objects.
    kind : str
        Kind of plot, in capital or small letters.
    of : str
        Part of the object: a channel, a label, an outcome.
    ax : Axes, optional
        Axes to draw in, in the style that they have (numbers beside lines need room, as
        ``pyplot.subplots(layout="constrained")`` gives it); if not given, a new figure in the style
        of the reports, which a notebook shows and ``matplotlib.pyplot.show()`` opens in a window.

    Returns
    -------
    Axes
        ``axes.figure`` is the figure; ``axes.figure.savefig("level.png")`` needs no display. A
        script that makes many figures closes each with ``matplotlib.pyplot.close(axes.figure)``.

    Raises
    ------
    TypeError
        An object that has no plot, or ``ax`` is no ``Axes``.
    ParameterError
        A kind of plot or a part that the object does not have.

    Examples
    --------
    ::

        recording = soundcal.read("take.wav", calibration="ears.json")
        axes = soundcal.plot(recording)  # or recording.plot()
        axes.figure.savefig("level.png")
        soundcal.plot(soundcal.indicators.loudness_zwtv(recording), "map", of="left")
    """
    kinds = _kinds(result)
    chosen = next((name for name in kinds if name.lower() == kind.lower() or not kind), None)
    if chosen is None:
        raise ParameterError(
            f"no plot {kind!r} of {type(result).__name__}; one of {', '.join(kinds)} is expected"
        )
    return drawn(kinds[chosen](result, of), ax)


def _kinds(result: object) -> Kinds:
    """Return the kinds of plots that an object has."""
    if isinstance(result, IndicatorResult):
        own = measured.kinds_of_indicator(result)
        return {kind: partial(measured.of_indicator, kind=kind) for kind in own}
    if isinstance(result, SpectralDensity):
        over_time: Kinds = {} if result.times is None else {"spectrogram": measured.of_spectrogram}
        return {**over_time, "density": measured.of_density}
    if isinstance(result, Ratings | RatingsAnalysis):
        return _kinds_of_ratings(result)
    if isinstance(result, Study):
        return _kinds_of_study(result)
    for known, kinds in _KINDS.items():
        if isinstance(result, known):
            return kinds
    raise TypeError(_no_plot(result))


def _whole(draw: Callable[[Any], Drawing]) -> Callable[[Any, str], Drawing]:
    """Return what draws an object that has no parts."""

    def of_whole(result: object, of: str) -> Drawing:
        if of:
            raise ParameterError(
                f"this plot of a {type(result).__name__} shows the whole; leave of={of!r} out"
            )
        return draw(result)

    return of_whole


_LEVELS: Kinds = {symbol: partial(measured.of_level, symbol=symbol) for symbol in measured.LEVELS}

_KINDS: Mapping[type, Kinds] = {
    Recording: {
        **_LEVELS,
        "pressure": measured.of_pressure,
        "spectrum": measured.of_spectrum,
        "density": measured.of_recorded_density,
        "spectrogram": measured.of_recorded_spectrogram,
    },
    Calibration: {"budget": _whole(measured.of_calibration)},
    Response: {"level": measured.of_response},
    Agreement: {"bland-altman": _whole(compared.of_agreement)},
    NonparametricLimits: {"bland-altman": _whole(compared.of_agreement)},
    Entry: {"bland-altman": _whole(compared.of_entry)},
    MethodComparison: {
        "forest": compared.of_forest,
        "bland-altman": compared.of_comparison,
        "values": compared.of_values,
    },
    Relation: {"correlations": _whole(compared.of_correlations), "scatter": compared.of_outcome},
}


def _kinds_of_study(study: Study) -> Kinds:
    """Return the kinds of a study; those of a single comparison if it has one."""
    if not study.comparisons:
        raise ParameterError("a study of one method has no comparison to plot; plot its recordings")

    def of_the_only(study: Study, of: str, draw: Callable[[Any, str], Drawing]) -> Drawing:
        return draw(study.comparison, of)

    single = _KINDS[MethodComparison]
    return {
        name: draw if name == "forest" else partial(of_the_only, draw=draw)
        for name, draw in single.items()
    }


def _kinds_of_ratings(result: "Ratings | RatingsAnalysis") -> Kinds:
    """Return the kinds of ratings; the plane needs all eight attributes."""
    analysis = result if isinstance(result, RatingsAnalysis) else None
    ratings = result.ratings if isinstance(result, RatingsAnalysis) else result
    kinds: dict[str, Callable[[], Drawing]] = {}
    if rated.plane_is_possible(ratings):
        pair = [] if analysis is None else [analysis.comparison.first, analysis.comparison.second]
        kinds["plane"] = partial(rated.of_plane, ratings, first=pair)
    kinds["likert"] = partial(rated.of_answers, ratings)
    kinds["median"] = partial(rated.of_centre, ratings, centre="median")
    kinds["mean"] = partial(rated.of_centre, ratings, centre="mean")
    if analysis is not None:
        kinds["differences"] = partial(rated.of_differences, analysis)
        if len(analysis.comparison.pairs):
            kinds["shifts"] = partial(rated.of_shifts, analysis)

    def of_ratings(draw: Callable[[], Drawing], result: object) -> Drawing:
        return draw()

    return {kind: _whole(partial(of_ratings, draw)) for kind, draw in kinds.items()}


def _no_plot(result: object) -> str:
    """Return the message about an object that has no plot, with what has."""
    names = [
        *("Recording", "IndicatorResult", "SpectralDensity", "Calibration", "Agreement"),
        *("NonparametricLimits", "Response"),
        *("Entry", "MethodComparison", "Study", "Ratings", "RatingsAnalysis", "Relation"),
    ]
    text = f"{type(result).__name__} has no plot; plots exist of {', '.join(names)}"
    if isinstance(result, str | os.PathLike):
        return f"{text}. Read a recording first: soundcal.read(file, calibration=…)"
    if isinstance(result, list | tuple | dict):
        return f"{text}. Plot its items one by one"
    if isinstance(result, Capture):
        return f"{text}. Calibrate it first: soundcal.plot(calibration.apply(capture))"
    if isinstance(result, RatingsComparison):
        return f"{text}. soundcal.ratings.analyse_ratings gives a RatingsAnalysis"
    if hasattr(result, "columns"):
        return (
            f"{text}. Tables of ratings are plotted by soundcal.plot_plane, plot_likert and "
            "plot_heat_map, other tables by their own method plot"
        )
    return text
