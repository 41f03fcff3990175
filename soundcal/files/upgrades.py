"""Records of older versions as soundcal would write them today.

When a schema changes, its number goes up by one: ``NAME.schema.json`` gets the new title and
content, the old one stays as ``NAME-VERSION.schema.json``, and a function here turns a record of
the old version into one of the next. A chain of such functions leads from any version to today's.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["UPGRADES"]

UPGRADES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""For each older schema the function that returns a record in its next version, ``schema``
included; the record it gets is as the older schema requires, and may be changed.
"""
