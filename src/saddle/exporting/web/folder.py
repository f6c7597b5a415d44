"""A page as a folder that opens by a double click, or as one file to send."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...errors import require
from ...runs.writing import check_writable, make_parent, write_text
from .packing import pack, to_script
from .runtime import VERSION, WASM, WEBGPU, Build, read_build

SCRIPTS = ("chance.js", "picture.js", "engine.js", "generate.js", "translate.js", "start.js")
MARK = '<meta name="generator" content="saddle">'
PAGE, MODEL, RUNTIME, CARD, LICENSE = "index.html", "model.js", "runtime.js", "webgpu.js", "LICENSE-onnxruntime.txt"
NAMES = (PAGE, MODEL, RUNTIME, CARD, LICENSE)
MAX_BYTES = 400 << 20  # of a script: browsers hold no text that is much longer
MIT = f"""ONNX Runtime Web {VERSION}, which this page's network runs by

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def check_web_place(target: Path) -> None:
    """Refuse a place where something else than a page of saddle's would be lost, or nothing can be written."""
    page = target if is_one_file(target) else target / PAGE
    require(is_one_file(target) or not target.exists() or target.is_dir(), f"{target} is a file; name a folder, or a "
            "file that ends in .html")  # fmt: skip
    if page.exists() or page.is_symlink():
        own = page.is_file() and not page.is_symlink() and MARK in page.read_text("utf-8", "replace")[:2000]
        require(own, f"{page} is there already, and is no page of saddle's; name another place with --out")
    elif target.is_dir():
        require(
            not any(target.iterdir()), f"{target} holds other files; name an empty folder, or a new one, with --out"
        )
    check_writable(target.parent if is_one_file(target) else target)


def is_one_file(target: Path) -> bool:
    return target.suffix.lower() in (".html", ".htm")


def write_page(target: Path, title: str, about: str, facts: Mapping[str, Any], runtime: Path, webgpu: bool) -> Path:
    """Write the page; returns the file that is opened."""
    scripts = {RUNTIME: runtime_script("SADDLE_RUNTIME", runtime, WASM)}
    scripts[MODEL] = f"const SADDLE_FACTS = {to_script({**facts, 'webgpu': webgpu})};\n"
    too_large = len(scripts[MODEL]) > MAX_BYTES
    require(not too_large, f"the network takes {len(scripts[MODEL]) >> 20} MB as text, and browsers open up to "
            f"{MAX_BYTES >> 20}; export it as a file with --to onnx")  # fmt: skip
    card = {CARD: runtime_script("SADDLE_WEBGPU", runtime, WEBGPU)} if webgpu else {}
    if is_one_file(target):
        inside = [f"<!--\n{MIT}-->", *(f"<script>\n{text}</script>" for text in (scripts | card).values())]
        written = {target: fill_page(title, about, "\n".join(inside))}
    else:
        beside = "\n".join(f'<script src="{name}"></script>' for name in scripts)
        page = {PAGE: fill_page(title, about, beside), LICENSE: MIT}
        written = {target / name: text for name, text in (scripts | card | page).items()}  # the page comes last
        if not webgpu:
            (target / CARD).unlink(missing_ok=True)  # of an earlier page
    for path, text in written.items():
        make_parent(path)
        write_text(path, text)
    return target if is_one_file(target) else target / PAGE


def page_size(page: Path) -> int:
    """Bytes on disk of a page with what lies beside it."""
    files = [page] if is_one_file(page) and page.name != PAGE else [page.with_name(name) for name in NAMES]
    return sum(file.stat().st_size for file in files if file.exists())


def fill_page(title: str, about: str, scripts: str) -> str:
    """The page with its style and script; what came from a run's names is escaped."""
    values = {"title": escape(title), "about": escape(about), "style": read_template("style.css"), "scripts": scripts,
              "script": "\n".join(read_template(name) for name in SCRIPTS)}  # fmt: skip
    return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], read_template("index.html"))


def read_template(name: str) -> str:
    return (files(__package__) / "template" / name).read_text("utf-8")


def runtime_script(name: str, folder: Path, build: Build) -> str:
    """A build of the runtime as one value: its script's own, and its loader and code, packed."""
    content = read_build(folder, build)
    script = content[build.script].decode()
    script = re.sub(r"^//# sourceMappingURL=.*$", "", script, flags=re.MULTILINE)
    assert "</script" not in script.lower(), "it stands in a page"
    packed = json.dumps({"loader": pack(content[build.loader]), "wasm": pack(content[build.wasm])})
    return f"const {name} = (() => {{\n{script}\nreturn {{ ort, ...{packed} }};\n}})();\n"
