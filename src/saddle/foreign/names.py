"""How others call their layers, and what ours are called: facts of the public programs, told by the names alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from ..errors import Mistake, require
from ..networks.patch_gan import HALVINGS

Names = dict[str, str]  # ours, without the player's own name, to theirs
Tensors = Mapping[str, Tensor]
ENDS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
SIGNS = {"dcgan-pytorch": r"main\.0\.weight", "pix2pix": r"model\.model\.0\.weight",
         "cyclegan": r"model\.\d+\.conv_block\.\d+\.weight", "stylegan2-ada": r"mapping\.fc0\.weight"}  # fmt: skip
KINDS = tuple(SIGNS)


def likely_kinds(tensors: Tensors) -> list[str]:
    """The kinds whose generators have a tensor of such a name as these have one of."""
    return [kind for kind, sign in SIGNS.items() if any(re.fullmatch(sign, name) for name in tensors)]


def bare(tensors: Tensors) -> dict[str, Tensor]:
    """Without the prefix of networks that were trained on several GPUs."""
    return {name.removeprefix("module."): t for name, t in tensors.items()}


def shape_of(tensors: Tensors, name: str, dims: int, kind: str) -> tuple[int, ...]:
    """The shape of a tensor that has to be there."""
    found = tensors.get(name)
    if found is None or found.ndim != dims or 0 in found.shape:
        what = "has none" if found is None else f"is {tuple(found.shape)}"
        raise Mistake(f"this is no {kind}: {name} should be a tensor of {dims} dimensions, but it {what}")
    return tuple(found.shape)


def join(*pairs: tuple[str, str], tensors: Tensors, ends: tuple[str, ...] = ENDS) -> Names:
    """Layer by layer, whatever of weights, biases and statistics theirs have."""
    return {
        f"{ours}.{end}": f"{theirs}.{end}" for ours, theirs in pairs for end in ends if f"{theirs}.{end}" in tensors
    }


def numbered(tensors: Tensors, head: str) -> list[int]:
    """The places of the layers behind a name: main.0, main.1, main.3."""
    found = {int(m[1]) for name in tensors if (m := re.fullmatch(rf"{re.escape(head)}\.(\d{{1,4}})\.\w+", name))}
    return sorted(found)


def convolutions(tensors: Tensors, head: str) -> list[int]:
    return [i for i in numbered(tensors, head) if (w := tensors.get(f"{head}.{i}.weight")) is not None and w.ndim == 4]


def dcgan_generator(tensors: Tensors) -> Names:
    return join(*((str(i + 1), f"main.{i}") for i in numbered(tensors, "main")), tensors=tensors)


def dcgan_critic(tensors: Tensors) -> Names:
    *trunk, head = numbered(tensors, "main") or [0]
    return join(*((f"trunk.{i}", f"main.{i}") for i in trunk), ("head.0", f"main.{head}"), tensors=tensors)


def patch_critic(tensors: Tensors) -> Names:
    """Its norms' running statistics are left: at one picture a batch those of the picture were used."""
    *trunk, head = numbered(tensors, "model") or [0]
    return join(
        *((f"trunk.{i}", f"model.{i}") for i in trunk), ("head", f"model.{head}"), tensors=tensors, ends=ENDS[:2]
    )


def patch_field(tensors: Tensors) -> int:
    """The pixels of a side that a score sees."""
    n = len(convolutions(tensors, "model")) - 2
    return next((field for field, halvings in HALVINGS.items() if halvings == n and n > 0), 70)


def unet_blocks(tensors: Tensors) -> list[str]:
    """The names of a U-Net's levels, each within the last, the outermost first."""
    levels, inner = ["model.model"], "model.model.1.model"
    while any(name.startswith(f"{inner}.") for name in tensors) and len(levels) < 16:
        levels.append(inner)
        inner += ".3.model"
    return levels


def unet(tensors: Tensors) -> Names:
    first, *levels = unet_blocks(tensors)
    pairs = [("down.0.0", f"{first}.0"), ("end.1", f"{first}.3")]
    for k, level in enumerate(levels, 1):
        last = k == len(levels)
        double, norm = (3, 4) if last else (5, 6)
        up = f"up.{len(levels) - k}"
        pairs += [(f"down.{k}.1", f"{level}.1"), (f"{up}.1", f"{level}.{double}"), (f"{up}.2", f"{level}.{norm}")]
        pairs += [] if last else [(f"down.{k}.2", f"{level}.2")]
    return join(*pairs, tensors=tensors, ends=ENDS[:2])


def residual_blocks(tensors: Tensors) -> int:
    return len({m[1] for name in tensors if (m := re.match(r"model\.(\d+)\.conv_block\.", name))})


def residual(tensors: Tensors) -> Names:
    """CycleGAN's generator: first, two halvings, blocks, two doublings, last."""
    blocks = residual_blocks(tensors)
    places = {"first": 1, "down1": 4, "down2": 7, "up1": 10 + blocks, "up2": 13 + blocks, "last": 17 + blocks}
    pairs = [(f"layers.{name}", f"model.{i}") for name, i in places.items()]
    pairs += [(f"layers.{name}_norm", f"model.{i + 1}") for name, i in places.items() if name != "last"]
    for k in range(blocks):
        inside = f"model.{10 + k}.conv_block"
        first, second = [*convolutions(tensors, inside), 1, 5][:2]  # 1 and 5, or 6 behind a dropout
        pairs += [(f"layers.block{k + 1}.main.{ours}", f"{inside}.{theirs}")
                  for ours, theirs in ((1, first), (2, first + 1), (5, second), (6, second + 1))]  # fmt: skip
    return join(*pairs, tensors=tensors, ends=ENDS[:2])


def style_sides(tensors: Tensors, head: str) -> list[int]:
    """The sides of the maps that there are blocks of: 4, 8 ... up to the picture's."""
    found = {int(m[1]) for name in tensors if (m := re.match(rf"{re.escape(head)}b(\d{{1,4}})\.", name))}
    sides = sorted(found)
    sound = bool(sides) and sides == [4 << i for i in range(len(sides))]
    require(sound, "this is no stylegan2-ada: its blocks are of "
            f"{', '.join(map(str, sides)) or 'no'} pixels, but should be of 4, 8, 16 ...")  # fmt: skip
    return sides


def style_mapping(tensors: Tensors) -> Names:
    layers = sum(re.fullmatch(r"mapping\.fc\d+\.weight", name) is not None for name in tensors)
    pairs = [(f"mapping.layers.{2 * i}", f"mapping.fc{i}") for i in range(layers)]
    return join(*pairs, ("mapping.embed", "mapping.embed"), tensors=tensors)


def style_generator(tensors: Tensors) -> Names:
    sides = style_sides(tensors, "synthesis.")
    names = style_mapping(tensors) | {"synthesis.constant": "synthesis.b4.const", "mean_w": "mapping.w_avg"}
    layers = ["b4.conv1", *(f"b{side}.conv{i}" for side in sides[1:] for i in (0, 1))]
    for i, layer in enumerate(layers):
        ours, theirs = f"synthesis.convs.{i}", f"synthesis.{layer}"
        names |= {f"{ours}.conv.weight": f"{theirs}.weight", f"{ours}.bias": f"{theirs}.bias",
                  f"{ours}.noise.strength": f"{theirs}.noise_strength"}  # fmt: skip
        names |= join((f"{ours}.conv.affine", f"{theirs}.affine"), tensors=tensors)
    for i, side in enumerate(sides):
        ours, theirs = f"synthesis.images.{i}", f"synthesis.b{side}.torgb"
        names |= {f"{ours}.conv.weight": f"{theirs}.weight", f"{ours}.bias": f"{theirs}.bias"}
        names |= join((f"{ours}.conv.affine", f"{theirs}.affine"), tensors=tensors)
    return names


def style_critic(tensors: Tensors) -> Names:
    sides = style_sides(tensors, "")[::-1]
    skips = f"b{sides[0]}.skip.weight" in tensors
    pairs = [("trunk.0", f"b{sides[0]}.fromrgb")]
    for i, side in enumerate(sides[:-1], 1):
        inside = f"trunk.{i}.main" if skips else f"trunk.{i}"
        pairs += [
            (f"{inside}.0", f"b{side}.conv0"),
            (f"{inside}.2", f"b{side}.conv1"),
            (f"trunk.{i}.skip.1", f"b{side}.skip"),
        ]
    at = len(sides)
    head = "head" if "mapping.fc0.weight" in tensors else "head.0"
    pairs += [(f"trunk.{at + 1}", "b4.conv"), (f"trunk.{at + 3}", "b4.fc"), (head, "b4.out")]
    return join(*pairs, tensors=tensors) | style_mapping(tensors)
