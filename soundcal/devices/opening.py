"""Finds and opens devices by name."""

from soundcal.devices.protocol import AudioDevice, DeviceInfo

__all__ = ["list_devices", "open_device"]


def list_devices() -> tuple[list[DeviceInfo], str]:
    """Return all devices, simulated ones last, and why soundcards are missing ("": none is)."""
    from soundcal.devices.portaudio import soundcard
    from soundcal.devices.simulated import lab

    cards, problem = soundcard.probe()
    return cards + lab.list_labs(), problem


def open_device(
    spec: str | int,
    *,
    fs: int = 48000,
    calibrating: bool = False,
    allow_os_mixer: bool = False,
    latency: float = 0.2,
    seed: int = 0,
    realtime: bool = False,
) -> AudioDevice:
    """Open a device by name.

    Parameters
    ----------
    spec : str or int
        ``sim:NAME``, an index, or parts of "name, host API" (all must occur, in order)
        in upper or lower case; ``INPUT | OUTPUT`` where a soundcard is listed as two devices.
    fs : int
        Sampling rate in Hz. Never converted: a device that cannot deliver it is refused.
    calibrating : bool
        Refuse devices behind the operating system's mixer.
    allow_os_mixer : bool
        Accept such devices.
    latency : float
        Buffer requested from the driver, in s (soundcards only).
    seed : int
        Seed of the simulated lab: its units, noise and seatings.
    realtime : bool
        Let the simulated lab take as long as a soundcard would.

    Raises
    ------
    DeviceUnavailable
        No such device, several match, PortAudio is missing, or the format is refused.
    """
    if str(spec).startswith("sim:"):
        from soundcal.devices.simulated import lab

        return lab.SimulatedLab(str(spec)[4:], fs=fs, seed=seed, realtime=realtime)
    from soundcal.devices.portaudio import soundcard

    return soundcard.Soundcard(
        spec, fs=fs, calibrating=calibrating, allow_os_mixer=allow_os_mixer, latency=latency
    )
