#!/usr/bin/env python3
"""Record for a long time and account for every sample.

::

    tests/rig/soak.py                                30 minutes of 2 channels in real time
    tests/rig/soak.py --duration 28800 --fast        8 hours, as fast as the processor allows
    tests/rig/soak.py --channels 8 --fs 96000 --duration 300

A virtual card (``plain.py``) on a server of its own delivers a count, ``soundcal record`` records
it, and every sample of the file is compared with the one that was delivered. Meanwhile the memory
of the command and of its worker is watched. Exit code 0 if nothing is missing, repeated or wrong
and the memory stayed where it was after the first tenth. A busy machine makes the server report
overflows, in which nothing is lost with ``--sync``: they are printed, as the command's flags.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from plain import account

from soundcal.files import audio

SCRIPT = Path(__file__).with_name("audio-rig.sh")
MORE_MEMORY = 32 * 2**20  # bytes that the allocator may take on the way
QUEUES = 192 * 2**20  # bytes that wait where the device is faster than the recording


def memory(pid: int) -> int:
    """Return the resident memory of a process and its children, in bytes."""
    listed = subprocess.run(
        ["ps", "-o", "rss=", "--pid", str(pid), "--ppid", str(pid)], capture_output=True, text=True
    )
    return 1024 * sum(int(word) for word in listed.stdout.split())


def record(options: argparse.Namespace, path: Path) -> tuple[int, list[int]]:
    """Run the command; return its exit code and the memory it took, once a second."""
    command = [sys.executable, "-m", "soundcal", "record", str(path), "--device", "SimHATS"]
    command += ["--fs", str(options.fs), "--duration", str(options.duration)]
    command += ["--subtype", options.subtype]
    process = subprocess.Popen(command)
    taken = []
    while process.poll() is None:
        taken.append(memory(process.pid))
        time.sleep(1.0)
    return process.returncode, taken


def main() -> int:
    """Record, compare, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--duration", type=float, default=1800.0, metavar="S")
    parser.add_argument("--channels", type=int, default=2, metavar="N")
    parser.add_argument("--fs", type=int, default=48000, metavar="HZ")
    parser.add_argument("--subtype", default="FLOAT", choices=("PCM_24", "PCM_32", "FLOAT"))
    parser.add_argument("--fast", action="store_true", help="as fast as the processor allows")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the file goes (and stays)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soundcal-soak-") as folder:
        os.environ |= {
            "SOUNDCAL_RIG": folder,
            "JACK_DEFAULT_SERVER": f"soak-{os.getpid()}",
            "JACK_NO_START_SERVER": "1",
            "LAB": f"count-{options.channels}",
            "RATE": str(options.fs),
            "PY": sys.executable,
        }
        path = (options.out or Path(folder)) / "soak.wav"
        subprocess.run([SCRIPT, "start"], check=True)
        try:
            subprocess.run([SCRIPT, "fast" if options.fast else "real"], check=True)
            began = time.monotonic()
            code, taken = record(options, path)
            elapsed = time.monotonic() - began
        finally:
            subprocess.run([SCRIPT, "stop"], check=True)
        found = account(audio.blocks(path), range(options.channels))
        flags = json.loads(path.with_suffix(".json").read_text())["flags"]
    settled = max(taken[: max(10, len(taken) // 10)])
    print(f"{options.channels} channels at {options.fs} Hz, {options.subtype}: exit code {code}")
    print(f"{found.n_samples} of {round(options.duration * options.fs)} samples per channel")
    print(f"lost {found.lost}, repeated {found.repeated}, wrong {found.wrong} {found.faults}")
    print(f"flags {flags}")
    print(f"took {elapsed:.0f} s; memory {settled / 2**20:.0f} MiB, later {max(taken) / 2**20:.0f}")
    complete = found.n_samples == round(options.duration * options.fs)
    steady = max(taken) <= settled + (QUEUES if options.fast else MORE_MEMORY)
    return 0 if code == 0 and found.exact and complete and steady else 1


if __name__ == "__main__":
    sys.exit(main())
