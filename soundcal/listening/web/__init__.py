"""The room in a browser: pages, requests and events for participants, and the dashboard.

This folder is the only importer of starlette, uvicorn and segno (extra ``soundcal[listen]``).
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.listening.web.application import make_app
    from soundcal.listening.web.qr_codes import qr_svg, qr_text
    from soundcal.listening.web.running import Bound, Running, bind
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Bound": "running",
            "Running": "running",
            "bind": "running",
            "make_app": "application",
            "qr_svg": "qr_codes",
            "qr_text": "qr_codes",
        },
    )

__all__ = ["Bound", "Running", "bind", "make_app", "qr_svg", "qr_text"]
