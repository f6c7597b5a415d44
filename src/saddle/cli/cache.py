"""What saddle keeps to be faster the next time: where, how much, how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Mistake, escape_unprintable, format_count, require
from ..light import without_torch
from ..out_of_memory import format_bytes
from .argv import parse_command
from .facts import tell
from .output import print_message, print_output

if TYPE_CHECKING:
    from ..data.cache.usage import CacheItem


@dataclass(frozen=True)
class CacheOptions:
    """What is done besides telling."""

    limit: str | None = None  # the most that it may hold, as 20GB; what was used longest ago goes first; off for none
    clear: bool = False  # delete all that it holds; whatever is needed is made again
    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json


@without_torch
def cache(words: list[str]) -> None:
    """saddle cache."""
    from ..data.cache.location import cache_home
    from ..data.cache.usage import LIMIT_FILE, drop_item, list_cache, read_limit

    _, wish = parse_command("cache", words, CacheOptions())
    require(not (wish.clear and wish.limit), "--clear empties the cache and --limit keeps it small; give one of them")
    require(
        not (wish.clear and wish.json), "--json tells what the cache holds, and --clear empties it; give one of them"
    )
    folder = cache_home()
    if wish.clear:
        items = list(list_cache(folder))
        for item in items:
            drop_item(item)
        left = [item.path for item in items if item.path.exists()]
        if left:
            raise Mistake(f"{left[0]} could not be deleted; is it another user's?")
        print_output(f"deleted: {format_bytes(sum(item.bytes for item in items))} in {escape_unprintable(folder)}")
        return
    if wish.limit is not None:
        if wish.limit == "off":
            (folder / LIMIT_FILE).unlink(missing_ok=True)
        else:
            set_limit(wish.limit)
    items, limit = list(list_cache(folder)), read_limit(folder)
    facts = {"folder": folder, "limit": limit, "items": items}
    tell(lambda: describe_cache(folder, items, limit), lambda: facts, wish.json)


def describe_cache(folder: Path, items: list[CacheItem], limit: int | None) -> str:
    kinds = dict.fromkeys(item.kind for item in items)
    rows = [(kind, [item.bytes for item in items if item.kind == kind]) for kind in kinds]
    whole = format_bytes(sum(item.bytes for item in items))
    kept = "no limit; --limit 20GB sets one" if limit is None else f"at most {format_bytes(limit)}"
    return "\n".join([f"{escape_unprintable(folder)}: {whole} ({kept})", *describe_kinds(rows)])


def describe_kinds(rows: list[tuple[str, list[int]]]) -> Iterator[str]:
    from ..data.cache.usage import KINDS

    wide = max((len(kind) for kind, _ in rows), default=0)
    for kind, sizes in rows:
        items = format_count(len(sizes), "item")
        yield f"  {kind.ljust(wide)}  {format_bytes(sum(sizes)):>8}  {items:<10}  {KINDS.get(kind, '')}".rstrip()


def set_limit(text: str) -> None:
    """Keep the cache to a limit, now and whenever it grows."""
    from ..data.cache.location import cache_home
    from ..data.cache.usage import LIMIT_FILE, keep_to_limit, parse_bytes
    from ..runs.writing import write_text

    limit, folder = parse_bytes(text), cache_home()
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / LIMIT_FILE, f"{limit}\n")
    keep_to_limit(folder, folder / LIMIT_FILE, print_message)
