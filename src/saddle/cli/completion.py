"""Completion in shells: commands, recipes, options and their values, from the tables that help pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import require
from ..hints import fits_type, item_type, literal_choices, union_members
from ..light import without_torch
from ..recipes import RECIPES, canonical
from . import COMMANDS, HelpRequested, find_command, synonyms
from .output import print_output
from .pages import OptionField, Page
from .training import DEFAULT_RECIPE

SCRIPTS = {
    "bash": """\
_saddle() {
    local IFS=$'\\n'
    COMPREPLY=($(saddle completion bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _saddle saddle  # where nothing is found, files""",
    "zsh": """\
#compdef saddle
_saddle() {
    local -a found
    found=("${(@f)$(saddle completion zsh "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[*]}" ]]; then compadd -a found; else compset -P '--*='; _files; fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _saddle "$@"; else compdef _saddle saddle; fi""",
    "fish": """\
function __saddle
    set -l now (commandline -ct)
    set -l found (saddle completion fish (commandline -opc)[2..] "$now" 2>/dev/null)
    if test -n "$found"
        printf '%s\\n' $found
    else if set -l parts (string match -r '^(--[^=]+=)(.*)' -- "$now")
        string replace -r -- '^' "$parts[2]" (__fish_complete_path "$parts[3]")
    else
        __fish_complete_path "$now"
    end
end
complete -c saddle -f -a '(__saddle)'""",
}
ABOUT = """For bash, put eval "$(saddle completion bash)" into ~/.bashrc, for zsh the same with zsh into ~/.zshrc, \
for fish saddle completion fish | source into ~/.config/fish/config.fish."""
TRAINED = ("train", "sweep")  # commands that have a recipe's fields as options
SEVERAL = ("measure", "metrics")  # options that take names with commas between
PLAIN = (int, str, bool, Path)


def completion(words: Sequence[str]) -> None:
    """saddle completion SHELL: a script; with the words of a line behind it, what the last of them may become."""
    shell, *line = words or [""]
    if not line and shell in ("--help", "-h"):
        raise HelpRequested(Page("completion", {}, ABOUT))
    require(shell in SCRIPTS, f"completion needs a shell, {', '.join(SCRIPTS)}; write saddle completion bash")
    if not line:
        print_output(SCRIPTS[shell])
    elif found := proposals(line):
        print_output("\n".join(found))


@without_torch
def proposals(line: Sequence[str]) -> list[str]:
    """What the last word of a line may become; nothing where it is a file, or not known."""
    *before, now = ["" if word == "=" and i == len(line) - 1 else word for i, word in enumerate(line)]
    before = [word for word in before if word != "="]  # bash parts --option=value, and others do not
    option, equals, text = now.partition("=")
    if equals and option.startswith("--"):
        return [f"{option}={value}" for value in proposals([*before, option, text])]
    if not before:
        return starting(now, COMMANDS)
    command, *rest = before
    command = synonyms.COMMANDS.get(command, command)
    if command not in COMMANDS:
        return []
    if now.startswith("-"):
        return starting(now, ["--help", *(dashed(field.name) for field in options(command, rest))])
    last = rest[-1] if rest else ""
    field = next((f for f in options(command, rest) if dashed(f.name) == last), None) if last[:1] == "-" else None
    if field is not None and not isinstance(field.now, bool):
        return starting(now, values(field)) or next_of_several(now, field)
    return starting(now, ["all"] if last == "--help" else plain(command))


def next_of_several(now: str, field: OptionField) -> list[str]:
    """The last of names with commas between them."""
    done, comma, last = now.rpartition(",")
    known = values(field) if comma and field.name in SEVERAL else []
    return [f"{done},{name}" for name in starting(last, known) if name not in done.split(",")]


def starting(now: str, words: Iterable[str]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.startswith(now)]


def dashed(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"


def options(command: str, rest: Sequence[str]) -> list[OptionField]:
    """Those of the command's help page; with a recipe its own too."""
    usual = DEFAULT_RECIPE if command == "train" else None
    recipe = next((word for word in rest if canonical(word) in RECIPES), usual) if command in TRAINED else None
    found = helped(command, [])
    return [*(helped("train", [recipe]) if recipe else []), *found]


def helped(command: str, words: Sequence[str]) -> list[OptionField]:
    try:
        find_command(command)([*words, "--help", "all"])
    except HelpRequested as answer:
        return [*answer.page.fields()]
    return []


def values(field: OptionField) -> list[str]:
    """What may stand behind an option: choices, names, values that are written as in Python; nothing for files."""
    from ..data.dataset_table import DATASETS
    from ..measuring.metric_table import FEATURE_NAMES, METRIC_GROUPS, METRICS

    names = {"data": DATASETS, "against": DATASETS, "measure": (*METRICS, *METRIC_GROUPS),
             "metrics": (*METRICS, *METRIC_GROUPS),
             "features": FEATURE_NAMES, "device": ("auto", "cpu", "cuda", "mps")}  # fmt: skip
    if field.name in names:
        return [*names[field.name]]
    if choices := [str(choice) for choice in literal_choices(field.hint)]:
        return choices
    if any(want in PLAIN for want in union_members(field.hint)):
        return []
    from ..recipes.kinds import VALUE_TYPES

    return [kind.__name__ for kind in VALUE_TYPES if fits_type(kind, field.hint) or in_tuple(kind, field.hint)]


def in_tuple(kind: type, hint: object) -> bool:
    """May this be one of several?"""
    return item_type(hint) is not object and fits_type(kind, item_type(hint))


def plain(command: str) -> list[str]:
    """What may stand without dashes: recipes, lists, demonstrations; nothing where runs and sources do."""
    from ..theory import DEMONSTRATIONS
    from .listing import LISTS

    known = {"list": ("recipes", *LISTS), "theory": DEMONSTRATIONS, "completion": SCRIPTS}
    return [*known.get(command, RECIPES if command in ("train", "sweep", "show", "profile", "diff") else ())]
