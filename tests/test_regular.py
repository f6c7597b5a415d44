"""Files are opened as what they are: no link leads out, no fifo is waited for, nothing else is emptied or read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from saddle.errors import Mistake
from saddle.regular import create_file, is_regular_file, open_to_append, open_to_read


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a file, beside it a secret, and links to both."""
    (tmp_path / "secret").write_text("secret")
    (folder := tmp_path / "root").mkdir()
    (folder / "own").write_text("own")
    (folder / "near").symlink_to("own")
    (folder / "far").symlink_to(tmp_path / "secret")
    (folder / "away").symlink_to(tmp_path)
    os.mkfifo(folder / "fifo")
    return folder


def test_links_are_followed_within_a_root_and_never_out_of_it(root: Path, tmp_path: Path):
    for name in ("own", "near"):
        assert is_regular_file(root / name, root)
        with open_to_read(root / name, root) as file:
            assert file.read() == b"own"
    (alias := tmp_path / "alias").symlink_to(root)
    with open_to_read(alias / "own", alias) as file:
        assert file.read() == b"own"
    for path in (root / "far", root / "away" / "secret"):
        assert is_regular_file(path) and not is_regular_file(path, root)
        with pytest.raises(Mistake, match="leads out of"):
            open_to_read(path, root)
    with open_to_read(root / "far") as file:
        assert file.read() == b"secret"


def test_what_is_no_regular_file_is_refused_at_once(root: Path):
    (root / "loop").symlink_to("loop")
    for opener in (open_to_read, open_to_append):
        with pytest.raises(Mistake, match="is a fifo, where a regular file is expected"):
            opener(root / "fifo", root)
        with pytest.raises((Mistake, OSError)):
            opener(root / "loop", root)
    with pytest.raises(Mistake, match="a device"):
        open_to_read("/dev/zero")
    with pytest.raises(Mistake, match="is a folder"):
        open_to_read(root)
    assert not is_regular_file(root / "fifo") and not is_regular_file(root / "loop") and not is_regular_file(root)


def test_nothing_is_written_through_a_link(root: Path, tmp_path: Path):
    for name in ("near", "far", "away/secret", "away/new"):
        with pytest.raises(Mistake, match="link"):
            open_to_append(root / name, root)
    with pytest.raises(Mistake, match="link"):
        create_file(root / "away" / "secret", root)
    with create_file(root / "far", root) as file:
        file.write(b"new")
    assert (root / "far").read_text() == "new" and not (root / "far").is_symlink()
    assert (tmp_path / "secret").read_text() == "secret" and not (tmp_path / "new").exists()


def test_new_files_have_the_mode_that_the_umask_says(tmp_path: Path):
    before = os.umask(0o027)
    try:
        for opener, name in ((create_file, "a"), (open_to_append, "b")):
            opener(tmp_path / name).close()
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640
    finally:
        os.umask(before)


def test_what_is_appended_stands_behind_what_is_read(tmp_path: Path):
    (path := tmp_path / "log").write_bytes(b"one\n")
    with open_to_append(path) as file:
        file.seek(0)
        assert file.read() == b"one\n"
        file.write(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
