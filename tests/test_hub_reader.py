"""Captions read by text encoders in the layout of the Hugging Face hub: tiny ones, of random weights, saved here."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import layer_norm

from narrow import small
from saddle import load, resume, train
from saddle.errors import Mistake
from saddle.extras import install
from saddle.hub_models import quiet_transformers
from saddle.networks import HubReader
from saddle.networks.hub_reader import TextEncoder, open_encoder
from saddle.shape import Shape, Text
from saddle.texts import describe_texts, to_tokens
from typed import Say

transformers = pytest.importorskip("transformers", reason="the extra transformers is not installed")

TEXTS = ["a red cat", "a blue cat", "a red dog", "two dogs, asleep"]
HOLDS = describe_texts(TEXTS)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "cat", "dog", "two", "dogs",
         ",", "asleep", "green"]  # fmt: skip
TOWER = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
READS = {"vocab_size": len(WORDS), "bos_token_id": 2, "eos_token_id": 3}
CONFIGS: dict[str, dict[str, Any]] = {
    "Bert": TOWER | {"vocab_size": len(WORDS), "max_position_embeddings": 12},
    "CLIP": {"projection_dim": 12, "text_config": TOWER | READS | {"max_position_embeddings": 12},
             "vision_config": TOWER | {"image_size": 28, "patch_size": 14}},
    "T5": {"vocab_size": len(WORDS), "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2},
    "GPT2": READS | {"n_embd": 16, "n_layer": 1, "n_head": 2},
}  # fmt: skip


def saved(folder: Path, kind: str = "Bert", seed: int = 0) -> Any:
    """A model of a kind of transformers' with random weights and a vocabulary, written as the hub has it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    network = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**CONFIGS[kind])).eval()
    with quiet_transformers():
        network.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return network


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    open_encoder.cache_clear()


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_vector_is_the_embedding_or_the_mean_over_tokens(kind: str, tmp_path: Path):
    network, encoder = saved(tmp_path / kind, kind), TextEncoder(str(tmp_path / kind))
    numbers = {word: i for i, word in enumerate(WORDS)}
    for text, vector in zip(TEXTS, encoder.encode(TEXTS, torch.device("cpu")), strict=True):
        tokens = torch.tensor([[2, *(numbers[word] for word in text.replace(",", " ,").split()), 3]])
        with torch.no_grad():
            if kind == "CLIP":
                expected = network.text_projection(network.text_model(tokens).pooler_output)
            else:
                read = network.encoder(tokens) if kind == "T5" else network(tokens)
                expected = read.last_hidden_state.mean(1)
        torch.testing.assert_close(vector, expected[0])
    assert encoder.size == len(vector)
    long = encoder.encode(["a red cat " * 200], torch.device("cpu"))
    assert long.shape == (1, encoder.size) and long.isfinite().all()


def test_codes_are_the_texts_own_and_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    saved(tmp_path / "tiny")
    value = HubReader(f"hf:{tmp_path / 'tiny'}")
    reader = value.reader(Shape(1, 16, 16), HOLDS)
    codes = reader(to_tokens(TEXTS, HOLDS))
    expected = reader.encoder.encode(TEXTS, torch.device("cpu"))
    torch.testing.assert_close(codes, layer_norm(expected, expected.shape[1:]))
    assert codes.shape == (4, value.size) and torch.equal(reader.read(["two dogs , asleep"])[0], codes[3])
    assert not list(reader.parameters()) and not torch.equal(reader.read(["a green cat"])[0], codes[0])
    kept = list((tmp_path / "cache" / "texts").glob("*.safetensors"))
    assert len(kept) == 1
    with monkeypatch.context() as patch:  # those of training captions are read no second time
        patch.setattr(TextEncoder, "encode", lambda *_: pytest.fail("it is in the cache"))
        assert torch.equal(value.reader(Shape(1, 16, 16), HOLDS)(to_tokens(TEXTS, HOLDS)), codes)
    kept[0].write_bytes(b"damaged")
    assert torch.equal(value.reader(Shape(1, 16, 16), HOLDS)(to_tokens(TEXTS, HOLDS)), codes)
    saved(tmp_path / "other", seed=1)
    HubReader(str(tmp_path / "other")).reader(Shape(1, 16, 16), HOLDS)(to_tokens(TEXTS, HOLDS))
    value.reader(Shape(1, 16, 16), describe_texts(TEXTS[:2])).read(TEXTS[:1])
    assert len(list((tmp_path / "cache" / "texts").glob("*.safetensors"))) == 3


def test_a_run_is_trained_sampled_and_resumed_by_it_alone(tmp_path: Path, say: Say):
    saved(tmp_path / "tiny")
    recipe = replace(small("gan-cls"), reader=HubReader(str(tmp_path / "tiny")))  # type: ignore[call-arg]
    given = {"image": np.random.default_rng(0).integers(0, 256, (24, 16, 16, 1), np.uint8), "caption": TEXTS * 6}

    def trained(name: str, images: int) -> Path:
        return train(recipe, given, out=tmp_path / name, images=images, pictures=0, quiet=True, device="cpu")

    whole, part = trained("whole", 48), trained("part", 16)
    open_encoder.cache_clear()
    resume(part, data=given, images=48)
    made = load(whole).sample(3, text="a green dog")
    assert torch.equal(load(part).sample(3, text="a green dog"), made) and made.shape == (3, 1, 16, 16)
    assert not torch.equal(load(whole).sample(3, text="a red cat"), made)
    checkpoint = next(iter((whole / "checkpoints").glob("*.safetensors")))
    assert checkpoint.stat().st_size < 2_000_000
    (tmp_path / "lines.txt").write_text("green zebra\n")
    code, _, said = say("sample H/whole --text-file lines.txt --out made.png")
    assert code == 0 and "no training caption has the words green, zebra; the nearest training caption is" in said
    shutil.rmtree(tmp_path / "tiny")
    saved(tmp_path / "tiny", seed=1)
    open_encoder.cache_clear()
    for use in (lambda: load(whole), lambda: resume(whole, data=given, images="+8")):
        with pytest.raises(Mistake, match=r"tiny is not the one that this run was trained with; put that one back"):
            use()
    shutil.rmtree(tmp_path / "tiny")
    open_encoder.cache_clear()
    with pytest.raises(Mistake, match=r"there is no folder .*tiny \(a model of the hub is named hf:OWNER/NAME\)"):
        load(whole)


def test_what_cannot_read_texts_is_refused_in_one_sentence(tmp_path: Path, monkeypatch: Any, say: Say):
    def refused(name: str, sentence: str) -> None:
        open_encoder.cache_clear()
        code, _, said = say(f"train gan-cls --reader HubReader('{tmp_path / name}') --images 64 --out H/run")
        assert code == 2 and re.search(sentence, said) and said.strip().count("\n") == 0, said
        assert not (tmp_path / "run").exists()

    refused("none", r"there is no folder .*none \(a model of the hub is named hf:OWNER/NAME\)")
    (tmp_path / "empty").mkdir()
    refused("empty", r"empty is no model in the Hugging Face hub's layout: it has no config.json")
    saved(tmp_path / "tiny")
    (tmp_path / "tiny" / "vocab.txt").unlink()
    (tmp_path / "tiny" / "tokenizer.json").write_text("{")
    refused("tiny", "tiny holds no tokenizer that transformers can load")
    (tmp_path / "tiny" / "tokenizer.json").unlink()
    refused("tiny", r"tiny has no vocabulary of its model: none of tokenizer.json, vocab.txt")
    vision = transformers.ViTConfig(**CONFIGS["CLIP"]["vision_config"])
    with quiet_transformers():
        transformers.ViTModel(vision).save_pretrained(tmp_path / "vit")
    refused("vit", "vit holds no text encoder that transformers can load: ViTModel reads no texts")
    monkeypatch.setitem(sys.modules, "transformers", None)
    refused("tiny", "a text encoder is read with transformers, which is not installed: "
                    + re.escape(install("transformers")))  # fmt: skip
    with pytest.raises(Mistake, match="names no model; give OWNER/NAME, or a folder"):
        HubReader("")


def test_numbers_are_no_texts(tmp_path: Path):
    saved(tmp_path / "tiny")
    with pytest.raises(Mistake, match=r"reads texts, but these captions are numbers; take WordReader\(\)"):
        HubReader(str(tmp_path / "tiny")).reader(Shape(1, 16, 16), Text(3, 5))
