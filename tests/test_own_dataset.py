"""A data set of somebody's own gives what its columns say, or the work ends with a sentence before it is begun."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from data_files import noise
from saddle import train
from saddle.batches import Images
from saddle.data import ArrayDataset, Dataset, Feed, Prepare
from saddle.data.dataset import main_shape
from saddle.data.in_memory import open_given
from saddle.data.sides import make_sides
from saddle.errors import Failure, Mistake
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.shape import Classes, Column, Picture, Shape

IMAGES, COUNT = torch.from_numpy(noise(40, 8, 8, 3)).permute(0, 3, 1, 2), 40
LABELS = torch.arange(COUNT) % 3
Change = Callable[[Tensor], Any]


class Own:
    """Columns, of which one is given as a change makes it, from a sample on."""

    name, fingerprint = "own", "of-own"
    columns: Mapping[str, Column] = {"image": Picture(Shape(3, 8, 8)), "label": Classes(3)}
    shape = main_shape(columns)

    def __init__(self, column: str = "", change: Change = lambda rows: rows, since: int = 0) -> None:
        self.column, self.change, self.since = column, change, since

    def __len__(self) -> int:
        return COUNT

    def take(self, index: np.ndarray, chance: np.ndarray, columns: Collection[str]) -> dict[str, Any]:
        found = {"image": IMAGES[index], "label": LABELS[index]}
        asked = {name: rows for name, rows in found.items() if name in columns}
        late = index.max() >= self.since
        return {n: self.change(rows) if n == self.column and late else rows for n, rows in asked.items()}


def opened(data: Dataset, said: list[str] | None = None) -> Dataset:
    return open_given(data, Prepare(), [].append if said is None else said.append, "data in memory")


@pytest.mark.parametrize("change", [
    lambda x: x.contiguous(), lambda x: (x.double() / 127.5 - 1).requires_grad_(), lambda x: x.float() / 127.5 - 1,
])  # fmt: skip
def test_bytes_and_floats_of_any_kind_are_played_as_an_array_is(change: Change) -> None:
    whole = opened({"image": IMAGES, "label": LABELS})  # type: ignore[arg-type]
    own, known = (next(Feed(data, Images, 8, 0, "cpu")) for data in (opened(Own("image", change)), whole))
    torch.testing.assert_close(own.image, known.image, rtol=0, atol=1e-6)
    assert own.image.dtype == torch.float32 and not own.image.requires_grad
    assert own.image.stride() == known.image.stride()
    assert own.condition is not None and known.condition is not None and torch.equal(own.condition, known.condition)


FAULTS: list[tuple[str, Change, str]] = [
    ("image", lambda x: x.float(), r"numbers from 0 to 255 as image, .* of uint8, or of floats in \[-1, 1\]"),
    ("image", lambda x: x.float() * torch.nan, "numbers from nan to nan as image"),
    ("image", lambda x: x.short(), "of int16 as image"),
    ("image", lambda x: x.permute(0, 2, 3, 1), r"\(16, 8, 8, 3\) of uint8 as image, where a tensor \(16, 3, 8, 8\)"),
    ("image", lambda x: x[:, :, ::2, ::2], r"\(16, 3, 4, 4\) of uint8"),
    ("image", lambda x: x[:-1], r"\(15, 3, 8, 8\) of uint8"),
    ("image", lambda x: x.numpy(), "a ndarray as image"),
    ("image", lambda x: 1 // 0, "test_own_dataset.py, line .*: ZeroDivisionError"),
    ("label", lambda x: x.float(), r"\(16,\) of float32 as label, .* of whole numbers below 3"),
    ("label", lambda x: x + 1, "numbers from 1 to 3 as label"),
    ("label", lambda x: x[:, None], r"\(16, 1\) of int64 as label, where a tensor \(16,\)"),
]


@pytest.mark.parametrize(("column", "change", "sentence"), FAULTS)
def test_what_its_columns_do_not_say_is_refused(column: str, change: Change, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=sentence):
        train("gan", Own(column, change), out=tmp_path / "run", quiet=True, device="cpu")
    assert not list(tmp_path.iterdir())
    late = opened(Own(column, change, since=20))
    with pytest.raises(Failure, match=sentence):
        late.take(np.arange(20, 36), np.zeros(16, np.uint64), (column,))
    with pytest.raises(Mistake, match=sentence):
        opened(make_sides("both", a=Own(column, change), b=Own())) if column == "image" else opened(Own(column, change))


def test_facts_that_are_none_are_refused() -> None:
    for sentence, facts in (
        ("Own is no Dataset: its name and fingerprint should be texts", {"name": None}),
        (r"its column label is 3, but should be Classes", {"columns": Own.columns | {"label": 3}}),
        ("take gave no image and no label", {"take": lambda *_: {}}),
        ("take gave NoneType, but should give a mapping", {"take": lambda *_: None}),
    ):
        own = Own()
        vars(own).update(facts)
        with pytest.raises(Mistake, match=sentence):
            opened(own)
    for sentence, labels, classes in (("labels, but no classes", LABELS, ()), ("39 labels", LABELS[1:], tuple("abc"))):
        with pytest.raises(Mistake, match=sentence):
            ArrayDataset("own", noise(40, 8, 8, 3), labels.numpy(), classes)


def test_floats_that_are_never_dark_are_said() -> None:
    said: list[str] = []
    opened(Own("image", lambda x: x.float() / 255), said)
    assert len(said) == 1 and "floats of image, from 0 to 1, are taken for what they are in [-1, 1]" in said[0]


def test_classes_without_names_are_numbered(tmp_path: Path) -> None:
    run = train("cgan-dense", Own(), out=tmp_path / "run", quiet=True, device="cpu", images=8, pictures=0,
                options={"batch": "8"})  # fmt: skip
    assert Manifest.read(RunFolder(run)).data["classes"] == ["0", "1", "2"]
