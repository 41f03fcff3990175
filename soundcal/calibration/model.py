"""Link, Chain, Calibration: the conversion of digital samples into pascal, with its uncertainty.

A calibration has one :class:`Chain` per channel, and a chain is a list of :class:`Link`: every link
adds its gain and its uncertainty, in dB. The total gain of a chain is its sensitivity in dB re 1 Pa
per digital full scale. An *input* calibration gives the pressure behind recorded samples, an
*output* calibration the pressure at the ear that played samples will cause; the arithmetic is the
same.

Uncertainties follow JCGM 100:2008 (GUM). Links are independent, so their standard uncertainties add
in squares and their effective degrees of freedom follow from Welch and Satterthwaite (G.4.1).
"""

import hashlib
import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

import numpy as np

from soundcal.calibration.reference_point import reference_point
from soundcal.calibration.uncertainty import coverage_factor
from soundcal.errors import ParameterError, RecordError
from soundcal.recording import OVERFLOWS, Capture, Flag, Recording, clipping_flag, counted, utc_now
from soundcal.units import from_db

__all__ = [
    "SCHEMA",
    "TO_1_KHZ",
    "Calibration",
    "Chain",
    "Direction",
    "Link",
    "Method",
    "new_calibration",
    "with_details",
]

Method = Literal["calibrator", "hats", "ocv", "stated"]
Direction = Literal["input", "output"]

SCHEMA: Final = "soundcal/calibration/1"
"""Value of the key ``schema`` in a calibration record."""

TO_1_KHZ: Final = "frequency response"
"""Name of the link from the frequency of the sound calibrator to 1 kHz."""


_IN_ID: Final = re.compile(r"-\d{8}T\d{6}-([0-9a-f]{8})$")
"""Digest at the end of an id that :func:`new_calibration` made."""


@dataclass(frozen=True, slots=True)
class Link:
    """One contribution to a chain.

    Parameters
    ----------
    name : str
        Name of the contribution.
    gain_db : float
        Gain in dB; 0 for a link that only adds uncertainty.
    u_db : float
        Standard uncertainty in dB.
    dof : float
        Degrees of freedom of ``u_db``; infinite for a value taken as known (type B).
    unit : str
        Unit of the gain, e.g. "dB re 1 Pa".
    source : str
        Source of value and uncertainty: certificate, data sheet, measurement, assumption.

    Raises
    ------
    ParameterError
        Gain not finite, uncertainty negative or not finite, degrees of freedom not positive.
    """

    name: str
    gain_db: float
    u_db: float = 0.0
    dof: float = math.inf
    unit: str = "dB"
    source: str = ""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        for name in ("gain_db", "u_db", "dof"):
            set_(self, name, float(getattr(self, name)))
        if not math.isfinite(self.gain_db):
            raise ParameterError(f"{self.name}: gain {self.gain_db} dB; a finite gain is expected")
        if not 0 <= self.u_db < math.inf:
            raise ParameterError(
                f"{self.name}: standard uncertainty {self.u_db} dB; 0 dB or more is expected"
            )
        if not self.dof > 0:
            raise ParameterError(
                f"{self.name}: {self.dof} degrees of freedom; more than 0 are expected "
                "(infinite for a value taken as known)"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON; infinite degrees of freedom become null."""
        return {
            "name": self.name,
            "gain_db": self.gain_db,
            "u_db": self.u_db,
            "dof": self.dof if math.isfinite(self.dof) else None,
            "unit": self.unit,
            "source": self.source,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Link":
        """Return the link that :meth:`to_dict` described."""
        dof = data["dof"]
        return cls(
            data["name"],
            data["gain_db"],
            data["u_db"],
            math.inf if dof is None else dof,
            data["unit"],
            data["source"],
        )


def _u_db(links: Sequence[Link]) -> float:
    """Return the combined standard uncertainty of independent links in dB."""
    return math.sqrt(math.fsum(link.u_db**2 for link in links))


def _dof(links: Sequence[Link]) -> float:
    """Return the effective degrees of freedom of the combined uncertainty."""
    total = _u_db(links)
    if total == 0:
        return math.inf
    # Ratios to the total first, so that tiny uncertainties do not underflow in the 4th power.
    share = math.fsum((link.u_db / total) ** 4 / link.dof for link in links)
    return 1.0 / share if share > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Chain:
    """Links between digital full scale and pascal, for one channel.

    Parameters
    ----------
    links : tuple of Link
        Independent contributions; their gains add up to dB re 1 Pa per digital full scale.
    """

    links: tuple[Link, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "links", tuple(self.links))
        if not self.links:
            raise ParameterError("a chain needs at least one link")

    @property
    def gain_db(self) -> float:
        """Sum of the gains, dB re 1 Pa per full scale."""
        return math.fsum(link.gain_db for link in self.links)

    @property
    def u_db(self) -> float:
        """Combined standard uncertainty in dB (GUM 5.1.2, independent links)."""
        return _u_db(self.links)

    @property
    def dof(self) -> float:
        """Effective degrees of freedom (Welch-Satterthwaite, GUM G.4.1), not truncated."""
        return _dof(self.links)

    def expanded(self, coverage: float = 0.95) -> tuple[float, float]:
        """Return expanded uncertainty in dB and coverage factor k for the given coverage."""
        k = coverage_factor(self.dof, coverage)
        return k * self.u_db, k

    def minus(self, other: "Chain", *, shared: Collection[str] = ()) -> tuple[float, float, float]:
        """Return this chain's gain minus another's in dB, standard uncertainty, degrees of freedom.

        Parameters
        ----------
        other : Chain
            The chain to subtract.
        shared : collection of str
            Names of links that are the same influence in both chains (the same calibrator, the same
            data sheet): their errors are equal and cancel. All others are independent.

        Raises
        ------
        ParameterError
            A shared link is missing in one of the chains.
        """
        missing = {
            name
            for name in shared
            for chain in (self, other)
            if name not in (link.name for link in chain.links)
        }
        if missing:
            raise ParameterError(f"{', '.join(sorted(missing))}: not a link of both chains")
        left = [link for link in (*self.links, *other.links) if link.name not in shared]
        return self.gain_db - other.gain_db, _u_db(left), _dof(left)

    def budget(self) -> list[dict[str, Any]]:
        """Return one row per link with its share of the variance, and one row ``combined``."""
        variance = self.u_db**2
        rows = [
            link.to_dict() | {"share": link.u_db**2 / variance if variance > 0 else 0.0}
            for link in self.links
        ]
        total = Link("combined", self.gain_db, self.u_db, self.dof, "dB re 1 Pa/FS", "GUM 5.1.2")
        return [*rows, total.to_dict() | {"share": 1.0 if variance > 0 else 0.0}]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Pascal per digital full scale, by channel. Make it with :func:`new_calibration`.

    Parameters
    ----------
    id : str
        Identity; results carry it.
    method : {"calibrator", "hats", "ocv", "stated"}
        Method of calibration.
    direction : {"input", "output"}
        ``input`` if it applies to recorded samples, ``output`` if to played ones.
    chains : mapping of str to Chain
        One chain per channel name.
    made : str
        Time of calibration, ISO 8601, UTC.
    device : str
        Identity of the calibrated device.
    residuals : mapping of str to tuple of float
        Deviations of the single measurements from the calibration, per channel, in dB.
    details : mapping
        Everything else that is worth keeping, as JSON values.

    Raises
    ------
    ParameterError
        Unknown method or direction, no chain, or details that JSON cannot hold.
    """

    id: str
    method: Method
    direction: Direction
    chains: Mapping[str, Chain]
    made: str = field(default_factory=utc_now)
    device: str = "unknown"
    residuals: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ParameterError(
                f"method {self.method!r}; one of {', '.join(get_args(Method))} is expected"
            )
        if self.direction not in get_args(Direction):
            raise ParameterError(f"direction {self.direction!r}; input or output is expected")
        if not self.chains:
            raise ParameterError("a calibration of 0 channels; give a chain for at least 1")
        set_ = object.__setattr__
        set_(self, "chains", dict(self.chains))
        residuals = {name: tuple(float(r) for r in v) for name, v in self.residuals.items()}
        set_(self, "residuals", residuals)
        try:
            # Through JSON once, so that what is in memory equals what will be read back.
            details = json.loads(json.dumps(dict(self.details), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ParameterError(f"details of calibration {self.id}: {error}") from error
        set_(self, "details", details)

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the calibrated channels."""
        return tuple(self.chains)

    def chain(self, channel: str) -> Chain:
        """Return the chain of one channel; :class:`ParameterError` if there is none."""
        if channel not in self.chains:
            raise ParameterError(
                f"calibration {self.id} has no channel {channel!r}, only "
                f"{', '.join(self.channels)}; calibrate it or map it to one of these (mapping)"
            )
        return self.chains[channel]

    def sensitivity(self, channel: str) -> float:
        """Return the sensitivity of one channel in Pa per full scale (rms over rms)."""
        return from_db(self.chain(channel).gain_db)

    @property
    def rates(self) -> tuple[int, ...]:
        """Sampling rates in Hz at which the device was calibrated; empty if they are not known."""
        return tuple(self.details.get("fs", ()))

    @property
    def point(self) -> str:
        """Point to which the sound pressure refers, as it was stated; "" if it is not known.

        See :func:`~soundcal.calibration.reference_point.reference_point`.
        """
        return str(self.details.get("point", ""))

    @property
    def incidence(self) -> str:
        """Sound incidence for which the pressure at a microphone is defined; "" if not stated."""
        return str(self.details.get("incidence", ""))

    @property
    def tone_frequency(self) -> float | None:
        """Frequency in Hz at which the sensitivities hold; None if there was no calibrator.

        That of the sound calibrator; 1 kHz if a stated difference to it is in the chains.
        """
        calibrator = self.details.get("calibrator")
        frequency = calibrator.get("frequency") if isinstance(calibrator, Mapping) else None
        if not isinstance(frequency, int | float):
            return None
        links = (link for chain in self.chains.values() for link in chain.links)
        moved = any(link.name == TO_1_KHZ and link.gain_db != 0.0 for link in links)
        return 1000.0 if moved else float(frequency)

    @property
    def inputs(self) -> dict[str, int]:
        """Number of the device's input by channel; empty if it is not known."""
        return _numbers(self.details.get("inputs"))

    @property
    def outputs(self) -> dict[str, int]:
        """Number of the device's output by channel; empty if it is not known."""
        return _numbers(self.details.get("outputs"))

    @property
    def is_changed(self) -> bool:
        """True if the content does not have the digest in the id of :func:`new_calibration`."""
        digest = _IN_ID.search(self.id)
        return digest is not None and digest[1] != _digest(replace(self, id=""))

    def apply(self, capture: Capture, *, mapping: Mapping[str, str] | None = None) -> Recording:
        """Return the capture in pascal.

        Parameters
        ----------
        capture : Capture
            Recorded samples (input) or samples to be played (output), any number of the
            calibrated channels.
        mapping : mapping of str to str, optional
            Channel of the capture to channel of the calibration, where the names differ.

        Returns
        -------
        Recording
            Pressure with the uncertainty per channel, the SHA-256 of the capture, and its validity
            flags, with flags for clipped samples and lost blocks added.

        Raises
        ------
        ParameterError
            A channel is not calibrated and not mapped to one that is.
        """
        names = self._mapped(capture.channels, mapping)
        factors = np.array([[self.sensitivity(name)] for name in names])
        flags = list(capture.flags)
        for name, count in zip(capture.channels, capture.clipped, strict=False):
            if count:
                flags.append(clipping_flag(name, count))
        if capture.xruns:
            words = counted(capture.xruns, "overflow or underflow", "overflows or underflows")
            flags.append(Flag(OVERFLOWS, f"{words} of the driver"))
        return Recording(
            capture.samples * factors,
            capture.fs,
            self.id,
            channels=capture.channels,
            capture_sha256=capture.sha256,
            u_db=tuple(self.chains[name].u_db for name in names),
            flags=tuple(dict.fromkeys(flags)),
            source=capture.device,
            point=reference_point(self.point),
            incidence=self.incidence,
        )

    def embed(self, recording: Recording, *, mapping: Mapping[str, str] | None = None) -> Capture:
        """Return the samples that :meth:`apply` turns into ``recording``.

        The inverse of :meth:`apply` to within one unit in the last place of each sample.
        """
        names = self._mapped(recording.channels, mapping)
        factors = np.array([[self.sensitivity(name)] for name in names])
        return Capture(
            recording.pressure / factors,
            recording.fs,
            channels=recording.channels,
            device=recording.source,
            flags=recording.flags,
        )

    def _mapped(
        self, channels: tuple[str, ...], mapping: Mapping[str, str] | None
    ) -> tuple[str, ...]:
        given = dict(mapping or {})
        unknown = sorted(set(given) - set(channels))
        if unknown:
            raise ParameterError(
                f"mapping names {', '.join(unknown)}, but the channels are {', '.join(channels)}"
            )
        names = tuple(given.get(name, name) for name in channels)
        for name in names:
            self.chain(name)
        return names

    def to_dict(self) -> dict[str, Any]:
        """Return the record, ready for JSON (measurements/schema/calibration.schema.json)."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "method": self.method,
            "direction": self.direction,
            "made": self.made,
            "device": self.device,
            "chains": {
                name: [link.to_dict() for link in chain.links]
                for name, chain in self.chains.items()
            },
            "residuals": {name: list(values) for name, values in self.residuals.items()},
            "details": dict(self.details),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Calibration":
        """Return the calibration that :meth:`to_dict` described.

        Raises
        ------
        RecordError
            Another schema, or a key that is missing or of the wrong type.
        """
        if data.get("schema") != SCHEMA:
            raise RecordError(
                f"calibration record with schema {data.get('schema')!r:.80}; {SCHEMA!r} is "
                "expected. Was this file written as a calibration?"
            )
        try:
            chains = {
                name: Chain(tuple(Link.from_dict(link) for link in links))
                for name, links in data["chains"].items()
            }
            return cls(
                id=data["id"],
                method=data["method"],
                direction=data["direction"],
                chains=chains,
                made=data["made"],
                device=data["device"],
                residuals={name: tuple(v) for name, v in data["residuals"].items()},
                details=data["details"],
            )
        except KeyError as error:
            raise RecordError(f"calibration record without {error}; make a new one") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise RecordError(f"calibration record is damaged: {error}") from error


def new_calibration(
    method: Method,
    direction: Direction,
    chains: Mapping[str, Chain],
    *,
    device: str = "unknown",
    made: str = "",
    residuals: Mapping[str, tuple[float, ...]] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Calibration:
    """Return a calibration whose id is method, time and the first 8 digits of its SHA-256.

    The parameters are those of :class:`Calibration`; ``made`` is now if not given.
    """
    draft = Calibration(
        "", method, direction, chains, made or utc_now(), device, residuals or {}, details or {}
    )
    stamp = "".join(c for c in draft.made[:19] if c.isalnum())
    return replace(draft, id=f"{method}-{stamp}-{_digest(draft)}")


def with_details(calibration: Calibration, **details: Any) -> Calibration:
    """Return a calibration, with a new id, that has more details."""
    return new_calibration(
        calibration.method,
        calibration.direction,
        calibration.chains,
        device=calibration.device,
        made=calibration.made,
        residuals=calibration.residuals,
        details={**calibration.details, **details},
    )


def _numbers(known: Any) -> dict[str, int]:
    """Return the numbers of channels, without whatever else a foreign record may hold."""
    if not isinstance(known, Mapping):
        return {}
    return {name: number for name, number in known.items() if isinstance(number, int)}


def _digest(calibration: Calibration) -> str:
    """Return the first 8 digits of the SHA-256 of a calibration."""
    content = json.dumps(calibration.to_dict(), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:8]
