"""Names by which tables and files are joined: one spelling each, and remarks on what was not."""

import unicodedata
from collections.abc import Collection, Iterable

__all__ = ["lookalikes", "normal_name", "some", "unjoined"]


def normal_name(text: str) -> str:
    """Return a name as all names are compared: in Unicode normal form C, without space around it.

    macOS writes ``é`` in file names as ``e`` and an accent, keyboards and Windows as one character.

    >>> normal_name(" cafe\\u0301 ") == "caf\\u00e9"
    True
    """
    return unicodedata.normalize("NFC", text).strip()


def some(names: Iterable[str], most: int = 6) -> str:
    """Return the first names in words.

    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def unjoined(
    kind: str, first: str, of_first: Collection[str], second: str, of_second: Collection[str]
) -> tuple[str, ...]:
    """Return remarks on the names that occur on one of two sides only.

    Parameters
    ----------
    kind : str
        Plural of what is named, for example "stimuli".
    first, second : str
        Names of the sides.
    of_first, of_second : collection of str
        Names that occur on each.

    Examples
    --------
    >>> unjoined("stimuli", "ocv", ["S1", "S2"], "hats", ["S1"])
    ('stimuli under ocv only: S2',)
    """
    remarks = [
        f"{kind} under {side} only: {some(sorted(set(here) - set(there)))}"
        for side, here, there in ((first, of_first, of_second), (second, of_second, of_first))
        if set(here) - set(there)
    ]
    return (*remarks, *lookalikes(kind, first, of_first, second, of_second))


def lookalikes(
    kind: str, first: str, of_first: Collection[str], second: str, of_second: Collection[str]
) -> tuple[str, ...]:
    """Return a remark on names of one side that the other side has in another spelling.

    The parameters are those of :func:`unjoined`.

    >>> print(*lookalikes("stimuli", "ocv", ["01", "s2"], "hats", ["1", "s3"]))
    stimuli '01' (ocv) and '1' (hats) count as different; if they are the same, spell them alike
    """
    others = {_plain(name): name for name in of_second if name not in of_first}
    alone = sorted(name for name in of_first if name not in of_second)
    texts = [
        f"{name!r} ({first}) and {others[_plain(name)]!r} ({second})"
        for name in alone
        if _plain(name) in others
    ]
    if not texts:
        return ()
    return (f"{kind} {some(texts, 3)} count as different; if they are the same, spell them alike",)


def _plain(name: str) -> str:
    """Return a name without the differences that typing and spreadsheets make.

    >>> _plain("01") == _plain("1.0") and _plain("Calm") == _plain("calm")
    True
    """
    text = "".join(unicodedata.normalize("NFKC", name).casefold().split())
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.translate(dict.fromkeys(map(ord, "-_.")))
