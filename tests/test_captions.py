"""Captions: from a table, from text files, from a metadata.jsonl, of glyphs, from a program; and what is wrong."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from saddle.data import Prepare, open_data
from saddle.data.captioned import CAPTION, CaptionRows
from saddle.data.dataset import Dataset
from saddle.data.glyph_captions import FAMILIES, glyph_attributes, glyph_caption
from saddle.data.glyphs import CHARACTERS, FACES
from saddle.data.in_memory import open_given
from saddle.data.order import random_words
from saddle.errors import Mistake
from saddle.notices import notify_nobody
from saddle.shape import Text
from saddle.texts import PADDING, UNKNOWN, describe_texts, split_words, to_texts, to_tokens, unknown_words

SAID = ["a red cat", "a blue dog, asleep", "a red dog", "two cats"]


def pictures(folder: Path, count: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("L", (8, 8), 40 * i).save(folder / f"{i}.png")
    return folder


def captions_of(data: Dataset) -> list[str]:
    index, holds = np.arange(len(data)), data.columns[CAPTION]
    assert isinstance(holds, Text)
    return to_texts(data.take(index, random_words(0, index), (CAPTION,))[CAPTION], holds.words)


def opened(source: Path | str, say: list[str] | None = None, **options: object) -> Dataset:
    return open_data(str(source), Prepare(**options), notify_nobody if say is None else say.append)  # type: ignore[arg-type]


def test_words_are_split_as_people_read_them():
    assert split_words("An A-shaped cat's ear, 2 eyes!") == ["An", "A", "-", "shaped", "cat", "'", "s", "ear", ",", "2",
                                                             "eyes", "!"]  # fmt: skip
    assert split_words("床前明月光, light") == [*"床前明月光", ",", "light"]


def test_texts_become_tokens_and_texts_again():
    holds = describe_texts(SAID)
    tokens = to_tokens(SAID, holds)
    assert tokens.shape == (4, holds.length) and int(tokens.max()) < holds.vocabulary
    assert to_texts(tokens, holds.words) == ["a red cat", "a blue dog , asleep", "a red dog", "two cats"]
    assert int((tokens[3] == PADDING).sum()) == holds.length - 2
    (row,) = to_tokens(["A RED bird"], holds)
    assert row[:3].tolist() == [holds.words.index("a"), holds.words.index("red"), UNKNOWN]
    assert unknown_words("A RED bird, and two birds!", holds) == ["bird", "and", "birds"]
    assert holds == Text(holds.length, holds.vocabulary) and list(holds.captions.values()) == [1, 1, 1, 1]


@pytest.mark.parametrize("way", ["csv", "txt", "jsonl"])
def test_captions_are_found_and_said_in_a_folder_and_in_an_archive(way: str, tmp_path: Path):
    folder = pictures(tmp_path / "set")
    if way == "csv":
        rows = "".join(f'{i}.png,x,"{text}"\n' for i, text in enumerate(SAID))
        (folder / "all.csv").write_text("file,kind,caption\n" + rows)
    if way == "txt":
        for i, text in enumerate(SAID):
            (folder / f"{i}.txt").write_text(text + "\n")
    if way == "jsonl":
        rows = "".join(json.dumps({"file_name": f"{i}.png", "text": text}) + "\n" for i, text in enumerate(SAID))
        (folder / "metadata.jsonl").write_text(rows)
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.iterdir()):
            file.write(path, path.name)
    for source in (folder, archive):
        data = opened(source, said := [], captions="auto")
        assert captions_of(data) == ["a red cat", "a blue dog , asleep", "a red dog", "two cats"]
        where = {"csv": "all.csv:caption", "txt": "NAME.txt", "jsonl": "metadata.jsonl:text"}[way]
        assert any(f"captions are read from {where}" in sentence for sentence in said)
        assert not any("left out" in sentence for sentence in said)
        named = {"csv": "all.csv:caption", "txt": "txt", "jsonl": "metadata.jsonl:text"}[way]
        opened(source, said := [], captions=named)
        assert not any("caption" in sentence or "left out" in sentence for sentence in said), "it was named"
        assert "caption" not in opened(source, said := []).columns
        assert any("left out, being no picture" in sentence for sentence in said)
        again = opened(source, captions="auto")
        assert again.fingerprint == data.fingerprint != opened(source).fingerprint


def test_a_column_is_named_and_what_is_missing_is_counted_with_the_way_out(tmp_path: Path):
    folder = pictures(tmp_path / "set")
    (tmp_path / "tags.csv").write_text("file,hair,said\n0.png,red,one red\n1.png,blue,\n2.png,red,two red\n")
    with pytest.raises(Mistake, match=r"of 4 pictures of set 2 have no caption in tags.csv:said, such as 1.png; "
                                      r"--uncaptioned drop leaves these out"):  # fmt: skip
        opened(folder, captions="tags.csv:said")
    data = opened(folder, said := [], captions="tags.csv:said", uncaptioned="drop")
    assert captions_of(data) == ["one red", "two red"] and len(data) == 2
    shown = data.take(np.arange(2), random_words(0, np.arange(2)), ("image", CAPTION))["image"]
    assert shown[:, 0, 0, 0].tolist() == [0, 80]
    assert any("2 pictures of 4 without a caption in tags.csv:said left out" in sentence for sentence in said)
    with pytest.raises(Mistake, match="has no column sad; did you mean said"):
        opened(folder, captions="tags.csv:sad")
    with pytest.raises(Mistake, match=r"no captions lie beside .* name a table with --captions FILE.csv:COLUMN"):
        opened(pictures(tmp_path / "bare"), captions="auto")
    with pytest.raises(Mistake, match=r"there is no table tag.csv"):
        opened(folder, captions="tag.csv:said")


def test_captions_that_no_run_could_keep_or_that_are_none_are_refused(tmp_path: Path):
    folder = pictures(tmp_path / "data")
    rows = [json.dumps({"file_name": f"{i}.png", "text": SAID[i] + "\ud800" * (i == 2)}) for i in range(4)]
    (folder / "metadata.jsonl").write_text("\n".join(rows))
    with pytest.raises(Mistake, match=r"metadata.jsonl:text has a text with half a character: .*; take it out"):
        opened(folder, captions="auto")
    images = np.zeros((4, 8, 8), np.uint8)
    for given, words in ((["a", "", "b", " "], "has 2 rows of 4 without a text"),
                         (["a", None, "b", "c"], "has 1 row of 4 without"),
                         (["a", "b\0", "c", "d"], "has a text with a NUL")):  # fmt: skip
        with pytest.raises(Mistake, match=f"caption {words}"):
            open_given({"image": images, "caption": np.array(given, object)}, Prepare(), notify_nobody, "data")


def test_of_several_captions_one_is_shown_each_time_by_chance():
    rows = CaptionRows.of([("one",), ("two", "three", "four")])
    index = np.ones(600, np.int64)
    taken = to_texts(rows.take(index, random_words(0, np.arange(600))), rows.holds.words)
    shares = [taken.count(word) / 600 for word in ("two", "three", "four")]
    assert min(shares) > 0.25 and sum(shares) == 1
    assert rows.take(index * 0, random_words(0, np.arange(600))).unique(dim=0).shape[0] == 1


def test_glyphs_say_their_weight_family_and_letter():
    assert glyph_caption("A", "serif") == "a bold serif letter A"  # heavier than the bold face
    assert glyph_attributes("3", "bold modern") == ("3", "regular", "serif")  # as it looks at 32 pixels
    assert glyph_attributes("h", "mono") == ("h", "bold", "sans") and {*FAMILIES} == {f.split()[-1] for f in FACES}
    data = opened("glyphs", captions="auto", limit=500, size=16)
    said = captions_of(data)
    assert said[0] == "a bold sans digit 0" and said[432] == said[0] and len(set(said)) == 5 * len(CHARACTERS)
    assert opened("glyphs", limit=500, size=16).columns.keys() == {"image", "label"}
    with pytest.raises(Mistake, match="has no captions: they go with glyphs and with files"):
        opened("stacked-glyphs", captions="auto")


def test_a_program_gives_texts():
    images = np.zeros((4, 8, 8), np.uint8)
    data = open_given({"image": images, "caption": SAID}, Prepare(), notify_nobody, "given")
    assert captions_of(data)[0] == "a red cat"
    tokens = open_given({"image": images, "caption": np.arange(8).reshape(4, 2)}, Prepare(), notify_nobody, "given")
    assert tokens.columns[CAPTION] == Text(2, 8)
    taken = tokens.take(np.arange(4), random_words(0, np.arange(4)), (CAPTION,))[CAPTION]
    assert torch.equal(taken, torch.arange(8).view(4, 2))
