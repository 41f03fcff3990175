"""Settings of the site: the pages of the guide and the reference of the public names."""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

from soundcal.version import __version__

project = "soundcal"
author = "the soundcal developers"
release = version = __version__
language = "en"
smartquotes = False  # quotes are of code

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc has the types
numpydoc_show_class_members = False
templates_path: list[str] = []

html_theme = "alabaster"
html_title = f"soundcal {__version__}"
html_theme_options = {"fixed_sidebar": True, "page_width": "70rem"}
html_show_sourcelink = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Accept tables as a language of code."""
    app.add_lexer("csv", TextLexer)
