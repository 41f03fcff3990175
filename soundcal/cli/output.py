"""What the commands write: one JSON object or text on stdout, everything for people on stderr."""

import json
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["say", "write_json"]


def say(text: str) -> None:
    """Write a line for the person at the terminal."""
    sys.stderr.write(text + "\n")


def write_json(schema: str, content: Mapping[str, Any]) -> None:
    """Write one JSON object with its schema name to stdout."""
    sys.stdout.write(json.dumps({"schema": schema, **content}, indent=2) + "\n")
