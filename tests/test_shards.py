"""Tars: shards as WebDataset has them, the same samples in any form, and whatever a hostile one may hold."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from data_files import noise, pictures
from saddle.batches import Captioned, Images
from saddle.cli import main
from saddle.data import Feed, Prepare, examine, open_data
from saddle.data.cache.usage import list_cache
from saddle.data.readers import archive, tar_index
from saddle.data.readers.shards import expand_braces, group_of
from saddle.data.readers.tar_index import index_tar
from saddle.errors import Mistake
from test_on_the_fly import assert_goes_on_to_the_same_bits


def png(seed: int, side: int = 16) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise(side, side, 3, seed=seed)).save(file, "PNG")
    return file.getvalue()


def tar(path: Path, files: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as file:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def sample(key: str, seed: int, label: object, text: str = "") -> dict[str, bytes]:
    told = {f"{key}.txt": text.encode()} if text else {}
    return {f"{key}.png": png(seed), f"{key}.cls": str(label).encode(), **told}


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three shards of four samples, whose keys begin anew in each."""
    for shard in range(3):
        files: dict[str, bytes] = {}
        for i in range(4):
            n = 4 * shard + i
            files |= sample(f"{i:05}", n, n % 3, f"number {n}")
        tar(tmp_path / f"shards/train-{shard:03}.tar", files)
    return tmp_path / "shards"


def opened(source: object, home: Path, **options: object) -> tuple[object, list[str]]:
    said: list[str] = []
    return open_data(str(source), Prepare(**options), said.append, cache=home), said  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


ALL = np.stack([noise(16, 16, 3, seed=n) for n in range(12)])


@pytest.mark.parametrize("decode", ["once", "on-the-fly"])
@pytest.mark.parametrize("name", ["", "/train-{000..002}.tar", "/*.tar", "/train-{000,001,002}.tar", ":all"])
def test_shards_are_their_samples_in_the_order_of_the_shards(shards: Path, home: Path, name: str, decode: str) -> None:
    data, said = opened(f"{shards}{name}", home, decode=decode)
    index = np.arange(12)
    assert len(data) == 12 and data.classes == ("0", "1", "2") and np.array_equal(data.labels, index % 3)
    assert np.array_equal(data.samples[index], ALL)
    assert any("classes are those of the .cls beside each picture" in sentence for sentence in said)
    assert not any(".cls" in sentence and "left out" in sentence for sentence in said)


def test_captions_and_options_are_those_of_any_other_files(shards: Path, home: Path) -> None:
    data, _ = opened(shards, home, captions="txt", labels="none")
    batch = next(Feed(data, Captioned, 12, 0, "cpu"))
    assert "label" not in data.columns and len({tuple(row.tolist()) for row in batch.caption}) == 12
    few, _ = opened(shards, home, limit=7, size=8)
    assert len(few) == 7 and few.samples.shape == (7, 8, 8, 3)
    assert examine(str(shards)).count == 12


def test_a_json_tells_the_class_where_no_cls_does(tmp_path: Path, home: Path) -> None:
    files: dict[str, bytes] = {}
    for i in range(6):
        told = {"label": ["cat", "dog"][i % 2], "caption": "x"} if i != 3 else {"caption": "x"}
        files |= {f"{i}.png": png(i), f"{i}.json": json.dumps(told).encode()}
    data, said = opened(tar(tmp_path / "a.tar", files | {"5.json": b"[" * 100_000}), home)
    assert data.classes == ("cat", "dog") and data.labels.tolist() == [0, 1, 0, 0]
    assert any("2 of 6 pictures without a class in a .json beside, 3.png and 1 more" in s for s in said), said
    plain, _ = opened(tmp_path / "a.tar", home, labels="none")
    assert len(plain) == 6 and plain.labels is None


def test_of_several_pictures_of_a_sample_one_is_used(tmp_path: Path, home: Path) -> None:
    files: dict[str, bytes] = {}
    for i in range(4):
        files |= sample(f"{i}", i, i % 2) | {f"{i}.seg.png": png(100 + i)}
    data, said = opened(tar(tmp_path / "a.tar", files), home)
    assert np.array_equal(data.samples[np.arange(4)], ALL[:4])
    assert any("of samples with several pictures one is used; .seg.png is left out" in s for s in said)


def test_a_tar_of_folders_is_as_the_folder_and_the_zip(tmp_path: Path, home: Path) -> None:
    pictures(tmp_path / "set/cat", 3)
    pictures(tmp_path / "set/dog", 2)
    names = sorted(path.relative_to(tmp_path / "set").as_posix() for path in (tmp_path / "set").rglob("*.png"))
    content = {name: (tmp_path / "set" / name).read_bytes() for name in names}
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as file:
        for name in names:
            file.writestr(name, content[name])
    forms = [tar(tmp_path / f"{form}.tar", {f"./set/{name}": content[name] for name in names}, form)
             for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]  # fmt: skip
    (tmp_path / "without").write_bytes(forms[0].read_bytes())  # known by its content
    seen = [opened(source, home)[0] for source in (tmp_path / "set", tmp_path / "z.zip", *forms, tmp_path / "without")]
    assert len({data.fingerprint for data in seen}) == 1 and seen[0].classes == ("cat", "dog")


def test_parts_are_in_the_names_of_shards_or_of_their_folders(tmp_path: Path, home: Path) -> None:
    for number, form in enumerate(("{}-00{}.tar", "{}/00{}.tar")):
        root = tmp_path / f"set{number}"
        for part, first in (("train", 0), ("val", 6)):
            for shard in range(2):
                files = {f"{part}{n}.png": png(n) for n in range(first + 3 * shard, first + 3 * shard + 3)}
                tar(root / form.format(part, shard), files)
        train_, said = opened(root, home)
        held, _ = opened(f"{root}:val", home)
        assert np.array_equal(train_.samples[np.arange(6)], ALL[:6]) and any("not val" in s for s in said)
        assert np.array_equal(held.samples[np.arange(6)], ALL[6:]) and len(opened(f"{root}:all", home)[0]) == 12
    assert [group_of(n) for n in ("train-000123.tar", "test/00012.tar", "a.tar", "7.tar")] == ["train", "test", "a", ""]


def test_the_index_is_kept_and_made_again_where_a_shard_or_the_index_has_changed(
    shards: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(shards, home)
    (index,) = (home / "shards").glob("[!.]*")
    assert any(item.kind == "shards" for item in list_cache(home))
    with monkeypatch.context() as patch:
        patch.setattr("saddle.data.readers.tars.index_tar", None)
        assert len(opened(shards, home)[0]) == 12
    index.write_bytes(index.read_bytes()[:-40] + b"?" * 40)
    data, said = opened(shards, home)
    assert len(data) == 12 and any("is damaged" in sentence for sentence in said)
    tar(shards / "train-002.tar", sample("new", 50, 1))
    assert len(opened(shards, home)[0]) == 9


def test_a_run_on_shards_goes_on_to_the_same_bits(shards: Path, tmp_path: Path) -> None:
    how = {"data": str(shards), "size": 16, "images": 60, "pictures": 0, "device": "cpu", "quiet": True,
           "decode": "on-the-fly", "options": {"batch": "4", "networks.width": "8"}}  # fmt: skip
    assert_goes_on_to_the_same_bits(tmp_path, 6, **how)


def test_what_is_missing_or_packed_is_refused_with_what_to_do(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["doctor", f"{shards}/train-{{000..003}}.tar"]) == 2
    assert "there is no file " in (said := capsys.readouterr().err) and "train-003.tar" in said
    assert main(["doctor", f"{shards}/val-*.tar"]) == 2 and "there is no file" in capsys.readouterr().err
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b")
    assert main(["doctor", str(tmp_path / "x.tar.gz")]) == 2 and "gunzip" in capsys.readouterr().err
    (tmp_path / "y.tar").write_bytes(b"\x1f\x8b" + bytes(2000))
    assert main(["doctor", str(tmp_path / "y.tar")]) == 2 and "is no tar that can be read" in capsys.readouterr().err
    assert main(["doctor", str(tar(tmp_path / "z.tar", {}))]) == 2 and "holds no pictures" in capsys.readouterr().err
    assert list(expand_braces("a-{08..10}{x,y}.tar"))[1:3] == ["a-08y.tar", "a-09x.tar"]
    with pytest.raises(Mistake, match="more than 100,000 files"):
        list(expand_braces("a-{0..999999999}.tar"))


def test_what_is_damaged_costs_itself_alone_and_is_said(tmp_path: Path, home: Path) -> None:
    files = {f"{n}.png": png(n) for n in range(12)}
    raw = bytearray(tar(tmp_path / "a.tar", files, tarfile.USTAR_FORMAT).read_bytes())
    with tarfile.open(tmp_path / "a.tar") as file:
        places = {member.name: member for member in file}
    raw[places["3.png"].offset + 5] ^= 255  # a header
    raw[places["7.png"].offset_data + 100] ^= 255  # a picture
    cut = places["11.png"].offset_data + 20
    (tmp_path / "b.tar").write_bytes(raw[:cut])
    data, said = opened(tmp_path / "b.tar", home)
    kept = [n for n in range(12) if n not in (3, 7, 11)]
    assert np.array_equal(data.samples[np.arange(9)], ALL[kept])
    assert any("damaged headers are passed over: 1" in s for s in said)
    assert any("files that are cut off at its end are passed over: 1" in s for s in said)
    assert any("7.png is skipped: it is broken" in s for s in said), said
    (tmp_path / "c.tar").write_bytes(raw[: places["11.png"].offset + 77])  # within the last header
    assert any("files that are cut off at its end are passed over: 1" in s for s in opened(tmp_path / "c.tar", home)[1])


def test_a_hostile_tar_reads_nothing_but_itself(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(ALL[0]).save(tmp_path / "secret.png")
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name, kind, link in (
            ("link.png", tarfile.SYMTYPE, "secret.png"),
            ("hard.png", tarfile.LNKTYPE, str(tmp_path / "secret.png")),
            ("fifo.png", tarfile.FIFOTYPE, ""),
            ("device.png", tarfile.CHRTYPE, ""),
            ("sparse.png", tarfile.GNUTYPE_SPARSE, ""),
            ("folder.png", tarfile.DIRTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            file.addfile(member)
        for name, content in {"../../up.png": png(1), "/etc/root.png": png(2), "x.tar": b"inner",
                              **{f"{n}.png": png(n) for n in range(4)},
                              "long" * 60 + ".png": png(4)}.items():  # fmt: skip
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    data, said = opened(tmp_path / "a.tar", home)
    assert np.array_equal(data.samples[np.arange(5)], ALL[:5])
    for sentence in ("links are passed over: 2", "fifos are passed over: 1", "devices are passed over: 1",
                     "sparse files are passed over: 1", "files whose paths lead out of it are passed over: 2",
                     "1 file (1 .tar) is not looked into"):  # fmt: skip
        assert any(sentence in s for s in said), (sentence, said)
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 100)
    with pytest.raises(Mistake, match="it would unpack to"):
        opened(tmp_path / "a.tar", home, size=8, channels=3)


def header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    block = bytearray(512)
    block[: len(name)], block[124 : 124 + len(size)], block[156:157] = name, size, kind
    block[257:263] = b"ustar\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "content",
    [
        header(b"a.png", b"77777777777"),  # 8 GB that are not there
        header(b"a.png", b"\x80" + b"\xff" * 11),  # 10^26 bytes
        header(b"a.png", b"-1"),
        header(b"a", b"77777777777", b"L"),
        header(b"a", b"00000000020", b"x") + b"9999999 path=x\n" + bytes(497),
        header(b"a", b"00000000020", b"x") + b"16 size=-1\n" + bytes(501) + header(b"a.png", b"1"),
        header(b"a", b"00000000000", b"x") * 5000,
        header(b"", b"1") + bytes(512),
        b"\xff" * 3000,
        b"ustar" * 1000,
        b"",
    ],
)
def test_absurd_headers_end_where_the_file_does(content: bytes) -> None:
    found = index_tar(io.BytesIO(content), len(content))
    assert all(member.start >= 0 and member.start + member.size <= len(content) for member in found.members)


def test_any_byte_may_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_index, "SEARCHED_BYTES", 1024)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        for n in range(4):
            member = tarfile.TarInfo(f"{'deep/' * 30}{n}.png")
            member.size = 300
            made.addfile(member, io.BytesIO(bytes(300)))
    whole, dice = file.getvalue(), np.random.default_rng(0)
    for _ in range(300):
        raw = bytearray(whole[: dice.integers(len(whole))])
        for at in dice.integers(0, max(1, len(raw)), 4) if raw else ():
            raw[at] = dice.integers(256)
        found = index_tar(io.BytesIO(bytes(raw)), len(raw))
        assert all(m.start + m.size <= len(raw) and m.size >= 0 for m in found.members) and len(found.members) <= 4


def test_images_come_the_same_from_threads(shards: Path, home: Path) -> None:
    live, kept = (opened(shards, home, decode=mode, flip=True)[0] for mode in ("on-the-fly", "once"))
    feeds = [Feed(data, Images, 5, 0, "cpu") for data in (live, kept)]
    for one, two in zip(*([next(feed) for _ in range(8)] for feed in feeds), strict=True):
        assert torch.equal(one.image, two.image) and torch.equal(one.condition, two.condition)
