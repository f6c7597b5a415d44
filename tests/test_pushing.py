"""Runs that are passed on: the folder, its card, and the way over the hub's own client to a hub on this machine."""

from __future__ import annotations

import getpass
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hub_server import Hub, hub  # noqa: F401 - a fixture
from saddle import load, train
from saddle.hub.markdown import code_block, front_matter, plain, table
from saddle.hub.push import push
from saddle.recipes import trust
from saddle.runs import hub_runs
from saddle.runs.hub_names import HubName, parse_hub_name
from saddle.runs.naming import outputs_folder

CLASSES = ("<script>alert(1)", "[x](javascript:1) www.x.org", "a | b `c` *d*")
SECRET = "secret-holiday"
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of huggingface_hub's own upload


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("home")
    dice = np.random.default_rng(0)
    for i in range(9):
        path = place / SECRET / "photos" / CLASSES[i % 3] / f"{SECRET}-{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dice.integers(0, 256, (8, 8), np.uint8)).save(path)
    small = {"networks.base.width": "4", "batch": "4"}
    train("cgan", str(place / SECRET / "photos"), size=16, out=place / "run", options=small, images=16, quiet=True,
          device="cpu", pictures=1, measure="swd", samples=16)  # fmt: skip
    return place


def pushed_text(folder: Path) -> str:
    """All bytes of a pushed folder, names too."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(f"{path.relative_to(folder)}\n{path.read_bytes().decode('latin1')}" for path in files)


def test_a_pushed_folder_makes_what_the_run_makes_and_tells_nothing_of_this_machine(home, say, tmp_path):
    code, out, said = say("push H/run ./out --license apache-2.0")
    assert (code, out) == (0, "out\n")
    assert said == ("the card says that the licence of the data is unknown; --data-license says it\n"
                    "saddle sample out uses it\n")  # fmt: skip
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"README.md", "config.json", "model.safetensors",
                                                                    "samples.png"}  # fmt: skip
    text = pushed_text(tmp_path / "out")
    assert str(home) not in text and str(tmp_path) not in text and SECRET not in text and "/tmp" not in text
    assert str(Path.home()) not in text and not re.search(rf"[/\\]{getpass.getuser()}\b", text)
    gan, run = load("./out"), load(home / "run")
    assert torch.equal(gan.sample(5, 1), run.sample(5, 1)) and gan.classes == CLASSES
    with Image.open("out/samples.png") as picture:
        assert picture.width > 100
    assert say("sample out --label 1") == (0, "out/samples-1-0.png\n", "")


def test_the_card_tells_where_all_of_it_comes_from(home, tmp_path):
    push(home / "run", tmp_path / "out", licence="cc-by-4.0", data_licence="CC0")
    card = (tmp_path / "out/README.md").read_text()
    front, body = card.removeprefix("---\n").split("\n---\n", 1)
    assert '\nlibrary_name: "saddle"' in front and front.startswith('license: "cc-by-4.0"')
    assert body.startswith("\n# out\n") and "9 samples of 16x16 pixels in 1 channel" in body
    for said in ("arXiv:1411.1784", "Changed: ", "CGAN(networks=Concatenated(", "9 samples are few for a GAN",
                 "| SWD x 1000", "against 9 of photos", "Licence of the data: CC0.", "cc-by-4.0, as said"):  # fmt: skip
        assert said in body, said
    push(home / "run", tmp_path / "out", licence="other")
    assert "Licence of the data: unknown." in (tmp_path / "out/README.md").read_text()


def test_no_name_breaks_the_card(home, tmp_path):
    push(home / "run", tmp_path / "a`b<i>", licence="mit")
    card = (tmp_path / "a`b<i>/README.md").read_text()
    assert "# a\\`b&lt;i&gt;\n" in card
    assert "&lt;script&gt;alert(1), \\[x\\](javascript\\:1) www\\.x.org, a \\| b \\`c\\` \\*d\\*." in card
    without = re.sub(r"```.*?```", "", card, flags=re.DOTALL)
    assert not re.search(r"<[a-z/!]", without) and len(re.findall(r"\]\((.*?)\)", without.replace("\\]", ""))) == 2


@pytest.mark.parametrize(("text", "said"), [
    ("a\n# b\x1b[31m", "a \\# b\\\\x1b\\[31m"), ("<img src=x>", "&lt;img src=x&gt;"), ("http://x.org", "http\\://x.org"),
    ("- a", "\\- a"), ("1. a", "1\\. a"), ("a-b 0.1", "a-b 0.1"),
    ("0.1.0", "0.1.0"), ("12) a", "12\\) a"), ("3.", "3\\."), ("me@x.org", "me\\@x.org"),
])  # fmt: skip
def test_text_stays_text(text, said):
    assert plain(text) == said


def test_fences_and_front_matter_hold_whatever_is_in_them():
    assert code_block("a\n```\nb").startswith("````\n")
    assert front_matter({"license": "a\n---\nb: 1"}) == '---\nlicense: "a\\n---\\nb: 1"\n---'
    assert table(["a"], [[plain("x|y")]]).endswith("| x\\|y |")


def test_the_commands_of_the_card_work(home, say, tmp_path, monkeypatch):
    push(home / "run", tmp_path / "out", licence="mit")
    card = (tmp_path / "out/README.md").read_text()
    shell, python = re.findall(r"```(?:sh|python)\n(.*?)\n```", card, re.DOTALL)[:2]
    monkeypatch.chdir(tmp_path / "out")
    commands = [line for line in shell.splitlines() if line.startswith("saddle ")]
    assert commands == ["saddle sample ."]
    assert say("sample .") == (0, "samples-0.png\n", "")
    scope: dict[str, object] = {}
    exec(python, scope)
    assert scope["images"].shape == (16, 1, 16, 16)


def test_a_licence_and_one_place_are_asked_for(home, say, tmp_path):
    assert say("push H/run ./out")[2].startswith("saddle: a licence is needed, such as --license apache-2.0")
    assert say("push H/run --license mit")[2].startswith(
        "saddle: name one place: OWNER/NAME on the hub, a folder as ./f"
    )
    assert "is no run of the hub; write hf://OWNER/NAME" in say("push H/run name --license mit")[2]
    assert "no licence's identifier" in say("push H/run ./out --license Mine<b>")[2]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.txt").write_text("mine")
    assert "is there already, and is no bundle" in say("push H/run --to photos --license mit")[2]
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["a.txt"]


def test_what_would_name_a_place_of_this_machine_is_not_pushed(home, tmp_path):
    shutil.copytree(home / "run", tmp_path / "run")
    facts = json.loads((tmp_path / "run/manifest.json").read_text())
    facts["data"]["classes"][0] = f"cats of {Path.home()}"
    (tmp_path / "run/manifest.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=r"would tell strangers of this machine: it names .*; nothing was pushed"):
        push(tmp_path / "run", tmp_path / "out", licence="mit")
    assert not (tmp_path / "out").exists()


OWN = """
from dataclasses import dataclass
from saddle.recipes.gan import GAN

@dataclass(frozen=True)
class Own(GAN):
    batch: int = 8
"""


def test_a_recipe_of_ones_own_is_named_and_needs_trust(tmp_path, say, monkeypatch):
    (tmp_path / "own.py").write_text(OWN)
    assert say("train own.py:Own --size 8 --limit 32 --images 16 --batch 8 --quiet --device cpu --out run")[0] == 0
    code, _, said = say("push run ./out --license mit")
    assert (
        code == 0 and "pushed with it, as the recipe is your own: recipe/own.py; who loads it runs these files" in said
    )
    assert "code of its own (recipe/own.py)" in (tmp_path / "out/README.md").read_text()
    monkeypatch.setenv("SADDLE_CONFIG", str(tmp_path / "nobody"))
    monkeypatch.setattr(trust, "trusted_in_process", set())
    assert "never named on this machine" in say("sample out")[2]
    assert say("sample out --trust")[:2] == (0, "out/samples-0.png\n")


def test_links_and_foreign_weights_in_a_bundle_are_refused(home, tmp_path):
    push(home / "run", tmp_path / "out", licence="mit")
    whole = (tmp_path / "out/config.json").read_text()
    (tmp_path / "out/config.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / "out/config.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ValueError, match=r"config.json is a link, which is not followed"):
        load(tmp_path / "out")
    (tmp_path / "out/config.json").unlink()
    huge = whole.replace("width=4", "width=400000").replace("latent=100", "latent=99999999")
    (tmp_path / "out/config.json").write_text(huge)
    with pytest.raises(ValueError, match="another run"):
        load(tmp_path / "out")
    blob = (tmp_path / "out/model.safetensors").read_bytes()
    length = int.from_bytes(blob[:8], "little")
    facts = json.loads(blob[8 : 8 + length])
    told = json.loads(facts["__metadata__"]["facts"])
    told["identity"] = {}
    for text, said in (
        ("not json", "is no manifest of a run"),
        (json.dumps({"format": "saddle bundle 1", "run": []}), "is no manifest of a run"),
    ):
        (tmp_path / "out/config.json").write_text(text)
        with pytest.raises(ValueError, match=said):
            load(tmp_path / "out")
    (tmp_path / "out/config.json").write_text(whole)
    (tmp_path / "out/model.safetensors").write_bytes((1 << 62).to_bytes(8, "little") + blob[8:])
    with pytest.raises(ValueError, match="is damaged, or no checkpoint"):
        load(tmp_path / "out")
    (tmp_path / "out/model.safetensors").write_bytes(blob[: len(blob) // 2])
    with pytest.raises(ValueError, match="is damaged, or no checkpoint"):
        load(tmp_path / "out")


def test_networks_of_absurd_size_take_no_memory_before_they_are_refused(home, tmp_path):
    from saddle.runs.folder import RunFolder
    from saddle.runs.manifest import Manifest
    from saddle.training.checkpoint import read_checkpoint, write_checkpoint

    push(home / "run", tmp_path / "out", licence="mit")
    config = tmp_path / "out/config.json"
    config.write_text(config.read_text().replace("width=4", "width=40000"))
    weights = tmp_path / "out/model.safetensors"
    tensors, facts = read_checkpoint(weights)
    own = Manifest.read(RunFolder(tmp_path / "out")).identity
    write_checkpoint(weights, tensors, facts | {"identity": own})
    with pytest.raises(ValueError, match=r"model\.safetensors is of .* but should be of"):
        load(tmp_path / "out")
    config.write_text(config.read_text().replace("width=40000", "width=4"))
    name = next(name for name in tensors if name.endswith("weight"))
    told = facts | {"identity": Manifest.read(RunFolder(tmp_path / "out")).identity}
    write_checkpoint(weights, tensors | {name: tensors[name] * float("nan")}, told)
    with pytest.raises(ValueError, match=r"model\.safetensors holds what is no number"):
        load(tmp_path / "out")


def test_a_run_goes_to_the_hub_and_comes_back(home, hub: Hub, say, tmp_path):  # noqa: F811
    code, out, said = say("push H/run me/faces --license mit --data-license CC0")
    assert code == 0, said
    commit = hub.head("me/faces")
    assert out == f"{hub.url}/me/faces/commit/{commit}\n" and said == "saddle sample hf://me/faces uses it\n"
    files = hub.commits["me/faces"][commit]
    assert set(files) == {"README.md", "config.json", "model.safetensors", "samples.png"}
    assert b"saddle sample hf://me/faces\n" in files["README.md"] and str(home).encode() not in b"".join(files.values())
    wanted = load(home / "run").sample(3, 1)
    assert torch.equal(load("hf://me/faces").sample(3, 1), wanted)
    assert torch.equal(load(Path("hf://me/faces")).sample(3, 1), wanted)  # where pathlib has taken a slash
    assert say("sample hf://me/faces") == (0, "faces/samples-0.png\n", "")
    assert "GET /me/faces/resolve/" in "\n".join(hub.asked) and "README.md" not in "".join(hub.asked[-8:])
    assert sum(line.startswith("GET /api/models/me/faces/revision/main") or line == "GET /api/models/me/faces"
               for line in hub.asked) <= 2  # fmt: skip


def test_what_was_fetched_is_there_without_the_hub(home, hub: Hub, capsys, tmp_path):  # noqa: F811
    push(home / "run", HubName("me", "faces"), licence="mit")
    commit, wanted = hub.head("me/faces"), load("hf://me/faces").sample(2)
    pinned = f"hf://me/faces@{commit}"
    hub_runs.lately.clear()
    hub.asked.clear()
    assert torch.equal(load(pinned).sample(2), wanted) and hub.asked == []  # a commit is asked for no more
    hub.add("me/faces", hub.commits["me/faces"][commit] | {"config.json": b"{}"})
    hub_runs.lately.clear()
    with pytest.raises(ValueError, match="written in another format"):
        load("hf://me/faces")
    assert torch.equal(load(pinned).sample(2), wanted)
    (tmp_path / "hub-cache/hub/.me--faces/main").write_text(commit)
    hub.down = True
    hub_runs.lately.clear()
    capsys.readouterr()
    assert torch.equal(load("hf://me/faces").sample(2), wanted)
    assert "the hub cannot be reached; hf://me/faces is taken as it was on 20" in capsys.readouterr().err
    hub_runs.lately.clear()
    with pytest.raises(ValueError, match="hf://me/other could not be had from the hub"):
        load("hf://me/other")


def test_refusals_of_the_hub_are_told_in_a_sentence(home, hub: Hub, monkeypatch):  # noqa: F811
    with pytest.raises(ValueError, match="there is no such repository, or it is private; `hf auth login`"):
        load("hf://me/nothing")
    hub.commits["me/other"] = {}
    hub.add("me/other", {"config.json": b"{}"})
    with pytest.raises(ValueError, match=r"is no run of saddle's: it has no model\.safetensors"):
        load("hf://me/other")
    with pytest.raises(ValueError, match="it has no such revision"):
        load("hf://me/other@v2")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(
        ValueError, match=r"hf://me/faces could not be pushed: the hub does not let you write there; `hf auth"
    ):
        push(home / "run", HubName("me", "faces"), licence="mit")


@pytest.mark.parametrize("text", ["hf://", "hf://a", "hf://a/b/c", "hf://../b", "hf://a/..", "hf://a/b@", "hf://a/b@../c",
                                  "hf://a b/c", "hf://-a/b", "hf://a/b\n"])  # fmt: skip
def test_what_is_no_name_of_the_hub_is_refused(text):
    with pytest.raises(ValueError, match="is no run of the hub; write hf://OWNER/NAME"):
        parse_hub_name(text)


def test_the_commands_of_the_page_work(home, hub: Hub, say, tmp_path, monkeypatch):  # noqa: F811
    page = (Path(__file__).parents[1] / "docs/sharing.md").read_text(encoding="utf-8")
    first, python = re.findall(r"```(?:python)?\n(.*?)\n```", page, re.DOTALL)
    lines = [line.split("  ")[0] for line in first.splitlines() if line.startswith("saddle ")]
    assert len(lines) == 3
    for line in lines:
        typed = line.removeprefix("saddle ").replace("RUN", "H/run").replace("OWNER/NAME", "me/faces")
        assert say(typed)[0] == 0, line
    exec(python, {})


def test_names_of_the_hub():
    assert parse_hub_name("hf:/a/b@v1.0") == ("a", "b", "v1.0") and parse_hub_name("runs/001") is None
    assert outputs_folder("hf://a/b@v1") == Path("b") and outputs_folder("runs/x") == Path("runs/x")
