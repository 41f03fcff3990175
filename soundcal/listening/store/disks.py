"""Refusal of disks on which a database may lose what it has acknowledged."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from soundcal.errors import RecordError

__all__ = ["MOUNTS", "refuse_network"]

MOUNTS = Path("/proc/self/mountinfo")
"""Linux's table of what is mounted where."""

_NETWORK: Final = (
    *("9p", "afs", "afpfs", "ceph", "cifs", "davfs", "fuse.sshfs", "fuse.glusterfs"),
    *("fuse.rclone", "fuse.s3fs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2"),
    *("smb", "smb2", "smb3", "smbfs", "webdav"),
)
"""File systems whose locks or shared memory SQLite's log cannot rely on (sqlite.org/wal.html)."""


def refuse_network(folder: Path) -> None:
    """Refuse a folder on a network disk.

    Raises
    ------
    RecordError
        It lies on one.
    """
    kind = _file_system(folder)
    if kind in _NETWORK:
        raise RecordError(
            f"{folder}: on a network disk ({kind}), on which a database may lose answers; use a "
            f"folder on a local disk"
        )


def _file_system(folder: Path) -> str:
    """Return the type of the file system of a folder, or "" if the system does not tell it."""
    if sys.platform == "win32":
        import ctypes

        drive_remote = 4
        root = folder.anchor
        remote = ctypes.windll.kernel32.GetDriveTypeW(root) == drive_remote
        return "smb" if remote or root.startswith("\\\\") else ""
    mounts: list[tuple[str, str]] = []
    if sys.platform == "darwin":
        listed = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False)
        for line in listed.stdout.splitlines():  # //me@server/share on /Volumes/share (smbfs, …)
            place, _, kind = line.partition(" on ")[2].rpartition(" (")
            mounts.append((place, kind.partition(",")[0]))
    else:
        with suppress(OSError), MOUNTS.open(encoding="utf-8") as file:
            for line in file:  # 36 35 98:0 /root /place options - ext4 /dev/sda …
                fields, _, of_kind = line.partition(" - ")
                place = fields.split()[4].encode().decode("unicode_escape")  # \040 is a space
                mounts.append((place, of_kind.split()[0]))
    text = str(folder)
    around = [
        (len(place), kind)
        for place, kind in mounts
        if place == "/" or text == place or text.startswith(place.rstrip("/") + os.sep)
    ]
    return max(around, key=lambda found: found[0])[1] if around else ""
