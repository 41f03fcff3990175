"""The version of soundcal."""

__version__ = "0.1.0"
