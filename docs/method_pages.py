"""A page for each recipe, out of the recipe itself: what it changes, its loss, its fields, and what was tested."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, groupby
from pathlib import Path
from typing import Any

from saddle.cli.comparing import compare_fields, recipe_facts
from saddle.cli.pages import class_doc, format_option_value, recipe_introduction, walk_fields
from saddle.cli.showing import nested_values, what_it_can
from saddle.cli.sizes import PARAMETER_COUNTS
from saddle.cli.training import cite_paper
from saddle.options import as_flags
from saddle.recipe import Recipe
from saddle.recipes import RECIPES, find_recipe
from saddle.recipes.capable import game_class

ROOT = Path(__file__).parents[1]
PARENTS = {  # which method a paper begins from, where its recipe's class does not tell
    "dcgan": "gan", "wgan-gp": "wgan", "wgan-div": "wgan-gp", "ct-gan": "wgan-gp", "r3gan": "r1", "ebgan":
    "gan", "began": "ebgan", "sagan": "sn-gan", "biggan": "sagan", "pggan": "wgan-gp", "stylegan": "pggan",
    "stylegan2": "stylegan", "gat": "r3gan", "vae": "ae", "ali": "bigan", "soft-introvae": "introvae", "ac-gan":
    "cgan", "projection-gan": "cgan", "cut": "cyclegan", "unrolled-gan": "gan", "gumbel-gan": "seqgan",
    "gan-cls": "cgan", "bigan": "dcgan", "vae-gan": "vae", "introvae": "vae", "aae": "ae", "pix2pix": "cgan",
    "cyclegan": "pix2pix", "label-regression": "cgan", "adversarial-flow": "r3gan",
    **dict.fromkeys((
        "dcgan-28", "wgan", "dragan", "gan-qp", "lsgan", "fgan", "t-gan", "rsgan", "r1", "roth", "consensus",
        "nagarajan-kolter", "ttur", "vgan", "sn-gan", "infogan", "cgan", "pacgan", "minibatch-gan",
        "feature-matching", "instance-noise", "noise-on-reals", "label-noise", "weak-critic", "accuracy-gate",
    ), "dcgan"),
}  # fmt: skip
FIRST = {  # and why the others have none
    "gan": "This is the first GAN: no method stands before it, and the others are told against it.",
    "ae": "It plays no game: it is where the line of encoders begins, to which VAE and adversarial autoencoder add.",
    "gaussian-mixture": "It has no networks and no critic: its likelihood is known, which is what a GAN does without.",
    "seqgan": "Its generator chooses tokens and learns by rewards: no recipe of pictures shares its losses.",
}
PICTURES = {  # of runs whose picture is not called by the recipe's name
    "dcgan": "glyphs", "r3gan": "r3gan/glyphs", "stylegan2": "styles/glyphs", "soft-introvae": "introvae/glyphs",
    "gan-cls": "text-to-image/glyphs", "pix2pix": "translation/outlines", "biggan": "biggan/truncation",
}  # fmt: skip


NAMED = re.compile(r"""["']([a-z][\w-]*)(?=["' ])|\b([A-Z]\w*)(?=\()""")
SIGNS = re.compile(r"([\\*_\[\]<>#~^])")  # that mean something in Markdown


def escape(text: object) -> str:
    """Text as Markdown that shows it letter by letter, in a table as well; what stands between backticks stays code."""
    parts = str(text).replace("\n", " ").split("`")
    whole = len(parts) % 2
    shown = [
        part if place % 2 and whole else re.sub(r"([\\*_\[\]<>#~^])", r"\\\1", part) for place, part in enumerate(parts)
    ]
    return "`".join(shown).replace("|", "\\|") if whole else r"\`".join(shown).replace("|", "\\|")


def code(text: object) -> str:
    """The same as code."""
    return f"`{str(text).replace('|', chr(92) + '|')}`"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [" | ".join(row) for row in rows]
    names = [*heads]
    return "\n".join(f"| {line} |" for line in (" | ".join(names), " | ".join("---" for _ in names), *lines))


def find_parent(name: str) -> str | None:
    """The method that a recipe is told against: of a preset its class's own values, else what its paper begins from."""
    recipe, _ = find_recipe(name)
    own = next((other for other in RECIPES if find_recipe(other)[0] == type(recipe)()), None)
    if own not in (None, name):
        return own
    bases = (base for base in type(recipe).__mro__[1:] if issubclass(base, Recipe))
    listed = (other for base in bases for other in RECIPES if type(find_recipe(other)[0]) is base)
    return PARENTS.get(name) or next(listed, None)


def method_page(name: str) -> str:
    """The page of a listed recipe."""
    recipe, _ = find_recipe(name)
    sections = {"": introduction(name), "Try it": try_it(name), "Against its parent": against_parent(name),
                "Losses and parts, in words": in_words(recipe), "Fields": fields_table(recipe),
                "Networks": networks(name), "What was verified": verified(name)}  # fmt: skip
    told = [f"## {title}\n\n{text}" if title else text for title, text in sections.items() if text]
    return f"# {name}\n\n" + "\n\n".join(told) + "\n"


def introduction(name: str) -> str:
    recipe, entry = find_recipe(name)
    cited, paper = cite_paper(recipe), getattr(recipe, "paper", None)
    link = f" [Read the paper](https://arxiv.org/abs/{paper.arxiv})." if paper and paper.arxiv else ""
    about = "\n\n".join(escape(part) for part in recipe_introduction(recipe, entry).split("\n\n"))
    more = ", ".join(f"[{page}](../{page})" for page in pages_about(name))
    summary, source = (
        f"{escape(entry.summary[0].upper() + entry.summary[1:])}.",
        f"{escape(cited)}.{link}" if cited else "",
    )
    return join_parts(summary, source, picture(name), about, f"More of it: {more}." if more else "")


def join_parts(*parts: str) -> str:
    """Paragraphs, those that there are."""
    return "\n\n".join(filter(None, parts))


def picture(name: str) -> str:
    """What a run of ours made, with the words that stand beside it elsewhere."""
    found = sorted((ROOT / "docs/pictures").rglob(f"{PICTURES.get(name, name)}.png"))
    if not found:
        return ""
    place = found[0].relative_to(ROOT / "docs").as_posix()
    return f"![{described(place) or f'Samples of {name}'}](../{place})"


@cache
def documents() -> dict[str, str]:
    return {file.name: file.read_text(encoding="utf-8") for file in sorted((ROOT / "docs").glob("*.md"))}


def described(place: str) -> str:
    found = (re.search(rf"!\[([^]]*)\]\({re.escape(place)}\)", text) for text in documents().values())
    return next((match[1] for match in found if match), "")


def pages_about(name: str) -> list[str]:
    """The documents that write a recipe's name as code, those that are about methods."""
    general = {"commands.md", "methods.md", "glossary.md", "design.md", "log.md", "extending.md", "index.md",
               "coming-from.md", "troubleshooting.md", "which-tool.md", "data.md"}  # fmt: skip
    written = re.compile(rf"`{re.escape(name)}`|saddle \w+ {re.escape(name)}[ `\n]")
    return [page for page, text in documents().items() if page not in general and written.search(text)]


def try_it(name: str) -> str:
    entry = RECIPES[name]
    quick = f"\n\nOn {entry.data}, where two minutes must do: `{as_flags(entry.quick)}`" if entry.quick else ""
    return f"```\nsaddle train {name}\nsaddle show {name}\n```\n\nWithout `--data` it learns *{entry.data}*.{quick}"


def against_parent(name: str) -> str:
    """What `saddle diff PARENT NAME` tells."""
    parent = find_parent(name)
    if parent is None:
        return FIRST[name]
    differences = [*compare_fields(recipe_facts(parent), recipe_facts(name))]
    rows = ([code(field), code(before), code(now)] for field, before, now in differences)
    changed = table(["", f"[{parent}]({parent}.md)", name], rows)
    return f"`saddle diff {parent} {name}` tells what differs:\n\n{changed}"


def in_words(recipe: Recipe[Any]) -> str:
    """Objective, penalties, views and whatever else is a value: each as it says of itself."""
    kinds = dict.fromkeys(type(value) for value in nested_values(recipe))
    return "\n".join(
        f"- **{kind.__name__}**: {escape(' '.join(class_doc(kind).split()))}" for kind in kinds if class_doc(kind)
    )


def fields_table(recipe: Recipe[Any]) -> str:
    rows = ([code(f"--{field.name.replace('_', '-')}"), code(format_option_value(field)), escape(field.help)]
            for field in walk_fields(recipe))  # fmt: skip
    return table(["option", "value", "what it is; and its source"], rows)


def networks(name: str) -> str:
    recipe, _ = find_recipe(name)
    _, counts = PARAMETER_COUNTS.get(name, ("", {}))
    sizes = ", ".join(f"{player} {count:,}" for player, count in counts.items())
    return "\n\n".join(
        filter(
            None,
            [f"Parameters learned on its own data: {sizes}." if sizes else "", escape(what_it_can(game_class(recipe)))],
        )
    )


@cache
def tests() -> Mapping[str, tuple[str, ...]]:
    """By what stands in them: names in quotes, and classes that are called."""
    found: dict[str, dict[str, None]] = {}
    for file in sorted((ROOT / "tests").glob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                for match in NAMED.finditer("\n".join(lines[first - 1 : node.end_lineno])):
                    found.setdefault(match[1] or match[2], {})[f"{file.name}::{node.name}"] = None
    return {word: tuple(where) for word, where in found.items()}


def tests_of(*words: str) -> list[str]:
    """The tests in which one of these words stands."""
    return [*dict.fromkeys(test for word in words for test in tests().get(word, ()))]


def verified(name: str) -> str:
    """What the tests say in their names: those of the recipe, and those of the terms of its losses."""
    recipe, _ = find_recipe(name)
    terms = [getattr(recipe, field, ()) for field in ("objective", "penalties", "generator_penalties", "views")]
    kinds = dict.fromkeys(type(value).__name__ for value in nested_values(tuple(terms)))
    parts = [("It", tests_of(name, type(recipe).__name__)), *((kind, tests_of(kind)) for kind in kinds)]
    every = "Every recipe trains, goes on to the same bits and answers what it can (`tests/test_every_recipe.py`)."
    return "\n\n".join([every, *chain.from_iterable(told_tests(*part) for part in parts)])


def told_tests(what: str, found: list[str]) -> Iterator[str]:
    """One paragraph: the tests' names as sentences, in their files."""
    files = dict.fromkeys(test.partition("::")[0] for test in found)
    rows = [f"- {code('tests/' + file)}: " + "; ".join(test.partition("::test_")[2].replace("_", " ") for test in found
                                                       if test.startswith(file)) for file in files]  # fmt: skip
    if rows:
        yield f"{what} stands in these tests:\n\n" + "\n".join(rows)


def methods_index() -> str:
    """All recipes in their groups."""
    page = "# All methods\n"
    for group, names in groupby(RECIPES, lambda name: RECIPES[name].group):
        rows = "\n".join(f"- [{name}]({name}.md): {escape(RECIPES[name].summary)}" for name in names)
        page += f"\n## {group}\n\n{rows}\n"
    return page
