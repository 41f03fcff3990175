"""Views of the room as HTML pages; templates, style and script are loaded once, at the start."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.listening.designs import LONGEST_TEXT
from soundcal.listening.texts import Texts, load_texts

if TYPE_CHECKING:
    from jinja2 import Environment

    from soundcal.listening.room import View
    from soundcal.listening.study import Study

__all__ = ["ASSETS", "HtmlPages", "environment", "language_tag"]

_FOLDER: Final = Path(__file__).parent.parent / "pages"

ASSETS: Final[Mapping[str, tuple[str, bytes]]] = {
    name: (kind, (_FOLDER / name).read_bytes())
    for name, kind in (("listening.css", "text/css"), ("listening.js", "text/javascript"))
}
"""All files that a browser can ask for: name to media type and content."""

_TEMPLATES: Final = {
    "join": "join.html",
    "language": "language.html",
    "information": "information.html",
    "headphones": "headphones.html",
    "comfort": "comfort.html",
    "instructions": "instructions.html",
    "pause": "pause.html",
}
_OF_TRIALS: Final = ("ready", "playing", "answer", "technical")
_METHODS: Final = ("scales.html", "questions.html")
_SPOKEN: Final = (
    *(
        "already_stored",
        "answer_missing",
        "answer_not_yet",
        "missing_many",
        "missing_one",
        "offline",
        "problem",
    ),
    *("saved", "sending", "trial_ended", "trial_time"),
)
"""Texts that the script shows."""

_TAGS: Final = {
    "arb": "ar", "cmn": "zh", "deu": "de", "ell": "el", "eng": "en", "fra": "fr", "hrv": "hr",
    "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "por": "pt", "spa": "es",
    "swe": "sv", "tur": "tr", "vie": "vi", "zsm": "ms",
}  # fmt: skip
"""ISO 639-3 to the shorter code that BCP 47 demands in ``lang`` where there is one."""


def language_tag(language: str) -> str:
    """Return the tag of a language for HTML (BCP 47) from its code of ISO 639-3.

    >>> language_tag("deu"), language_tag("yue")
    ('de', 'yue')
    """
    return _TAGS.get(language, language)


class HtmlPages:
    """The pages of a study in its languages.

    Parameters
    ----------
    study : Study
        Gives languages and texts; its title stands on the dashboard only.

    Raises
    ------
    RecordError
        A language has no complete texts.
    """

    def __init__(self, study: "Study") -> None:
        self.texts: Mapping[str, Texts] = {
            language: study.words(language) for language in study.languages
        }
        self.first_language = study.languages[0]
        self._english = load_texts("eng")  # the dashboard speaks English
        self._title = study.title
        self._environment = environment()

    def of_view(self, view: "View", tab: str) -> str:
        """Return the page of a participant's state."""
        template = _TEMPLATES.get(view.screen, "notice.html")
        data = _Data(view.data)
        if view.screen in _OF_TRIALS:
            template = data["template"]
            template = template if template in _METHODS else _METHODS[0]
            data["items"] = [_with_middle(item) for item in data["items"] or ()]
        return self._render(
            template, view.language, number=view.number, screen=view.screen, d=data, tab=tab
        )

    def join(self, error: str = "") -> str:
        """Return the page that asks for a code, with the reason why a link did not do."""
        data = _Data(error=error)
        return self._render(
            "join.html", self.first_language, number=0, screen="join", d=data, tab=""
        )

    def arrived(self, target: str) -> str:
        """Return a page that leads on to an address of this server.

        A redirection would not do: after a link from elsewhere, browsers send a strict cookie only
        when the next step starts from a page of the same site.
        """
        return self._render("arrived.html", self.first_language, target=target)

    def desk(self, state: Mapping[str, Any]) -> str:
        """Return the dashboard."""
        return self._render(
            "dashboard.html",
            "eng",
            number=0,
            screen="desk",
            d=_Data(state),
            tab="",
            title=self._title,
        )

    def _texts_in(self, language: str) -> Texts:
        """Return the texts; before a language is chosen, those of the first one."""
        if language in self.texts:
            return self.texts[language]
        return self._english if language == "eng" else self.texts[self.first_language]

    def _render(self, template: str, language: str, **values: object) -> str:
        texts = self._texts_in(language)
        return self._environment.get_template(template).render(
            lang=language_tag(texts.language),
            direction=texts.direction,
            w=texts.fill,
            spoken={key: texts[key] for key in _SPOKEN},
            languages=[
                (code, language_tag(code), other.direction, other.name)
                for code, other in self.texts.items()
            ],
            **{"title": texts["title"], **values},
        )


def environment() -> "Environment":
    """Return the templates of all pages."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        plain=_plain, clock=_clock, signed=_signed, share=_share, exposure=_exposure
    )
    made.globals["longest_text"] = LONGEST_TEXT
    return made


class _Data(dict[str, Any]):
    """Data of a screen, of which a page shows what is there."""

    def __missing__(self, key: str) -> None:
        return None


def _with_middle(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item with the middle of its scale, where the keys of a slider begin."""
    low, high = item["low"], item["high"]
    return {**item, "middle": None if low is None or high is None else (low + high) / 2}


def _plain(value: object) -> str:
    """Return a number without a needless fraction, and anything else as text.

    >>> _plain(50.0), _plain(0.5), _plain("fifty"), _plain(None)
    ('50', '0.5', 'fifty', '')
    """
    if value is None:
        return ""
    return f"{value:.12g}" if isinstance(value, int | float) else str(value)


def _clock(seconds: float) -> str:
    """Return minutes and seconds.

    >>> _clock(59.2), _clock(600)
    ('1:00', '10:00')
    """
    minutes, rest = divmod(int(-(-seconds // 1)), 60)
    return f"{minutes}:{rest:02d}"


def _signed(value: float) -> str:
    """Return a difference with one decimal and its sign.

    >>> _signed(-0.02), _signed(0.41), _signed(-3.0)
    ('0.0', '+0.4', '−3.0')
    """
    rounded = round(value, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")


def _share(value: float) -> str:
    """Return a share in percent.

    >>> _share(0.0), _share(0.0001), _share(0.034)
    ('0 %', 'less than 0.1 %', '3.4 %')
    """
    if 0 < value < 0.001:
        return "less than 0.1 %"
    return f"{100 * value:.1f} %" if value else "0 %"


def _exposure(value: float) -> str:
    """Return a sound exposure in Pa²h; a small one in (mPa)²h, a millionth of it.

    >>> _exposure(0.0018), _exposure(4.92e-7)
    ('0.0018 Pa²h', '0.49 (mPa)²h')
    """
    return f"{value:.2g} Pa²h" if value >= 1e-4 else f"{1e6 * value:.2g} (mPa)²h"
