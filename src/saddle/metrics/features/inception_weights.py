"""Files of Inception's weights in the forms they go round in, each turned into convolutions with a bias."""

from __future__ import annotations

import hashlib
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import Mistake, require

BATCH_NORM_EPS = 1e-3  # of the graph's batch normalisation
FIRST_LAYER = "Conv2d_1a_3x3"
EXPECTED_FILE = "a file of pytorch-fid or torch-fidelity (.pth), of TorchScript (.pt), or of folded kernels (.npz)"


@dataclass(frozen=True, eq=False)
class InceptionWeights:
    """Kernels and biases by name, `Mixed_5b.branch1x1.weight`, float32."""

    kernels: Mapping[str, Tensor]
    classes: Tensor | None  # the last layer's weight, (1008, 2048)
    sha256: str  # of the file
    file: Path


def read_inception_weights(file: Path) -> InceptionWeights:
    """Read a .pth, .pt or .npz; raises Mistake where there is none, or nothing of the kind inside."""
    require(file.is_file(), f"there is no file {file} with Inception's weights")
    sha256, named = _sha256(file), re.search(r"-([0-9a-f]{8,64})$", file.stem)
    fits = named is None or sha256.startswith(named[1])
    require(fits, f"{file} is damaged: its hash is {sha256[:8]}..., not what its name says; fetch it anew")
    try:
        state = _arrays(file) if file.suffix == ".npz" else _scripted(file) if _is_script(file) else _state(file)
    except Exception as error:  # a damaged file can fail in any way, and hardly any of them says what is wrong
        why = f"; {error}" if isinstance(error, Mistake) else ""
        raise Mistake(f"{file} cannot be read as Inception's weights: {EXPECTED_FILE} was expected{why}") from error
    classes = state.get("fc.weight", state.get("output.weight"))
    shape = None if classes is None else tuple(classes.shape)
    require(
        shape in (None, (1008, 2048)),
        f"{file} is not Inception of 2015: its last layer is {shape}, not (1008, 2048); a network trained later, as "
        "torchvision's of 1000 classes, gives other figures",
    )
    kernels = fold_batch_norm(state)
    require(
        FIRST_LAYER + ".weight" in kernels,
        f"{file} holds no weights of Inception of 2015: it has no layer {FIRST_LAYER}",
    )
    whole = kernels if classes is None else {**kernels, "its last layer.weight": classes}
    sick = next((name for name, values in whole.items() if not values.isfinite().all()), "").rpartition(".")[0]
    require(not sick, f"{file} holds weights that are no numbers, NaN or infinite ones, in {sick}; fetch the file anew")
    return InceptionWeights(kernels, classes, sha256, file)


def fold_batch_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Kernels and biases of all convolutions, batch normalisation folded in, under pytorch-fid's names."""
    units: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        path, _, leaf = name.rpartition(".")
        kernel = leaf == "weight" and value.ndim == 4
        units.setdefault(_unit(path), {})["kernel" if kernel else leaf] = value.double()
    result = {}
    for unit, leaves in units.items():
        if "kernel" in leaves:
            weight, bias = _fold(leaves)
            result[f"{unit}.weight"], result[f"{unit}.bias"] = weight.float(), bias.float()
    return result


def _fold(leaves: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """gamma (k * x - mean) / sqrt(var + eps) + beta as one convolution; the graph's own form has no gamma."""
    kernel = leaves["kernel"]
    shift = leaves.get("bias", leaves.get("beta", kernel.new_zeros(len(kernel)))).flatten()
    variance = leaves.get("running_var", leaves.get("var"))
    mean = leaves.get("running_mean", leaves.get("mean"))
    if variance is None or mean is None:
        return kernel, shift
    scale = leaves.get("weight", leaves.get("gamma", torch.ones_like(shift))).flatten()
    scale = scale / (variance.flatten() + BATCH_NORM_EPS).sqrt()
    return kernel * scale[:, None, None, None], shift - mean.flatten() * scale


def _unit(path: str) -> str:
    """The unit that a module belongs to: `Mixed_5b.branch1x1` of its `.conv` and `.bn`, or of the graph's own name."""
    if not path.startswith("layers."):
        return path.removesuffix(".conv").removesuffix(".bn")
    graph = path.removeprefix("layers.")
    mixed, _, rest = graph.partition(".") if graph.startswith("mixed") else ("", "", graph)
    for name in (rest, rest.rpartition(".")[0]):  # its `.conv` and `.bn`, where it has them
        found = GRAPH_NAMES.get((mixed, name.replace(".", "_")))
        if found:
            return found
    return path


def _numbered(name: str, i: int) -> str:
    return f"{name}_{i}" if i else name


def _tower(tower: str, branch: str, length: int) -> dict[str, str]:
    return {_numbered(f"{tower}_conv", i): f"{branch}_{i + 1}" for i in range(length)}


def _fan(tower: str, branch: str) -> dict[str, str]:
    return {_numbered(f"{tower}_mixed_conv", i): branch + "ab"[i] for i in range(2)}


def _graph() -> dict[tuple[str, str], str]:
    """Names of the graph of 2015, (block, path), to pytorch-fid's."""
    ends = {"conv": "branch1x1", "tower_2_conv": "branch_pool"}
    five = ends | _tower("tower", "branch5x5", 2) | _tower("tower_1", "branch3x3dbl", 3)
    six_a = {"conv": "branch3x3"} | _tower("tower", "branch3x3dbl", 3)
    six = ends | _tower("tower", "branch7x7", 3) | _tower("tower_1", "branch7x7dbl", 5)
    seven_a = _tower("tower", "branch3x3", 2) | _tower("tower_1", "branch7x7x3", 4)
    seven = ends | _tower("tower", "branch3x3", 1) | _tower("tower_1", "branch3x3dbl", 2)
    seven |= _fan("tower", "branch3x3_2") | _fan("tower_1", "branch3x3dbl_3")
    blocks = {"5b": five, "5c": five, "5d": five, "6a": six_a, "6b": six, "6c": six, "6d": six, "6e": six}
    blocks |= {"7a": seven_a, "7b": seven, "7c": seven}
    stem = (FIRST_LAYER, "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
    names = {("", _numbered("conv", i)): unit for i, unit in enumerate(stem)}
    for i, (block, branches) in enumerate(blocks.items()):
        names |= {(_numbered("mixed", i), path): f"Mixed_{block}.{branch}" for path, branch in branches.items()}
    return names


GRAPH_NAMES = _graph()


def _arrays(file: Path) -> dict[str, Tensor]:
    with np.load(file, allow_pickle=False) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def _state(file: Path) -> dict[str, Tensor]:
    state = torch.load(file, map_location="cpu", weights_only=True)
    require(isinstance(state, dict), f"it holds a {type(state).__name__} and not names with tensors")
    return {name: value for name, value in state.items() if isinstance(value, Tensor)}


def _is_script(file: Path) -> bool:
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _scripted(file: Path) -> dict[str, Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the form is called obsolete, but the file is what there is
        module = torch.jit.load(file, map_location="cpu")  # type: ignore[no-untyped-call]
    return {name: value.detach() for name, value in module.state_dict().items()}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
