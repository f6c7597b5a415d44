"""The Dirac-GAN under every method: measured eigenvalues beside closed forms, and where the players end."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from .dirac_gan import STEP_SIZE, FloatArray, point_jacobian, simulate
from .dirac_gan_methods import End, Method, methods
from .evidence import Demonstration, Fact, expect_between, expect_close, format_decimals
from .picture import BLUE, GREY, INK, ORANGE, make_panels

SHORT_RUN, LONG_RUN = 2000, 20_000
PORTRAITS = ("minimax", "non-saturating", "WGAN, free", "WGAN, clip 0.3", "WGAN-GP, slope 0.3", "labels flipped, 0.1",
             "R1, gamma 0.3", "R1, gamma 1", "noise, sigma 1", "Roth, gamma 1", "consensus, gamma 1",
             "WGAN, unrolled 5 steps")  # fmt: skip
END_DESCRIPTIONS: dict[End, str] = {
    "arrives": "arrives: below 1e-4",
    "slows": "slows: 0.316 of it after 20000",
    "stays away": "stays away: above 0.25",
}


def game_eigenvalues(method: Method) -> tuple[complex, complex]:
    """Of the Jacobian that saddle's own game has at the equilibrium."""
    first, second = np.linalg.eigvals(point_jacobian(method.play, method.rates)).astype(complex)
    return (first, second) if first.imag >= 0 else (second, first)


def eigenvalue_fact(method: Method, measured: tuple[complex, complex]) -> Fact:
    """Judged by sum and product, which, unlike a double eigenvalue, are smooth in the matrix."""
    assert method.eigenvalues is not None
    (a, b), (c, d) = measured, method.eigenvalues
    holds = abs(a + b - c - d) < 1e-6 and abs(a * b - c * d) < 1e-6
    return Fact(f"{method.name}: eigenvalues", format_eigenvalues(a, b), format_eigenvalues(c, d), holds)


def format_eigenvalues(a: complex, b: complex) -> str:
    return format_decimals(a, 4) if abs(a.imag) > 1e-4 else f"{a.real:.4f}, {b.real:.4f}"


def end_radius(method: Method, steps: int = SHORT_RUN, together: bool = False) -> float:
    """How far from the equilibrium the players are after so many steps; unequal rates turn circles into ellipses."""
    end = simulate(method.field, steps, together, method.bound, method.rates)[-1]
    return float(np.hypot(*(end / np.sqrt(method.rates))))


def distance_fact(method: Method) -> Fact:
    """The players' distance when they move in turns."""
    near = end_radius(method)
    if method.end == "slows":
        ratio = end_radius(method, LONG_RUN) / near
        holds, said = abs(ratio - 0.1**0.5) < 0.03, f"{near:.3g}, then {ratio:.3f} of it"
    else:
        holds, said = near < 1e-4 if method.end == "arrives" else 0.25 < near < 2, f"{near:.3g}"
    return Fact(f"{method.name}: distance", said, END_DESCRIPTIONS[method.end], holds)


def run_demonstration() -> Demonstration:
    table = {method.name: method for method in methods()}
    facts = [eigenvalue_fact(m, game_eigenvalues(m)) for m in table.values() if m.eigenvalues]
    facts += [distance_fact(m) for m in table.values()]
    growth = (end_radius(table["WGAN, free"], together=True) / 2**0.5) ** (1 / SHORT_RUN)
    facts.append(expect_close("WGAN, free, both at once: growth of a step", growth, (1 + STEP_SIZE**2) ** 0.5, 1e-6))
    facts.append(
        expect_between("minimax, both at once: distance", end_radius(table["minimax"], together=True), 3.05, 3.15)
    )
    figure, axes = make_panels(3, 4, 2.4, 2.25)
    for ax, name in zip(axes, PORTRAITS, strict=True):
        plot_portrait(ax, table[name])
    for ax in axes[8:]:
        ax.set_xlabel("generator", fontsize=9, color=INK)
    for ax in axes[::4]:
        ax.set_ylabel("critic", fontsize=9, color=INK)
    axes[0].legend(loc="upper left", fontsize=7, framealpha=0.9, handlelength=1.4)
    return Demonstration(tuple(facts), figure)


def plot_portrait(axes: Axes, method: Method) -> None:
    """The field as streamlines, and two paths of 250 steps."""
    ticks = np.linspace(-1.7, 1.7, 18)
    theta, psi = np.meshgrid(ticks, ticks)
    axes.streamplot(ticks, ticks, *method.field(theta, psi), color="#d0d0d0", density=0.5, linewidth=0.7, arrowsize=0.6)
    for together, shade, style, name in ((True, ORANGE, "--", "both at once"), (False, BLUE, "-", "in turns")):
        path: FloatArray = simulate(method.field, 250, together, method.bound, method.rates)
        axes.plot(*path.T, style, color=shade, linewidth=1.1, label=name)
    axes.plot(0, 0, "+", color=INK, markersize=8)
    axes.plot(*path[0], "o", color=INK, markersize=3)
    axes.set(xlim=(-1.7, 1.7), ylim=(-1.7, 1.7), aspect="equal", xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    axes.set_title(method.name, fontsize=9, color=INK)
    axes.tick_params(length=0, labelsize=7, labelcolor=GREY)
    for spine in axes.spines.values():
        spine.set_color("#c8c8c8")
