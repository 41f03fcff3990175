"""Sheets for participants: one each, with a code, a link and its QR code."""

from collections.abc import Sequence

from soundcal.files.lock import held
from soundcal.listening.results import database_of
from soundcal.listening.room import Invitation, invite, renew
from soundcal.listening.store import Store
from soundcal.listening.study import Study
from soundcal.listening.web import qr_svg
from soundcal.listening.web.rendering import environment

__all__ = ["invitation_sheets", "new_invitations"]


def new_invitations(
    study: Study, n: int | None = None, *, pilot: bool = False
) -> tuple[list[Invitation], int]:
    """Make invitations, whose links are known only now: the database keeps checksums of them.

    Parameters
    ----------
    study : Study
        The study, whose room is closed.
    n : int, optional
        So many people more. Without it, everybody who has not come yet gets a new link in place of
        the earlier one; at the first time, as many people as are planned.
    pilot : bool
        For the pilot.

    Returns
    -------
    invitations : list of Invitation
        Codes and links.
    renewed : int
        So many of the links replace an earlier one, which no longer works.

    Raises
    ------
    ParameterError
        An impossible number.
    RecordError
        The room is open, or the database cannot be written.
    """
    with held(study.folder), Store(database_of(study.folder, pilot=pilot)) as store:
        if n is not None:
            return invite(store, n, pilot=pilot), 0
        known = renew(store)
        missing = study.participants.planned - known.people
        more = invite(store, missing, pilot=pilot) if missing > 0 else []
        return [*known.invitations, *more], known.replaced


def invitation_sheets(study: Study, invitations: Sequence[Invitation], server: str) -> str:
    """Return a page of HTML that prints one sheet per participant.

    Parameters
    ----------
    study : Study
        The study.
    invitations : sequence of Invitation
        Codes and tokens.
    server : str
        Address of the server as participants reach it, e.g. ``http://192.168.1.20:8000``.
    """
    links = [f"{server}/j/{invitation.token}" for invitation in invitations]
    return (
        environment()
        .get_template("sheets.html")
        .render(
            title=study.words(study.languages[0])["title"],
            server=server,
            sheets=[
                {"code": invitation.code, "link": link, "qr": qr_svg(link)}
                for invitation, link in zip(invitations, links, strict=True)
            ],
        )
    )
