"""Tars of pictures, one or many: shards as WebDataset has them, read where they lie and as large as they may be."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import Mistake, format_count, require
from ...notices import Notify
from ...regular import open_to_read
from ..cache.location import cache_home
from ..cache.sealed import DamagedFile, read_sealed, write_sealed
from ..prepare import Prepare
from ..progress import progress_bar
from ..undecoded import DataSource
from ..wording import join_names
from .archive import Archive, archive_source, plain_path
from .image_formats import HEADER_BYTES
from .shards import ShardFile, group_of, shard_label
from .tar_index import MAGIC, MAGIC_AT, TarIndex, TarMember, index_tar

INDEX_FORMAT = 1  # of the indexes in the cache


class Place(NamedTuple):
    """Where a file lies."""

    shard: ShardFile
    start: int
    size: int


def is_tar(path: Path) -> bool:
    """Is a file a tar, by its ending or its content?"""
    if path.name.lower().endswith(".tar"):
        return True
    with open_to_read(path) as file:
        return file.read(HEADER_BYTES)[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


def tar_source(path: str, name: str, folders: tuple[Path, ...], shards: Sequence[ShardFile], part: str | None,
               prepare: Prepare, say: Notify) -> DataSource:  # fmt: skip
    """The pictures in tars, in the order in which they lie there; raises Mistake for what holds none.

    Shards of several names, such as train-000.tar and val-000.tar, are as folders of these names.
    """
    key = tuple(shard.cache_key for shard in shards)
    indexes = load_or_make_indexes(path, shards, key, say)
    report_faults(path, shards, indexes, say)
    broken = all(index.faults and not index.members for index in indexes)
    require(not broken, f"{path} is no tar that can be read; what is compressed is unpacked first (gunzip, unxz)")
    places = place_files(shards, indexes)

    def read(name: str, count: int) -> bytes:
        place = places[name]
        content = place.shard.read(place.start, min(count, place.size))
        require(len(content) == min(count, place.size), f"{place.shard.name} is shorter than it was")
        return content

    sizes = {name: place.size for name, place in places.items()}
    return archive_source(Archive(path, name, folders, key, sizes, read), part, prepare, say)


def place_files(shards: Sequence[ShardFile], indexes: Sequence[TarIndex]) -> dict[str, Place]:
    """All files by the paths that they are known by: with the shard in their names where these stand in several."""
    groups = [group_of(shard.name) for shard in shards]
    several = len(set(groups)) > 1
    found: dict[str, Place] = {}
    for told in (False, True):
        found, count = {}, 0
        for shard, group, index in zip(shards, groups, indexes, strict=True):
            inside = {path: member for member in index.members if (path := plain_path(member.name))}
            count += len(inside)
            for path, (_, start, size) in inside.items():
                folder, slash, file = path.rpartition("/")
                own = f"{folder}{slash}{shard_label(shard.name)}-{file}" if told else path
                found[f"{group}/{own}" if several and group else own] = Place(shard, start, size)
        if len(found) == count:
            break
    return found


def load_or_make_indexes(path: str, shards: Sequence[ShardFile], key: tuple[object, ...],
                         say: Notify) -> list[TarIndex]:  # fmt: skip
    """Where the files of each shard lie: from the cache, or by reading all headers once."""
    digest = hashlib.blake2b(repr((INDEX_FORMAT, key)).encode("utf-8", "replace"), digest_size=10).hexdigest()
    file = cache_home() / "shards" / f"{re.sub('[^a-z0-9]+', '-', Path(path).name.lower()).strip('-')[:40]}-{digest}"
    if file.exists():
        try:
            return [read_index(facts) for facts in json.loads(read_sealed(file))]
        except (DamagedFile, ValueError) as error:
            say(f"the cache's {file} is damaged ({error}) and is made again")
    indexes = []
    with progress_bar(len(shards), "Reading shards") as step:
        for shard in shards:
            indexes.append(make_index(shard))
            step(1)
    content = json.dumps([{"members": index.members, "faults": index.faults} for index in indexes]).encode()
    write_sealed(file, lambda draft: draft.write(content))
    return indexes


def make_index(shard: ShardFile) -> TarIndex:
    try:
        with shard.open() as file:
            return index_tar(file, shard.size)
    except OSError as error:
        raise Mistake(f"{shard.name} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # as of servers that give no parts of files
        raise Mistake(f"{shard.name} cannot be read: {error}") from error


def read_index(facts: dict[str, object]) -> TarIndex:
    """An index as the cache keeps it, which is sealed."""
    members, faults = facts["members"], facts["faults"]
    assert isinstance(members, list) and isinstance(faults, dict)
    return TarIndex([TarMember(*member) for member in members], Counter(faults))


def report_faults(path: str, shards: Sequence[ShardFile], indexes: Sequence[TarIndex], say: Notify) -> None:
    """Say what is damaged, or passed over, a sentence for each kind."""
    by_fault: dict[str, list[str]] = {}
    for shard, index in zip(shards, indexes, strict=True):
        for fault in index.faults:
            by_fault.setdefault(fault, []).append(shard.name)
    for fault, where in sorted(by_fault.items()):
        count = sum(index.faults[fault] for index in indexes)
        inside = "" if len(shards) == 1 else f", in {join_names(where, 3)}"
        say(f"{path}: {fault} are passed over: {count:,}{inside}")
    if empty := [s.name for s, index in zip(shards, indexes, strict=True) if not index.members]:
        say(f"{path}: {format_count(len(empty), 'file')} without a file in it, such as {empty[0]}")
