"""Types of values, for the options of several commands."""

import argparse

__all__ = ["numbers"]


def numbers(text: str) -> tuple[float, ...]:
    """Return the numbers of an option such as ``1.5,1.6``, for ``type=``.

    >>> numbers("1.5,1.6")
    (1.5, 1.6)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r}: numbers separated by commas expected, such as 1.5,1.6"
        ) from error
