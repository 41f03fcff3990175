"""Agreement of soundcal and MoSQITo 1.2.1 as two methods, on the same seeded signals.

Agreement does not prove that both implementations are right, and a difference needs an explanation:
:data:`soundcal.indicators.mosqito.KNOWN_ERRORS` lists the known errors of MoSQITo.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from soundcal import indicators
from soundcal.agreement import Agreement, bland_altman
from soundcal.arrays import Array
from soundcal.indicators import mosqito
from soundcal.units import level_to_pascal

__all__ = ["QUANTITIES", "MosqitoAgreement", "Quantity", "compare_with_mosqito", "signals"]

FS: Final = 48000
SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value that both libraries compute.

    Parameters
    ----------
    family : str
        Family of verification.
    function : str
        Name of the function in both.
    statistic : str
        Statistic of the function.
    unit : str
        Unit of the value.
    """

    family: str
    function: str
    statistic: str
    unit: str

    @property
    def label(self) -> str:
        """Function and statistic."""
        return f"{self.function}, {self.statistic}"


QUANTITIES: Final = (
    Quantity("loudness", "loudness_zwst", "eq", "sone"),
    Quantity("loudness", "loudness_zwtv", "5", "sone"),
    Quantity("loudness", "loudness_zwtv", "max", "sone"),
    Quantity("sharpness", "sharpness_din_st", "eq", "acum"),
)


@dataclass(frozen=True, slots=True)
class MosqitoAgreement:
    """Agreement of soundcal and MoSQITo in one quantity.

    Parameters
    ----------
    quantity : Quantity
        The quantity compared.
    agreement : Agreement
        soundcal − MoSQITo in per cent of the mean of both, one pair per signal.
    known_errors : tuple of str
        Known errors of MoSQITo's value.
    """

    quantity: Quantity
    agreement: Agreement
    known_errors: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return {
            "function": self.quantity.function,
            "statistic": self.quantity.statistic,
            "unit": self.quantity.unit,
            "agreement": self.agreement.to_dict(),
            "known_errors": list(self.known_errors),
        }


def signals() -> dict[str, Array]:
    """Return the signals in Pa at 48 kHz by name: tones, noises, a modulated noise."""
    n = round(SECONDS * FS)
    t = np.arange(n) / FS
    rng = np.random.default_rng(5321)
    white = rng.standard_normal(n)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    spectrum[0] = 0.0
    pink = np.fft.irfft(spectrum, n)

    def tone(frequency: float) -> Array:
        return np.asarray(np.sin(2.0 * np.pi * frequency * t))

    harmonics = np.asarray(sum(tone(120.0 * k) / k for k in range(1, 20)))
    shapes = {
        "250 Hz, 75 dB": (tone(250.0), 75.0),
        "1 kHz, 60 dB": (tone(1000.0), 60.0),
        "4 kHz, 50 dB": (tone(4000.0), 50.0),
        "white noise, 70 dB": (white, 70.0),
        "pink noise, 65 dB": (pink, 65.0),
        "pink noise modulated at 8 Hz, 70 dB": (pink * (1.0 + 0.9 * np.sin(16 * np.pi * t)), 70.0),
        "500 Hz and 3 kHz, 65 dB": (tone(500.0) + tone(3000.0), 65.0),
        "harmonics of 120 Hz, 70 dB": (harmonics, 70.0),
    }
    return {
        name: x / np.sqrt(np.mean(x**2)) * level_to_pascal(level)
        for name, (x, level) in shapes.items()
    }


def compare_with_mosqito(
    families: Sequence[str] | None = None,
    advance: Callable[[float, str], None] | None = None,
) -> list[MosqitoAgreement]:
    """Compute all quantities with both libraries and return their agreement.

    Parameters
    ----------
    families : sequence of str, optional
        Families to compare; by default all.
    advance : callable, optional
        Called with the number of finished signals and the name of the next.
    """
    wanted = [q for q in QUANTITIES if not families or q.family in families]
    functions = list(dict.fromkeys(q.function for q in wanted))
    sounds = signals() if wanted else {}
    found: dict[str, list[tuple[float, float]]] = {q.label: [] for q in wanted}
    for done, (name, x) in enumerate(sounds.items()):
        if advance is not None:
            advance(done, name)
        ours = {f: getattr(indicators, f)(x, FS).statistics for f in functions}
        theirs = {f: getattr(mosqito, f)(x, FS).statistics for f in functions}
        for q in wanted:
            pair = (ours[q.function][q.statistic], theirs[q.function][q.statistic])
            found[q.label].append(pair)
    return [
        MosqitoAgreement(
            q,
            bland_altman(
                [own for own, _ in found[q.label]],
                [other for _, other in found[q.label]],
                scale="percent",
                labels=list(sounds),
                names=("soundcal", "MoSQITo"),
            ),
            mosqito.KNOWN_ERRORS[q.function],
        )
        for q in wanted
    ]
