"""Which files are pictures: by their endings where those are known, by their first bytes where they are not."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from ...errors import Mistake, require
from ...regular import is_regular_file

# No others: some of Pillow's readers start programs, and some take anything for a picture.
FORMATS_BY_CONTENT = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM", "AVIF", "HEIF", "JPEG2000", "QOI",
                      "PSD",
              "SGI", "SUN", "DDS", "ICO", "ICNS", "XBM", "XPM")  # fmt: skip
FORMATS_BY_NAME = {
    "TGA": (".tga", ".icb", ".vda", ".vst"),
    "PCX": (".pcx",),
}  # nothing at their beginning tells them apart
IMAGE_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff",
                 ".gif",
           ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".j2c", ".jpf", ".jpx", ".jpc",
           ".qoi", ".psd", ".sgi", ".ras", ".sun", ".dds", ".ico", *FORMATS_BY_NAME["TGA"],
           *FORMATS_BY_NAME["PCX"])  # fmt: skip
NOT_IMAGES = """
7z arrow avi bak bz2 c cfg ckpt cls cpp crdownload css csv db dll doc docx eps exe flac gz h h5 hdf5 htm html ini ipynb
js json jsonl lmdb lnk lock log m mat md md5 mdb mkv mov mp3 mp4 npy npz o ogg onnx otf parquet part pdf pickle pkl
ppt pptx ps pt pth py pyc r rar rst safetensors sh sha1 sha256 sha512 so sqlite svg tar tfrecord tfrecords tgz tmp
toml tsv ttf txt url wav webm xls xlsx xml xz yaml yml zip zst
"""
NON_IMAGE_ENDINGS = frozenset(
    f".{end}" for end in NOT_IMAGES.split()
)  # of files that nobody takes for pictures: not opened to see
ARCHIVE_ENDINGS = (
    ".zip",
    ".tar",
    ".tgz",
    ".gz",
    ".bz2",
    ".xz",
    ".zst",
    ".7z",
    ".rar",
    ".npz",
    ".npy",
)  # may hold pictures
HEADER_BYTES = 512  # bytes that tell what a file is
SADDLE_MARKS = (
    (33, b"\0\0\0\x0ftEXtSoftware\0saddle"),
    (37, b"tEXtrow\0"),
)  # places and marks in saddle's PNGs; 0.1.0's last


def file_ending(name: str) -> str:
    """The ending of a file's name, `.jpg`, in small letters; nothing where it has none."""
    stem, dot, end = name.rpartition("/")[2].rpartition(".")
    return f".{end.lower()}" if dot and stem and end else ""


def has_image_ending(name: str) -> bool:
    return file_ending(name) in IMAGE_ENDINGS


def may_be_image(name: str) -> bool:
    """Does it end like a picture, or so that only its content can tell?"""
    return file_ending(name) not in NON_IMAGE_ENDINGS


@cache
def readable_formats() -> tuple[str, ...]:
    """Those of the formats that this Pillow reads, HEIF where its plugin is installed."""
    with suppress(ImportError):
        from pillow_heif import register_heif_opener  # type: ignore[import-not-found,unused-ignore]

        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS_BY_CONTENT if name in Image.OPEN)


def open_image(source: Path | BinaryIO, name: str = "") -> Image.Image:
    """The picture, its header read and its pixels not yet; to be used in a `with`; raises Mistake for no picture."""
    end = file_ending(name or (source.name if isinstance(source, Path) else ""))
    named = tuple(kind for kind, ends in FORMATS_BY_NAME.items() if end in ends)
    if isinstance(source, Path) and source.exists():  # it was regular when the folder was walked, and may be so no more
        require(is_regular_file(source), "it is no regular file any more")
    try:
        return Image.open(source, formats=(*named, *readable_formats()))
    except UnidentifiedImageError as error:
        raise Mistake(describe_non_image(read_start(source))) from error


def read_start(source: Path | BinaryIO) -> bytes:
    """The first bytes of a file."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(HEADER_BYTES)
    source.seek(0)
    return source.read(HEADER_BYTES)


def describe_non_image(start: bytes) -> str:
    """What a file that is no picture seems to be, in words that follow its name."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not start:
        return "it is empty"
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return "it is a web page, no picture"
    if text.startswith((b"<?xml", b"<svg")):
        return "it is XML or SVG, no picture of pixels"
    if text.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the picture (git lfs pull fetches it)"
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim", b"heis"):
        return "it is HEIC, which pip install pillow-heif lets saddle read"
    if start[4:8] == b"ftyp" and start[8:12] in (b"avif", b"avis"):
        return "it is AVIF, which needs a newer Pillow: pip install -U pillow"
    return "it is no picture that can be read"


def may_have_frames(start: bytes) -> bool:
    """Are these the first bytes of a picture that may have further frames, but for the small ones of cameras?"""
    if start.startswith((b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")) or start[4:12] == b"ftypavis":
        return True
    webp = start.startswith(b"RIFF") and start[8:16] == b"WEBPVP8X" and bool(start[20:21]) and bool(start[20] & 2)
    return webp or (start.startswith(b"\x89PNG") and b"acTL" in start)


def is_written_by_saddle(start: bytes) -> bool:
    """Are these the first bytes of a picture that saddle wrote: samples, a sheet, curves?"""
    return start.startswith(b"\x89PNG") and any(start.startswith(mark, place) for place, mark in SADDLE_MARKS)
