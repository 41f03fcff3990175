"""The room of a listening test: a state machine of what people see and may do; no HTTP."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.listening.room.arriving import store_amendment
    from soundcal.listening.room.bodies import ACTIONS, check_body
    from soundcal.listening.room.inviting import Invitation, Renewed, invite, renew
    from soundcal.listening.room.machine import Room
    from soundcal.listening.room.replies import Locked, Refused, Reply, UnknownCode, View
    from soundcal.listening.room.work import Clock
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "ACTIONS": "bodies",
            "Clock": "work",
            "Invitation": "inviting",
            "Locked": "replies",
            "Refused": "replies",
            "Reply": "replies",
            "Room": "machine",
            "UnknownCode": "replies",
            "View": "replies",
            "Renewed": "inviting",
            "check_body": "bodies",
            "invite": "inviting",
            "renew": "inviting",
            "store_amendment": "arriving",
        },
    )

__all__ = [
    "ACTIONS",
    "Clock",
    "Invitation",
    "Locked",
    "Refused",
    "Renewed",
    "Reply",
    "Room",
    "UnknownCode",
    "View",
    "check_body",
    "invite",
    "renew",
    "store_amendment",
]
