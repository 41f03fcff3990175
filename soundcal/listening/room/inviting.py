"""Invitations: codes, the tokens of links, and the secrets of cookies."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

from soundcal.errors import ParameterError
from soundcal.files.atomic import text_digest
from soundcal.listening.room.work import Clock, as_text
from soundcal.listening.store import Connection, Store

__all__ = ["Invitation", "Renewed", "invite", "new_secret", "plain_code", "renew"]

_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is mistaken for another one
_CODE_LENGTH: Final = 6
_TOKEN_BYTES: Final = 16  # 128 bit
_NO_LINK: Final = "no link yet: "  # in place of the checksum of a link


@dataclass(frozen=True, slots=True)
class Invitation:
    """One person's access: a short code for the sheet, and the token of the link, shown once."""

    code: str
    token: str


def plain_code(text: str) -> str:
    """Return a code as it is stored, however it was typed.

    >>> plain_code(" k7m-2qx ")
    'K7M2QX'
    """
    return re.sub(r"[\s\-]", "", text).upper()


def invite(
    store: Store,
    n: int,
    *,
    pilot: bool = False,
    clock: Clock | None = None,
    with_link: bool = True,
) -> list[Invitation]:
    """Make the access of ``n`` more people.

    Parameters
    ----------
    store : Store
        The database.
    n : int
        Number of people, 1 to 10 000.
    pilot : bool
        They are pilots, whose answers do not count.
    clock : Clock, optional
        The clocks.
    with_link : bool
        Their links work; without, they come by their codes until :func:`renew` gives them links.

    Returns
    -------
    list of Invitation
        The tokens are not stored and cannot be shown again.

    Raises
    ------
    ParameterError
        ``n`` is out of range.
    RecordError
        The database cannot be written.
    """
    if not 1 <= n <= 10_000:
        raise ParameterError(f"{n} invitations; 1 to 10000 are expected")
    at = as_text((clock or Clock()).epoch())

    def job(connection: Connection) -> list[Invitation]:
        known = {row[0] for row in connection.execute("SELECT code FROM participant")}
        made: list[Invitation] = []
        while len(made) < n:
            code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
            if code in known:
                continue
            known.add(code)
            made.append(Invitation(code, new_secret()))
        connection.executemany(
            "INSERT INTO participant (code, token_hash, language, state, pilot, invited_at) "
            "VALUES (?, ?, '', 'invited', ?, ?)",
            [
                (
                    one.code,
                    text_digest(one.token) if with_link else f"{_NO_LINK}{one.code}",
                    int(pilot),
                    at,
                )
                for one in made
            ],
        )
        return made

    return store.write(job).result()


@dataclass(frozen=True, slots=True)
class Renewed:
    """New links in place of earlier ones.

    Parameters
    ----------
    people : int
        People who were invited so far, those who have come among them.
    invitations : list of Invitation
        New access of those who have not come yet; their codes stay.
    replaced : int
        So many of them had a link before, which is void now.
    """

    people: int
    invitations: list[Invitation]
    replaced: int


def renew(store: Store) -> Renewed:
    """Give everybody who has not come yet a new link; the earlier one is void.

    Raises
    ------
    RecordError
        The database cannot be written.
    """

    def job(connection: Connection) -> Renewed:
        rows = connection.execute(
            "SELECT code, state, token_hash FROM participant ORDER BY rowid"
        ).fetchall()
        waiting = [row for row in rows if row["state"] == "invited"]
        made = [Invitation(row["code"], new_secret()) for row in waiting]
        connection.executemany(
            "UPDATE participant SET token_hash = ? WHERE code = ?",
            [(text_digest(one.token), one.code) for one in made],
        )
        had = [row for row in waiting if not row["token_hash"].startswith(_NO_LINK)]
        return Renewed(len(rows), made, len(had))

    return store.write(job).result()


def new_secret() -> str:
    """Return a random text of 128 bits, for a link or a cookie."""
    return secrets.token_urlsafe(_TOKEN_BYTES)
