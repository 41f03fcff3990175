"""Every exception that soundcal raises on purpose, with the exit code of a command that it ends.

::

    SoundcalError
      ParameterError(ValueError)     an argument is out of range                            exit 2
      SignalError(ValueError)        samples unusable: not finite, clipped, too short,
                                     uncalibrated                                           exit 5
      DeviceError(OSError)           the sound device                                       exit 3
        DeviceUnavailable            PortAudio missing or failing, no such device, format refused
        StreamError                  overflow, underflow, stall or unplug while running
      CalibrationError               the calibration was carried out and is not acceptable  exit 4
        ToneNotFound                 calibrator frequency, purity, level or stability not recognised
        DriftExceeded                before and after differ by more than the limit
        TargetNotReached             gain search left its range or tolerance; noise floor too high
      RecordError                    a session, calibration, stimulus or audio file does not match
                                     its schema or checksum, or cannot be read or written   exit 5
      ProtocolAborted                the operator stopped                                   exit 130

Exit code 0 means done and within tolerance, and 1 means a bug. Exit code 4 is a result: all
measurements are written before the command ends.
"""

from typing import ClassVar

__all__ = [
    "CalibrationError",
    "DeviceError",
    "DeviceUnavailable",
    "DriftExceeded",
    "ParameterError",
    "ProtocolAborted",
    "RecordError",
    "SignalError",
    "SoundcalError",
    "StreamError",
    "TargetNotReached",
    "ToneNotFound",
]


class SoundcalError(Exception):
    """Root of all exceptions raised on purpose; the message gives value, limit and remedy."""

    exit_code: ClassVar[int] = 1


class ParameterError(SoundcalError, ValueError):
    """An argument is out of range or contradicts another one."""

    exit_code: ClassVar[int] = 2


class SignalError(SoundcalError, ValueError):
    """The samples cannot be used: not finite, clipped, too short, silent or uncalibrated."""

    exit_code: ClassVar[int] = 5


class DeviceError(SoundcalError, OSError):
    """Something is wrong with the sound device; the subclasses name the problem."""

    exit_code: ClassVar[int] = 3


class DeviceUnavailable(DeviceError):
    """PortAudio is missing or failing, there is no such device, or it refused the format."""


class StreamError(DeviceError):
    """The stream broke while running: overflow, underflow, stall, unplugged device, dead server."""


class CalibrationError(SoundcalError):
    """A calibration was carried out and its result is not acceptable."""

    exit_code: ClassVar[int] = 4


class ToneNotFound(CalibrationError):
    """The calibrator tone was not recognised: frequency, purity, level or stability."""


class DriftExceeded(CalibrationError):
    """The calibrations before and after differ by more than the stated limit."""


class TargetNotReached(CalibrationError):
    """The gain search left its range or tolerance, or the noise floor lies above the target."""


class RecordError(SoundcalError):
    """A file does not match its schema or checksum, or cannot be read or written."""

    exit_code: ClassVar[int] = 5


class ProtocolAborted(SoundcalError):
    """The operator stopped the protocol; the session was closed as aborted."""

    exit_code: ClassVar[int] = 130
