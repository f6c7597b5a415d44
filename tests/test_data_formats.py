"""Every picture is taken, whatever its file is called; what only looks like one is counted."""

import os
import warnings
import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from data_files import noise, pictures, save, smooth
from saddle.data import Prepare, examine, open_data
from saddle.data.readers.image_formats import IMAGE_ENDINGS, open_image, readable_formats
from saddle.errors import Mistake

SAID: list[str] = []


def read(source, **options):
    SAID.clear()
    return open_data(str(source), Prepare(**options), SAID.append)


def encoded(form: str, seed: int = 0) -> bytes:
    raw = BytesIO()
    Image.fromarray(smooth(16, 16, seed)).save(raw, form)
    return raw.getvalue()


FORMS = {
    "a.jfif": "JPEG", "b.JPE": "JPEG", "c.ppm": "PPM", "d.tga": "TGA", "e": "PNG", "f.jpg?w=640": "JPEG",
    "g.PNG": "BMP", "h.jpg": "WEBP", "i.data": "GIF", "j.tif": "TIFF", "k.pnm": "PPM", "l.png!large": "PNG",
    "m.pcx": "PCX", "n.dib": "DIB", "o.ico": "PNG",
}  # fmt: skip
FORMS |= {"p.jp2": "JPEG2000"} if features.check("jpg_2000") else {}
FORMS |= {"q.avif": "AVIF"} if features.check("avif") else {}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_pictures_are_known_by_their_content(tmp_path, kind):
    home = tmp_path / "in"
    home.mkdir()
    for i, (name, form) in enumerate(FORMS.items()):
        (home / name).write_bytes(encoded(form, i))
    (home / "no").write_text("no picture, and no ending")
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as file:
            for path in home.iterdir():
                file.write(path, path.name)
        home = tmp_path / "in.zip"
    data = read(home)
    assert len(data) == len(FORMS) and data.shape.height == 16
    assert [sentence.partition(": ")[2] for sentence in SAID] == [
        "1 file (1 without an ending) is left out, for no picture is in it"
    ]
    for i, sample in enumerate(data.samples):
        near = [np.abs(sample.astype(int) - smooth(16, 16, j)).mean() for j in range(len(FORMS))]
        assert np.argmin(near) == i, sorted(FORMS)[i]


def test_grey_and_rare_forms_and_a_wrong_name(tmp_path):
    save(tmp_path / "a.pgm", noise(8, 8))
    save(tmp_path / "b.pbm", noise(8, 8) > 99)
    save(tmp_path / "c.qoi", noise(8, 8, 3)) if "QOI" in Image.SAVE else None
    (tmp_path / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    data = read(tmp_path)
    assert len(data) >= 2 and "EPS" not in readable_formats()
    assert "script.png is skipped: it is no picture that can be read" in SAID


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>", "it is a web page, no picture"),
        (b"<?xml version='1.0'?><svg>", "it is XML or SVG, no picture of pixels"),
        (b"version https://git-lfs.github.com/spec/v1\n", "it is a pointer of Git LFS, not the picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "it is HEIC, which pip install pillow-heif lets saddle read"),
        (b"hello", "it is no picture that can be read"),
    ],
)
def test_what_is_no_picture_says_what_it_is(content, why):
    if "HEIC" in why and "HEIF" in readable_formats():
        pytest.skip("this Pillow reads HEIC")
    with pytest.raises(Mistake) as caught:
        open_image(BytesIO(content), "a.jpg")
    assert str(caught.value).startswith(why)


def test_what_looks_like_a_picture_and_is_none_is_counted(tmp_path):
    pictures(tmp_path, 12)
    for i in range(7):
        (tmp_path / f"w{i}.jpg").write_text("<html></html>")
    for name in ("._a.jpg", "._b.jpg", "Thumbs.db", "desktop.ini", ".hidden.png", "z.png"):
        (tmp_path / name).write_bytes(b"")
    assert len(read(tmp_path)) == 12
    assert SAID[0] == f"{tmp_path}: 5 files (2 ._ of macOS, 1 hidden, 1 .db, 1 .ini) are left out, being no pictures"
    assert SAID[1:6] == [f"w{i}.jpg is skipped: it is a web page, no picture" for i in range(5)]
    assert SAID[6:] == ["3 files (2 .jpg, 1 .png) are skipped as well, for they cannot be read"]
    said: list[str] = []
    report = examine(str(tmp_path), Prepare(), said.append)
    assert said == SAID[:1] and "8 of 20 cannot be read (7 .jpg, 1 .png)" in report.advice[0]


def moving(path, count: int, **options) -> None:
    frames = [Image.fromarray(smooth(16, 16, i)) for i in range(count)]
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)


def test_further_frames_are_said_and_taken_if_asked_for(tmp_path):
    home = tmp_path / "in"
    home.mkdir()
    moving(home / "a.tif", 3)
    moving(home / "b.gif", 2)
    save(home / "c.gif", smooth(16, 16, 5))
    assert len(read(home)) == 3
    assert SAID == ["in: of 2 files with further frames, such as a.tif, the first is used; --frames all takes all"]
    data = read(home, frames="all")
    assert len(data) == 6 and not SAID and np.array_equal(data.samples[1], smooth(16, 16, 1))
    (home / "t.csv").write_text("a.tif,x\nb.gif,y\nc.gif,x\n")
    assert read(home, frames="all", labels="t.csv").labels.tolist() == [0, 0, 0, 1, 1, 0] and not SAID
    with pytest.raises(Mistake, match=r"is a single picture; .* --frames all to use its frames"):
        read(home / "a.tif")
    assert len(read(home / "a.tif", frames="all")) == 3


def test_frames_are_found_whatever_the_name_and_kind(tmp_path):
    home = tmp_path / "in"
    home.mkdir()
    kinds = {"a.webp": "WEBP", "b.png": "PNG", "c": "GIF", "d.tif?w=64": "TIFF"}
    kinds |= {"e.avif": "AVIF"} if "AVIF" in readable_formats() else {}
    for name, kind in kinds.items():
        moving(home / name, 2, format=kind)
    save(home / "f.webp", smooth(16, 16, 5))
    assert len(read(home)) == len(kinds) + 1
    assert SAID[-1].startswith(f"in: of {len(kinds)} files with further frames, such as a.webp")
    assert len(read(home, frames="all")) == 2 * len(kinds) + 1
    with pytest.raises(Mistake, match="--frames all"):
        read(home / "a.webp")
    with pytest.raises(Mistake, match=r"single picture; name the folder that holds it and others$"):
        read(home / "f.webp")


def test_archives_among_pictures_are_no_pictures_and_yet_not_left_unsaid(tmp_path):
    pictures(tmp_path / "in")
    (tmp_path / "in" / "more.zip").write_bytes(b"PK")
    read(tmp_path / "in")
    examine(str(tmp_path / "in"), Prepare(), SAID.append)
    assert len(SAID) == 2 and SAID[0] == SAID[1]
    assert "1 file (1 .zip) is not looked into; unpack it, or name one, to use what it holds" in SAID[0]


def test_the_only_archive_of_a_folder_is_taken_and_said(tmp_path):
    pictures(tmp_path / "a")
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name in ("x.zip", "sub/y.zip"):
        with zipfile.ZipFile(tmp_path / "in" / name, "w") as archive:
            archive.write(tmp_path / "a" / "000.png", "0.png")
            archive.write(tmp_path / "a" / "001.png", "1.png")
    assert len(read(tmp_path / "in")) == 2
    assert SAID[0].endswith("the file x.zip is used") and "1 file (1 .zip) is not looked into" in SAID[1]


def test_known_endings_are_not_opened_to_see_what_they_are(tmp_path, monkeypatch):
    pictures(tmp_path, 3, ending="bmp")
    read(tmp_path)
    monkeypatch.setattr(Image, "open", None)
    assert len(read(tmp_path)) == 3  # a second start reads names alone
    assert all(end == end.lower() and end.startswith(".") for end in IMAGE_ENDINGS)


PICTURE = encoded("PNG")


def zipped(names: list[str]) -> bytes:
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that stand twice
        for name in names:
            file.writestr(zipfile.ZipInfo(name), PICTURE)
    return raw.getvalue()


WHOLE = zipped(["a/1.png", "a/2.png", "b/1.png", "dataset.json"])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(
    st.binary(max_size=60),
    st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4)).map(
        lambda change: WHOLE[: change[0]] + change[1] + WHOLE[change[0] + len(change[1]) :]),
    st.integers(0, len(WHOLE)).map(lambda cut: WHOLE[:cut]),
    st.lists(st.text("ab./\\:\0ü", min_size=1, max_size=9).map(lambda name: name + ".png"), max_size=4, unique=True)
        .map(zipped),
))  # fmt: skip
def test_any_bytes_are_a_zip_or_a_mistake(tmp_path, raw):
    (tmp_path / "a.zip").write_bytes(raw)
    try:
        report = examine(str(tmp_path / "a.zip"), Prepare())
    except Mistake:
        return
    assert report.count > 0


@pytest.mark.skipif(os.name != "posix", reason="names of other systems cannot be written here")
def test_names_that_are_no_text_are_read(tmp_path):
    for i, name in enumerate((b"caf\xe9.png", b"a\nb.png", b"\xff/x.png")):
        path = os.fsencode(tmp_path) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(encoded("PNG", i))
    assert len(read(tmp_path)) == 3
