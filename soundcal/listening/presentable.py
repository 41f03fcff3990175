"""A sound as it will be heard: its gain, and its predicted levels at the ears."""

from dataclasses import dataclass

from soundcal.lab.equalisation import EqualisationRecord

__all__ = ["Levels", "Presentable"]

Levels = tuple[float, float]
"""Left and right, in dB."""


@dataclass(frozen=True, slots=True)
class Presentable:
    """A stimulus under a condition, as it will be heard.

    Parameters
    ----------
    condition, stimulus : str
        Its condition in the study and its id in the catalogue.
    gain_db : float
        Gain applied to the rendered samples, dB.
    sha256 : str
        SHA-256 of the rendered samples without the gain (:func:`soundcal.stimuli.digest`).
    calibration_id : str
        Calibration by which the gain was found; "" if the table does not say.
    device : str
        Device for which it was found; "" if the table does not say.
    target_db : float
        Target level in dB re 20 µPa, energetic mean of both ears.
    u_db : float
        Standard uncertainty of the levels in dB.
    u_above_db : float
        The same without influences that can only lower them.
    laeq, lafmax, lcpeak : tuple of float
        Predicted levels of left and right in dB re 20 µPa.
    predicted_db : float
        Predicted level with the weighting of the target, energetic mean of both ears.
    exposure_pa2h : float
        ``∫ p_A² dt`` of the louder ear in Pa²h.
    duration_s : float
        Duration of the stimulus in s.
    peak : float
        Largest absolute sample as it is played, 1.0 is full scale.
    played_sha256 : str
        SHA-256 of what is played, without the gain: of the rendered samples, or of the equalised
        ones.
    equalisation : EqualisationRecord, optional
        How it is equalised; None if it is played as it is.
    """

    condition: str
    stimulus: str
    gain_db: float
    sha256: str
    calibration_id: str
    device: str
    target_db: float
    u_db: float
    u_above_db: float
    laeq: Levels
    lafmax: Levels
    lcpeak: Levels
    predicted_db: float
    exposure_pa2h: float
    duration_s: float
    peak: float
    played_sha256: str = ""
    equalisation: EqualisationRecord | None = None

    @property
    def name(self) -> str:
        """Stimulus and condition, for messages."""
        return f"{self.stimulus} ({self.condition})" if self.condition else self.stimulus
