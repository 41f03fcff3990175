"""Kill recordings at random moments and compare what is left with what was delivered.

::

    python tests/killed_recordings.py --kills 200 FOLDER

The function behind ``soundcal record`` runs in a process forked for each kill, with a device in the
same process: it delivers the count of ``rig/plain.py`` as fast as it is taken, in blocks of random
size, and notes in shared memory how much it has delivered. So each kill meets the writer at work,
and the parent knows to the sample what ought to be in the file. The parent waits until a random
number of samples has been delivered, in every fourth round less than a second of them, and not for
a time: so a slow or busy machine changes nothing. The forms take turns: 32-bit float, 24 bit, FLAC,
and a WAV that becomes an RF64 while it grows. Prints the results as JSON.
"""

import argparse
import json
import mmap
import os
import random
import signal
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np
from rig.plain import account, count_samples

from soundcal.devices import AudioDevice, Block, DeviceInfo
from soundcal.errors import RecordError
from soundcal.files import audio, wav
from soundcal.lab.record import record_to_file

FS = 48000
CHANNELS = 2
EARLY_S = (0.0, 1.0)
LATE_S = (2.5, 20.0)  # from the first on, the header of an RF64 is in the file
FORMS = {
    "float": ("FLOAT", "wav", None),
    "24 bit": ("PCM_24", "wav", None),
    "FLAC": ("PCM_24", "flac", None),
    "RF64": ("FLOAT", "wav", 500_000),
}


class Counting:
    """A device that delivers the count and notes how far it is."""

    info = DeviceInfo("Count", "test", CHANNELS, 0)
    fs = FS

    def __init__(self, delivered: mmap.mmap, seed: int) -> None:
        self._delivered = delivered
        self._sizes = np.random.default_rng(seed).integers(16, 4096, 1 << 12).tolist()

    @contextmanager
    def stream(self, *, inputs: tuple[int, ...]) -> Iterator[Iterator[Block]]:
        yield self._blocks(len(inputs))

    def _blocks(self, n_channels: int) -> Iterator[Block]:
        position = 0
        while True:
            for size in self._sizes:
                block = Block(count_samples(position, size, n_channels), position)
                position += size
                self._delivered[:8] = struct.pack("<q", position)
                yield block


def run(path: Path, form: str, delivered: mmap.mmap, seed: int) -> None:
    """Record in this process until it is killed."""
    subtype, _, limit = FORMS[form]
    if limit is not None:
        wav.WAV_LIMIT = limit
    record_to_file(cast(AudioDevice, Counting(delivered, seed)), path, subtype=subtype)


def kill_one(path: Path, form: str, after: int, seed: int) -> int:
    """Start a recording, kill it after ``after`` samples; return how many were delivered."""
    delivered = mmap.mmap(-1, 8)
    child = os.fork()
    if child == 0:
        try:
            run(path, form, delivered, seed)
        finally:
            os._exit(1)
    ended = 0
    while count(delivered) <= after and not ended:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.001)
    if not ended:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if ended or not os.WIFSIGNALED(status):
        raise RuntimeError(f"{path}: the recording ended by itself, status {status}")
    return count(delivered)


def count(delivered: mmap.mmap) -> int:
    """Return how many samples the recording process has delivered so far."""
    return int(struct.unpack("<q", delivered[:8])[0])


def faults(path: Path, delivered: int) -> list[str]:
    """Return what is wrong with the file that a kill left behind."""
    if path.with_suffix(".json").exists():
        return ["a record of a recording that was not completed"]
    try:
        about = audio.info(path)
    except RecordError as error:
        # killed before there was a header that counts anything
        return [] if delivered <= FS else [f"after {delivered} samples: {error}"]
    found = account(audio.blocks(path), range(CHANNELS))
    wrong = [] if found.exact and found.first == 0 else [str(found)]
    if not delivered - FS <= found.n_samples == about.n_samples <= delivered:
        wrong.append(f"{about.n_samples} samples of {delivered} delivered")
    return wrong


def main() -> int:
    """Kill, compare, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    wrong: dict[str, list[str]] = {}
    forms: Counter[str] = Counter()
    missing, rf64 = [], 0
    for number in range(options.kills):
        form = list(FORMS)[number % len(FORMS)]
        path = options.folder / f"{number}.{FORMS[form][1]}"
        early = number // len(FORMS) % 4 == 3
        after = round(FS * chance.uniform(*(EARLY_S if early else LATE_S)))
        delivered = kill_one(path, form, after, number)
        if found := faults(path, delivered):
            wrong[f"{number}, {form}"] = found
        elif delivered > FS:
            missing.append(delivered - audio.info(path).n_samples)
            rf64 += path.read_bytes()[:4] == b"RF64"
        forms[form] += 1
        path.unlink(missing_ok=True)
    content = {
        "kills": dict(forms),
        "wrong": wrong,
        "after the first second": len(missing),
        "longest missing, s": max(missing, default=0) / FS,
        "RF64 headers": rf64,
    }
    print(json.dumps(content))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
