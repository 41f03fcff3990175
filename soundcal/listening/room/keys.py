"""One-time keys of actions: whatever is sent twice is carried out once."""

import json
from collections.abc import Mapping
from typing import Any

from soundcal.files.atomic import text_digest
from soundcal.listening.room.work import Work

__all__ = ["body_hash", "keep_key", "use_of_key"]


def body_hash(code: str, action: str, body: Mapping[str, Any]) -> str:
    """Return the checksum of what a participant asked for, by which a repetition is recognised.

    The number and the window are left out: a page that was reloaded sends others.
    """
    said = {name: value for name, value in body.items() if name not in ("number", "key", "tab")}
    return text_digest(json.dumps([code, action, said], sort_keys=True, ensure_ascii=False))


def use_of_key(w: Work, key: str) -> str | None:
    """Return the checksum of what a key was used for; None if it was not used."""
    row = w.one(
        "SELECT body_sha256 FROM submit WHERE key = ? "
        "UNION ALL SELECT body_sha256 FROM request WHERE key = ?",
        *(key, key),
    )
    return None if row is None else str(row["body_sha256"])


def keep_key(w: Work, code: str, action: str, body: Mapping[str, Any]) -> None:
    """Note that the key of an action is used; that of answers is kept with them."""
    w.run(
        "INSERT INTO request (key, participant, action, body_sha256, at) VALUES (?, ?, ?, ?, ?)",
        *(body["key"], code, action, body_hash(code, action, body), w.now.at),
    )
