"""The site is built without a warning, asks nobody for anything, and has a page for each recipe."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from documents import ROOT
from saddle.cli import main
from saddle.recipes import RECIPES

ASKED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)=\"?(?:https?:)?//[^\s\">]+")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """The script, which lies among the documents."""
    sys.path.insert(0, str(ROOT / "docs"))
    import generate

    sys.path.remove(str(ROOT / "docs"))
    return generate


@pytest.fixture(scope="module")
def home(generate: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where build/pages lies, beside the site's configuration."""
    home = tmp_path_factory.mktemp("site")
    generate.write_pages(home / "build" / "pages")
    shutil.copy(ROOT / "zensical.toml", home)
    return home


def build(home: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("zensical", reason="zensical is not installed (extra docs)")
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"], cwd=home, capture_output=True, text=True
    )


def test_it_is_built_without_a_warning_and_without_asking_anybody(home: Path) -> None:
    done = build(home)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = [*(home / "build" / "site").rglob("*.html")]
    assert {f"{name}.html" for name in RECIPES} <= {page.name for page in pages}
    for page in pages:
        asked = re.findall(
            r"<(?:script|img|iframe|source)[^>]*\bsrc=\"?(https?:[^\s\">]+)", page.read_text(encoding="utf-8")
        )
        asked += re.findall(r"<link[^>]*\bhref=\"?(https?:[^\s\">]+)", page.read_text(encoding="utf-8"))
        assert asked == [], page.name


def test_a_link_that_leads_nowhere_ends_it(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "zensical.toml", tmp_path)
    shutil.copytree(home / "build" / "pages", tmp_path / "build" / "pages")
    with (tmp_path / "build" / "pages" / "index.md").open("a") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    assert build(tmp_path).returncode != 0


def test_a_recipes_page_says_what_the_commands_say(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (home / "build" / "pages" / "methods" / "wgan-gp.md").read_text(encoding="utf-8")
    assert main(["diff", "wgan", "wgan-gp"]) == 0
    said = capsys.readouterr().out
    told = re.findall(
        r"^\| `(\S+)` \| `(.*?)` \| `(.*?)` \|$", page.split("## Against its parent")[1].split("##")[0], re.M
    )
    assert len(told) > 5 and all(field in said and before[:20] in said for field, before, _ in told)
    assert "Gulrajani et al. 2017" in page and "https://arxiv.org/abs/1704.00028" in page
    assert "| `--turns.critic` | `5` |" in page and "**GradientPenalty**: A given slope between real and fake" in page
    assert "test_penalties.py" in page and "Every recipe trains" in page


def test_every_recipe_has_fields_and_words_and_a_parent_or_the_reason_why_not(home: Path) -> None:
    pages = {
        name: (home / "build" / "pages" / "methods" / f"{name}.md").read_text(encoding="utf-8") for name in RECIPES
    }
    assert all("## Fields" in page and "## Try it" in page for page in pages.values())
    against = {name: page.split("## Against its parent\n\n")[1].split("\n\n## ")[0] for name, page in pages.items()}
    changed = {name for name, text in against.items() if len(text.split("| --- | --- | --- |\n| `")) == 2}
    assert pages.keys() - changed == {"gan", "ae", "gaussian-mixture", "seqgan"}
    assert all(against[name].startswith(("This is", "It")) for name in pages.keys() - changed)
    assert sum("](../pictures/" in page for page in pages.values()) > 15


def test_the_reference_has_signatures_fields_and_docstrings(home: Path) -> None:
    api = home / "build" / "pages" / "api"
    assert "train(" in (api / "saddle.md").read_text(encoding="utf-8")
    penalties = (api / "penalties.md").read_text(encoding="utf-8")
    assert "| `weight` | how strong; the paper" in penalties and "### `GradientPenalty`" in penalties
    loaded = (api / "loaded.md").read_text(encoding="utf-8")
    assert "#### `LoadedGame.sample`" in loaded and "seed: int = 0" in loaded
