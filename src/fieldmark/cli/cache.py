"""`fieldmark cache`: what is kept on disk to be quick the next time, and how to be rid of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

from fieldmark.cli.output import print_table, to_json
from fieldmark.cli.parsing import Switch, parse
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.data.store.housekeeping import StoreInfo

SHOWN_KEY = 12
"""Characters of a key that the list shows."""
ALL = "all"

Keys: PrimitiveConstructorSpec[tuple[str, ...] | None] = PrimitiveConstructorSpec(
    nargs="*",
    metavar="KEY ...|all",
    instance_from_str=lambda words: tuple(words) or (ALL,),
    is_instance=lambda value: True,
    str_from_instance=lambda value: list(value or ["none"]),
)


@dataclass(frozen=True)
class Cache:
    """List the stores of decoded pictures, pictures out of tables, and weights read from .pth files.

    All are made again when needed. They lie under $FIELDMARK_CACHE, or else ~/.cache/fieldmark/stores.
    """

    clear: Annotated[tuple[str, ...] | None, Keys] = None
    """Remove the stores with these keys (their beginning is enough), or all."""
    json: Switch = False
    """Print one JSON object on stdout."""


def cache(words: Sequence[str]) -> int:
    """`fieldmark cache`."""
    flags = parse(Cache(), words, verb="cache")
    from fieldmark.data.store.housekeeping import cache_folder, clear_stores, list_stores, megabytes
    from fieldmark.weights.pickles import list_weights

    stores = [*list_stores(), *list_weights()]
    if flags.clear is not None:
        everything = flags.clear == (ALL,)
        chosen = stores if everything else [found for key in flags.clear for found in matching(key, stores)]
        removed, freed = len(chosen), clear_stores(chosen)
        if everything:
            clear_stores()  # what killed runs left, too
        if flags.json:
            print(to_json({"removed": removed, "freed": freed}))
        else:
            print(f"removed {removed} {'store' if removed == 1 else 'stores'}, freed {megabytes(freed)}")
        return 0
    rows = [row(store) for store in stores]
    if flags.json:
        print(to_json({"folder": str(cache_folder()), "stores": rows}))
    elif not rows:
        print(f"{cache_folder()} is empty.")
    else:
        cells = [
            [
                one["key"][:SHOWN_KEY],
                megabytes(one["bytes"]),
                "weights" if one["pictures"] is None else f"{one['pictures']:,}",
                age(one["created"]),
                one["source"],
            ]
            for one in rows
        ]
        print_table(["key", "size", "pictures", "age", "source"], cells, numbers=["size", "pictures", "age"])
        print(f"{cache_folder()}: {megabytes(sum(store.bytes for store in stores))}")
    return 0


def row(store: StoreInfo) -> dict[str, Any]:
    """A store for JSON: {key, bytes, pictures, created, source}; weights have null pictures."""
    return {
        "key": store.path.stem,
        "bytes": store.bytes,
        "pictures": store.pictures,
        "created": store.created,
        "source": store.root,
    }


def matching(key: str, stores: Sequence[StoreInfo]) -> list[StoreInfo]:
    """The one store whose key begins so. Raises UserError when there is none, or more than one."""
    found = [store for store in stores if store.path.stem.startswith(key)]
    if len(found) != 1:
        what = "no store has" if not found else f"{len(found)} stores have"
        raise UserError(f"{what} a key that begins with '{key}'. All: fieldmark cache.")
    return found


def age(created: str, now: datetime | None = None) -> str:
    """How long ago that was, in the largest unit that fits; a dash where no time is told.

    >>> age("2026-01-01T00:00:00+00:00", datetime(2026, 1, 3, 5, tzinfo=UTC))
    '2 days'
    """
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(created)).total_seconds()
    except (ValueError, TypeError):  # a broken store's, or one that was written without its zone
        return "-"
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "now"
