"""A model card, README.md, from what a run's own files say: nothing in it is made up, and what is unknown is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..capabilities import Translates, describe_capabilities
from ..data.dataset_table import DATASETS
from ..errors import format_count
from ..exporting.bundle import last_part
from ..inference.loaded import LoadedGame
from ..metrics.figures import Protocol
from ..recipe import Recipe
from ..recipes.files import is_file_recipe
from ..reports.words import describe_protocol, format_interval, format_number
from ..runs.findings import read_findings
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..runs.measures import Measurement, read_measurements
from ..shape import Text
from .markdown import code_block, front_matter, plain, table

SAMPLES_FILE = "samples.png"
IMPORTED = "imported"  # what the weights of other programs are called, see foreign/convert.py
FEW = 2_000  # samples of data, below which a generator may well repeat them
MAX_CLASSES, MAX_LINES = 50, 12  # that are named, or shown


@dataclass(frozen=True)
class CardFacts:
    """What a card tells of that is not in the run: who may do what, and how it is called."""

    name: str  # its heading
    licence: str  # of the weights: an identifier such as apache-2.0
    where: str = "."  # as a command names it: hf://OWNER/NAME, or the folder itself
    data_licence: str | None = None
    files: tuple[str, ...] = ()  # of a recipe or plugin of one's own
    lines: tuple[str, ...] = ()  # of text, in place of a picture
    picture: bool = False  # is there a picture of samples?


def write_card(run: RunFolder, manifest: Manifest, recipe: Recipe[Any], loaded: LoadedGame, facts: CardFacts) -> str:
    """The whole card."""
    measured = read_measurements(run, lambda sentence: None)
    parts = [front_matter(matter(manifest, loaded, facts)), f"# {plain(facts.name)}", opening(manifest, loaded),
             *shown(loaded, facts), "## How to use", *usage(loaded, facts), "## Method",
             *method(manifest, recipe, loaded), "## Data", *data(manifest, loaded, facts), "## Figures",
             *figures(measured, loaded, facts),
             "## Limits", bullets(limits(run, manifest, loaded)), "## Licence", *licence(facts)]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def matter(manifest: Manifest, loaded: LoadedGame, facts: CardFacts) -> dict[str, str | list[str]]:
    task = "image-to-image" if isinstance(loaded.game, Translates) else "unconditional-image-generation"
    if loaded.shape.text is not None:
        task = "text-generation"
    elif isinstance(loaded.shape.condition, Text):
        task = "text-to-image"
    return {"license": facts.licence, "library_name": "saddle", "pipeline_tag": task, "tags": ["gan", "saddle"]}


def opening(manifest: Manifest, loaded: LoadedGame) -> str:
    """What it is, in two sentences."""
    told = f", told of one of {loaded.shape.classes} classes" if loaded.shape.classes else ""
    by = "made of weights that another program trained" if loaded.weights == IMPORTED else "trained with saddle"
    return (f"A generative adversarial network ({plain(recipe_name(manifest))}) of {plain(loaded.shape.sample)}{told}, "
            f"{by}. It can {plain(describe_capabilities(type(loaded.game)))}.")  # fmt: skip


def shown(loaded: LoadedGame, facts: CardFacts) -> list[str]:
    if facts.lines:
        return [code_block("\n".join(facts.lines[:MAX_LINES]))]
    if facts.picture:
        order = ", a class after the other" if loaded.shape.classes and loaded.is_conditional else ""
        return [f"![samples]({SAMPLES_FILE})", f"Samples of seed 0, none picked out{order}."]
    return ["No picture is shown: this run makes samples for other pictures, and those of its data are not passed on."]


def usage(loaded: LoadedGame, facts: CardFacts) -> list[str]:
    """Commands that work, in the folder of the card or with the hub's name."""
    hub = facts.where.startswith("hf://")
    install = ["pip install 'saddle[hub]'" if hub else "pip install saddle"]
    trust = " --trust" if facts.files else ""
    can = set(loaded.capabilities)
    made = [f"saddle sample {facts.where}{trust}"] if loaded.makes_by_chance else []
    others = {"translate": f"saddle translate {facts.where} photo.png{trust}",
              "reconstruct": f"saddle reconstruct {facts.where} photo.png{trust}"}  # fmt: skip
    pictures = loaded.shape.text is None and not loaded.shape.points
    more = [line for verb, line in others.items() if verb in can] if pictures else []
    text = [code_block("\n".join([*install, *made, *more]), "sh")]
    if loaded.makes_by_chance:
        given = ", trust=True" if facts.files else ""
        lines = ["from saddle import load", "", f'gan = load("{facts.where}"{given})',
                 "images = gan.sample(16, seed=1)  # (n, channels, height, width) in [-1, 1]"]  # fmt: skip
        text.append(code_block("\n".join(lines), "python"))
    if facts.files:
        names = ", ".join(map(plain, facts.files))
        text.append(f"It brings code of its own ({names}), which runs when it is loaded: read it before you trust it.")
    if hub:
        text.append(f"`{facts.where}@COMMIT` takes one commit for good, and asks nobody once it is fetched.")
    return text


def method(manifest: Manifest, recipe: Recipe[Any], loaded: LoadedGame) -> list[str]:
    paper = getattr(type(recipe), "paper", None)
    said = [f"Recipe: {plain(recipe_name(manifest))}."]
    if paper is not None:
        link = f" ([arXiv:{paper.arxiv}](https://arxiv.org/abs/{paper.arxiv}))" if paper.arxiv else ""
        said.append(f"Paper: {plain(paper.authors)}, {paper.year}{link}.")
    changed = [f"{name} {last_part(value)}" for name, value in manifest.options.items()]
    if changed:
        said.append(f"Changed: {plain(', '.join(changed))}.")
    if loaded.weights == IMPORTED:
        how = (
            "How these weights were trained is not known here; the fields below are those of the networks and defaults."
        )
        return [" ".join(said), how, code_block(manifest.recipe, "python")]
    where = manifest.machine
    said.append(f"Trained for {manifest.images:,} images on {plain(where['device'])} in {plain(where['precision'])}, "
                f"seed {manifest.settings.seed}, with saddle {plain(where['saddle'])} and torch "
                f"{plain(where['torch'])}.")  # fmt: skip
    return [" ".join(said), "All fields of the recipe:", code_block(manifest.recipe, "python")]


def data(manifest: Manifest, loaded: LoadedGame, facts: CardFacts) -> list[str]:
    name = str(manifest.data["name"])
    if loaded.weights == IMPORTED:
        told = plain(facts.data_licence) if facts.data_licence else "unknown"
        return ["What data these weights were trained on is not known here.", f"Licence of the data: {told}."]
    known = DATASETS.get(name.partition(":")[0])
    said = [f"{plain(last_part(name))}{f' ({plain(known)})' if known else ''}: "
            f"{format_count(manifest.data['samples'], 'sample')} of {plain(loaded.shape.sample)}. None of them is in "
            "this repository."]  # fmt: skip
    names = loaded.classes if loaded.shape.classes else ()
    if names:
        more = f" and {len(names) - MAX_CLASSES} more" if len(names) > MAX_CLASSES else ""
        said.append(f"Classes: {', '.join(plain(one, 60) for one in names[:MAX_CLASSES])}{more}.")
    if isinstance(loaded.shape.condition, Text) and loaded.shape.condition.captions:
        said.append("Its captions are in config\\.json, for samples that nobody names a text for.")
    said.append(f"Licence of the data: {plain(facts.data_licence) if facts.data_licence else 'unknown'}.")
    return said


def figures(measured: Sequence[Measurement], loaded: LoadedGame, facts: CardFacts) -> list[str]:
    """Of the last measurement, each with how it was taken: a figure without its protocol says nothing."""
    if not measured:
        against = f"saddle measure {facts.where} --against DATA"
        return [f"Not measured. `{against}` measures it." if loaded.makes_by_chance else "Not measured."]
    last = measured[-1]
    rows = [[plain(one.title), plain(format_number(one.value)), plain(format_interval(one)), plain(one.better),
             plain(describe_protocol(public_protocol(one.protocol)), 500)] for one in last.figures]  # fmt: skip
    whose = "" if last.images == loaded.clock.images else ", which are other weights than these"
    return [table(["figure", "value", "95 %", "better", "protocol"], rows), f"At {last.images:,} images{whose}."]


def public_protocol(protocol: Protocol) -> Protocol:
    reference, features = str(last_part(protocol.reference)), str(last_part(protocol.features))
    return replace(protocol, reference=reference, features=features)


def limits(run: RunFolder, manifest: Manifest, loaded: LoadedGame) -> Iterable[str]:
    shape, seen = loaded.shape, loaded.clock.images
    yield f"It knows what its data show, at {plain(shape.sample)}, and nothing else."
    if seen < manifest.images:
        yield f"It was stopped at {seen:,} of {manifest.images:,} images."
    if loaded.weights != IMPORTED and int(manifest.data["samples"]) < FEW:
        yield (f"{format_count(manifest.data['samples'], 'sample')} are few for a GAN: what it makes may be close to "
               "them.")  # fmt: skip
    yield "Whether it repeats training data was not examined, unless a figure above says so."
    yield "It carries on whatever is lopsided in its data."
    for finding in read_findings(run.path, lambda sentence: None):
        until = "to the end" if finding["until"] is None else f"to {finding['until']:,}"
        yield f"In training, from {finding['images']:,} images {until}: {plain(finding['evidence'])}."


def licence(facts: CardFacts) -> list[str]:
    known = plain(facts.data_licence) if facts.data_licence else "unknown"
    return [
        f"The weights: {plain(facts.licence)}, as said by who passed them on. The data: {known}. saddle: Apache-2.0."
    ]


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def recipe_name(manifest: Manifest) -> str:
    return str(last_part(manifest.name)) if is_file_recipe(manifest.name) else manifest.name
