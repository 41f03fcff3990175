"""The database of a study: tables, one writer, and nothing acknowledged before it is synced."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.listening.store.database import Connection, Row, Store, StoreFailed
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Connection": "database",
            "Row": "database",
            "Store": "database",
            "StoreFailed": "database",
        },
    )

__all__ = ["Connection", "Row", "Store", "StoreFailed"]
