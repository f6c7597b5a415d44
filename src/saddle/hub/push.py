"""A run passed on: a bundle with a model card, in a folder or as a commit on the Hugging Face hub."""

from __future__ import annotations

import getpass
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import Mistake, WriteFailure, require
from ..exporting.bundle import check_bundle_place, export_bundle
from ..inference.load import load
from ..inference.loaded import LoadedGame
from ..recipes.revive import recipe_from_manifest
from ..regular import open_to_read
from ..runs.folder import BUNDLE_MANIFEST, BUNDLE_WEIGHTS, PLUGIN_FOLDER, SOURCE_FOLDER, RunFolder
from ..runs.hub_names import HubName
from ..runs.hub_runs import describe_hub_error, import_hub
from ..runs.manifest import Manifest
from ..runs.pictures import save_png
from ..runs.sheets import make_contact_sheet, make_grid
from ..runs.writing import write_text
from .card import MAX_LINES, SAMPLES_FILE, CardFacts, write_card

CARD = "README.md"
SHOWN, CLOUD = 64, 2048  # samples in the picture; of points
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]{1,63}")
HOMES = re.compile(r"(?:/home/|/Users/|/root\b|[A-Za-z]:[\\/]+Users)[\w./\\-]*")


@dataclass(frozen=True)
class Pushed:
    """What was passed on."""

    where: str  # the folder, or the address of the commit
    files: tuple[str, ...]
    code: tuple[str, ...]  # files of one's own among them, which run when it is loaded


def push(run: str | Path, to: str | Path | HubName, *, licence: str, data_licence: str | None = None,
         private: bool = False, average: bool = True, best: bool = False, weights: str | None = None,
         trust: bool = False) -> Pushed:  # fmt: skip
    """Pass a run on: to a folder, or to a repository of the hub, which is made if there is none.

    What is pushed is the networks, their configuration, a card, a picture of samples, and of a recipe or plugin of
    one's own the source. `licence` is that of the weights. Mistake where something of this machine would be in it.
    """
    sound = LICENCE.fullmatch(licence) is not None
    require(
        sound, f"{licence!r} is no licence's identifier; write one such as apache-2.0, cc-by-4.0, openrail or other"
    )
    hub = import_hub() if isinstance(to, HubName) else None
    if not isinstance(to, HubName):
        check_bundle_place(Path(to))
    loaded = load(run, device="cpu", average=average, best=best, weights=weights, trust=trust)
    with tempfile.TemporaryDirectory(prefix="saddle-push-") as place:
        draft = Path(place) / "bundle"
        if not isinstance(to, HubName):
            made = write_bundle(run, loaded, draft, Path(to).resolve().name, ".", licence, data_licence)
            return replace(made, where=put(draft, Path(to)))
        require(to.revision is None, f"a push goes to a repository's main branch; leave @{to.revision} out")
        made = write_bundle(run, loaded, draft, to.name, str(to), licence, data_licence)
        return replace(made, where=upload(hub, to, draft, private))


def write_bundle(run: str | Path, loaded: LoadedGame, folder: Path, name: str, where: str, licence: str,
                 data_licence: str | None) -> Pushed:  # fmt: skip
    """The folder that is pushed; Mistake where something of this machine is in it."""
    source = RunFolder.find(run)
    manifest = Manifest.read(source)
    export_bundle(loaded, folder, source)
    code = tuple(sorted(str(file.relative_to(folder).as_posix()) for part in (SOURCE_FOLDER, PLUGIN_FOLDER)
                        for file in (folder / part).rglob("*.py")))  # fmt: skip
    lines = tuple(loaded.lines(MAX_LINES)) if loaded.shape.text is not None and loaded.makes_by_chance else ()
    picture = not lines and draw_samples(loaded, folder / SAMPLES_FILE)
    facts = CardFacts(name, licence, where, data_licence, code, lines, picture)
    recipe = recipe_from_manifest(source, manifest)
    write_text(folder / CARD, write_card(source, manifest, recipe, loaded, facts))
    if found := next(find_leaks(folder, source.path), None):
        raise Mistake(f"{found[0]} would tell strangers of this machine: it names {found[1]}; nothing was pushed")
    kept = [CARD, BUNDLE_MANIFEST, BUNDLE_WEIGHTS, *([SAMPLES_FILE] if picture else [])]
    return Pushed(str(folder), (*kept, *code), code)


def put(draft: Path, folder: Path) -> str:
    """Copy a bundle to its place; of one that lies there, what the new one has not goes."""
    for part in (SOURCE_FOLDER, PLUGIN_FOLDER):
        if (folder / part).is_dir() and not (folder / part).is_symlink():
            shutil.rmtree(folder / part)
    for name in (CARD, SAMPLES_FILE, BUNDLE_MANIFEST, BUNDLE_WEIGHTS):
        (folder / name).unlink(missing_ok=True)  # a link itself, and not what it names
    try:
        shutil.copytree(draft, folder, dirs_exist_ok=True)
    except OSError as error:
        raise WriteFailure(f"{folder} could not be written: {error.strerror or error}") from error
    return str(folder)


def draw_samples(loaded: LoadedGame, file: Path) -> bool:
    """Samples of seed 0, of each class in its turn; none where they are made of other pictures."""
    if not loaded.makes_by_chance:
        return False
    labels = loaded.labels_in_order() if loaded.is_conditional and not loaded.shape.points else None
    n = len(labels) if labels else CLOUD if loaded.shape.points else SHOWN
    made = loaded.sample(n, label=labels)
    save_png(make_contact_sheet({"samples": made}) if loaded.shape.points else make_grid(made), file)
    return True


def find_leaks(folder: Path, run: Path) -> Iterator[tuple[str, str]]:
    """Places of this machine that are named in what is pushed, with the file; a recipe's own source is the user's."""
    own = {str(place) for place in (Path.home(), Path.cwd(), run.resolve()) if len(place.parts) > 1}
    for name in (CARD, BUNDLE_MANIFEST, BUNDLE_WEIGHTS):
        text = header(folder / name) if name == BUNDLE_WEIGHTS else (folder / name).read_text(encoding="utf-8")
        bare = text.replace("\\\\", "\\")
        yield from ((name, place) for place in sorted(own) if place in bare)
        yield from ((name, found[0]) for found in HOMES.finditer(bare))
        who = login()
        if who and re.search(rf"[/\\]{re.escape(who)}(?!\w)", bare):
            yield name, who


def login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without a name
        return ""


def header(file: Path) -> str:
    """What a safetensors file says beside its numbers."""
    with open_to_read(file) as stream:
        length = int.from_bytes(stream.read(8), "little")
        return json.dumps(json.loads(stream.read(length)).get("__metadata__", {}), ensure_ascii=False)


def upload(hub: Any, to: HubName, folder: Path, private: bool) -> str:
    """One commit with all of the folder; sources of an earlier push that are no more go. Returns its address."""
    try:
        client = hub.HfApi()
        client.create_repo(to.repository, private=private, exist_ok=True)
        stale = [f"{SOURCE_FOLDER}/*", f"{PLUGIN_FOLDER}/*", SAMPLES_FILE]
        made = client.upload_folder(repo_id=to.repository, folder_path=folder, delete_patterns=stale,
                                    commit_message="Push a run with saddle")  # fmt: skip
    except Exception as error:  # networks, tokens and servers fail in every way
        raise Mistake(f"{to} could not be pushed: {describe_push_error(error)}") from error
    return str(made.commit_url)


def describe_push_error(error: Exception) -> str:
    code = getattr(getattr(error, "response", None), "status_code", None)
    if code in (401, 403) or type(error).__name__ == "LocalTokenNotFoundError":
        return "the hub does not let you write there; `hf auth login` tells it who you are"
    return describe_hub_error(error)
