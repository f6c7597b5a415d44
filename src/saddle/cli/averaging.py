"""Average a run's weights after its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import require
from ..runs.folder import RunFolder
from .argv import parse_command
from .output import print_message, print_output
from .pages import align_cells

if TYPE_CHECKING:
    from ..measuring.choose_average import AverageChoice, TriedAverage


@dataclass(frozen=True)
class AverageOptions:
    """Over how long, or by what that is chosen."""

    std: float | None = None  # how long: the average's spread in time, as a share of the training, such as 0.1
    by: str | None = None  # or the figure that chooses among widths from 0.02 to 0.2 and the recipe's: kid, mind
    images: int | None = None  # as after so many images; at the end if not given
    against: str | None = None  # data that the figure is taken against; what the run held out, or its own data
    n: int = 2_000  # samples for each figure
    features: str = "auto"  # what the figure looks through, as in saddle measure
    seed: int = 0  # of the samples
    device: str = "auto"  # cpu, cuda, cuda:1 or mps; auto takes a GPU if there is one
    trust: bool = False  # run the recipe that a run brings, though it was never named on this machine

    def __post_init__(self) -> None:
        require(self.std is None or self.by is None, "std and by both say how long the average is; give one of them")
        require(self.std is None or self.std > 0, f"std is {self.std}, but should be above 0, such as 0.1")
        require(self.n > 0, f"-n is {self.n}, but should be above 0")
        require(self.seed >= 0, f"seed is {self.seed}, but should be 0 or more")
        require(self.images is None or self.images > 0, f"images is {self.images}, but should be above 0")
        require(self.against is None or self.std is None, "only a figure is taken against data; name one, --by kid")


def average(words: list[str]) -> None:
    """saddle average RUN."""
    (run,), wish = parse_command("average", words, AverageOptions())
    RunFolder.find(run)  # before torch is imported
    told = wish.std is not None or wish.by is not None
    require(told, "say how long the average is, as in --std 0.1, or by what figure it is chosen, as in --by kid")
    if wish.std is not None:
        from ..inference.post_hoc import average as averaged
        from ..inference.post_hoc import suggest_average

        name = averaged(run, wish.std, images=wish.images, device=wish.device, trust=wish.trust, say=print_message)
        print_output(f"weights {name}: {suggest_average(run, name)}")
        return
    from ..inference.post_hoc import suggest_average
    from ..measuring.choose_average import choose_average

    chosen = choose_average(run, wish.by or "", against=wish.against, n=wish.n, features=wish.features, seed=wish.seed,
                            images=wish.images, device=wish.device, trust=wish.trust, say=print_message)  # fmt: skip
    use = "saddle uses it anyway" if chosen.weights is None else suggest_average(run, chosen.weights)
    print_output(f"{format_choice(chosen)}\n{use}")


def format_choice(choice: AverageChoice) -> str:
    """A line for each average, the best marked, and on what data it was chosen."""
    title = choice.best.figure.title
    lines = align_cells([("width", title, "", "", ""), *(tried_cells(one, choice.best) for one in choice.tried)])
    about = (f"chosen by {title} of {choice.best.figure.protocol.samples:,} samples against {choice.reference}; "
             "a figure on the same data is too good by the choice")  # fmt: skip
    return "\n".join([*lines, "", about])


def tried_cells(one: TriedAverage, best: TriedAverage) -> tuple[str, ...]:
    """Its name, its figure with the interval, how far it is off the profile that it is to have, and the best's mark."""
    figure = one.figure
    interval = "" if figure.low is None or figure.high is None else f"{figure.low:.4g} to {figure.high:.4g}"
    error = "" if one.error is None else f"profile {one.error:.1%} off"
    return one.name, f"{figure.value:.4g}", interval, error, "<- best" if one is best else ""
