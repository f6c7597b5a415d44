"""What `--data` takes: embedded sets, paths, and well-known sets by name."""

from __future__ import annotations

import os
from dataclasses import replace
from glob import glob as matches
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from urllib.request import url2pathname

from ..errors import Mistake, did_you_mean, format_count, require
from ..image_size import read_size
from ..notices import Notify, notify_nobody
from ..shape import Classes, Shape
from ..urls import is_url
from .dataset_table import DATASETS, HUB_REPOSITORIES, STACKED_SETS, TEXT_SETS, TOY_SETS, WEIGHTS_FOLDER
from .own_sources import named_sets, own_sources
from .prepare import Prepare
from .readers.detect import find_set_folder, source_from_path, with_own_labels
from .readers.hub import hub_source
from .readers.parquet import is_parquet, parquet_source
from .readers.remote import remote_source
from .readers.shards import group_of, is_shard_pattern, shards_of_pattern
from .readers.tars import tar_source
from .stacked import stacked_source
from .undecoded import DataSource, UndecodedImages, content_cache_key, undecoded_from_array

TEXT_ENDING = ".txt"  # of a file of lines
HUB_PREFIX, OWN_PREFIX, FILE_URL = "hf:", "saddle:", "file://"
TORCHVISION_FOLDERS = {"mnist": ("MNIST",), "fashion-mnist": ("FashionMNIST",), "cifar10": ("cifar-10-batches-py",),
             "cifar100": ("cifar-100-python",)}  # what torchvision calls the folders of well-known sets  # fmt: skip


def resolve_source_name(text: str) -> str:
    """What is asked for without the `saddle:` that tells a set from a folder of its name.

    Raises Mistake where nothing is asked for, or where a name is both a set's and a folder's.
    """
    require(bool(text.strip()), "data is empty; name a folder, a file or a data set, or leave --data out")
    if text.startswith(OWN_PREFIX):
        (name, _), sets = split_suffix(text.removeprefix(OWN_PREFIX)), named_sets()
        require(name in sets, f"saddle has no data set {name or 'without a name'}{did_you_mean(name, sets)}")
        return text.removeprefix(OWN_PREFIX)
    if text.startswith(FILE_URL):
        return url2pathname(text.removeprefix(FILE_URL))
    name, part = split_suffix(text)
    if name in named_sets() and os.path.lexists(name):
        what = "a folder" if os.path.isdir(name) else "a file"
        more = f":{part}" if part else ""
        raise Mistake(f"{name} is {what} here and a data set of saddle's: write ./{name}{more} for the first, "
                      f"{OWN_PREFIX}{name}{more} for the second")  # fmt: skip
    return text


def is_lines(source: str) -> bool:
    """Does it mean lines of text: those of a language, or of a text file?"""
    name, _ = split_suffix(source)
    return name in TEXT_SETS or (name.lower().endswith(TEXT_ENDING) and os.path.isfile(name))


def is_there(source: str) -> bool:
    """Could data of that name be opened, as far as is known without a look into them or on the hub?"""
    name, _ = split_suffix(source)
    known = name in named_sets() or source.startswith(HUB_PREFIX) or is_shard_pattern(name) or is_url(name)
    return known or os.path.lexists(name) or local_dataset(name) is not None


def unambiguous_source(source: str) -> str:
    """A source that a run has written down, where a name is always a set's: as `meant` takes it, whatever lies here."""
    known = split_suffix(source)[0] in named_sets()
    return f"{OWN_PREFIX}{source}" if known and not source.startswith(OWN_PREFIX) else source


def find_source(text: str, prepare: Prepare, say: Notify = notify_nobody) -> DataSource:
    """The source that a word or path means, as `meant` gives it; raises Mistake where there is none of that name.

    `say` gets a sentence for all that is passed over or guessed before anything is read.
    """
    name, part = split_suffix(text)
    require(part != "", f"{text} ends in a colon, behind which a part of the data is named, as in {name}:test")
    require(text != HUB_PREFIX, f"{HUB_PREFIX} names no data set of the Hugging Face hub; write {HUB_PREFIX}OWNER/NAME")
    require(not is_lines(text), f"{text} is lines of text, and pictures are wanted")
    try:
        if name in own_sources():
            raise Mistake(f"{name} is a plugin's, which gives samples and no files that could be looked at")
        if name in DATASETS:
            return well_known_source(text, name, part, prepare, say)
        if text.startswith(HUB_PREFIX) and not is_url(text):  # by a URL a data set is read where it lies
            repository, _, part_ = text.removeprefix(HUB_PREFIX).partition(":")
            return with_own_labels(hub_source(repository, repository, part_ or None), prepare)
        if is_url(name):
            return remote_source(name, part, prepare, say)
        if os.path.lexists(name):
            return source_from_path(Path(name), part, prepare, say)
        if is_shard_pattern(name):
            tars = shards_of_pattern(name)
            title = group_of(tars[0].name) or "shards"
            if is_parquet(name):
                return parquet_source(name, title, tars, part, prepare, say)
            return tar_source(name, title, (tars[0].path.parent,), tars, part, prepare, say)
        home = local_dataset(name)
        if home is not None:
            return replace(source_from_path(home, part, prepare, say), name=text)
    except OSError as error:
        raise Mistake(f"{name} cannot be read: {error.strerror or error}") from error
    raise Mistake(describe_not_found(name))


def well_known_source(text: str, name: str, part: str | None, prepare: Prepare, say: Notify) -> DataSource:
    """One of saddle's own sets: drawn, found in the folder that SADDLE_DATA names, or downloaded."""
    if name in TOY_SETS:
        raise Mistake(f"{name} is points of the plane, without parts such as {part}")
    if name == "glyphs":
        require(part is None, "glyphs has no parts")
        return with_own_labels(glyph_source(prepare), prepare)
    if name in STACKED_SETS:
        return with_own_labels(stacked_source(name, part, local_dataset("mnist")), prepare)
    home = local_dataset(name)
    if home is not None:
        return replace(source_from_path(home, part, prepare, say), name=text)
    return with_own_labels(hub_source(name, HUB_REPOSITORIES[name], part), prepare)


def split_suffix(text: str) -> tuple[str, str | None]:
    """A source's name and the part of it that is asked for: `mnist:test`; a path may hold colons of its own."""
    name, colon, part = text.rpartition(":")
    if not colon or os.path.lexists(text) or "/" in part or "\\" in part or not name:
        return expand_home(text), None
    return expand_home(name), part


def expand_home(path: str) -> str:
    """A path with the home folder for `~`, which a shell leaves in `--data=~/pictures`."""
    return path if not path.startswith("~") or os.path.lexists(path) else os.path.expanduser(path)


def local_dataset(name: str) -> Path | None:
    """The folder of a well-known set below the one that SADDLE_DATA names, if it is there."""
    home = os.environ.get("SADDLE_DATA")
    if not home or not name or os.path.isabs(name):
        return None
    for known in (name, *TORCHVISION_FOLDERS.get(name, ())):
        path = Path(home).expanduser() / known
        if os.path.exists(path):
            return find_set_folder(path) if known != name else path
    return None


def describe_not_found(name: str) -> str:
    """A sentence for a source that is not there."""
    folder, last = os.path.split(name)
    if any(sign in name for sign in "*?["):
        found = matches(name)
        where = folder if folder and not any(sign in folder for sign in "*?[") else "."
        return (f"{name} is a pattern, which stands for {format_count(len(found), 'file')}; name the folder, --data "
                f"{quote(where)}, whose pictures are all used")  # fmt: skip
    if any(sign in name for sign in "/\\.~"):
        near = list_folder(Path(folder or "."))
        hint = did_you_mean(last, near) if near and last else ""
        return f"there is no file or folder {name}" + (hint if "did you mean" in hint else "")
    home = os.environ.get("SADDLE_DATA")
    folders = [one for one in list_folder(Path(home)) if os.path.isdir(os.path.join(home, one))
               and one != WEIGHTS_FOLDER] if home else []  # fmt: skip
    hint = did_you_mean(name, dict.fromkeys([*named_sets(), *folders]))
    own = "" if "did you mean" in hint else "; your own pictures are a folder or a zip: --data photos/"
    return f"there is no file, folder or data set {name}{own}{hint}"


def list_folder(folder: Path) -> list[str]:
    """What lies in a folder, as far as it can be read."""
    try:
        return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError:
        return []


def glyph_source(prepare: Prepare) -> DataSource:
    """The embedded characters, drawn at the size that is asked for."""
    from .glyph_captions import glyph_captions
    from .glyphs import CHARACTERS, GLYPH_COUNT, MAX_GLYPHS

    written, channels = prepare.size or 32, 3 if prepare.channels in (3, 4) else 1
    count = prepare.limit or 0
    require(count <= MAX_GLYPHS, f"limit is {count:,}, but glyphs can be drawn {MAX_GLYPHS:,} times at most")
    height, width = read_size(written)
    shape = Shape(prepare.channels or channels, height, width, Classes(len(CHARACTERS)))

    def open_(say: Notify) -> UndecodedImages:
        from .glyphs import draw_glyphs as drawn

        stored = prepare.stored_size or written
        return undecoded_from_array(*drawn(stored, channels, count=prepare.limit or GLYPH_COUNT))

    drawing = content_cache_key(Path(__file__).with_name("glyphs.py"))
    key = (*drawing, version("pillow"), version("matplotlib"), written, channels)
    keys = [f"picture {i}" for i in range(prepare.limit or GLYPH_COUNT)]
    return DataSource("glyphs", key, open_, shape, glyph_captions, keys)
