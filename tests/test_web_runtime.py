"""`saddle export RUN --to web`: where the page's runtime comes from, where pages go, what is refused."""

from __future__ import annotations

import hashlib
import sys
import tarfile
from pathlib import Path

import pytest
import torch

import saddle.exporting.web.runtime as runtime
from narrow import pictures_for, small
from saddle import load, train
from saddle.errors import Mistake
from saddle.exporting.web import export_web
from saddle.exporting.web.folder import MARK, check_web_place, fill_page
from saddle.exporting.web.packing import to_script
from saddle.exporting.web.pictures import find_colours
from saddle.exporting.web.runtime import SEALS, WASM, find_runtime, read_build

CONTENT = {name: f"/* {name} */\nvar ort = 1;\n".encode() for name in SEALS}
HOW = {"images": 8, "pictures": 0, "quiet": True, "device": "cpu", "seed": 1}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    train(small("cgan"), out=folder / "run", size=16, limit=32, **HOW)
    return folder


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with small files in the place of the runtime's, which are known as the right ones."""
    monkeypatch.setattr(runtime, "SEALS", {name: hashlib.sha256(text).hexdigest() for name, text in CONTENT.items()})
    folder = tmp_path / "package" / "dist"
    folder.mkdir(parents=True)
    for name, text in CONTENT.items():
        (folder / name).write_bytes(text)
    return folder


def make_npm(folder: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program npm that is all that is on PATH."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!{sys.executable}\nimport sys\n{what}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def archive_of(folder: Path, place: Path) -> Path:
    with tarfile.open(place, "w:gz") as tar:
        tar.add(folder.parent, "package")
    return place


def test_npm_fetches_the_runtime_once_and_says_so(stand_in, tmp_path, monkeypatch):
    archive = archive_of(stand_in, tmp_path / "package.tgz")
    what = f"""import pathlib, shutil
assert sys.argv[1:3] == ["pack", "onnxruntime-web@{runtime.VERSION}"] and "--ignore-scripts" in sys.argv
shutil.copy({str(archive)!r}, sys.argv[sys.argv.index("--pack-destination") + 1])
with open({str(tmp_path / "calls")!r}, "a") as calls: calls.write("x")"""
    make_npm(tmp_path / "bin", what, monkeypatch)
    said: list[str] = []
    for _ in range(2):
        found = find_runtime(None, said.append, tmp_path / "cache")
    assert (tmp_path / "calls").read_text() == "x"
    assert said == [f"fetching onnxruntime-web {runtime.VERSION} by npm (33 MB, once); it is kept in {found}"]
    assert read_build(found, WASM) == {name: CONTENT[name] for name in WASM.names}


def test_a_runtime_that_is_another_is_not_used(stand_in, tmp_path, monkeypatch):
    name = WASM.wasm
    (stand_in / name).write_bytes(b"something else")
    with pytest.raises(Mistake, match=r"is not that of onnxruntime-web .*; delete it, and type the command again"):
        read_build(find_runtime(stand_in, print), WASM)
    archive = archive_of(stand_in, tmp_path / "package.tgz")
    copy = f"import shutil; shutil.copy({str(archive)!r}, sys.argv[sys.argv.index('--pack-destination') + 1])"
    make_npm(tmp_path / "bin", copy, monkeypatch)
    with pytest.raises(Mistake, match=f"npm fetched another {name} than that of onnxruntime-web"):
        find_runtime(None, print, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_an_archive_whose_file_is_a_link_is_not_followed(stand_in, tmp_path, monkeypatch):
    (tmp_path / "secret").write_bytes(CONTENT[WASM.wasm])
    (stand_in / WASM.wasm).unlink()
    (stand_in / WASM.wasm).symlink_to(tmp_path / "secret")
    with pytest.raises(Mistake, match="npm fetched another"):
        runtime.unpack(archive_of(stand_in, tmp_path / "package.tgz"))


def test_without_npm_or_network_the_command_says_what_to_do(home, say, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "cache"))  # another test may have fetched it into the common one
    code, _, said = say("export H/run --to web")
    assert code == 2 and said == (
        f"saddle: a web page runs its network by onnxruntime-web {runtime.VERSION}, which npm fetches, and there is no "
        "npm here; install Node.js, or name a folder that holds the package's dist with --runtime FOLDER\n"
    )
    assert not (home / "run" / "web").exists()
    make_npm(tmp_path / "bin", "sys.exit('npm error network is down')", monkeypatch)
    code, _, said = say("export H/run --to web")
    assert code == 2 and "npm could not fetch onnxruntime-web" in said and "npm error network is down; try" in said


def test_the_advised_folder_makes_the_page_and_the_command_tells_its_size(home, say, stand_in, monkeypatch):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    (stand_in / WASM.script).write_bytes(b"var ort = 1;\n//# sourceMappingURL=ort.js.map\n")
    monkeypatch.setitem(runtime.SEALS, WASM.script, hashlib.sha256((stand_in / WASM.script).read_bytes()).hexdigest())
    code, out, said = say(f"export H/run --to web --runtime {stand_in.parent} --open")
    page = home / "run" / "web" / "index.html"
    assert (code, out) == (0, f"{page}\n") and opened == [page.as_uri()]
    assert "differs from Python by at most" in said and "kB; a double click opens it" in said
    assert {file.name for file in page.parent.iterdir()} == {
        "index.html", "model.js", "runtime.js", "LICENSE-onnxruntime.txt"}  # fmt: skip
    text = "".join(file.read_text() for file in page.parent.iterdir())
    assert (
        "sourceMappingURL" not in text
        and str(home) not in text
        and "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    )
    code, _, _ = say(f"export H/run --to web --runtime {stand_in} --webgpu --out there")
    assert code == 0 and Path("there/webgpu.js").is_file()
    code, _, _ = say(f"export H/run --to web --runtime {stand_in} --out there")  # over a page of its own
    assert code == 0 and not Path("there/webgpu.js").exists()


@pytest.mark.parametrize(("words", "said"), [
    ("--runtime nowhere", "--runtime is for pages; write --to web, or leave it out"),
    ("--open --webgpu", "--webgpu and --open are for pages; write --to web, or leave them out"),
    ("--to web --runtime .", ". does not hold ort.wasm.min.js; name the folder dist of onnxruntime-web"),
    ("--to web --part encoder", "cannot encode images"),
    ("--to web --out taken", "taken holds other files; name an empty folder, or a new one, with --out"),
    ("--to web --out taken/mine.html", "taken/mine.html is there already, and is no page of saddle's; name another"),
    ("--to web --out taken/notes.txt", "taken/notes.txt is a file; name a folder, or a file that ends in .html"),
])  # fmt: skip
def test_what_is_no_page_is_refused(say, words, said):
    Path("taken").mkdir()
    for name in ("mine.html", "notes.txt"):
        Path("taken", name).write_text("mine")
    code, _, told = say(f"export H/run {words}")
    assert code == 2 and said in told and Path("taken/mine.html").read_text() == "mine"


@pytest.mark.parametrize(("name", "said"), [("gumbel-gan", "this run makes lines of text, but a page shows pictures")])
def test_what_makes_no_pictures_is_refused(stand_in, tmp_path, name, said):
    run = train(small(name), data=pictures_for(name, 16), out=tmp_path / "run", **HOW)
    with pytest.raises(Mistake, match=said):
        export_web(load(run, device="cpu"), tmp_path / "page", run=run, runtime=stand_in)


def test_a_page_that_was_linked_elsewhere_is_not_written_through(tmp_path):
    (tmp_path / "elsewhere.html").write_text(MARK)
    (tmp_path / "page.html").symlink_to(tmp_path / "elsewhere.html")
    with pytest.raises(Mistake, match="is no page of saddle's"):
        check_web_place(tmp_path / "page.html")


def test_what_a_run_is_called_stays_text():
    page = fill_page("<script>alert(1)</script>", 'a "b" {{script}}', "")
    assert "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>" in page and "a &quot;b&quot; {{script}}" in page
    assert to_script(["</script><!--", "\u2028"]) == '["\\u003c/script>\\u003c!--","\\u2028"]'


def test_the_colours_to_draw_with_are_those_of_the_data():
    labels = torch.full((2, 3, 20, 20), -1.0)  # black, with a red square, and a little of a blue that is nearly black
    labels[:, 0, :8, :8] = 1
    labels[:, 2, 15, :2] = -0.95
    assert find_colours(labels) == ["#000000", "#ff0000"]
    assert find_colours(torch.ones(1, 1, 4, 4)) == ["#ffffff"]
