"""The demonstrations: every number agrees with its theory, and the closed forms with saddle's own losses."""

from __future__ import annotations

from io import BytesIO
from math import log, pi, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from saddle.cli import main
from saddle.clock import Clock
from saddle.games import Adversarial
from saddle.layers.views import Noise
from saddle.objectives import FDivergence
from saddle.optim import SGD
from saddle.theory import (
    DEMONSTRATIONS,
    danskin,
    demonstrate,
    dirac,
    kl,
    modes,
    optimal,
    saturating,
    transport,
    vanishing,
)
from saddle.theory.dirac_gan import (
    START_POINT,
    STEP_SIZE,
    FloatArray,
    LinearCritic,
    PointGenerator,
    point_gradient,
    simulate,
    zero_batch,
)
from saddle.theory.dirac_gan_methods import Method, make_game, methods
from saddle.theory.evidence import (
    Demonstration,
    describe_facts,
    expect_above,
    expect_below,
    expect_between,
    expect_close,
)
from saddle.theory.gaussians import (
    DATA_DENSITY,
    JSD,
    KL,
    MADE_DENSITY,
    REVERSE_KL,
    TV,
    Gaussian,
    js_divergence,
    line_points,
    normal_quantiles,
)
from saddle.theory.gaussians import kl_divergence as divergence
from saddle.theory.picture import figure_to_image
from saddle.training.engine import Engine

TABLE = {method.name: method for method in methods()}


@pytest.fixture
def shorter_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rounds as show what the whole demonstration does."""
    monkeypatch.setattr(transport, "ROUNDS", 500)
    monkeypatch.setattr(modes, "ROUNDS", {"ring": 200, "grid": 500})


def test_the_transports_bias_is_the_papers_and_to_first_order_a_fraction():
    for weights, due in (((0.2, 0.5), 0.617), ((0.2, 0.1), 0.243), ((0.05, 0.02), 0.0157)):
        assert transport.expected_shortfall(*weights) == pytest.approx(due, abs=5e-4)
        product = 16 * weights[0] * weights[1]
        assert transport.expected_shortfall(*weights) == pytest.approx(product / (1 + product), rel=0.01)
    assert transport.expected_shortfall(0.005, 0.5) == pytest.approx(0.0385, abs=5e-4)


def test_the_best_map_to_the_modes_costs_what_is_said():
    n = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    assert (transport.best_map_to_modes(n) - n).square().mean().item() == pytest.approx(transport.MODES_COST, abs=1e-3)
    assert transport.Carried(n[::999], transport.best_map_to_modes(n[::999])).inverted() == 0


@pytest.mark.slow
def test_all_rounds_of_the_modes_show_what_the_theory_says():
    facts = demonstrate("modes").facts
    assert facts and all(fact.holds for fact in facts), describe_facts(facts)


@pytest.mark.usefixtures("shorter_modes")
@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_what_is_measured_is_what_the_theory_says_and_its_picture_small_and_named(name: str):
    """One test for both: two tests of a demonstration may fall to two processes, and each would run it."""
    evidence, file = demonstrate(name), BytesIO()
    assert evidence.facts and evidence.holds, describe_facts(evidence.facts)
    for axes in evidence.picture.axes:
        assert axes.get_title() or axes.get_title("left")
        assert name == "dirac" or axes.get_xlabel()
    figure_to_image(evidence.picture).save(file, "PNG", optimize=True)
    assert len(file.getvalue()) < 60_000


@pytest.mark.parametrize("method", TABLE.values(), ids=TABLE)
def test_closed_fields_are_what_the_game_pulls(method: Method):
    for theta, psi in ((-1.2, 0.5), (0.3, -0.8), (0.9, 1.5)):
        due = method.field(np.float64(theta), np.float64(psi))
        assert point_gradient(method.play, theta, psi) == pytest.approx(due, abs=1e-9)


def by_name(name: str) -> tuple[complex, complex]:
    return dirac.game_eigenvalues(TABLE[name])


@pytest.mark.parametrize(("name", "values"), [
    ("non-saturating", (0.5j, -0.5j)), ("WGAN, free", (1j, -1j)),
    ("R1, gamma 0.3", (-0.15 + 0.476970j, -0.15 - 0.476970j)), ("R1, gamma 2", (-0.133975, -1.866025)),
    ("R1, gamma 4", (-0.063508, -3.936492)), ("noise, sigma 0.5", (-0.0625 + 0.496078j, -0.0625 - 0.496078j)),
    ("noise, sigma 1", (-0.25 + 0.433013j, -0.25 - 0.433013j)), ("consensus, gamma 1", (-0.25 + 0.5j, -0.25 - 0.5j)),
    ("Roth, gamma 1", (-0.25 + 0.433013j, -0.25 - 0.433013j)), ("labels flipped, 0.1", (0.447214j, -0.447214j)),
    ("Nagarajan-Kolter, eta 0.5", (-0.125 + 0.484123j, -0.125 - 0.484123j)),
    ("WGAN, unrolled 5 steps", (-0.5 + 0.866025j, -0.5 - 0.866025j)),
])  # fmt: skip
def test_eigenvalues_by_their_digits(name: str, values: tuple[complex, complex]):
    """The table of the literature, digit by digit, so that a wrong closed form cannot agree with a wrong loss."""
    assert sorted(by_name(name), key=lambda v: (v.real, v.imag)) == pytest.approx(
        sorted(values, key=lambda v: (complex(v).real, complex(v).imag)), abs=2e-6
    )


@pytest.mark.parametrize(("name", "together", "apart"), [
    ("minimax", 3.101, 1.418), ("non-saturating", 0.4508, 0.2000), ("WGAN, free", 2.964e4, 1.367),
])  # fmt: skip
def test_distances_after_two_thousand_steps(name: str, together: float, apart: float):
    assert dirac.end_radius(TABLE[name], together=True) == pytest.approx(together, rel=1e-3)
    assert dirac.end_radius(TABLE[name]) == pytest.approx(apart, rel=1e-3)


def test_only_the_damped_methods_contract():
    for method in TABLE.values():
        if method.eigenvalues:
            damped = max(value.real for value in dirac.game_eigenvalues(method)) < -1e-3
            assert damped == (method.end == "arrives"), method.name
    for name, low, high in (("WGAN, clip 0.3", 0.292, 0.308), ("WGAN-GP, slope 0.3", 0.36, 0.424)):
        assert low < dirac.end_radius(TABLE[name]) < high


def test_the_engine_walks_the_simulated_path():
    """In Adversarial the critic moves first, in the simulation the generator; here both in the game's order."""
    method = TABLE["R1, gamma 0.3"]
    generator, critic = (kind(at) for kind, at in zip((PointGenerator, LinearCritic), START_POINT, strict=True))
    engine = Engine(method.play(generator, critic), lambda player: SGD(STEP_SIZE))
    theta, psi = START_POINT
    for round in range(25):
        engine.play(iter([zero_batch()]), clock=Clock(round))
        psi += STEP_SIZE * method.field(theta, psi)[1]
        theta += STEP_SIZE * method.field(theta, psi)[0]
    assert (generator.theta.item(), critic.psi.item()) == pytest.approx((theta, psi), abs=1e-9)


def test_drawn_noise_pulls_as_its_expectation():
    """The view that recipes use, against the noise of equal weights in the table."""
    torch.manual_seed(0)
    many = 200
    draws = np.array([point_gradient(make_game(views=(Noise(1.0),)), 0.9, -0.8) for _ in range(many)])
    due = TABLE["noise, sigma 1"].field(np.float64(0.9), np.float64(-0.8))
    assert np.all(np.abs(draws.mean(0) - due) < 4 * draws.std(0) / sqrt(many))


def test_simulated_paths_begin_where_they_say_and_clipping_holds():
    path: FloatArray = simulate(TABLE["WGAN, clip 0.3"].field, 50, True, 0.3)
    assert path.shape == (51, 2) and tuple(path[0]) == START_POINT and np.abs(path[1:, 1]).max() <= 0.3


def test_the_reference_pair_by_quadrature():
    x = line_points(-12, 14)
    p, q = DATA_DENSITY.log_density(x), MADE_DENSITY.log_density(x)
    assert divergence(x, p, q).item() == pytest.approx(KL, abs=1e-6)
    assert divergence(x, q, p).item() == pytest.approx(REVERSE_KL, abs=1e-6)
    assert divergence(x, p, q).item() == pytest.approx(log(1.3) + (1 + 0.5**2) / (2 * 1.3**2) - 0.5, abs=1e-9)
    assert js_divergence(x, p, q).item() == pytest.approx(JSD, abs=1e-6)
    assert torch.trapezoid((p.exp() - q.exp()).abs(), x).item() / 2 == pytest.approx(TV, abs=1e-5)


def test_points_of_equal_weight_have_the_moments_of_a_normal():
    z = normal_quantiles(64)
    assert z.mean().item() == pytest.approx(0, abs=1e-12) and z.square().mean().item() == pytest.approx(1, abs=1e-12)
    assert normal_quantiles(20_000).abs().mean().item() == pytest.approx(sqrt(2 / pi), abs=1e-3)


@pytest.mark.parametrize("row", optimal.DIVERGENCE_VALUES, ids=optimal.divergence_label)
def test_no_critic_is_above_the_divergence(row: FDivergence):
    torch.manual_seed(0)
    due, ratio = optimal.DIVERGENCE_VALUES[row], optimal.log_ratio(optimal.X)
    for score in (ratio, 0 * ratio, ratio + 0.3, -ratio, torch.randn_like(ratio)):
        assert optimal.variational_bound(row, score).item() <= due + 1e-5
    assert optimal.variational_bound(row, 0 * ratio).item() < due - 0.01


def test_the_jsd_of_gaussians_far_apart_is_log_two():
    x = line_points(-12, 30)
    assert js_divergence(x, Gaussian(0.0).log_density(x), Gaussian(18.0).log_density(x)).item() == pytest.approx(
        log(2), abs=1e-6
    )


def test_fits_do_not_depend_on_which_peak_is_near():
    right, left = (kl.fit_gaussian(kl.kl_model_data, start, 1.0) for start in (2.0, -2.0))
    assert (left.mean, left.std) == pytest.approx((-right.mean, right.std), abs=1e-4)


def test_the_envelopes_slope_is_that_of_finite_differences():
    for theta in (-1.7, 0.1, 2.2):
        h = 1e-6
        sides = danskin.critic_values(torch.tensor([theta + h, theta - h], dtype=torch.float64)).amax(1)
        assert danskin.envelope_slope(theta)[0] == pytest.approx(((sides[0] - sides[1]) / (2 * h)).item(), abs=1e-6)
    slope = (danskin.best_critic_value(1.001) - danskin.best_critic_value(0.999)) / 0.002
    assert danskin.frozen_slope(1.0) == pytest.approx(slope, abs=1e-4)


def test_a_critic_that_is_held_is_never_better_than_the_best():
    theta = torch.linspace(-3, 4, 15, dtype=torch.float64)
    held = danskin.game_value(danskin.START_SHIFT, theta)
    assert all(h <= danskin.best_critic_value(t) + 1e-3 for h, t in zip(held.tolist(), theta.tolist(), strict=True))


def test_pulls_at_distance_one_by_their_digits():
    assert saturating.generator_pull(saturating.GENERATOR_LOSSES["saturating"], 1.0) == pytest.approx(
        0.397973, abs=2e-5
    )
    assert saturating.generator_pull(saturating.GENERATOR_LOSSES["non-saturating"], 1.0) == pytest.approx(
        0.602027, abs=2e-5
    )


def test_the_sticks_are_where_they_should_be():
    z = torch.rand(50, 1)
    made = vanishing.Stick(0.7)(z)
    assert made.shape == (50, 2, 1, 1) and (made[:, 0] == 0.7).all() and torch.equal(made[:, 1].flatten(), z.flatten())
    assert vanishing.expected_gap(2.0) == pytest.approx(2.2) and vanishing.expected_gap(1.0) == pytest.approx(1.05)


def test_facts_agree_or_not():
    facts = (
        expect_close("a", 1.0004, 1, 1e-3),
        expect_above("b", 2, 3),
        expect_below("c", 2, 3),
        expect_between("d", 5, 1, 4),
    )
    assert [fact.holds for fact in facts] == [True, False, True, False]
    assert not Demonstration(facts, Figure()).holds and describe_facts(facts).endswith("2 of 4 do not agree")
    assert "-0.1500 +- 0.4770i" in expect_close("pair", -0.15 - 0.47697j, -0.15 + 0.47697j, 1e-3).measured
    assert (
        not expect_close("nothing", float("nan"), 1, 1.0).holds and not expect_above("nothing", float("nan"), 1).holds
    )


def test_a_demonstration_leaves_everybodys_chance_alone():
    torch.manual_seed(3)
    due = torch.rand(2)
    torch.manual_seed(3)
    a = demonstrate("danskin")
    assert torch.equal(torch.rand(2), due) and a.facts == demonstrate("danskin").facts


def test_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    assert main(["theory"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in DEMONSTRATIONS)
    assert main(["theory", "danskin"]) == 0
    page = capsys.readouterr().out
    assert "all 11 agree" in page and Path("theory-danskin.png").read_bytes().startswith(b"\x89PNG")
    assert main(["theory", "saturating", "--out", "deep/s.png"]) == 0 and Path("deep/s.png").is_file()
    capsys.readouterr()
    for words, said in ((["theory", "danskn"], "did you mean danskin?"), (["theory", "kl", "--out", "kl.svg"], ".png"),
                        (["theory", "--out", "a.png"], "saddle theory NAME")):  # fmt: skip
        assert main(words) == 2
        assert said in capsys.readouterr().err


def test_a_demonstration_that_fails_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    wrong = demonstrate("danskin")._replace(facts=(expect_above("one", 1, 2),))
    monkeypatch.setattr(danskin, "run_demonstration", lambda: wrong)
    assert main(["theory", "danskin", "--out", str(tmp_path / "d.png")]) == 1
    read = capsys.readouterr()
    assert "NO" in read.out and "not what the theory says" in read.err


def test_every_demonstration_is_in_the_docs():
    page = (Path(__file__).parents[1] / "docs" / "theory.md").read_text(encoding="utf-8")
    for name in DEMONSTRATIONS:
        assert f"saddle theory {name}" in page and f"pictures/theory/{name}.png" in page
        picture = Path(__file__).parents[1] / "docs" / "pictures" / "theory" / f"{name}.png"
        assert 0 < picture.stat().st_size < 60_000


def test_the_games_of_the_table_are_saddles_own():
    assert all(isinstance(m.play(PointGenerator(0.1), LinearCritic(0.1)), Adversarial) for m in TABLE.values())
