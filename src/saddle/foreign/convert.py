"""A bundle of others' weights: the recipe that has such networks, with every tensor where it belongs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import __version__
from ..batches import required_columns
from ..errors import Mistake, did_you_mean, require
from ..exporting.bundle import check_bundle_place
from ..image_size import ImageSize
from ..networks import Convolutional, Modulated, ResidualTranslator, UNet
from ..recipe import Recipe
from ..recipes import find_recipe
from ..recipes.revive import name_recipe
from ..recipes.round_cost import meta_game
from ..runs.folder import BUNDLE_MANIFEST, BUNDLE_WEIGHTS, RunFolder
from ..runs.manifest import BUNDLE_FORMAT, Manifest
from ..runs.settings import Settings
from ..runs.writing import make_folder, write_json
from ..shape import Classes, Picture, Shape, shape_facts
from ..training.checkpoint import check_tensor_fits, write_checkpoint
from . import names as of
from .reading import read_weights

UNKNOWN_DATA = "data that others had"
FILTER = torch.tensor([1.0, 3.0, 3.0, 1.0])


@dataclass(frozen=True)
class Plan:
    """Which of our recipes has these networks, for which pictures, and the names of each player's layers."""

    recipe: Recipe[Any]
    shape: Shape
    names: Mapping[str, Callable[[of.Tensors], of.Names]]  # by player


def import_weights(file: str | Path, kind: str, out: str | Path, *, critic: str | Path | None = None,
                   back: str | Path | None = None, back_critic: str | Path | None = None, size: int | None = None,
                   ) -> tuple[RunFolder, list[str]]:  # fmt: skip
    """Write others' weights as a bundle at `out`; returns it, and sentences on what is to be known of it.

    `file` is the generator's; a critic, and of cyclegan the way back with its own, may come beside it. `size`: pixels
    of a side, where the weights do not say. Raises Mistake for files that are not of this kind, and as `read_weights`.
    """
    require(kind in of.KINDS, f"there is no kind {kind}{did_you_mean(kind, of.KINDS)}")
    require(back is not None or back_critic is None, "a critic of the way back needs the way itself; give --back")
    check_bundle_place(Path(out))
    given = {"generator": file, "critic": critic, "generator_back": back, "critic_back": back_critic}
    said: list[str] = []
    players: dict[str, dict[str, Tensor]] = {}
    for player, path in given.items():
        if path is not None:
            found = read_weights(path)
            players[player] = of.bare(found.tensors)
            if found.apart is False:
                said.append(f"{path} was read with a limit on memory, but this system did not let its reader go "
                            "without network")  # fmt: skip
    if kind == "stylegan2-ada" and any(name.startswith("G_ema.") for name in players["generator"]):
        whole = players["generator"]
        players["generator"] = cut(whole, "G_ema.")
        if "critic" not in players and (theirs := cut(whole, "D.")):
            players["critic"] = theirs
    require("generator_back" in players or kind != "cyclegan" or "critic" not in players, "a critic of cyclegan is "
            "kept with both ways; give --back, or leave --critic out")  # fmt: skip
    likely = of.likely_kinds(players["generator"])
    require(kind in likely or not likely, f"this is no {kind}: its layers are called as those of {' or '.join(likely)} "
            f"are; give --as {' or --as '.join(likely)}")  # fmt: skip
    plan = PLANS[kind](players, size)
    require(set(players) <= set(plan.names), f"{kind} has no way back; leave --back out")
    state = fill_state(plan, players)
    digest = hashlib.sha256("".join(f"{p}{n}{tuple(t.shape)}{float(t.double().sum())}" for p, ts in players.items()
                                    for n, t in sorted(ts.items())).encode()).hexdigest()  # fmt: skip
    write_bundle(Path(out), plan, state, digest)
    lacking = [player for player in plan.names if player not in players]
    if lacking:
        said.append(f"no weights were given of {' and '.join(lacking)}: all of theirs are 0, and what is asked of them "
                    "says nothing")  # fmt: skip
    if kind == "stylegan2-ada":
        said.append(
            "weights that NVIDIA published are for non-commercial use alone; see the licence that they came with"
        )
    return RunFolder(out), said


def cut(tensors: of.Tensors, head: str) -> dict[str, Tensor]:
    return {name.removeprefix(head): t for name, t in tensors.items() if name.startswith(head)}


def plan_dcgan(players: Mapping[str, of.Tensors], size: int | None) -> Plan:
    G = players["generator"]
    convs = of.convolutions(G, "main") or [0]
    latent, _, *start = of.shape_of(G, "main.0.weight", 4, "dcgan-pytorch")
    width, channels, *_ = of.shape_of(G, f"main.{convs[-1]}.weight", 4, "dcgan-pytorch")
    side = 4 << (len(convs) - 1)
    require(start == [4, 4] and len(convs) >= 3, f"this is no dcgan-pytorch: it begins with {start} pixels")
    require(size in (None, side), f"these weights make pictures of {side} pixels; leave --size {size} out")
    recipe = change("dcgan", networks=Convolutional(latent=latent, width=width))
    return Plan(recipe, Shape(channels, side, side), {"generator": of.dcgan_generator, "critic": of.dcgan_critic})


def plan_pix2pix(players: Mapping[str, of.Tensors], size: int | None) -> Plan:
    G = players["generator"]
    levels = of.unet_blocks(G)
    width, inputs, *_ = of.shape_of(G, "model.model.0.weight", 4, "pix2pix")
    _, outputs, *_ = of.shape_of(G, "model.model.3.weight", 4, "pix2pix")
    require(len(levels) >= 2, "this is no pix2pix: it has one level")
    side = size or 1 << len(levels)
    affine = f"{levels[-1]}.4.weight" in G
    field = of.patch_field(players["critic"]) if "critic" in players else 70
    networks = UNet(width=width, depth=len(levels), affine=affine, field=field, dropout=0.0)
    return Plan(change("pix2pix", networks=networks), translation(inputs, outputs, side),
                {"generator": of.unet, "critic": of.patch_critic})  # fmt: skip


def plan_cyclegan(players: Mapping[str, of.Tensors], size: int | None) -> Plan:
    """Both ways as cyclegan; one alone as pix2pix, whose generator may be of this kind as well."""
    G = players["generator"]
    width, inputs, *_ = of.shape_of(G, "model.1.weight", 4, "cyclegan")
    blocks = of.residual_blocks(G)
    require(0 < blocks <= 64, "this is no cyclegan: it has no residual blocks, model.10.conv_block ...")
    outputs, *_ = of.shape_of(G, f"model.{17 + blocks}.weight", 4, "cyclegan")
    field = of.patch_field(players["critic"]) if "critic" in players else 70
    networks = ResidualTranslator(width=width, blocks=blocks, affine="model.2.weight" in G, field=field)
    both = "generator_back" in players
    recipe = change("cyclegan", networks=networks, pool=0) if both else change("pix2pix", networks=networks)
    ways = {"generator": of.residual, "critic": of.patch_critic}
    ways |= {"generator_back": of.residual, "critic_back": of.patch_critic} if both else {}
    return Plan(recipe, translation(inputs, outputs, size or 256), ways)


def plan_stylegan(players: Mapping[str, of.Tensors], size: int | None) -> Plan:
    kind, G = "stylegan2-ada", players["generator"]
    sides = of.style_sides(G, "synthesis.")
    require(size in (None, sides[-1]), f"these weights make pictures of {sides[-1]} pixels; leave --size {size} out")
    for name, t in {**G, **players.get("critic", {})}.items():
        plain = not name.endswith("resample_filter") or (
            t.shape == (4, 4) and torch.allclose(t, torch.outer(FILTER, FILTER) / 64, atol=1e-6))  # fmt: skip
        require(plain, f"{name} is another filter than 1 3 3 1, the one that these networks have")
    mapping = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in G)
    style, first = of.shape_of(G, "mapping.fc0.weight", 2, kind)
    classes = of.shape_of(G, "mapping.embed.weight", 2, kind)[1] if "mapping.embed.weight" in G else 0
    widths = [of.shape_of(G, f"synthesis.b{side}.conv1.weight", 4, kind)[0] for side in sides]
    full = next((w * side // widths[0] for w, side in zip(widths, sides, strict=True) if w < widths[0]), sides[-1])
    channels, *_ = of.shape_of(G, f"synthesis.b{sides[-1]}.torgb.weight", 4, kind)
    residual = "critic" not in players or f"b{sides[-1]}.skip.weight" in players["critic"]
    latent = first - (style if classes else 0)
    require(latent > 0, "this is no stylegan2-ada: its mapping takes no latent")
    networks = Modulated(latent=latent, style=style, mapping=mapping, width=widths[0], full=full, residual=residual,
                         conditional=classes > 0)  # fmt: skip
    shape = Shape(channels, sides[-1], sides[-1], Classes(classes) if classes else None)
    return Plan(change(kind, networks=networks), shape, {"generator": of.style_generator, "critic": of.style_critic})


PLANS: Mapping[str, Callable[[Mapping[str, of.Tensors], int | None], Plan]] = {
    "dcgan-pytorch": plan_dcgan, "pix2pix": plan_pix2pix, "cyclegan": plan_cyclegan, "stylegan2-ada": plan_stylegan,
}  # fmt: skip


def change(name: str, **fields: Any) -> Recipe[Any]:
    return dataclasses.replace(find_recipe(name)[0], **fields)  # type: ignore[type-var]


def translation(inputs: int, outputs: int, side: int) -> Shape:
    require(side <= 1 << 14, f"size is {side}, but should be at most {1 << 14}")
    return Shape(outputs, side, side, Picture(Shape(inputs, side, side)))


def fill_state(plan: Plan, players: Mapping[str, of.Tensors]) -> dict[str, Tensor]:
    """The state of the recipe's game with these weights; Mistake, before it takes memory, where they do not fit."""
    wanted = meta_game(plan.recipe, plan.shape).state_dict()
    placed: dict[str, Tensor] = {}
    for player, tensors in players.items():
        table = plan.names[player](tensors)
        own = {key.removeprefix(f"{player}."): t for key, t in wanted.items() if key.startswith(f"{player}.")}
        needed = {key for key in own if not key.endswith(".num_batches_tracked")}
        for key in sorted(needed - table.keys()):
            raise Mistake(f"the {player}'s weights lack {key}, as it is called here; are they of another kind?")
        for key in sorted(table.keys() - own.keys()):
            raise Mistake(f"the {player}'s weights have {table[key]}, for which these networks have no place")
        for key, theirs in table.items():
            require(theirs in tensors, f"the {player}'s weights lack {theirs}")
            t = tensors[theirs]
            require(bool(t.isfinite().all()), f"{theirs} in the {player}'s weights holds what is no finite number")
            made = t.to(own[key].dtype) if t.is_floating_point() == own[key].is_floating_point() else t
            check_tensor_fits(theirs, made, own[key], f"the {player}'s weights")
            placed[f"{player}.{key}"] = made.clone()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        state = plan.recipe.game(plan.shape).state_dict()
    empty = tuple(f"{player}." for player in plan.names if player not in players)
    zero = {key: torch.zeros_like(t) for key, t in state.items() if key.startswith(empty or ("\0",))}
    return {**state, **zero, **placed}


def write_bundle(folder: Path, plan: Plan, state: Mapping[str, Tensor], digest: str) -> None:
    """As `saddle export --to safetensors` writes it."""
    name, options = name_recipe(plan.recipe, {})
    columns = [c for c in required_columns(plan.recipe.batch_type) if c not in ("image", "label")]
    classes = [str(i) for i in range(plan.shape.classes)]
    data = {"name": UNKNOWN_DATA, "fingerprint": digest, "samples": 0, "shape": shape_facts(plan.shape),
            "classes": classes, **({"columns": columns} if columns else {})}  # fmt: skip
    versions = {"saddle": __version__, "torch": torch.__version__, "python": platform.python_version()}
    machine = {"device": "cpu", "precision": "float32", "threads": 1, "processes": 1, "platform": platform.system()}
    settings = Settings(data=UNKNOWN_DATA, size=str(ImageSize(*plan.shape[1:3]).option), images=1)
    manifest = Manifest(
        name, repr(plan.recipe), options, settings, 1, data, machine | versions, "1970-01-01T00:00:00", source={}
    )
    facts = {"clock": {"round": 1, "images": 1, "share": 1.0}, "identity": manifest.identity, "weights": "imported"}
    make_folder(folder)
    write_checkpoint(folder / BUNDLE_WEIGHTS, {f"game.{key}": t for key, t in state.items()}, facts)
    config = {"format": BUNDLE_FORMAT, "saddle": __version__, "recipe": name, "weights": "imported", "images": 1,
              "run": json.loads(json.dumps(dataclasses.asdict(manifest)))}  # fmt: skip
    write_json(folder / BUNDLE_MANIFEST, config)
