"""What the documents say to type runs as it is written, and what they point to is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch

import saddle
from documents import DOCUMENTS, ROOT, python_blocks
from saddle import sessions
from saddle.cli import main
from saddle.errors import Mistake
from saddle.metrics import features


def run_blocks(name: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "document"}
    for block in python_blocks(f"docs/{name}"):
        exec(compile(block, name, "exec"), names)
    return names


def test_parts_in_ones_own_loop_run_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    eye = features.RandomFeatures(width=4, depth=2)
    monkeypatch.setattr(features, "load_inception", lambda file: asked.append(file) or eye)
    names = run_blocks("using-parts.md")
    assert asked and 0 < names["fid"] < float("inf")
    assert [figure.metric for figure in names["figures"]] == ["swd", "kid"] and "KID" in capsys.readouterr().out
    assert names["ada"].heard[1] == 64 and names["samples"].shape == (64, 3, 16, 16)
    assert not names["samples"].requires_grad and all(p.grad is not None for p in names["critic"].parameters())


def run_in_framework(monkeypatch: pytest.MonkeyPatch, package: str) -> dict[str, Any]:
    """The pieces that are shared, then the block about a framework."""
    pytest.importorskip(package, reason=f"{package} is not installed; saddle does without")
    monkeypatch.setattr(features, "load_inception", lambda file: features.RandomFeatures(width=4, depth=2))
    names = run_blocks("using-parts.md")
    text = (ROOT / "docs" / "using-parts.md").read_text(encoding="utf-8")
    (block,) = (found for found in re.findall(r"^```py\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if package in found)
    exec(compile(block, "using-parts.md", "exec"), names)
    return names


@pytest.mark.filterwarnings("ignore")  # theirs
def test_parts_run_in_lightning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = run_in_framework(monkeypatch, "pytorch_lightning")
    lightning, module = names["lightning"], names["GAN"]()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(names["images"]), 32)
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = lightning.Trainer(max_epochs=1, default_root_dir=tmp_path, **quiet)
    trainer.fit(module, loader)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    kept = torch.load(tmp_path / "a.ckpt", weights_only=False)
    assert module.seen == module.ada.heard[1] == 64
    assert {"ada.heard"} <= set(kept["state_dict"]) and all(t.isfinite().all() for t in kept["ema"].values())


@pytest.mark.filterwarnings("ignore")  # theirs
def test_parts_run_in_accelerate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    names = run_in_framework(monkeypatch, "accelerate")
    assert names["ada"].heard[1] == 64
    names["accelerator"].save_state(tmp_path)
    assert any("custom" in file.name for file in tmp_path.rglob("*"))


EXTENSIONS = re.findall(
    r"^```python\n(# mine\.py\n.*?)^```\n+```\n(.*?)^```",
    (ROOT / "docs" / "extending.md").read_text(),
    re.DOTALL | re.MULTILINE,
)
SMALL = {"images": 64, "limit": 64, "pictures": 0, "quiet": True, "threads": 1, "size": 32}


@pytest.mark.parametrize(("source", "commands"), EXTENSIONS, ids=[c.splitlines()[-1] for _, c in EXTENSIONS])
def test_what_is_added_from_outside_trains_goes_on_and_samples(
    source: str, commands: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(source)
    whole, runs = sessions.train, []

    def train(recipe: str, *, out: Path | None, resume: str | None, options: dict[str, str], **settings: Any) -> Path:
        plain = "networks.width" in options or recipe.endswith(("MeanGAN", "Restoration"))
        narrow = {} if plain else {"networks.width": "4"}
        narrow |= {"batch": "32"} if recipe == "cgan" else {}
        short = {
            name: value for name, value in SMALL.items() if name not in ("size", "limit") or "data" not in settings
        }
        short |= {"samples": 16} if settings.get("measure") else {}
        runs.append(whole(recipe, options=narrow | options, **short | settings))
        return runs[-1]

    monkeypatch.setattr(sessions, "train", train)
    for command in commands.splitlines():
        assert main(shlex.split(command.removeprefix("saddle "))) == 0
    Path("mine.py").unlink()  # the run has its own
    assert runs and saddle.resume(runs[0], images="+64", quiet=True) == runs[0]
    model = saddle.load(runs[0])
    made = model.sample(2) if "generate" in model.capabilities else model.translate(torch.zeros(2, 1, 16, 16))
    assert made.isfinite().all()


def test_the_recipe_of_ones_own_trains_goes_on_and_is_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (source,) = python_blocks("docs/recipes-of-your-own.md")
    Path("mine.py").write_text(source)
    small = {"networks.width": "8", "networks.maxout": "8"}
    run = saddle.train("./mine.py:MyGAN", options=small, **SMALL | {"size": 16}, out="run")
    assert torch.isfinite(saddle.load(run).sample(2)).all() and saddle.resume(run) == run
    assert main(["show", "./mine.py:MyGAN"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("./mine.py:MyGAN: me 2026\n\nFields\n")  # a paper without a number, a class without words
    Path("mine.py").write_text(source.replace("batch: int = 32", "batch: int = 16"))
    with pytest.raises(Mistake, match=r"now 'batch: int = 16'\); `saddle resume run --code copy`"):
        saddle.resume(run)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        there = document.parent / path if path else document
        assert there.exists(), f"{document.name} points to {target}"
        if heading:
            anchors = {anchor(line) for line in there.read_text(encoding="utf-8").splitlines() if line[:1] == "#"}
            assert heading in anchors, f"{document.name} points to {target}"


def anchor(line: str) -> str:
    """How a heading is pointed to."""
    return re.sub(r"[^\w -]", "", line.lstrip("#").strip().lower()).replace(" ", "-")


def test_the_citation_is_of_this_version() -> None:
    (cited,) = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited == saddle.__version__ and f'version = "{cited}"' in (ROOT / "pyproject.toml").read_text()


def test_the_workflows_need_no_secret() -> None:
    files = list((ROOT / ".github" / "workflows").iterdir())
    assert files and not any(re.search(r"secrets\b|github\.token", f.read_text(), re.IGNORECASE) for f in files)
