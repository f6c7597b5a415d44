"""Which tables of a folder are the part that is meant: train-00000-of-00005.parquet, test/data-00000-of-00001.arrow."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import did_you_mean, require
from ...notices import Notify
from ..wording import join_names
from .shards import NUMBER, ShardFile
from .split_names import parse_split

OF_SEVERAL = re.compile(r"[-_.]?\d+-of-\d+(?:-[0-9a-f]+)?$")  # behind a part's name, as `datasets` writes it
PART_OF_NONE = "data"  # what `save_to_disk` calls the files in the folder of each part


def part_of(name: str) -> str:
    """What a file is a part of, below what was named: data/train of data/train-00000-of-00005.parquet."""
    folder, _, file = name.rpartition("/")
    stem = NUMBER.sub("", OF_SEVERAL.sub("", file.rpartition(".")[0]))
    return "/".join(filter(None, (folder, "" if stem == PART_OF_NONE else stem)))


def choose_tables(path: str, files: Sequence[ShardFile], part: str | None, say: Notify) -> list[ShardFile]:
    """The files of a part, `train` where there is one and none is asked for; raises Mistake for no such part.

    Raises Mistake, too, where several folders have that part: each is a way of its own to cut or write the same set.
    """
    parts = {file: part_of(file.name) for file in files}
    if part == "all":
        return list(files)
    known = {name: parse_split(name.rpartition("/")[2]) for name in parts.values()}
    if part is None:
        chosen = {name for name, split in known.items() if split and split.kind == "train"} or set(known)
    else:
        want = parse_split(part)
        chosen = {name for name in known if name == part or part in name.split("/")} or {
            name for name, split in known.items() if want and split and split.kind == want.kind}  # fmt: skip
        last = sorted({name.rpartition("/")[2] for name in known} - {""})
        require(bool(chosen), f"{path} has no part {part}{did_you_mean(part, last or ['none'])}")
    folders = sorted({name.rpartition("/")[0] for name in chosen if known[name]} - {""})
    require(len(folders) < 2, f"{path} has such a part in several folders, each a form of the set of its own; name "
                              f"one, {path.rstrip('/')}/{folders[0] if folders else ''}")  # fmt: skip
    if part is None and (others := sorted(known.keys() - chosen)):
        say(f"of {path} the part {join_names(sorted(chosen))} is used, not {join_names(others)}; "
            f":{others[0].rpartition('/')[2]} or :all behind its name takes others")  # fmt: skip
    return [file for file in files if parts[file] in chosen]
