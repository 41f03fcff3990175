"""QR codes of links, for a terminal and for a page."""

import io

import segno

__all__ = ["qr_svg", "qr_text"]


def qr_text(link: str) -> str:
    """Return a QR code of a link in characters for a terminal, dark or light.

    >>> print(qr_text("http://127.0.0.1:8000/").count(chr(10)) > 10)
    True
    """
    out = io.StringIO()
    segno.make(link, micro=False).terminal(out, compact=True, border=2)
    return out.getvalue()


def qr_svg(link: str, *, scale: int = 5) -> str:
    """Return a QR code of a link as an SVG element, ``scale`` pixels for a module.

    >>> qr_svg("http://127.0.0.1:8000/")[:4]
    '<svg'
    """
    out = io.BytesIO()
    segno.make(link, micro=False).save(
        out, kind="svg", scale=scale, border=4, xmldecl=False, nl=False, light="#ffffff"
    )
    return out.getvalue().decode()
