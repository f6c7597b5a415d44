"""Inception of 2015: every form of its weights gives one network, and the real ones see what they are known to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from saddle.errors import Mistake
from saddle.metrics.features import Inception, extract_features, extractor_facts, frechet_title, load_inception
from saddle.metrics.features.blocks import ConvReLU, inception_blocks
from saddle.metrics.features.inception_weights import GRAPH_NAMES, fold_batch_norm, read_inception_weights
from saddle.metrics.features.resize import RESIZE_FILTERS, resize_clean, resize_tensorflow

TRUNK = "inception/inception_v3_2015_trunk_mixed7a_fp16.npz"


@pytest.fixture(scope="module")
def trunk(real_data: Path) -> Path:
    """The stem to Mixed_7a of the real network."""
    file = real_data / TRUNK
    if not file.exists():
        pytest.skip(f"the folder that SADDLE_DATA names has no {TRUNK}")
    return file


@pytest.fixture(scope="module")
def kernels() -> dict[str, Tensor]:
    """Random weights of the whole network, as small numbers in the right shapes."""
    dice = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        whole = nn.ModuleDict(inception_blocks())
    return {name: torch.randn(value.shape, generator=dice) * 0.02 for name, value in whole.state_dict().items()}


def normalised(units: dict[str, Tensor], only: str, seed: int = 1) -> dict[str, Tensor]:
    """A state dict as pytorch-fid writes it: convolutions without a bias, then batch normalisation."""
    dice, state = torch.Generator().manual_seed(seed), {}
    for name, value in units.items():
        unit, _, leaf = name.rpartition(".")
        if leaf == "weight" and unit.startswith(only):
            state[f"{unit}.conv.weight"] = value
            for part in ("weight", "bias", "running_mean", "running_var"):
                state[f"{unit}.bn.{part}"] = torch.rand(len(value), generator=dice) + 0.1
            state[f"{unit}.bn.num_batches_tracked"] = torch.tensor(0)
    return state


def saved(folder: Path, state: object) -> Path:
    torch.save(state, folder / "weights.pth")
    return folder / "weights.pth"


def test_a_folded_unit_is_convolution_then_normalisation_then_rectifier() -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5, eps=1e-3).eval()
    with torch.no_grad():
        for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            value.uniform_(0.5, 2)
    state = {f"one.conv.{k}": v for k, v in conv.state_dict().items()}
    state |= {f"one.bn.{k}": v for k, v in norm.state_dict().items()}
    unit, x = ConvReLU(3, 5, 3, valid=True), torch.randn(2, 3, 9, 9)
    unit.load_state_dict({name.removeprefix("one."): value for name, value in fold_batch_norm(state).items()})
    torch.testing.assert_close(unit(x), norm(conv(x)).relu(), rtol=1e-5, atol=1e-5)


def test_it_has_the_shapes_and_the_size_of_the_graph(kernels: dict[str, Tensor]) -> None:
    with torch.device("meta"):
        blocks, x = inception_blocks(), torch.empty(1, 3, 299, 299)
    shapes = {}
    for name, block in blocks.items():
        x = block(x)
        shapes[name] = tuple(x.shape[1:])
    assert shapes["Conv2d_2b_3x3"] == (64, 147, 147) and shapes["pool_3b"] == (64, 73, 73)
    assert shapes["pool_5b"] == (192, 35, 35) and shapes["Mixed_5b"] == (256, 35, 35)
    assert shapes["Mixed_6a"] == shapes["Mixed_6e"] == (768, 17, 17)
    assert shapes["Mixed_7a"] == (1280, 8, 8) and shapes["Mixed_7c"] == (2048, 8, 8)


def test_the_graphs_own_names_are_those_of_every_unit(kernels: dict[str, Tensor]) -> None:
    units = {name.rpartition(".")[0] for name in kernels}
    assert set(GRAPH_NAMES.values()) == units and len(GRAPH_NAMES) == len(units) == 94


@pytest.mark.parametrize("nested", [False, True])
def test_a_scripted_network_gives_the_same_kernels(kernels: dict[str, Tensor], nested: bool) -> None:
    """Its units hold kernel, mean, var and beta themselves, or a convolution and a normalisation within."""
    state = normalised(kernels, "Mixed_7b")
    ours = fold_batch_norm({k: v for k, v in state.items() if not k.endswith("bn.weight")})
    script = {}
    for (block, path), unit in GRAPH_NAMES.items():
        if unit.startswith("Mixed_7b"):
            home = f"layers.{block}.{path.replace('tower_1_', 'tower_1.', 1)}"
            script[f"{home}.conv.weight" if nested else f"{home}.weight"] = state[f"{unit}.conv.weight"]
            names = ("bias", "running_mean", "running_var"), ("beta", "mean", "var")
            for name, bare in zip(*names, strict=True):
                script[f"{home}.bn.{name}" if nested else f"{home}.{bare}"] = state[f"{unit}.bn.{name}"]
    theirs = fold_batch_norm(script)
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)


class Scripted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({"conv": ConvReLU(3, 32, 3, stride=2)})

    def forward(self, x: Tensor) -> Tensor:
        return self.layers["conv"](x)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")  # since torch 2.15
def test_a_scripted_file_is_read(tmp_path: Path) -> None:
    module = Scripted()
    torch.jit.save(torch.jit.trace(module, torch.zeros(1, 3, 9, 9)), tmp_path / "net.pt")
    read = read_inception_weights(tmp_path / "net.pt")
    torch.testing.assert_close(read.kernels["Conv2d_1a_3x3.weight"], module.layers["conv"].weight.detach())


def test_features_of_2048_values_and_their_classes(tmp_path: Path, kernels: dict[str, Tensor]) -> None:
    fc = {"fc.weight": torch.randn(1008, 2048), "fc.bias": torch.randn(1008)}
    extractor = load_inception(saved(tmp_path, kernels | fc))
    images = torch.rand(2, 1, 28, 28) * 2 - 1
    features = extract_features(extractor, images)
    assert features.shape == (2, 2048) and frechet_title(extractor) == "FID, 2048-d"
    expected = (features @ fc["fc.weight"].T).softmax(1)
    torch.testing.assert_close(extractor.probabilities(images), expected)


def test_a_wrong_or_missing_file_is_one_clear_mistake(tmp_path: Path, kernels: dict[str, Tensor]) -> None:
    with pytest.raises(Mistake, match="there is no file"):
        load_inception(tmp_path / "nothing.pth")
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(Mistake, match=r"cannot be read as Inception's weights: a file of .* was expected$"):
        load_inception(tmp_path / "junk.pth")
    with pytest.raises(Mistake, match="has no layer Conv2d_1a_3x3"):
        load_inception(saved(tmp_path, {"x": torch.ones(2)}))
    with pytest.raises(Mistake, match="holds a list"):
        load_inception(saved(tmp_path, [torch.ones(2)]))
    stem = {name: value for name, value in kernels.items() if name < "Mixed"}
    with pytest.raises(Mistake, match="1000 classes"):
        load_inception(saved(tmp_path, stem | {"fc.weight": torch.ones(1000, 2048)}))
    with pytest.raises(Mistake, match=r"lacks Mixed_5b\.branch1x1 and 64 more layers"):
        load_inception(saved(tmp_path, stem), 768)
    with pytest.raises(Mistake, match="features of 64, 192, 768, 1280, 2023, 2048 values, not 512"):
        load_inception(saved(tmp_path, stem), 512)
    with pytest.raises(Mistake, match="did you mean bilinear"):
        load_inception(saved(tmp_path, stem), 64, "bilinaer")
    sick = stem | {"Conv2d_2a_3x3.bias": torch.full((32,), torch.nan)}
    with pytest.raises(Mistake, match=r"holds weights that are no numbers, NaN or infinite ones, in Conv2d_2a_3x3"):
        load_inception(saved(tmp_path, sick), 64)
    wrong = stem | {"Conv2d_1a_3x3.weight": torch.zeros(32, 1, 3, 3)}
    with pytest.raises(Mistake, match="is not Inception of 2015: Conv2d_1a_3x3"):
        load_inception(saved(tmp_path, wrong), 64)


def test_a_nan_and_a_wrong_shape_are_mistakes(tmp_path: Path, kernels: dict[str, Tensor]) -> None:
    extractor = load_inception(saved(tmp_path, {k: v for k, v in kernels.items() if k < "Mixed"}), 64)
    with pytest.raises(Mistake, match="no number"):
        extractor(torch.full((1, 3, 8, 8), torch.nan))
    with pytest.raises(Mistake, match="an image holds a value that is no number"):
        extract_features(extractor, torch.full((1, 3, 8, 8), torch.nan))
    with pytest.raises(Mistake, match="1 or 3"):
        extractor(torch.zeros(1, 4, 8, 8))
    with pytest.raises(Mistake, match="2048 values"):
        extractor.probabilities(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("size", [17, 32, 400])
def test_the_clean_filter_is_pillows_on_floats(size: int) -> None:
    pixels = np.random.default_rng(0).uniform(0, 255, (size, size)).astype(np.float32)
    theirs = np.asarray(Image.fromarray(pixels).resize((299, 299), Image.Resampling.BICUBIC))
    ours = resize_clean(torch.from_numpy(pixels)[None, None], 299)[0, 0].numpy()
    np.testing.assert_allclose(ours, theirs.clip(0, 255), atol=0.01)


def test_the_filters_keep_a_plane_and_differ_in_where_they_read() -> None:
    flat = torch.full((1, 3, 20, 30), 77.0)
    for name, shrink in RESIZE_FILTERS.items():
        torch.testing.assert_close(shrink(flat, 299), flat.new_full((1, 3, 299, 299), 77.0), msg=name)
    ramp = torch.arange(10.0).expand(1, 1, 10, 10)
    torch.testing.assert_close(resize_tensorflow(ramp, 20)[0, 0, 0, :4], torch.tensor([0.0, 0.5, 1.0, 1.5]))


def test_the_real_trunk_reads_four_images(trunk: Path) -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    weights = read_inception_weights(trunk)
    extractor, spatial = Inception(weights, 1280), Inception(weights, 2023)
    deep = extract_features(extractor, images)
    assert deep.shape == (2, 1280) and bool((deep >= 0).all())
    known = extractor_facts(extractor)
    assert known["resize"] == "bilinear" and known["dimension"] == 1280 and len(str(known["sha256"])) == 64
    assert extract_features(spatial, images).shape == (2, 17 * 17 * 7) and frechet_title(spatial) == "sFID, 2023-d"
    with pytest.raises(Mistake, match="whole network"):
        Inception(weights)


def cifar(home: Path, name: str, count: int) -> Tensor:
    mosaic = np.asarray(Image.open(home / "cifar10" / f"{name}_00.webp").convert("RGB"))
    tiles = mosaic.reshape(25, 32, 40, 32, 3).swapaxes(1, 2).reshape(1000, 32, 32, 3)
    return torch.from_numpy(tiles[:count].copy()).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.mark.slow
def test_the_real_trunk_knows_classes(real_data: Path, trunk: Path) -> None:
    """The nearest of 400 training images names the class of 400 test images: 61 % (768) and 64 % (1280) are known.

    Those were found with another resize: ours gives 59.25 % and 63.0 %, Pillow's bilinear one 58.75 % and 62.0 %, its
    bicubic one 62.5 % and 67.0 %; the error of a share of 400 is 2.4 %.
    """
    extractor, labels = load_inception(trunk, 1280), np.fromfile(real_data / "cifar10" / "labels.u8", np.uint8)
    found = {768: [], 1280: []}
    for part in (*cifar(real_data, "train", 400).split(50), *cifar(real_data, "test", 400).split(50)):
        with torch.no_grad():
            maps = extractor.layers[:-1](extractor.preprocess(part))
            found[768].append(maps.mean((2, 3)))
            found[1280].append(extractor.layers[-1](maps).mean((2, 3)))
    for dimension, share in ((768, 0.61), (1280, 0.64)):
        features = torch.cat(found[dimension])
        index = torch.cdist(features[400:], features[:400]).argmin(1).numpy()
        right = float((labels[index] == labels[50_000:50_400]).mean())
        assert right == pytest.approx(share, abs=0.02), dimension
