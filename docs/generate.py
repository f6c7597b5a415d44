"""What the site is made of: `python docs/generate.py` writes build/pages.

Of these `zensical build --strict` makes build/site. The documents are copied as they are. Beside them stand a page for
each recipe and a reference of the Python names, which are made here and kept nowhere. Links out of docs/ become links
to the copy, or plain words where none is made.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

from api_pages import write_api
from method_pages import method_page, methods_index

from saddle.recipes import RECIPES

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "build" / "pages"
FROM_ROOT = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "README.md", "README.zh.md")
LINK = re.compile(r"(!?)\[((?:[^]\[]|\[[^]]*\])*)\]\(([^)\s]+)\)")


def write_pages(pages: Path = PAGES) -> None:
    """All pages anew."""
    shutil.rmtree(pages, ignore_errors=True)
    copied = {name: f"project/{name}" for name in FROM_ROOT if (ROOT / name).exists()}
    for file in sorted((ROOT / "docs").rglob("*.md")):
        copied[file.relative_to(ROOT).as_posix()] = file.relative_to(ROOT / "docs").as_posix()
    for source, target in copied.items():
        place = pages / target
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(move_links((ROOT / source).read_text(encoding="utf-8"), source, copied), encoding="utf-8")
    shutil.copytree(ROOT / "docs" / "pictures", pages / "pictures")
    write_methods(pages / "methods")
    write_api(pages / "api")


def move_links(text: str, source: str, copied: dict[str, str]) -> str:
    """A document whose links lead from its copy to the copies of others."""
    here = posixpath.dirname(copied[source])

    def moved(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        path, mark, heading = target.partition("#")
        if "://" in target or target.startswith("mailto:") or not path:
            return match[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        place = there.removeprefix("docs/") if there.startswith("docs/pictures/") else copied.get(there)
        return f"{picture}[{words}]({posixpath.relpath(place, here or '.')}{mark}{heading})" if place else words

    return LINK.sub(moved, text)


def write_methods(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(methods_index(), encoding="utf-8")
    for name in RECIPES:
        (folder / f"{name}.md").write_text(method_page(name), encoding="utf-8")


if __name__ == "__main__":
    write_pages()
