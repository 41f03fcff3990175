"""Response: level over frequency from one reference point to another, with its uncertainty.

A response is never "a correction": its level is that of the quantity at ``target_point`` re that at
``source_point``, so +3 dB of a microphone (P to FS) means that the samples are 3 dB too high. What
has to be undone follows from the two ends.

Two kinds must not be mixed. A *relative* response has 0 dB at one frequency, since a calibrator has
already absorbed its value there. An *absolute* response has its level: +2.6 dB at 1 kHz from the
free field to the ear drum are 2.6 dB.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.recording import utc_now
from soundcal.response.curve import ChannelResponse
from soundcal.response.points import check_incidence, check_point, point_unit

__all__ = [
    "REVERSED",
    "SCHEMA",
    "SERVES_ALL",
    "Response",
    "ResponseKind",
    "change_of",
    "derivation",
    "marked_if_changed",
    "new_response",
    "renamed_response",
    "with_provenance",
]

ResponseKind = Literal["relative", "absolute"]

SCHEMA: Final = "soundcal/response/1"
"""Value of the key ``schema`` in the record of a response."""

SERVES_ALL: Final = ("mono", "all")
"""Names of the only channel of a response that serves every channel of a recording."""

REVERSED: Final = "reversed"
"""Operation in the provenance of a response from the target point of another to its source."""

_AT_ZERO: Final = 1e-6
"""Largest level in dB of a relative response at its own frequency: only rounding is allowed."""


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Level over frequency between two reference points. Make it with :func:`new_response`.

    Parameters
    ----------
    id : str
        Identity; results carry it.
    name : str
        Name for people, such as model and serial number.
    source_point, target_point : str
        Reference points (:data:`soundcal.response.points.POINTS`): the level is that of the
        quantity at the target point re that at the source point. ``from`` and ``to`` in JSON.
    kind : {"relative", "absolute"}
        A relative response has 0 dB at ``normalised_at``.
    channels : mapping of str to ChannelResponse
        By channel; the only channel of a response serves all channels if it is named ``mono`` or
        ``all``.
    valid : tuple of float
        Range in Hz in which the response is known; its level is held beyond it.
    normalised_at : float, optional
        Frequency in Hz of a relative response.
    smoothing : str
        Smoothing of the data, such as ``1/12 octave``.
    incidence : str
        Sound incidence of the end P: one of :data:`soundcal.response.points.INCIDENCES`.
    conditions : mapping
        Level at the ear, number of seatings, knob, ear simulator, …, as JSON values.
    made : str
        Time of making, ISO 8601, UTC.
    device : str
        Identity of the device whose samples are one of the ends.
    provenance : mapping
        Source of the data: file, its SHA-256, its header, sign as found, …, as JSON values.
        ``source`` in JSON.

    Raises
    ------
    ParameterError
        Unknown point, kind or incidence, no channel, a range that is not covered, or a
        relative response that does not have 0 dB at its frequency.
    """

    id: str
    name: str
    source_point: str
    target_point: str
    kind: ResponseKind
    channels: Mapping[str, ChannelResponse]
    valid: tuple[float, float]
    normalised_at: float | None
    smoothing: str
    incidence: str
    conditions: Mapping[str, Any]
    made: str
    device: str
    provenance: Mapping[str, Any]

    def __post_init__(self) -> None:
        check_point(self.source_point)
        check_point(self.target_point)
        check_incidence(self.incidence)
        if self.kind not in get_args(ResponseKind):
            raise ParameterError(
                f"kind {self.kind!r:.40}; one of {', '.join(get_args(ResponseKind))} is expected"
            )
        if not self.channels:
            raise ParameterError("a response of 0 channels; at least 1 is expected")
        set_ = object.__setattr__
        set_(self, "channels", dict(self.channels))
        set_(self, "valid", (float(self.valid[0]), float(self.valid[1])))
        low, high = _common_range(self.channels)
        if not low <= self.valid[0] < self.valid[1] <= high:
            raise ParameterError(
                f"valid from {self.valid[0]:g} to {self.valid[1]:g} Hz; a range within {low:g} to "
                f"{high:g} Hz, which all channels have, is expected"
            )
        self._check_normalisation()
        for name in ("conditions", "provenance"):
            try:
                # Through JSON once, so that what is in memory equals what will be read back.
                kept = json.loads(json.dumps(dict(getattr(self, name)), allow_nan=False))
            except (TypeError, ValueError) as error:
                raise ParameterError(f"{name} of response {self.name}: {error}") from error
            set_(self, name, kept)

    def _check_normalisation(self) -> None:
        if self.kind == "absolute":
            if self.normalised_at is not None:
                raise ParameterError("an absolute response is not normalised at a frequency")
            return
        if self.normalised_at is None:
            raise ParameterError(
                "a relative response needs the frequency in Hz at which it has 0 dB (normalised_at)"
            )
        object.__setattr__(self, "normalised_at", float(self.normalised_at))
        for name, channel in self.channels.items():
            level = float(_within_range(channel, self.normalised_at, self.valid))
            if abs(level) > _AT_ZERO:
                raise ParameterError(
                    f"{name}: {level:.3g} dB at {self.normalised_at:g} Hz; a relative response has "
                    "0 dB there (normalised)"
                )

    @property
    def unit(self) -> str:
        """Unit of the level, such as ``dB re Pa/FS`` or ``dB re 1000 Hz``."""
        if self.normalised_at is not None:
            return f"dB re {self.normalised_at:g} Hz"
        return f"dB re {point_unit(self.target_point)}/{point_unit(self.source_point)}"

    @property
    def serves_all(self) -> bool:
        """True if its only channel serves every channel of a recording."""
        return len(self.channels) == 1 and next(iter(self.channels)) in SERVES_ALL

    @property
    def sha256(self) -> str:
        """SHA-256 of the content without the id; the id ends with its first 8 digits."""
        content = json.dumps(self.to_dict() | {"id": ""}, sort_keys=True).encode()
        return hashlib.sha256(content).hexdigest()

    @property
    def is_changed(self) -> bool:
        """True if the content, or that of a part, was changed after it was made.

        Its id is then not the one that :func:`new_response` gives to this content.
        """
        return self.id != _id_of(self) or bool(self.provenance.get("changed"))

    @property
    def identity(self) -> dict[str, str]:
        """Id and SHA-256, by which the provenance of another response names this one."""
        return {"id": self.id, "sha256": self.sha256}

    def channel(self, name: str) -> ChannelResponse:
        """Return the response of one channel within its valid range.

        Raises
        ------
        ParameterError
            There is no such channel, and no only one that serves all.
        """
        key = next(iter(self.channels)) if self.serves_all else name
        if key not in self.channels:
            raise ParameterError(
                f"response {self.id} has no channel {name!r}, only {', '.join(self.channels)}"
            )
        channel = self.channels[key]
        if (channel.frequency[0], channel.frequency[-1]) == self.valid:
            return channel
        return channel.within(*self.valid)

    def reversed(self) -> "Response":
        """Return the response from target point to source point: its level is the negative one."""
        return _derived(
            self,
            REVERSED,
            source_point=self.target_point,
            target_point=self.source_point,
            channels={name: channel.negated() for name, channel in self.channels.items()},
        )

    def normalised(self, at_hz: float) -> "Response":
        """Return the relative response that has 0 dB at a frequency in Hz.

        Raises
        ------
        ParameterError
            The frequency lies outside the valid range.
        """
        return _derived(
            self,
            f"normalised at {at_hz:g} Hz",
            kind="relative",
            normalised_at=at_hz,
            channels={
                name: channel.shifted(-float(_within_range(channel, at_hz, self.valid)))
                for name, channel in self.channels.items()
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the record, ready for JSON (measurements/schema/response.schema.json)."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "name": self.name,
            "from": self.source_point,
            "to": self.target_point,
            "kind": self.kind,
            "unit": self.unit,
            "channels": {name: channel.to_dict() for name, channel in self.channels.items()},
            "normalised_at_hz": self.normalised_at,
            "valid_hz": list(self.valid),
            "smoothing": self.smoothing,
            "incidence": self.incidence,
            "conditions": dict(self.conditions),
            "made": self.made,
            "device": self.device,
            "source": dict(self.provenance),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Response":
        """Return the response that :meth:`to_dict` described, from a record that has its schema.

        Raises
        ------
        RecordError
            The numbers contradict each other.
        """
        try:
            channels = {
                name: ChannelResponse.from_dict(channel)
                for name, channel in data["channels"].items()
            }
            response = cls(
                data["id"],
                data["name"],
                data["from"],
                data["to"],
                data["kind"],
                channels,
                tuple(data["valid_hz"]),
                data["normalised_at_hz"],
                data["smoothing"],
                data["incidence"],
                data["conditions"],
                data["made"],
                data["device"],
                data["source"],
            )
        except ParameterError as error:
            raise RecordError(f"response record is damaged: {error}") from error
        if data["unit"] != response.unit:
            raise RecordError(
                f"response record is damaged: unit {data['unit']!r:.40}, but its ends and kind "
                f"have {response.unit}; restore the file, or import the response again"
            )
        return response


def new_response(
    name: str,
    source_point: str,
    target_point: str,
    kind: ResponseKind,
    channels: Mapping[str, ChannelResponse],
    *,
    valid: tuple[float, float] | None = None,
    normalised_at: float | None = None,
    smoothing: str = "none",
    incidence: str = "",
    conditions: Mapping[str, Any] | None = None,
    made: str = "",
    device: str = "",
    provenance: Mapping[str, Any] | None = None,
) -> Response:
    """Return a response whose id is its ends, time and the first 8 digits of its SHA-256.

    The parameters are those of :class:`Response`; ``made`` is now and ``valid`` the range that all
    channels have, if not given.
    """
    draft = Response(
        "",
        name,
        source_point,
        target_point,
        kind,
        channels,
        valid or _common_range(channels),
        normalised_at,
        smoothing,
        incidence,
        conditions or {},
        made or utc_now(),
        device,
        provenance or {},
    )
    return _identified(draft)


def _derived(response: Response, operation: str, **changes: Any) -> Response:
    """Return a changed copy with its own id, whose provenance names origin and operation."""
    origin = derivation(operation, [response])
    return _identified(replace(response, **changes, id="", provenance=origin))


def marked_if_changed(response: Response) -> Response:
    """Return a response that was read, with ``changed`` in its provenance if it was changed."""
    if response.is_changed:
        return replace(response, provenance={**response.provenance, "changed": True})
    return response


def renamed_response(response: Response, name: str, **entries: Any) -> Response:
    """Return a response, with a new id, of another name and with more entries of provenance."""
    kept = {**response.provenance, **change_of([response]), **entries}
    return _identified(replace(response, id="", name=name, provenance=kept))


def with_provenance(response: Response, **entries: Any) -> Response:
    """Return a response, with a new id, whose provenance has more entries."""
    return renamed_response(response, response.name, **entries)


def derivation(operation: str, responses: Sequence[Response]) -> dict[str, Any]:
    """Return the provenance of what is made of responses: their ids, and what makes them doubtful.

    That is a flag, or a part that was changed after it was made.
    """
    flags = dict.fromkeys(r.provenance["flag"] for r in responses if "flag" in r.provenance)
    return {
        "operation": operation,
        "of": [response.identity for response in responses],
        **({"flag": ", ".join(flags)} if flags else {}),
        **change_of(responses),
    }


def change_of(responses: Sequence[Response]) -> dict[str, bool]:
    """Return the entry of provenance by which what is made of changed responses is one itself."""
    return {"changed": True} if any(response.is_changed for response in responses) else {}


def _identified(draft: Response) -> Response:
    return replace(draft, id=_id_of(draft))


def _id_of(response: Response) -> str:
    """Return the id by ends, time and content."""
    stamp = "".join(c for c in response.made[:19] if c.isalnum())
    ends = f"{response.source_point}-{response.target_point}"
    return f"{ends}-{stamp}-{response.sha256[:8]}"


def _common_range(channels: Mapping[str, ChannelResponse]) -> tuple[float, float]:
    low = max((float(channel.frequency[0]) for channel in channels.values()), default=0.0)
    return low, min((float(channel.frequency[-1]) for channel in channels.values()), default=0.0)


def _within_range(channel: ChannelResponse, at_hz: float, valid: tuple[float, float]) -> Array:
    if not valid[0] <= at_hz <= valid[1]:
        raise ParameterError(
            f"normalised at {at_hz:g} Hz; a frequency in the valid range of {valid[0]:g} to "
            f"{valid[1]:g} Hz is expected"
        )
    return channel.level(at_hz)
