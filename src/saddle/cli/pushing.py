"""A run passed on, in a folder or on the Hugging Face hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import escape_unprintable, quote_for_shell, require
from ..runs.folder import RunFolder
from ..runs.hub_names import HubName, parse_hub_name
from .argv import parse_command
from .output import print_message, print_output

LICENCES = (
    "such as --license apache-2.0, cc-by-4.0, openrail or other: whether others may use the weights is yours to say"
)


@dataclass(frozen=True)
class PushOptions:
    """Where to, and what others may do with it."""

    license: str | None = None  # of the weights, as an identifier: apache-2.0, cc-by-4.0 ...; there is no default
    data_license: str | None = None  # of the data, as far as you know; the card says unknown if not given
    to: Path | None = None  # a folder in place of OWNER/NAME
    private: bool = False  # a new repository is seen by you alone
    average: bool = True  # with averaged weights; --no-average takes those of the last round
    weights: str | None = None  # a set that saddle average made of the run, by its name, such as std-0.1
    best: bool = False  # the checkpoint that was measured best, not the last (of a run trained with --measure)
    trust: bool = False  # run the recipe that a run brings, though it was never named on this machine


def push(words: list[str]) -> None:
    """saddle push RUN OWNER/NAME, or saddle push RUN ./folder"""
    (run, *places), wish = parse_command("push", words, PushOptions())
    require(len(places) + (wish.to is not None) == 1, "name one place: OWNER/NAME on the hub, a folder as ./folder, or "
            "--to FOLDER")  # fmt: skip
    target = wish.to or parse_target(places[0])
    require(wish.license is not None, f"a licence is needed, {LICENCES}")
    assert wish.license is not None
    RunFolder.find(run)
    from ..hub.push import push as push_run

    made = push_run(run, target, licence=wish.license, data_licence=wish.data_license, private=wish.private,
                    average=wish.average, best=wish.best, weights=wish.weights, trust=wish.trust)  # fmt: skip
    if made.code:
        print_message(f"pushed with it, as the recipe is your own: {', '.join(made.code)}; who loads it runs these "
                      "files, and has to say --trust")  # fmt: skip
    if wish.data_license is None:
        print_message("the card says that the licence of the data is unknown; --data-license says it")
    use = str(target) if isinstance(target, HubName) else quote_for_shell(target)
    print_message(f"saddle sample {use}{' --trust' if made.code else ''} uses it")
    print_output(escape_unprintable(made.where))


def parse_target(text: str) -> Path | HubName:
    """OWNER/NAME, with or without hf://; a folder begins with . / or ~."""
    if text.startswith((".", "/", "~")) or "\\" in text or Path(text).is_absolute():
        return Path(text).expanduser()
    named = parse_hub_name(text if text.startswith("hf:") else f"hf://{text}")
    assert named is not None, "it has the prefix"
    return named
