"""Features of models in the layout of the Hugging Face hub: tiny ones, of random weights, saved here."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import saddle
from saddle.data import Prepare, open_data
from saddle.errors import Mistake
from saddle.extras import install
from saddle.measuring.extractors import Extractors
from saddle.measuring.measure import measure
from saddle.metrics.features import VisionFeatures, extract_features, extractor_facts, frechet_title, load_vision_model
from saddle.metrics.features.resize import resize_clean, resize_pillow

transformers = pytest.importorskip("transformers", reason="the extra transformers is not installed")

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
READING = {"size": 28, "image_mean": MEAN, "image_std": STD}
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
TOWER = SMALL | {"image_size": 28, "patch_size": 14}
MAPS = {"hidden_sizes": [8, 16], "depths": [1, 1]}
TEXT = SMALL | {"vocab_size": 20, "max_position_embeddings": 8, "eos_token_id": 19, "bos_token_id": 1}


def saved(folder: Path, kind: str, reading: dict[str, Any] | None = READING, **config: Any) -> Any:
    """A model of a kind of transformers' with random weights, written as the hub has it."""
    torch.manual_seed(0)
    made = getattr(transformers, f"{kind}Config")(**config)
    network = getattr(transformers, f"{kind}Model")(made).eval()
    for weights in network.parameters():  # biases and scales start at the same values everywhere
        weights.data += 0.1 * torch.randn_like(weights)
    network.save_pretrained(folder)
    if reading is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(reading))
    return network


def images(n: int = 5, channels: int = 3, size: int = 20) -> Tensor:
    pixels = torch.randint(0, 256, (n, channels, size, size), generator=torch.Generator().manual_seed(1))
    return pixels / 127.5 - 1


def prepared(images: Tensor, pillow: bool = False) -> Tensor:
    """What a model reads, by hand; a DINOv2 as dgm-eval resizes, with Pillow."""
    rows = ((images + 1) * 127.5).expand(-1, 3, -1, -1)
    pixels = (resize_by_pillow(rows, 28) if pillow else resize_clean(rows, 28)) / 255
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def resize_by_pillow(rows: Tensor, size: int) -> Tensor:
    """Channel by channel, as grey pictures."""
    made = [[Image.fromarray(channel.byte().numpy()).resize((size, size), Image.Resampling.BICUBIC) for channel in row]
            for row in rows.round()]  # fmt: skip
    return torch.stack([torch.stack([torch.from_numpy(np.array(one)) for one in row]) for row in made]).float()


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    saved(tmp_path / "tiny", "ViT", **TOWER)
    return tmp_path / "tiny"


CASES: dict[str, tuple[dict[str, Any], Callable[[Any, Tensor], Tensor]]] = {
    "Dinov2": (TOWER, lambda network, x: network(x).last_hidden_state[:, 0]),
    "ViT": (TOWER, lambda network, x: network(x).pooler_output),
    "CLIPVision": (TOWER, lambda network, x: network(x).pooler_output),
    "ResNet": (MAPS | {"embedding_size": 8, "layer_type": "basic"},
               lambda network, x: network(x).last_hidden_state.mean((2, 3))),
    "ConvNextV2": (MAPS | {"num_stages": 2},
                   lambda network, x: network.layernorm(network(x).last_hidden_state.mean((2, 3)))),
    "IJepa": (TOWER, lambda network, x: network(x).last_hidden_state.mean(1)),
    "CLIP": ({"projection_dim": 12, "text_config": TEXT, "vision_config": TOWER},
             lambda network, x: network.visual_projection(network.vision_model(x).pooler_output)),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_features_are_what_the_model_makes_of_images_resized_by_hand(kind: str, tmp_path: Path, capfd: Any) -> None:
    config, by_hand = CASES[kind]
    network = saved(tmp_path / kind, kind, **config)
    capfd.readouterr()
    extractor = load_vision_model(tmp_path / kind)
    with torch.no_grad():
        expected = by_hand(network, prepared(images(), kind == "Dinov2"))
    found = extract_features(extractor, images())
    torch.testing.assert_close(found, expected)
    assert found.shape == (5, extractor.dimension) and found.std(0).mean() > 0.01
    assert torch.equal(extract_features(extractor, images()), found)
    assert not any(capfd.readouterr()), "loading says nothing"


def test_grey_is_repeated_and_bytes_are_read(vit: Path) -> None:
    extractor, grey = load_vision_model(vit), images(channels=1)
    assert torch.equal(extractor(grey), extractor(grey.repeat(1, 3, 1, 1)))
    assert torch.equal(extractor(grey), extractor(grey + 0.4 / 255)), "what is finer than a byte is not seen"
    with pytest.raises(Mistake, match="images \\(n, 1 or 3, h, w\\) were expected"):
        extractor(images(channels=4))


def test_a_pooler_without_weights_is_passed_over(tmp_path: Path) -> None:
    """transformers would draw it by chance, and each reading of the data would be another."""
    saved(tmp_path, "ViT", **TOWER)
    whole = transformers.ViTModel.from_pretrained(tmp_path)
    bare = transformers.ViTModel(whole.config, add_pooling_layer=False).eval()
    bare.load_state_dict({name: value for name, value in whole.state_dict().items() if "pooler" not in name})
    bare.save_pretrained(tmp_path)
    chance = torch.get_rng_state()
    found = load_vision_model(tmp_path)(images())
    assert torch.equal(torch.get_rng_state(), chance), "loading draws nothing from the caller's chance"
    with torch.no_grad():
        torch.testing.assert_close(found, bare(prepared(images())).last_hidden_state[:, 0])


def test_the_hash_is_of_weights_and_of_how_they_are_used(vit: Path, tmp_path: Path) -> None:
    first = load_vision_model(vit)
    known = {"features": "hf-tiny", "dimension": 16, "sha256": first.sha256, "resize": "clean"}
    assert (
        extractor_facts(first) == known
        and len(first.sha256) == 64
        and frechet_title(first) == "FID, hf-tiny features, 16-d"
    )
    assert extractor_facts(load_vision_model(shutil.copytree(vit, tmp_path / "copy" / "tiny"))) == known, (
        "the place does not matter"
    )
    reading = vit / "preprocessor_config.json"
    reading.write_text(json.dumps(READING | {"image_mean": [0.5] * 3}))
    other = load_vision_model(vit)
    reading.write_text(json.dumps(READING))
    network = transformers.ViTModel.from_pretrained(vit)
    network.layernorm.bias.data[0] += 1e-3
    network.save_pretrained(vit)
    assert len({first.sha256, other.sha256, load_vision_model(vit).sha256}) == 3


def test_weights_in_several_files_are_one_model(vit: Path, tmp_path: Path) -> None:
    transformers.ViTModel.from_pretrained(vit).save_pretrained(tmp_path / "parts", max_shard_size="10KB")
    shutil.copy(vit / "preprocessor_config.json", tmp_path / "parts")
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    assert torch.equal(load_vision_model(tmp_path / "parts")(images()), load_vision_model(vit)(images()))


@pytest.mark.parametrize(("wish", "size"), [
    ({"size": 28}, 28), ({"size": {"height": 28, "width": 28}}, 28), ({"size": {"shortest_edge": 28}}, 28),
    ({"size": {"shortest_edge": 32}, "crop_size": {"height": 28, "width": 28}, "do_center_crop": True}, 28),
    ({"size": 28, "crop_size": 14, "do_center_crop": False}, 28), ({"size": 32, "crop_size": 28}, 28),
])  # fmt: skip
def test_the_size_is_the_one_the_model_reads(wish: dict[str, Any], size: int, vit: Path) -> None:
    (vit / "preprocessor_config.json").write_text(json.dumps(READING | wish))
    assert load_vision_model(vit).preprocessing.size == size


def test_pixels_are_those_of_transformers_own_processor_but_for_its_rounding(vit: Path) -> None:
    kind = getattr(transformers, "ViTImageProcessorPil", transformers.ViTImageProcessor)
    bytes_ = (images() * 30 + 127).round()  # Pillow cuts overshoots off between its two passes, which these have not
    pictures = list(bytes_.byte().movedim(1, 3).numpy())
    processor = kind(size={"height": 28, "width": 28}, image_mean=MEAN, image_std=STD, resample=3)
    theirs = processor(pictures, return_tensors="pt", input_data_format="channels_last")["pixel_values"]
    ours = load_vision_model(vit).preprocessing(bytes_)
    assert (ours - theirs).abs().max() < 1.5 / 255 / min(STD)
    (vit / "preprocessor_config.json").write_text(json.dumps({"size": 28, "do_normalize": False, "do_rescale": False}))
    raw = load_vision_model(vit).preprocessing(bytes_)
    torch.testing.assert_close((raw / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1), ours)


# What is refused


def test_what_is_no_vision_model_is_said_in_one_sentence(vit: Path, tmp_path: Path) -> None:
    def refused(sentence: str) -> None:
        with pytest.raises(Mistake, match=sentence) as caught:
            load_vision_model(vit)
        assert "\n" not in str(caught.value)

    reading, config = vit / "preprocessor_config.json", vit / "config.json"
    for wrong, sentence in {
        '{"size": 28}': "lacks image_mean or image_std",
        '{"size": {"shortest_edge": 28, "longest_edge": 40}}': "names no size of a square|lacks image_mean",
        json.dumps(READING | {"size": None}): "names no size of a square",
        json.dumps(READING | {"do_flip_channel_order": True}): "asks for do_flip_channel_order, which is not done",
        json.dumps(READING | {"size": 32}): "hf-tiny makes no vector of an image of 32 x 32 pixels: .*32.*28",
        json.dumps(READING | {"image_mean": [0.5, 0.5]}): "makes no vector of an image",
        "[": "preprocessor_config.json cannot be read as JSON",
    }.items():
        reading.write_text(wrong)
        refused(sentence)
    reading.unlink()
    refused("tiny has no preprocessor_config.json, which says how its model reads images")
    known = json.loads(config.read_text())
    config.write_text(json.dumps(known | {"num_hidden_layers": 3}))
    refused("lacks .*layer.* and 1[0-9] more of the weights that its model needs")
    config.write_text(json.dumps(known | {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}))
    refused("holds no vision model that transformers can load: .*(custom code|requires you to execute)")
    config.write_text(json.dumps(known))
    (vit / "model.safetensors").write_bytes(b"damaged")
    refused("holds no vision model that transformers can load")
    (vit / "model.safetensors").rename(vit / "pytorch_model.bin")
    refused("has no model.safetensors; pickled weights")
    config.unlink()
    refused("is no model in the Hugging Face hub's layout")


def test_a_model_of_text_and_one_that_masks_at_random_are_refused(tmp_path: Path) -> None:
    saved(tmp_path / "text", "Bert", None, **SMALL, vocab_size=20)
    with pytest.raises(Mistake, match=r"text holds no vision model .*: BertModel reads no images"):
        load_vision_model(tmp_path / "text")
    saved(tmp_path / "mae", "ViTMAE", **TOWER | {"patch_size": 4}, mask_ratio=0.5)
    with pytest.raises(Mistake, match="hf-mae reads an image differently each time"):
        load_vision_model(tmp_path / "mae")


def test_a_model_of_the_hub_is_taken_from_its_cache_or_refused(vit: Path, tmp_path: Path, monkeypatch: Any) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Mistake, match=r"own/tiny is no folder here and could not be had .*not in its cache, and the "
                                      r"hub cannot be reached.*`hf download own/tiny` fetches it; or name a "
                                      r"folder") as caught:  # fmt: skip
        load_vision_model("own/tiny")
    assert "\n" not in str(caught.value)
    kept = tmp_path / "models--own--tiny"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0" * 40)
    shutil.copytree(vit, kept / "snapshots" / ("0" * 40))
    assert extractor_facts(load_vision_model("own/tiny")) == extractor_facts(load_vision_model(vit))
    with pytest.raises(Mistake, match="could not be had from the Hugging Face hub"):
        load_vision_model("")
    for wrong in ("no/such/folder", "/nothing/here", "./model"):
        with pytest.raises(
            Mistake, match=rf"^there is no folder {wrong} \(a model of the hub is named hf:OWNER/NAME\)"
        ):
            load_vision_model(wrong)


def test_without_transformers_the_extra_is_named(vit: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(Mistake, match=re.escape(install("transformers"))):
        load_vision_model(vit)


def test_nothing_imports_transformers_before_a_model_is_asked_for() -> None:
    for path in Path(saddle.__file__).parent.rglob("*.py"):
        found = re.search(r"^ *(from|import) (transformers|huggingface_hub)", path.read_text(encoding="utf-8"), re.M)
        assert found is None, f"{path} imports it by name; hub_models.py does it when it is needed"
    assert "torchvision" not in sys.modules, "nor does transformers need torchvision"


# Measuring


def test_two_sets_are_measured_through_a_model(vit: Path, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    from saddle.cli import main

    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name, seed in {"a": 0, "b": 1}.items():
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 20, 20, 3), dtype=np.uint8)
        np.savez(f"{name}.npz", images=pixels)
    figures = measure("a.npz", "b.npz", metrics="fid,kid,recall", features="hf:tiny")
    assert [figure.metric for figure in figures] == ["fid", "kid", "recall"] and figures[0].value > 0
    protocol = figures[0].protocol
    assert (protocol.features, protocol.dimension, protocol.resize) == ("hf-tiny", 16, "clean")
    assert protocol.weights == load_vision_model(vit).sha256
    a, b = (extract_features(load_vision_model(vit),
                             torch.from_numpy(np.load(f"{n}.npz")["images"]).movedim(3, 1) / 127.5 - 1)
            for n in "ab")  # fmt: skip
    assert figures[0].value == pytest.approx(frechet(a, b), rel=1e-3)
    assert measure("a.npz", "b.npz", metrics="fid", features=str(vit)) == figures[:1], "by its folder"
    network = transformers.ViTModel.from_pretrained(vit)
    network.layernorm.weight.data *= 2
    network.save_pretrained(vit)
    assert main(["measure", "a.npz", "--against", "b.npz", "--metrics", "fid", "--features", "hf:tiny"]) in (0, None)
    printed = capsys.readouterr().out
    assert "FID, hf-tiny features, 16-d" in printed and f"{4 * figures[0].value:.3g}"[:3] in printed, (
        "not from the old cache"
    )


def frechet(a: Tensor, b: Tensor) -> float:
    (mean, cov), (other, its) = ((rows.double().mean(0), rows.double().T.cov()) for rows in (a, b))
    roots = torch.linalg.eigvals(cov @ its).sqrt().real.sum()
    return float((mean - other).square().sum() + cov.trace() + its.trace() - 2 * roots)


def test_which_words_mean_a_model(vit: Path, tmp_path: Path, monkeypatch: Any) -> None:
    data = open_data("glyphs", Prepare(size=16, limit=50), print)
    monkeypatch.chdir(tmp_path)
    asked = {"hf:tiny": "tiny", "tiny": "tiny", "hf:facebook/dinov2-small": "facebook/dinov2-small"}
    assert {text: Extractors(data, text).model for text in asked} == asked
    shutil.copytree("tiny", "random")
    for text in ("random", "auto", "inception:768"):
        assert Extractors(data, text).model is None
    with pytest.raises(Mistake, match=r"there is no file ./weights.pth with Inception's weights"):
        Extractors(data, "./weights.pth")
    with pytest.raises(Mistake, match=r"no features dinov2.*hf:OWNER/NAME"):
        Extractors(data, "dinov2")
    said: list[str] = []
    assert (
        isinstance(Extractors(data, "hf:tiny", say=said.append).default.network, VisionFeatures)
        and "minutes" in said[0]
    )


@pytest.fixture
def dino(tmp_path: Path) -> Path:
    saved(tmp_path / "dino", "Dinov2", **TOWER)
    return tmp_path / "dino"


def test_bytes_are_resized_as_pillow_does_and_a_checkerboard_tells_it_from_the_others() -> None:
    board = ((torch.arange(96)[:, None] // 2 + torch.arange(96) // 2) % 2 * 255.0).expand(1, 3, -1, -1)
    small = resize_pillow(board, 28)
    assert torch.equal(small, resize_by_pillow(board, 28)) and torch.equal(small, small.round())
    assert (small - resize_clean(board, 28)).abs().max() <= 1  # of a byte: each direction is rounded
    plain = torch.nn.functional.interpolate(board, (28, 28), mode="bilinear", align_corners=False)
    assert (small - plain).abs().mean() > 30  # without a low-pass filter


def test_fd_dinov2_looks_through_the_dinov2_that_is_named(dino: Path, vit: Path, monkeypatch: Any) -> None:
    """Without a name, or with another model, through ViT-L/14; offline the command that fetches it is told."""
    some = torch.rand(40, 20, 20, generator=torch.Generator().manual_seed(3)).numpy()
    (figure,) = measure(some[:20], some[20:], metrics="fd-dinov2", features=str(dino), quiet=True)
    assert figure.title == "FID, hf-dino features, 16-d" and figure.protocol.resize == "pillow"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for other in ("auto", str(vit)):
        with pytest.raises(Mistake, match=r"`hf download facebook/dinov2-large` fetches it; or name a folder that"):
            measure(some[:20], some[20:], metrics="fd-dinov2", features=other, quiet=True)
    with pytest.raises(Mistake, match="looks through DINOv2, which reads pictures, and ring has none"):
        measure("ring", "ring", metrics="fd-dinov2", quiet=True)
