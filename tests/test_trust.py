"""A run brings the source of its own recipe; only what the user has named on this machine is ever run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from saddle.cli import main
from saddle.errors import Mistake
from saddle.inference.load import load
from saddle.recipes import trust
from saddle.recipes.sources import collect_source
from saddle.sessions import resume, train

MINE = """\
from dataclasses import dataclass

from nets.pairs import SIZE
from saddle.batches import Images
from saddle.recipe import Recipe
from saddle.shape import Shape
from saddle.games import Adversarial
from saddle.networks import Dense
from saddle.optim import Adam
from saddle.recipes.wgan_gp import WGANGP

fast = WGANGP(networks=Dense(latent=2, width=8), batch=16)


@dataclass(frozen=True)
class MyGAN(Recipe[Images]):
    \"\"\"Mine.\"\"\"

    networks: Dense = Dense(latent=2, width=SIZE)
    batch: int = 16

    def game(self, data: Shape) -> Adversarial:
        import helpers

        helpers.called()
        return Adversarial(self.networks.generator(data), self.networks.critic(data), self.networks.latent)

    def steps(self, player: str) -> Adam:
        return Adam(lr=2e-4)
"""
BESIDE = {"nets/__init__.py": "", "nets/pairs.py": "from .sizes import SIZE\n", "nets/sizes.py": "SIZE = 8\n",
          "nets/other.py": "1 / 0\n", "helpers.py": "def called() -> None:\n    pass\n"}  # fmt: skip
COPIED = {"mine.py", "helpers.py", "nets/__init__.py", "nets/pairs.py", "nets/sizes.py"}
COMMANDS = ("sample", "report", "resume", "reproduce", "measure", "compare --html page.html", "reconstruct .",
            "encode .", "score .")  # fmt: skip
TINY = {"images": 32, "pictures": 0, "quiet": True, "data": "ring"}


def write(folder: Path) -> Path:
    for name, text in {"mine.py": MINE, **BESIDE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "mine.py"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    train(f"{write(folder)}:MyGAN", out=folder / "run", **TINY)
    train(f"{folder / 'mine.py'}:fast", out=folder / "plain", **TINY)
    return folder


@pytest.fixture
def place(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file and its runs elsewhere, so the manifests name a file that stays as it was."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    for run in ("run", "plain"):
        edit(tmp_path / run, name=json.loads((tmp_path / run / "manifest.json").read_text())["name"].replace(
            str(trained.resolve()), str(tmp_path.resolve())))  # fmt: skip
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stranger(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As on a machine on which nothing was ever named."""
    monkeypatch.setenv("SADDLE_CONFIG", str(place / "config"))
    monkeypatch.setattr(trust, "trusted_in_process", set())
    return place


def edit(run: Path, **changes: object) -> None:
    path = run / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_run_carries_its_recipe_and_what_that_imports_beside_it(place):
    facts = json.loads((place / "run" / "manifest.json").read_text())
    files = {str(p.relative_to(place / "run/recipe")) for p in (place / "run/recipe").rglob("*") if p.is_file()}
    assert files == set(facts["source"]) == COPIED
    assert (place / "run/recipe/mine.py").read_text() == MINE
    assert json.loads((place / "plain" / "manifest.json").read_text())["source"] == {}
    assert not (place / "plain" / "recipe").exists()


def test_a_run_outlives_edits_of_its_file(place, capsys):
    before = load("run").sample(4)
    (place / "nets/sizes.py").write_text("SIZE = 16\n")
    (place / "mine.py").write_text("1 / 0\n")
    assert load("run").sample(4).equal(before)
    shutil.move("run", "moved")
    (place / "mine.py").unlink()
    assert load("moved").sample(4).equal(before)
    assert main(["report", "moved"]) == 0 and main(["diff", "moved", "plain"]) == 0
    capsys.readouterr()
    assert main(["resume", "moved"]) == 0
    assert "mine.py is no more there; the run goes on with its own copy" in capsys.readouterr().err


def test_resume_tells_what_was_edited_and_both_ways_on_work(place, capsys):
    (place / "helpers.py").write_text("def called() -> None:\n    print('edited')\n")
    with pytest.raises(
        Mistake, match=r"mine\.py has changed since .*line 2 of helpers\.py was 'pass', now .print"
    ) as no:
        resume("run")
    assert "`saddle resume run --code copy`" in str(no.value) and "`saddle resume run --code file`" in str(no.value)
    assert main(["resume", "run", "--code", "copy"]) == 0 and "edited" not in capsys.readouterr().out
    assert main(["resume", "run", "--code", "file"]) == 0 and "edited" in capsys.readouterr().out
    assert "edited" in (place / "run/recipe/helpers.py").read_text()
    assert "pass" in (place / "run/recipe-until-0000000032/helpers.py").read_text()
    assert main(["resume", "run"]) == 0 and main(["sample", "run"]) == 0
    assert main(["reproduce", "run"]) == 2 and "another source of its recipe at 32 images" in capsys.readouterr().err
    (place / "nets/sizes.py").write_text("SIZE = 16\n")
    with pytest.raises(Mistake, match=r"recipe's networks is .*width=8.* but .*width=16.* now"):
        resume("run", code="file")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_strangers_recipe_is_not_run(stranger, command, capsys):
    evil = "open('evil', 'w')\n" + MINE
    (stranger / "run/recipe/mine.py").write_text(evil)
    (stranger / "mine.py").write_text(evil)
    hashes = json.loads((stranger / "run/manifest.json").read_text())["source"]
    edit(stranger / "run", source=hashes | {"mine.py": collect_source(stranger / "mine.py").hashes["mine.py"]})
    name, *options = command.split()
    assert main([name, "run", *options]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "never named on this machine" in said.err and "--trust" in said.err
    assert not (stranger / "evil").exists()
    assert main(["diff", "run", "plain"]) == 0 and not (stranger / "evil").exists()


def test_trust_is_said_once_and_kept_by_content(stranger, monkeypatch):
    with pytest.raises(Mistake, match="never named"):
        load("run")
    load("run", trust=True)
    monkeypatch.setattr(trust, "trusted_in_process", set())  # another process
    shutil.move("run", "moved")
    load("moved")
    assert (stranger / "config/trusted").read_text().count("\n") == 1
    (stranger / "config/trusted").write_bytes(b"\xff\0 no digest\n")
    with pytest.raises(Mistake, match="never named"):
        load("moved")


def test_saddles_own_classes_need_no_trust(stranger):
    (stranger / "mine.py").write_text("open('evil', 'w')\n")
    load("plain").sample(2)
    assert resume("plain") == Path("plain") and not (stranger / "evil").exists()


def test_a_run_without_a_copy_opens_with_its_file_as_it_was(stranger):
    facts = json.loads((stranger / "run/manifest.json").read_text())
    del facts["source"], facts["source_since"]
    (stranger / "run/manifest.json").write_text(json.dumps(facts))
    shutil.rmtree(stranger / "run/recipe")
    with pytest.raises(Mistake, match="never named"):
        load("run")
    assert main(["show", f"{stranger / 'mine.py'}:MyGAN", "--data", "ring"]) == 0  # names it
    load("run")
    (stranger / "nets/sizes.py").write_text("SIZE = 16\n")
    with pytest.raises(Mistake, match=r"recipe's networks is .*width=8.* but .*width=16"):
        load("run", trust=True)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda copy: (copy / "mine.py").write_text("1 / 0"), "is not what the run was trained with"),
        (lambda copy: (copy / "mine.py").unlink(), "lacks mine.py"),
        (lambda copy: (copy / "more.py").write_text(""), "holds more.py"),
        (lambda copy: (copy / "nets/__pycache__").symlink_to("/"), "holds nets/__pycache__"),
        (lambda copy: (copy / "helpers.py").rename(copy.parent / "h") and (copy / "helpers.py").symlink_to("../h"),
         "helpers.py cannot be read"),
        (lambda copy: shutil.move(copy, copy.parent / "there") and copy.symlink_to("there"), "is a link"),
        (lambda copy: edit(copy.parent, source={"../mine.py": "0"}), "no file of a recipe"),
        (lambda copy: edit(copy.parent, source={"/etc/passwd": "0"}), "no file of a recipe"),
        (lambda copy: edit(copy.parent, source={"a.py/": "0"}), "no file of a recipe"),
        (lambda copy: edit(copy.parent, source=["mine.py"]), "source is a list"),
        (lambda copy: edit(copy.parent, name="mine.py:Other"), "has no recipe Other; there are"),
        (lambda copy: edit(copy.parent, name="nowhere:load"), "there is no recipe nowhere:load"),
        (lambda copy: edit(copy.parent, recipe="MyGAN(networks=__import__('os'))"), "there is no __import__|should be"),
        (lambda copy: edit(copy.parent, source={}), "there is no MyGAN|MyGAN"),
        (lambda copy: edit(copy.parent, name="x.py:MyGAN", source=None), "there is no file x.py"),
        (lambda copy: edit(copy.parent, name="/dev/zero.py:MyGAN", source=None), "there is no file"),
    ],
)  # fmt: skip
def test_a_copy_that_is_not_the_runs_is_refused(place, damage, words):
    damage(place / "run/recipe")
    with pytest.raises(Mistake, match=words) as refusal:
        load("run")
    assert "\n" not in str(refusal.value)


def test_the_list_lies_where_configuration_does(tmp_path, monkeypatch):
    monkeypatch.delenv("SADDLE_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(trust, "trusted_in_process", set())
    source = collect_source(write(tmp_path / "a b\n"))
    trust.trust_source(source)
    assert (tmp_path / "saddle/trusted").read_text().startswith(source.digest + " ")
    monkeypatch.setattr(trust, "trusted_in_process", set())
    assert trust.is_trusted(source) and not trust.is_trusted(collect_source(write_other(tmp_path)))
    monkeypatch.setenv("XDG_CONFIG_HOME", "/dev/null/no")
    trust.trust_source(source)  # nothing can be written there: it holds for this process
    assert trust.is_trusted(source)


def write_other(folder: Path) -> Path:
    (folder / "other.py").write_text("x = 1\n")
    return folder / "other.py"
