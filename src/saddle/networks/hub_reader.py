"""Any text encoder of the Hugging Face hub as a reader of captions, frozen; codes stay in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from ..data.cache.location import cache_home
from ..data.progress import progress_bar
from ..errors import Mistake, require
from ..hub_models import (
    HUB_MODEL_PREFIX,
    SAFE_OPTIONS,
    TEXT,
    VOCABULARY_FILES,
    find_model_folder,
    first_line,
    hash_model_files,
    import_transformers,
    load_model,
    quiet_transformers,
)
from ..notices import warn_on_stderr
from ..runs.tensors import write_tensors
from ..shape import Shape, Text
from ..texts import MAX_WORDS, split_words, to_texts

TEXTS_AT_ONCE = 64
MAX_TOKENS = 512  # of a text, for a model that says of no number that it is the most
CODES_FORMAT = 1  # of kept codes and of how they are made; another number lets old files lie


@dataclass(frozen=True)
class HubReader:
    """A pretrained text encoder, frozen: of the Hugging Face hub, or in a folder of its layout."""

    learns: ClassVar[bool] = False
    model: str  # OWNER/NAME on the hub, or a folder with config.json, model.safetensors and a tokenizer

    def __post_init__(self) -> None:
        require(self.model not in ("", HUB_MODEL_PREFIX), "HubReader names no model; give OWNER/NAME, or a folder")

    @property
    def size(self) -> int:
        return open_encoder(self.model).size

    def reader(self, data: Shape, texts: Text) -> HubTextReader:
        if not texts.words:
            raise Mistake("HubReader reads texts, but these captions are numbers; take WordReader()")
        return HubTextReader(open_encoder(self.model), texts)


class TextEncoder:
    """A pretrained network that makes a vector of a text. It is no module: a run's checkpoints do not hold it.

    The vector is the embedding where a model has one (CLIP, SigLIP), else the mean over a text's tokens, as
    Reimers & Gurevych 2019 found it best (1908.10084).
    """

    def __init__(self, model: str) -> None:
        self.model = model
        folder = find_model_folder(model.removeprefix(HUB_MODEL_PREFIX), TEXT)
        self.network = load_model(folder, TEXT)[0].eval().requires_grad_(False)
        self.tokenizer, self.sha256 = load_tokenizer(folder), hash_model_files(folder, TEXT)
        positions = getattr(self.network.config.get_text_config(), "max_position_embeddings", None)  # type: ignore[operator,union-attr]
        self.longest = min(self.tokenizer.model_max_length, positions or MAX_TOKENS)
        self.size = self.probe()

    @torch.no_grad()
    def encode(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Vectors (n, size) of texts; those of as many tokens are read at once, so that none is padded."""
        rows = [self.tokenizer(text, truncation=True, max_length=self.longest)["input_ids"] for text in texts]
        places = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        network, vectors = self.network.to(device), torch.empty(len(rows), 0)
        for _, same in groupby(places, key=lambda place: len(rows[place])):
            while some := list(islice(same, TEXTS_AT_ONCE)):
                with torch.autocast(device.type, enabled=False):
                    read = self.vectors(network, torch.tensor([rows[place] for place in some], device=device)).cpu()
                vectors = vectors if vectors.shape[1] else torch.empty(len(rows), read.shape[1])
                vectors[some] = read
        return vectors

    def vectors(self, network: Any, tokens: Tensor) -> Tensor:
        given = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        if hasattr(network, TEXT.embed):
            made = getattr(network, TEXT.embed)(**given)  # a tensor before transformers 5
            return (made if isinstance(made, Tensor) else made.pooler_output).float()
        both = hasattr(network, "encoder") and hasattr(network, "decoder")
        encoder = network.get_encoder() if both else network
        mean: Tensor = encoder(**given, return_dict=True).last_hidden_state.float().mean(1)
        return mean

    def probe(self) -> int:
        """The length of a vector; raises Mistake for a model that makes none of a text."""
        try:
            return self.encode(["a text"], torch.device("cpu")).shape[1]
        except Exception as error:  # models fail in every way at what they were not made for
            raise Mistake(f"{self.model} makes no vector of a text: {first_line(error)}") from error


@lru_cache(maxsize=2)
def open_encoder(model: str) -> TextEncoder:
    """The encoder of this name, opened once for all games of a process."""
    return TextEncoder(model)


def load_tokenizer(folder: Path) -> Any:
    """What makes tokens of texts, of the files beside a model; Mistake where there are none."""
    there = any((folder / name).is_file() for name in VOCABULARY_FILES)
    require(there, f"{folder} has no vocabulary of its model: none of {', '.join(VOCABULARY_FILES)}")
    try:
        with quiet_transformers():
            return import_transformers(TEXT).AutoTokenizer.from_pretrained(folder, **SAFE_OPTIONS)
    except Exception as error:  # so do tokenizers that are damaged, new, or need code of their own
        raise Mistake(f"{folder} holds no tokenizer that transformers can load: {first_line(error)}") from error


class HubTextReader(nn.Module):
    """Codes (n, size) of texts, given as tokens or as they are written: an encoder's vectors, normalised.

    Those of the training captions are read once and kept in the cache; its state is what tells the model's files.
    """

    learns = False
    sha256: Tensor

    def __init__(self, encoder: TextEncoder, column: Text) -> None:
        super().__init__()
        self.encoder, self.column, self.known = encoder, column, dict[str, Tensor]()
        self.register_buffer("sha256", torch.tensor([*bytes.fromhex(encoder.sha256)], dtype=torch.uint8))
        self.register_load_state_dict_pre_hook(check_same_model)  # type: ignore[no-untyped-call]

    def forward(self, tokens: Tensor) -> Tensor:
        """The codes of tokens (n, length): each of mean zero and variance one."""
        return self.read(to_texts(tokens, self.column.words))

    def read(self, texts: Sequence[str]) -> Tensor:
        """The codes of texts, whose words are read as captions keep them."""
        texts = [" ".join(split_words(text)[:MAX_WORDS]) for text in texts]
        for text in dict.fromkeys(texts):
            if text not in self.known and text in self.column.captions:
                self.known |= zip(self.column.captions, self.caption_vectors(), strict=True)
            elif text not in self.known:  # alone, so that its last bits hang on nothing else
                self.known[text] = self.encoder.encode([text], self.sha256.device)[0]
        codes = torch.stack([self.known[text] for text in texts]).to(self.sha256.device)
        return layer_norm(codes, codes.shape[1:])

    def unread_words(self, text: str) -> list[str]:
        return []

    def caption_vectors(self) -> Tensor:
        """Of each training caption, (captions, size), from the cache, or read now and kept there."""
        # takes numpy, which pages that only name networks do without
        from ..data.cache.sealed import DamagedFile, describe_rebuild, read_sealed, remove_stale_drafts, write_sealed

        captions = list(self.column.captions)
        facts = (CODES_FORMAT, TEXTS_AT_ONCE, self.encoder.sha256, captions)
        folder = cache_home() / "texts"
        file = folder / f"{hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()}.safetensors"
        remove_stale_drafts(folder)
        if file.exists():
            try:
                return load(read_sealed(file))["vectors"]
            except DamagedFile as why:
                warn_on_stderr(describe_rebuild(file, why))
        parts = []
        with progress_bar(len(captions), "Reading captions") as advance:
            for first in range(0, len(captions), 16 * TEXTS_AT_ONCE):
                some = captions[first : first + 16 * TEXTS_AT_ONCE]
                parts.append(self.encoder.encode(some, self.sha256.device).cpu())
                advance(len(some))
        vectors = torch.cat(parts)
        write_sealed(file, lambda draft: write_tensors(draft, {"vectors": vectors}))
        return vectors


def check_same_model(reader: HubTextReader, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Refuse another model than the one that a run was trained with."""
    same = state.get(f"{prefix}sha256", reader.sha256).cpu().equal(reader.sha256.cpu())
    require(same, f"the text encoder {reader.encoder.model} is not the one that this run was trained with; put that "
                  "one back in its place")  # fmt: skip
