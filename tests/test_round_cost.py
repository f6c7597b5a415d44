"""What a round takes of memory and time, told before one is played."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from narrow import shape, small
from saddle.batches import Images
from saddle.recipes import round_cost
from saddle.recipes.rehearsal import RepeatedBatch, random_batch
from saddle.recipes.round_cost import CostCounter, RoundCost, count_round, last_stage, measure_round_speed
from saddle.training.engine import Engine
from saddle.training.machine import find_machine
from typed import Say


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def test_bytes_are_counted_while_somebody_holds_them():
    with CostCounter() as counter:
        a = torch.zeros(1000)
        b = a.view(10, 100)[2:]  # of the same memory
        assert counter.live == 4000
        c = a + 1
        assert counter.live == counter.peak == 8000
        del a
        assert counter.live == 8000  # b holds it
        del b, c
        assert (counter.live, counter.peak) == (0, 8000)
        torch.mm(torch.ones(2, 3), torch.ones(3, 5))
        assert counter.flops == 2 * 2 * 3 * 5


@pytest.mark.parametrize("name", ["r1", "r3gan", "cyclegan", "unrolled-gan"])
def test_a_round_without_numbers_takes_as_much_as_one_with(name):
    recipe, data = small(name), shape(name)
    stage, clock = last_stage(recipe, data)
    with CostCounter() as counter:
        game = recipe.game(data)
        kept = [p.detach().clone() for makers in game.makers for p in [*getattr(game, makers).state_dict().values()]]
        engine, game.clock = Engine(game, stage.steps or recipe.steps), clock
        batch = random_batch(recipe.batch_type, stage.data, stage.batch, torch.device("cpu"))
        for _ in range(2):
            engine.play(RepeatedBatch(batch), clock=clock)
    counted = count_round(recipe, data)
    assert kept and counted is not None
    assert counted.bytes == pytest.approx(counter.peak, rel=0.02)  # chance on a processor takes some more, or less


def test_memory_grows_by_the_same_for_each_image():
    recipe, data = small("r3gan"), shape("r3gan")
    a, b, c = (count_round(recipe, data, batch=n) for n in (8, 16, 32))
    assert a and b and c
    assert c.bytes - b.bytes == 2 * (b.bytes - a.bytes)
    assert c.flops - b.flops == 2 * (b.flops - a.flops)


def test_a_round_that_would_take_long_is_not_played(monkeypatch):
    monkeypatch.setattr(round_cost, "play_rounds", lambda *_: pytest.fail("it was played"))
    recipe, data = small("r1"), shape("r1")
    cost = RoundCost(4, 1, 4 * 10**15)
    speed = measure_round_speed(recipe, data, find_machine("cpu"), cost, choose=lambda _: pytest.fail("it was chosen"))
    assert not speed.measured
    assert 0 < speed.images_per_second < 1


def test_images_are_those_that_a_critic_sees():
    rows = round_cost.CountedRows(Images(torch.zeros(4, 1, 2, 2)))
    next(rows)
    next(rows)
    assert rows.taken == 2


def test_show_tells_what_a_size_costs(say: Say, tmp_path):
    file = tmp_path / "x" / "a.json"
    code, page, error = say(f"show dcgan --size 32 --channels 3 --json {file}")
    assert code == 0, error
    page = " ".join(page.split())
    assert re.search(r"A batch of 64 takes about [\d.]+ MB of memory", page)
    assert re.search(r"Measured here on [\w:]+: [\d.]+ images a second", page)
    facts = json.loads(file.read_text())
    assert facts["shape"] == [3, 32, 32]
    assert facts["measured"]
    assert facts["bytes"] > 4 * 4 * sum(facts["parameters"].values())  # weights, gradients, and two moments of Adam's


def test_show_does_not_play_what_would_take_long(say: Say):
    code, page, _ = say("show dcgan --size 1024 --channels 3")
    assert code == 0
    assert "728,927,104 parameters" in page
    assert "none was played" in page
    assert "images a second" not in say("show dcgan --size 1024 --channels 3 --no-speed")[1]
    code, page, error = say("show dcgan --recompute --no-speed")
    assert code == 2 and not page and "leave --recompute out" in error  # as in training


@pytest.mark.parametrize(("line", "says"), [
    ("sagan --size 48", "give --"), ("vae-gan --size 12x16", "give --size 24x32"),
    ("gat --networks.width 32", "give --networks.width 64"), ("dcgan --networks.width 0", ""),
])  # fmt: skip
def test_what_show_advises_can_be_typed_behind_it(say: Say, line: str, says: str):
    code, _, error = say(f"show {line} --no-speed")
    assert code == 2 and says in error
    if says:
        advised = error.strip().rpartition("; give ")[2]
        code, page, error = say(f"show {line} {advised} --no-speed")
        assert code == 0, error
        assert "A batch of" in page


def test_show_tells_what_other_fields_cost(say: Say):
    def bytes_of(line: str) -> str:
        code, page, error = say(f"show {line} --no-speed")
        assert code == 0, error
        found = re.search(r"A batch of (\d+) takes about ([\d.]+ MB)", " ".join(page.split()))
        assert found
        return f"{found[1]}: {found[2]}"

    assert bytes_of("dcgan --size 32 --batch 8").startswith("8: ")
    assert len({bytes_of("dcgan --size 32"), bytes_of("dcgan --size 32 --networks.width 16")}) == 2


def test_points_have_no_size_in_show_either(say: Say):
    for option in ("--size 128", "--channels 3", "--crop pad", "--flip"):
        code, page, error = say(f"show vae-toy {option}")
        assert (code, page) == (2, "") and "has points, not pictures" in error


def test_recompute_is_named_only_where_blocks_can_be_worked_out_again(say: Say):
    assert "--recompute" not in say("show dcgan --size 32 --no-speed")[1].partition("A batch of")[2]
    told = say("show r3gan --size 32 --no-speed")[1].partition("A batch of")[2]
    assert "--recompute" in told
    told = say("show r3gan --size 32 --no-speed --recompute")[1].partition("A batch of")[2]
    assert "--recompute" not in told  # which is done already
