"""What a run's precision and memory layout are chosen by: times of its own convolutions, told by a made-up timer."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from saddle import preparing, resume, train
from saddle.clock import Clock
from saddle.data import ArrayDataset
from saddle.networks import Convolutional
from saddle.recipes import find_recipe, machine_choice
from saddle.recipes.dcgan import DCGAN
from saddle.recipes.machine_choice import choose_machine, find_convolutions
from saddle.recipes.r1 import R1GAN
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.shape import Shape
from saddle.training import probe_cache
from saddle.training.conv_probe import Convolution, Fastest, Form, find_fastest, time_convolution
from saddle.training.machine import Machine, find_machine, machine_of_run
from saddle.training.manifest_facts import make_machine_facts
from saddle.training.match import Match

ONE = Convolution((8, 16, 32, 32), (32, 16, 3, 3), (1, 1), (1, 1), (1, 1), False, (0, 0), 1, True)
EXACT = ONE._replace(reduced=False)
FLOAT, HALF = torch.float32, torch.bfloat16
SMALL = DCGAN(networks=Convolutional(width=4), batch=4)
CPU = Machine(torch.device("cpu"), FLOAT, "")


NAMES = {"f": Form(FLOAT, True), "c": Form(FLOAT, False), "h": Form(HALF, True), "hc": Form(HALF, False)}


class Timer:
    """So many seconds for each form, and how often each was asked for."""

    def __init__(self, **seconds):
        self.seconds = {form: seconds.get(name, 0.01) for name, form in NAMES.items()}
        self.asked = []

    def __call__(self, one, form):
        self.asked.append(form)
        return self.seconds[form] * (0.1 if one.operations <= 1e7 else 1)


@pytest.mark.parametrize(("seconds", "form", "gain"), [
    ({"h": 0.005}, Form(HALF, True), 2),
    ({"hc": 0.004}, Form(HALF, False), 2.5),
    ({"c": 0.005}, Form(FLOAT, False), 0.5),
    ({}, Form(FLOAT, True), 1),
    ({"h": 0.0095, "c": 0.0095}, Form(FLOAT, True), 1),
    ({"h": 0.02, "hc": 0.02}, Form(FLOAT, True), 0.5),
])  # fmt: skip
def test_the_fastest_is_taken_and_ties_go_to_float32_and_channels_last(seconds, form, gain):
    found = find_fastest({ONE: 3}, Timer(**seconds))
    assert found.form == form and found.gain == pytest.approx(gain, rel=0.06)


@pytest.mark.parametrize("delay", [1.6, 1 / 1.6])
def test_other_work_turns_no_choice_that_is_near(delay: float) -> None:
    """Every other turn, and then every third, takes longer, or is quicker, for some of the forms."""
    for every in (2, 3):
        timer = Timer(h=0.0095)  # 1.05 times faster: a tie

        def disturbed(one: Convolution, form: Form, timer: Timer = timer, every: int = every) -> float:
            turn = timer.asked.count(form)
            return timer(one, form) * (delay if form.precision == FLOAT and turn % every else 1)

        assert find_fastest({ONE: 1}, disturbed).form.precision == FLOAT


def test_what_is_done_in_full_precision_anyway_gains_nothing():
    found = find_fastest({ONE: 1, EXACT: 1}, Timer(h=0.005))
    assert found == Fastest(Form(HALF, True), pytest.approx(4 / 3))
    assert find_fastest({ONE: 1, EXACT: 9}, Timer(h=0.005)).form == Form(FLOAT, True)


def test_an_emulated_bfloat16_is_tried_twice_on_little_and_never_again():
    timer = Timer(h=0.5, hc=0.5)
    assert find_fastest({ONE: 1}, timer) == Fastest(Form(FLOAT, True), 0.0)
    assert timer.asked.count(Form(HALF, True)) == timer.asked.count(Form(HALF, False)) == 2


def test_measuring_ends_when_its_time_is_over():
    timer = Timer()
    find_fastest({ONE: 1, ONE._replace(groups=2, weight=(32, 8, 3, 3)): 1}, timer, seconds=0.2)
    assert 0.2 <= sum(timer.seconds[form] for form in timer.asked[8:]) < 0.25


@pytest.mark.parametrize("one", [
    ONE, ONE._replace(input=(2, 8, 512, 512), weight=(8, 8, 3, 3), groups=1),
    ONE._replace(input=(64, 512, 8, 8), weight=(512, 256, 4, 4), stride=(2, 2), transposed=True),
])  # fmt: skip
def test_what_is_timed_is_the_same_made_small(one):
    small = one.shrunk(1e7)
    assert small.operations <= 1e7 or small.input[0] == 1
    assert small._replace(input=one.input) == one
    assert time_convolution(small, Form(HALF, True)) >= 0


@pytest.mark.parametrize(("transposed", "weight"), [(False, (32, 8, 4, 4)), (True, (16, 16, 4, 4))])
def test_a_product_is_counted_for_each_weight_and_place_and_pass(transposed, weight):
    one = Convolution((3, 16, 9, 7), weight, (2, 2), (1, 1), (1, 1), transposed, (0, 0), 2, True)
    y = torch.convolution(torch.ones(one.input), torch.ones(weight), None, *one[2:8])
    assert tuple(y.shape[1:]) == one.output_size
    assert one.operations == 6 * 3 * math.prod(weight) * (9 * 7 if transposed else math.prod(y.shape[2:]))


def test_the_convolutions_of_a_round_are_those_that_its_networks_do():
    seen = set()

    def note(layer, inputs, made):
        seen.add((tuple(inputs[0].shape), tuple(layer.weight.shape)))

    game = SMALL.game(Shape(3, 32, 32))
    for layer in game.modules():
        if type(layer) in (nn.Conv2d, nn.ConvTranspose2d):  # their kinds that see one place are matrix products
            layer.register_forward_hook(note)
    for _ in game.round(iter([SMALL.batch_type(torch.randn(4, 3, 32, 32))]), Clock()):
        pass
    found = find_convolutions(SMALL, Shape(3, 32, 32))
    assert {(one.input, one.weight) for one in found} == seen
    assert all(one.reduced for one in found)


def test_a_critic_whose_slopes_are_asked_for_is_known_to_stay_in_full_precision():
    found = find_convolutions(R1GAN(networks=Convolutional(width=4, normal=False), batch=4), Shape(3, 32, 32))
    assert {one.reduced for one in found} == {True, False}


def test_games_without_convolutions_measure_nothing():
    def never(counts):
        raise AssertionError

    toy, _ = find_recipe("r1-toy")
    chosen = choose_machine(CPU, "auto", toy, Shape(2, 1, 1), probe=never)
    assert chosen.precision == FLOAT and "no convolutions" in chosen.why
    assert "small" in choose_machine(CPU, "auto", SMALL, Shape(1, 16, 16), probe=never).why
    for where, precision in ((Machine(torch.device("cpu"), HALF, "as asked for"), "bfloat16"),
                             (Machine(torch.device("mps"), FLOAT, ""), "auto")):  # fmt: skip
        assert choose_machine(where, precision, find_recipe("dcgan")[0], Shape(3, 64, 64), probe=never) is where


def test_the_reason_is_told():
    dcgan, data = find_recipe("dcgan")[0], Shape(3, 64, 64)
    fast = choose_machine(CPU, "auto", dcgan, data, probe=lambda counts: Fastest(Form(HALF, False), 1.93))
    assert fast == Machine(CPU.device, HALF, "bfloat16: 1.9 times faster here on this recipe's convolutions, channels "
                           "first", False)  # fmt: skip
    slow = choose_machine(CPU, "auto", dcgan, data, probe=lambda counts: Fastest(Form(FLOAT, True), 0.062))
    assert slow.why == "float32: bfloat16 would be 0.062 times as fast here on this recipe's convolutions"


def test_the_same_is_not_measured_twice_but_for_another_torch_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path))
    timer, threads = Timer(h=0.005), set()
    first = probe_cache.cached_fastest({ONE: 3}, lambda *asked: threads.add(torch.get_num_threads()) or timer(*asked))
    assert threads == {1}, "several threads wait for one another, and how long hangs on the load"
    asked = len(timer.asked)
    assert asked and probe_cache.cached_fastest({ONE: 3}, timer) == first and len(timer.asked) == asked
    probe_cache.cached_fastest({ONE: 4}, timer)
    assert len(timer.asked) == 2 * asked
    for patch in (("torch.__version__", "9.9"), ("saddle.training.probe_cache.processor_name", lambda: "another")):
        with monkeypatch.context() as other:
            other.setattr(*patch)
            before = len(timer.asked)
            probe_cache.cached_fastest({ONE: 3}, timer)
            assert len(timer.asked) > before


def test_a_damaged_note_and_a_cache_that_cannot_be_written_are_no_hindrance(tmp_path, monkeypatch):
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path))
    timer = Timer(h=0.005)
    first = probe_cache.cached_fastest({ONE: 3}, timer)
    (file,) = (tmp_path / "probes").glob("*.json")
    file.write_bytes(file.read_bytes()[3:])
    assert probe_cache.cached_fastest({ONE: 3}, timer) == first
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SADDLE_CACHE", str(tmp_path / "file"))
    assert probe_cache.cached_fastest({ONE: 3}, timer) == first


def test_a_run_goes_on_in_what_it_was_begun_in(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_choice, "LEAST_OPERATIONS", 0)
    probe = lambda counts: Fastest(Form(HALF, False), 2.0)  # noqa: E731
    monkeypatch.setattr(preparing, "choose_machine", partial(choose_machine, probe=probe))
    recipe = replace(SMALL, batch=8)
    made = train(recipe, "glyphs", size=16, limit=64, images=16, out=tmp_path / "run", pictures=0, quiet=True)
    monkeypatch.setattr(preparing, "choose_machine", None)
    machine = Manifest.read(RunFolder.find(made)).machine
    assert (machine["precision"], machine["channels_last"]) == ("bfloat16", False) and "2.0 times" in machine["why"]
    played = []
    monkeypatch.setattr(Match, "play", lambda self, *rest, play=Match.play: played.append(self) or play(self, *rest))
    resume(made, images="+16")
    assert Manifest.read(RunFolder.find(made)).machine == machine
    assert {(match.machine.precision, match.machine.channels_last) for match in played} == {(HALF, False)}
    weights = [p for p in played[0].game.parameters() if p.ndim == 4 and min(p.shape[1:]) > 1]
    assert weights and all(p.is_contiguous() for p in weights)
    assert next(played[0].feeds[0]).image.is_contiguous()


def test_layouts_play_the_same_round():
    data = torch.rand(8, 3, 16, 16)
    ends = []
    for last in (True, False):
        match = Match(
            replace(SMALL, batch=8), in_memory(data), 80, find_machine("cpu", "float32")._replace(channels_last=last)
        )
        for _ in range(3):
            match.play()
        ends.append([p.detach().clone() for p in match.game.parameters()])
    for a, b in zip(*ends, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def in_memory(data):
    return ArrayDataset("set", (255 * data).permute(0, 2, 3, 1).numpy().astype(np.uint8))


@pytest.mark.parametrize("name", ["float32", "bfloat16", "bfloat16-slopes"])
def test_a_run_goes_on_in_the_precision_that_it_was_begun_with(name):
    where = find_machine("cpu", name)
    again = machine_of_run("cpu", make_machine_facts(where))
    assert (again.precision, again.slopes) == (where.precision, where.slopes)
    assert again.precision_name == name and ("slopes of penalties too" in where.why) is name.endswith("slopes")
