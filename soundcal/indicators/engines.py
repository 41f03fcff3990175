"""The engines of a measurement: soundcal's own streams, or MoSQITo on request.

Both take the same request and blocks, and return results by symbol, and reasons for missing ones.
MoSQITo cannot process a signal in blocks, so its samples are kept until the end.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.analysis import Analysis
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest

__all__ = ["ENGINES", "MOSQITO_SYMBOLS", "MosqitoAnalysis", "check_engine", "open_engine"]

ENGINES: Final = ("soundcal", "mosqito")

_OF_MOSQITO: Final = {
    "N": "loudness_zwtv",
    "Nst": "loudness_zwst",
    "S": "sharpness_din_tv",
    "Sst": "sharpness_din_st",
    "R": "roughness_dw",
    "TNR": "tnr_ecma",
    "PR": "pr_ecma",
}
"""Function of :mod:`soundcal.indicators.mosqito` for each indicator that MoSQITo has too."""

MOSQITO_SYMBOLS: Final = tuple(_OF_MOSQITO)


class MosqitoAnalysis:
    """Several indicators of several channels by MoSQITo; it keeps the samples."""

    def __init__(self, request: StreamRequest) -> None:
        self._request = request
        self._blocks: list[Array] = []

    def push(self, block: ArrayLike) -> None:
        """Take the next samples in Pa, shape (n_channels, n)."""
        self._blocks.append(np.array(block, dtype=np.float64))

    def finish_possible(self) -> tuple[dict[str, IndicatorResult], dict[str, SignalError]]:
        """Return the results and the reasons for missing ones, like :class:`Analysis`."""
        from soundcal.indicators import mosqito

        if not self._blocks:
            raise SignalError("no samples were pushed")
        request, pressure = self._request, np.concatenate(self._blocks, axis=1)
        results: dict[str, IndicatorResult] = {}
        refused: dict[str, SignalError] = {}
        for symbol in request.wanted:
            function = getattr(mosqito, _OF_MOSQITO[symbol])
            try:
                results[symbol] = function(pressure, request.fs, field=request.field)
            except SignalError as error:
                refused[symbol] = error
        return results, refused


def open_engine(
    engine: str, request: StreamRequest, n_channels: int, threads: int | None = None
) -> Analysis | MosqitoAnalysis:
    """Open the measurement of several indicators with an engine.

    Parameters
    ----------
    engine : {"soundcal", "mosqito"}
        MoSQITo always returns series, whatever the value of ``request.keep``.
    request : StreamRequest
        Sampling rate, indicators and sound field.
    n_channels : int
        Number of channels.
    threads : int, optional
        Maximum number of threads; MoSQITo uses one.

    Raises
    ------
    ParameterError
        As for :func:`check_engine`; or an impossible rate or number of channels.
    """
    check_engine(engine, request.wanted)
    if engine == "mosqito":
        return MosqitoAnalysis(request)
    return Analysis(request, n_channels, threads)


def check_engine(engine: str, wanted: Iterable[str]) -> None:
    """Refuse an engine that does not exist or does not have the indicators.

    Raises
    ------
    ParameterError
        The engine is neither soundcal nor mosqito, or MoSQITo lacks a symbol.
    """
    if engine not in ENGINES:
        raise ParameterError(f"engine {engine!r}; {' or '.join(ENGINES)} is expected")
    missing = [] if engine == "soundcal" else [s for s in wanted if s not in MOSQITO_SYMBOLS]
    if missing:
        raise ParameterError(
            f"MoSQITo does not have {', '.join(missing)}; it has {', '.join(MOSQITO_SYMBOLS)}"
        )
