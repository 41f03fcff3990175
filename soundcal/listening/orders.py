"""Orders of presentation: permutations, Williams designs, permutations with constraints.

All are pure functions of their arguments and of the numbers drawn from ``rng``.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import numpy as np

from soundcal.errors import ParameterError

__all__ = [
    "ATTEMPTS",
    "constrained",
    "in_blocks",
    "permutation",
    "shares",
    "williams_row",
    "williams_rows",
]

ATTEMPTS: Final = 200
"""Random permutations that are tried before an order with constraints is given up."""

_T = TypeVar("_T")


def permutation(items: Sequence[_T], rng: np.random.Generator) -> tuple[_T, ...]:
    """Return the items in random order; all orders are equally likely."""
    return tuple(items[i] for i in rng.permutation(len(items)))


def in_blocks(groups: Sequence[Sequence[_T]], rng: np.random.Generator) -> tuple[_T, ...]:
    """Return the items of all groups: the groups in random order, and the items within each.

    >>> in_blocks(["ab", "c"], np.random.default_rng(5))
    ('c', 'b', 'a')
    """
    return tuple(item for group in permutation(groups, rng) for item in permutation(group, rng))


def williams_rows(n: int) -> int:
    """Return the number of orders of a complete Williams design: n if n is even, else 2n.

    >>> williams_rows(4), williams_rows(27)
    (4, 54)
    """
    return n if n % 2 == 0 or n == 1 else 2 * n


def williams_row(n: int, row: int) -> tuple[int, ...]:
    """Return one order of a Williams design of n items.

    Over :func:`williams_rows` orders every item stands at every place once, and every item follows
    every other one once; both twice if n is odd.

    Parameters
    ----------
    n : int
        Number of items.
    row : int
        Number of the order from 0; beyond the last one, they begin again.

    Notes
    -----
    Williams, Aust J Sci Res A 2:149-168 (1949). The first order is 0, 1, n - 1, 2, n - 2, …; others
    add i modulo n; if n is odd, all of them reversed follow.

    >>> [williams_row(4, row) for row in range(4)]
    [(0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1)]
    """
    row %= williams_rows(n)
    first = [(k + 1) // 2 if k % 2 else (n - k // 2) % n for k in range(n)]
    order = tuple((item + row) % n for item in first)
    return order if row < n else order[::-1]


def constrained(
    items: Sequence[_T],
    apart: Callable[[_T, _T], bool],
    rng: np.random.Generator,
    after: _T | None = None,
) -> tuple[_T, ...]:
    """Return the items in a random order in which no two that are to be apart are neighbours.

    A random permutation is repaired by exchanging items at random places.

    Parameters
    ----------
    items : sequence
        The items.
    apart : callable
        Tells whether two items must not follow each other, in either order.
    rng : numpy.random.Generator
        Source of random numbers.
    after : optional
        What stands before the first item.

    Raises
    ------
    ParameterError
        No such order was found in :data:`ATTEMPTS` attempts.
    """
    for _ in range(ATTEMPTS):
        order = list(permutation(items, rng))
        for _ in range(10 * len(order)):
            clashes = [i for i in range(1, len(order)) if apart(order[i - 1], order[i])]
            if after is not None and order and apart(after, order[0]):
                clashes.append(0)
            if not clashes:
                return tuple(order)
            i, k = clashes[int(rng.integers(len(clashes)))], int(rng.integers(len(order)))
            order[i], order[k] = order[k], order[i]
    raise ParameterError(
        f"no order of {len(items)} sounds keeps all those apart that must be; found none in "
        f"{ATTEMPTS} attempts"
    )


def shares(n: int, part: int, number: int) -> tuple[bool, int]:
    """Tell whether somebody belongs to a part of n people, with the number in the part or the rest.

    Those of the part are spread evenly over the people.

    Parameters
    ----------
    n, part : int
        People, and how many of them belong to the part; after n people it begins again.
    number : int
        Number of the person, from 0.

    >>> [shares(4, 3, number) for number in range(5)]
    [(False, 0), (True, 0), (True, 1), (True, 2), (False, 1)]
    """
    turn, k = divmod(number, n)
    before, until = k * part // n, (k + 1) * part // n
    belongs = until > before
    within = turn * part + before if belongs else turn * (n - part) + k - before
    return belongs, within
