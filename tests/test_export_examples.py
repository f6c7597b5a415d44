"""Examples that use a trained generator within other projects, and what docs/export.md says to type."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

from narrow import small
from saddle import load, train

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SMALL = {"images": 16, "quiet": True, "device": "cpu", "pictures": 0, "size": 16, "limit": 16}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small runs of a generator that is told nothing, and of one that is told a class."""
    folder = tmp_path_factory.mktemp("examples")
    train(small("dcgan"), out=folder / "plain", **SMALL)
    train(small("cgan"), out=folder / "told", **SMALL)
    return folder


@pytest.mark.filterwarnings("ignore")  # theirs
def test_a_generator_in_a_hugging_face_project(home, say, tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed; saddle does without")
    HubGenerator = runpy.run_path(str(EXAMPLES / "hugging_face.py"))["HubGenerator"]
    for run, labels in (("plain", None), ("told", torch.tensor([2, 0]))):
        assert say(f"export H/{run} --to safetensors --out {run}")[0] == 0
        model = HubGenerator.from_bundle(run)
        model.save_pretrained(tmp_path / "saved")
        again = HubGenerator.from_pretrained(tmp_path / "saved")
        z = model.generator.latents(2, seed=4)
        own = load(home / run)
        assert torch.equal(again(z, labels), own.generator(z, labels)) and not again.training
        if labels is None:
            assert torch.equal(own.sample(2, 4), again(z))
    assert "saddle" in (tmp_path / "saved/README.md").read_text()
    monkeypatch.setattr(sys, "argv", ["hugging_face.py", "plain", "kept"])
    runpy.run_path(str(EXAMPLES / "hugging_face.py"), run_name="__main__")
    assert json.loads((tmp_path / "kept/config.json").read_text())["bundle"]["format"] == "saddle bundle 1"


@pytest.mark.filterwarnings("ignore")  # theirs
def test_a_generator_in_a_lightning_project(home, tmp_path, monkeypatch):
    pytest.importorskip("lightning", reason="lightning is not installed; saddle does without")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names = runpy.run_path(str(EXAMPLES / "lightning_inversion.py"))
    before = load(home / "plain").generator
    found = names["fit"](home / "plain", epochs=8)
    for ours, theirs in zip(before.state_dict().values(), found.generator.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)  # batch normalisation's averages too
    z = found.generator.latents(64, seed=2)
    error = (found.encoder(found.generator(z)) - z).square().mean()
    assert error < 0.9 * z.square().mean()


def test_what_the_page_says_to_type_runs_as_it_is_written(home, say, tmp_path):
    (tmp_path / "RUN").symlink_to(home / "plain")
    text = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(saddle export RUN.*?)  +", text, re.MULTILINE)
    made = [say(f"{command.removeprefix('saddle ')} --out {name}")[1].strip()
            for command, name in zip(commands, ("generator.onnx", "bundle", "generator.pt2"), strict=True)]  # fmt: skip
    assert made == ["generator.onnx", "bundle", "generator.pt2"]
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE))
    names: dict[str, object] = {}
    exec(compile(code, "export.md", "exec"), names)
    assert torch.equal(names["same"], names["images"]) and names["pixels"].shape == (16, 1, 16, 16)
    assert say("sample bundle --out sheet.png") == (0, "sheet.png\n", "")
