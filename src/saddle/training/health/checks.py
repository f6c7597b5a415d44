"""Is the run well? Pure functions of what was seen of late; each says what it saw, or nothing.

Every threshold lies between what runs with a planted fault and healthy runs reach: docs/health.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import NamedTuple

from ...blame import blame_user_code
from ...errors import Failure
from ...plugged import plugged
from .probe import Snapshot

HEALTH_PATIENCE = 4  # looks in a row that a fault must show in before it is told, or be gone from before it has cleared
HEALTH_WINDOW = 8  # looks taken together where a single one says little


class Observation(NamedTuple):
    """What is known of a run at one look, and since the look before."""

    round: int
    images: int
    gradients: dict[str, float]  # by player, the median norm since the reading before
    snapshot: Snapshot | None  # None where samples cannot be made out of chance alone
    logged_scalars: Mapping[str, float] = MappingProxyType({})  # what the game's memories show, as ADA/p


History = Sequence[Observation]  # the newest is the last; never empty
Symptom = str | None


class HealthCheck(NamedTuple):
    """One thing that can go wrong; `look` reads the newest reading in the light of the earlier ones."""

    name: str
    detect: Callable[[History], Symptom]
    advice: str
    grave: bool = False  # the run is worth nothing unless it clears


def collapse(past: History) -> Symptom:
    """All samples are much the same, or far less different than they were when they came near the data."""
    now, seen = past[-1].snapshot, snapshots(past)
    if now is None or len(seen) < HEALTH_WINDOW:  # an untrained generator's samples are much the same too
        return None
    best = max((s.diversity for s in seen if s.distance <= 2.5), default=0.0)
    says = f"two samples differ {now.diversity:.2g} times as much as two reals"
    if now.duplicates >= 0.5:
        return f"{says}, and {now.duplicates:.0%} of the samples have a twin"
    return f"{says}, after {best:.2g} times earlier in the run" if now.diversity <= 0.4 * best else None


def missing_modes(past: History) -> Symptom:
    """Samples lie among the data, but whole parts of the data have next to none: a quarter of their share, or less."""
    all_ = snapshots(past)
    seen = [s for s in all_ if s.shares == all_[-1].shares]  # by the same parts: another stage has others
    if len(seen) < 2 * HEALTH_WINDOW or seen[-1].distance > 1.5 or seen[-1].diversity < 0.3:
        return None  # a beginner's lie all in one place
    before, late = seen[-2 * HEALTH_WINDOW : -HEALTH_WINDOW], seen[-HEALTH_WINDOW:]
    if fmean(s.diversity for s in late) > 1.1 * fmean(s.diversity for s in before):
        return None  # one mode is found after another
    made = [sum(cell) for cell in zip(*(s.clusters for s in late), strict=True)]
    empty = [share for n, share in zip(made, late[-1].shares, strict=True) if n < 0.25 * share * sum(made)]
    missed = f"{len(empty)} of {len(made)} parts of the data, which hold {sum(empty):.0%} of it, get hardly any samples"
    return missed if sum(empty) >= 0.5 else None


def critic_wins(past: History) -> Symptom:
    """The critic is always right, and the generator hears next to nothing from it any more."""
    now = past[-1]
    slope = now.gradients.get("generator")
    if slope is None or now.snapshot is None or now.snapshot.ranking is None or now.snapshot.ranking < 0.99:
        return None
    most = max(reading.gradients.get("generator", 0.0) for reading in past)
    if slope > most / 20:
        return None
    told = f"{now.snapshot.ranking:.1%} of the fakes are told from a real"
    return f"{told}, and the generator's gradient is {slope:.2g}" + (f", after {most:.2g}" if most else "")


def critic_overfits(past: History) -> Symptom:
    """Real samples that it trains on are scored above real ones that were held out."""
    recalls = [s.recall for s in snapshots(past)[-HEALTH_WINDOW:] if s.recall is not None]
    if len(recalls) < HEALTH_WINDOW or fmean(recalls) < 0.65:
        return None
    return f"it scores a training sample above a held-out one in {fmean(recalls):.0%} of pairs, where 50% is chance"


def augmentation(past: History) -> Symptom:
    """The critic stays far ahead in spite of augmentation, which has grown until samples begin to show it."""
    seen = [reading.logged_scalars.get("ADA/p", 0.0) for reading in past]
    if (
        len(seen) < HEALTH_WINDOW or min(seen[-HEALTH_WINDOW:]) < 0.8
    ):  # Karras et al. 2020: below it, next to nothing leaks
        return None
    since = past[-1].images - past[-HEALTH_WINDOW].images
    return (
        f"ADA's p is {seen[-1]:.2f}, and has been above 0.8, where samples begin to look changed, for {since:,} images"
    )


def oscillation(past: History) -> Symptom:
    """Now the critic is fooled by nearly all fakes, then it sees through nearly all: they chase one another."""
    seen = [s.ranking for s in snapshots(past)[-HEALTH_WINDOW:] if s.ranking is not None]
    fooled, right = sum(r < 0.3 for r in seen), sum(r > 0.7 for r in seen)
    swings = f"of {len(seen)} looks, the critic saw through most fakes in {right} and was fooled by most in {fooled}"
    return swings if fooled >= 2 and right >= 2 else None


def divergence(past: History) -> Symptom:
    """Scores of reals and fakes part without bound."""
    now = past[-1].snapshot
    if now is None or now.gap is None or now.gap < 1000:
        return None
    return f"mean scores of reals and fakes are {now.gap:,.0f} apart"


def saturation(past: History) -> Symptom:
    """What should be grey is black or white."""
    now = past[-1].snapshot
    if now is None or now.saturated is None or now.saturated < 0.5:
        return None
    return f"{now.saturated:.0%} of what the data leaves between black and white is one or the other"


def copies_input(past: History) -> Symptom:
    """Translations are their sources, where targets are something else."""
    now = past[-1].snapshot
    if now is None or now.copied is None or now.copied > 0.1:
        return None
    return f"translations differ from their sources by {now.copied:.1%} of what targets differ from them"


def inverted(past: History) -> Symptom:
    """The negatives of translations lie far nearer to the data than these do."""
    now = past[-1].snapshot
    if now is None or now.negative is None or now.negative > 0.6:
        return None
    return f"the negatives of translations are {now.negative:.2g} times as far from the data as translations are"


def snapshots(past: History) -> list[Snapshot]:
    return [reading.snapshot for reading in past if reading.snapshot]


HEALTH_CHECKS = (
    HealthCheck("the generator has collapsed", collapse,
          "go back to before it, and train with half the generator's learning rate", grave=True),
    HealthCheck("modes are missing", missing_modes,
          "let the critic see several samples at once, as the recipe pacgan does"),
    HealthCheck("the critic has won", critic_wins,
          "give the critic a lower learning rate, with --critic-optimizer"),
    HealthCheck("the critic overfits", critic_overfits,
          "train on more data, or penalise the critic's slope, as the recipe r1 does"),
    HealthCheck("augmentation has come too far", augmentation,
          "train on more data, or penalise the critic's slope, as the recipe r1 does"),
    HealthCheck("the players go round in circles", oscillation,
          "give the optimizers less momentum, such as --optimizer.betas '(0.0, 0.9)'"),
    HealthCheck("the scores diverge", divergence,
          "bound the critic's slope, as the recipes wgan-gp and sn-gan do", grave=True),
    HealthCheck("pictures are saturated", saturation,
          "halve the generator's learning rate"),
    HealthCheck("the translator copies its input", copies_input,
          "weaken what keeps translations near their sources: --contrast 1 in fastcut, --identity 0 in cyclegan"),
    HealthCheck("colours are inverted", inverted,
          "begin again with another --seed; in cyclegan a stronger --identity 1 ties colours down"),
)  # fmt: skip
NON_FINITE = HealthCheck("NaN or infinite", lambda past: None, "halve that player's learning rate", grave=True)


def all_checks() -> tuple[HealthCheck, ...]:
    """Saddle's checks, then those of plugins."""
    names = {check.name: check for check in (*HEALTH_CHECKS, NON_FINITE)}
    return (*HEALTH_CHECKS, *plugged(HealthCheck, names, lambda _, check: check.name).values())


class CheckChange(NamedTuple):
    """A check that has begun to speak, with its evidence, or, without, has fallen silent."""

    check: HealthCheck
    evidence: Symptom


def find_changes(past: History, speaking: Sequence[str]) -> list[CheckChange]:
    """What is to be told after the newest reading, given the names of the checks that speak already."""
    if len(past) < HEALTH_PATIENCE:
        return []
    told = []
    for check in all_checks():
        with blame_user_code(Failure):
            said = [check.detect(past[: len(past) - i]) for i in range(HEALTH_PATIENCE)]
        if check.name in speaking and not any(said):
            told.append(CheckChange(check, None))
        if check.name not in speaking and all(said):
            told.append(CheckChange(check, said[0]))
    return told


def is_grave(past: History, speaking: Sequence[str]) -> bool:
    """Does anything grave show in the newest reading, or is something grave told that has not cleared?"""
    with blame_user_code(Failure):
        return any(check.grave and (check.name in speaking or check.detect(past)) for check in all_checks())
