"""Models of the Hugging Face hub, or in folders of its layout: found, loaded as safetensors, hashed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Mistake, require
from .extras import install

if TYPE_CHECKING:
    from torch import nn

HUB_MODEL_PREFIX = "hf:"
CONFIG_FILE, PREPROCESSOR_FILE, WEIGHTS_FILE = "config.json", "preprocessor_config.json", "model.safetensors"
SHARD_PATTERN = "model-*-of-*.safetensors"
VOCABULARY_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
TOKENIZER_FILES = (*VOCABULARY_FILES, "merges.txt", "tokenizer_config.json", "special_tokens_map.json",
                   "added_tokens.json")  # fmt: skip
SAFE_OPTIONS = {"local_files_only": True, "trust_remote_code": False}
TRANSFORMERS = "transformers"  # the package, and the extra that installs it


@dataclass(frozen=True)
class ModelKind:
    """What a model is wanted for."""

    name: str  # as it is spoken of
    reads: str  # what, of the two that models read
    tensor: str  # transformers' name of that
    embed: str  # the method that gives the embedding, where a model has one
    files: tuple[str, ...]  # that say how it is read, beside its config and weights
    unused: tuple[str, ...]  # parts of a model that may lack weights, since they are not asked


VISION = ModelKind("vision model", "images", "pixel_values", "get_image_features", (PREPROCESSOR_FILE,), ("pooler",))
TEXT = ModelKind("text encoder", "texts", "input_ids", "get_text_features", TOKENIZER_FILES, ("pooler", "decoder"))


def import_transformers(kind: ModelKind) -> Any:
    """The package transformers, imported only when it is needed; raises Mistake where it is not installed."""
    try:
        return import_module(TRANSFORMERS)
    except ImportError as error:
        raise Mistake(missing_transformers(kind)) from error


def missing_transformers(kind: ModelKind) -> str:
    return f"a {kind.name} is read with transformers, which is not installed: {install(TRANSFORMERS)}"


def find_model_folder(model: str, kind: ModelKind) -> Path:
    """The folder of that name, or the hub's model in its cache, downloaded if need be; else raises Mistake."""
    here = bool(model) and Path(model).is_dir()
    path = Path(model).is_absolute() or model.startswith((".", "~")) or model.count("/") > 1
    require(here or not path, f"there is no folder {model} (a model of the hub is named {HUB_MODEL_PREFIX}OWNER/NAME)")
    import_transformers(kind)
    if here:
        return Path(model)
    hub, errors = import_module("huggingface_hub"), import_module("huggingface_hub.errors")
    wanted = [CONFIG_FILE, *kind.files, WEIGHTS_FILE, SHARD_PATTERN, f"{WEIGHTS_FILE}.index.json"]
    try:
        return Path(hub.snapshot_download(model, allow_patterns=wanted))
    except Exception as error:  # networks, disks and remote files fail in every way
        away = isinstance(error, errors.LocalEntryNotFoundError)
        why = "it is not in its cache, and the hub cannot be reached" if away else first_line(error)
        raise Mistake(
            f"{model or 'a model without a name'} is no folder here and could not be had from the Hugging Face hub "
            f"({why}): where there is a network, `hf download {model}` fetches it; "
            f"or name a folder that holds the model's {CONFIG_FILE}, {kind.files[0]} and {WEIGHTS_FILE}"
        ) from error


def find_weight_files(folder: Path) -> list[Path]:
    """The files of a model's weights; raises Mistake for what is no model in the hub's layout."""
    require(
        (folder / CONFIG_FILE).is_file(),
        f"{folder} is no model in the Hugging Face hub's layout: it has no {CONFIG_FILE}",
    )
    files = [*folder.glob(WEIGHTS_FILE), *sorted(folder.glob(SHARD_PATTERN))]
    require(len(files) > 0, f"{folder} has no {WEIGHTS_FILE}; pickled weights (.bin) can run code and are not read")
    return files


def load_model(folder: Path, kind: ModelKind) -> tuple[nn.Module, bool]:
    """A network of this kind, in single precision, and whether all of its parts, a pooler say, came with weights.

    No code that lies beside a model is run. Raises Mistake for a model of another kind, or that lacks weights.
    """
    import torch

    transformers = import_transformers(kind)
    find_weight_files(folder)
    try:
        made = transformers.MODEL_MAPPING[type(transformers.AutoConfig.from_pretrained(folder, **SAFE_OPTIONS))]
        reads = hasattr(made, kind.embed) or made.main_input_name == kind.tensor
        require(reads, f"{made.__name__} reads no {kind.reads}")
        with quiet_transformers(), torch.random.fork_rng(devices=()):  # weights that are not there are drawn by chance
            network, said = transformers.AutoModel.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **SAFE_OPTIONS
            )
    except Exception as error:  # so do models that are damaged, new, or of another kind
        raise Mistake(f"{folder} holds no {kind.name} that transformers can load: {first_line(error)}") from error
    lacking = sorted(said["missing_keys"])
    others = [name for name in lacking if not any(part in name for part in kind.unused)]
    if others:
        raise Mistake(f"{folder} lacks {others[0]} and {len(others) - 1} more of the weights that its model needs")
    return network.float(), not lacking


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' bars, and its tables of weights that are not needed here."""
    logging = import_module("transformers.utils.logging")
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def first_line(error: Exception) -> str:
    """The first line of what an error says."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def read_json_facts(file: Path) -> dict[str, Any]:
    """What a JSON file says; raises Mistake for a damaged one."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise Mistake(f"{file} cannot be read as JSON: {first_line(error)}") from error


def hash_model_files(folder: Path, kind: ModelKind) -> str:
    """The sha256 of the weights and of the files that say how they are used."""
    total = hashlib.sha256()
    told = [file for name in (CONFIG_FILE, *kind.files) if (file := folder / name).is_file()]
    for file in (*told, *find_weight_files(folder)):
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()
