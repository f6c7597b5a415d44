"""The command line: thin, and light until a command needs more."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, NamedTuple

from .. import __version__
from ..early import leave
from ..errors import Failure, Interrupted, Mistake, did_you_mean, require
from ..out_of_memory import catch_out_of_memory
from ..training.signals import stop_on_signal
from ..uncompiled import leave_compiler_out
from . import synonyms
from .output import close_output, open_streams, print_message, print_output

if TYPE_CHECKING:
    from .pages import Page


class Command(NamedTuple):
    module: str  # of this package, where a function of the command's name takes the words behind it
    takes: str
    summary: str


COMMANDS = {
    "train": Command("training", "[RECIPE]", "train a recipe; dcgan on drawn letters and digits if nothing is said"),
    "resume": Command("training", "RUN", "go on with a run exactly where it stopped"),
    "sample": Command("sampling", "RUN", "make new samples: one sheet of them, or -n single files"),
    "reconstruct": Command("reconstructing", "RUN FILES ...", "show pictures of yours beside what a run makes of them"),
    "translate": Command(
        "translating", "RUN FILES ...", "make of pictures of yours such of the other kind, at any size"
    ),
    "complete": Command("completing", "RUN FILES ...", "fill holes in pictures by what a run can make"),
    "interpolate": Command("latents", "RUN [FILES] ...", "show the ways between samples, or between pictures of yours"),
    "edit": Command("latents", "RUN [FILES] ...", "give samples, or pictures of yours, more of a class, or less"),
    "mix": Command("mixing", "RUN", "mix the styles of samples: some layers of one, the rest of another"),
    "directions": Command(
        "directions", "RUN", "find directions for edits without labels: in which samples change most"
    ),
    "project": Command("projecting", "RUN FILES ...", "show the nearest that a run can make to pictures of yours"),
    "encode": Command("reconstructing", "RUN DATA ...", "write a run's codes of pictures into an .npz"),
    "score": Command("scoring", "RUN DATA ...", "tell how odd images look to a run that has learned normal ones"),
    "serve": Command("serving", "RUN", "answer over HTTP: samples, translations, completions and scores by a run"),
    "export": Command("exporting", "RUN", "write a run's generator, or another part, as a file used without saddle"),
    "push": Command(
        "pushing", "RUN [TARGET]", "pass a run on with a model card, to OWNER/NAME on the hub or a ./folder"
    ),
    "import": Command(
        "importing", "FILE", "make a run of weights of other programs: --as dcgan-pytorch, pix2pix, cyclegan"
    ),
    "measure": Command("measuring", "RUN|SOURCE", "take figures of a run's samples, or of any images, against others"),
    "average": Command("averaging", "RUN", "average a run's weights over as much of its way as you say, afterwards"),
    "doctor": Command("checking", "[DATA]", "look for what is wrong with data, and say what to do about it"),
    "list": Command(
        "listing",
        "[WHAT]",
        "list recipes, or objectives, penalties, networks, views ..., or tell of one value, such as ADA",
    ),
    "show": Command(
        "showing", "RECIPE", "tell a recipe's fields and sources, its losses in words, its networks' sizes"
    ),
    "profile": Command("profiling", "RECIPE|RUN", "tell where a round's time goes, and how near the machine's limit"),
    "theory": Command(
        "theory", "[NAME]", "see and check what the theory says of GANs, in seconds; or list what there is"
    ),
    "runs": Command("runs", "[FOLDER]", "list all runs of a folder: what they are, how far they came, what they take"),
    "cache": Command("cache", "", "tell what is kept to be faster the next time: where, how much; keep it small"),
    "compare": Command("reporting", "RUN ...", "put runs side by side: figures, what differs, curves and pictures"),
    "report": Command("reporting", "RUN", "tell all of one run on one page, complete in one HTML file"),
    "reproduce": Command("reporting", "RUN", "train a run again from its manifest; does it end in the same bits?"),
    "studio": Command("studio", "[RUN] ...", "open a local page to train, explore, draw and understand"),
    "sweep": Command("sweeping", "RECIPE", "train all combinations of some choices with several seeds, and compare"),
    "diff": Command("comparing", "A B", "tell what differs between two recipes, or two runs"),
    "completion": Command("completion", "SHELL", "write what completes saddle's words in bash, zsh or fish"),
}
OVERVIEW_PAGE = """\
saddle {version} trains, measures and uses generative adversarial networks.

usage: saddle COMMAND ...

{commands}

saddle COMMAND --help tells a command's options, saddle train RECIPE --help a recipe's own as well.
For a first run, which takes two minutes and needs no data: saddle train dcgan"""


LOST = "the folder that you are in was deleted or moved away; go to one that is there (cd), and type the command again"


class HelpRequested(Exception):
    """The page that was asked for with --help, and its text if it is written already."""

    def __init__(self, page: Page, text: str | None = None) -> None:
        super().__init__(page if text is None else text)
        self.page = page


def main(words: list[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 it failed, 2 it was asked wrongly, 75 another process has
    ended, 128 + a signal's number interrupted: 130 by Ctrl-C, 143 by SIGTERM, 129 as the terminal went."""
    if words is None:  # this process is the command, and nobody else's
        leave_compiler_out()
    open_streams()
    try:
        with stop_on_signal(leave if words is None else None), catch_out_of_memory():
            run(sys.argv[1:] if words is None else words)
    except BrokenPipeError:  # whoever read the output has seen enough
        close_output()
        return 1
    except Mistake as error:
        return exit_with(error, 2) if is_ours_to_say(error) else 2
    except Interrupted as error:
        return exit_with(error, error.code) if os.environ.get("RANK", "0") == "0" else error.code
    except KeyboardInterrupt as end:
        code = 128 + getattr(end, "number", signal.SIGINT)
        return exit_with("interrupted", code) if os.environ.get("LOCAL_RANK", "0") == "0" else code
    except Failure as error:
        return exit_with(error, error.code) if is_ours_to_say(error) else error.code
    except OSError as error:
        if lost():
            return exit_with(LOST, 2)
        return exit_with(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error, 2)
    return 0


def is_ours_to_say(error: Mistake | Failure) -> bool:
    """Is it for this process to say, of several? Before they have met, the first of each machine speaks."""
    return os.environ.get("LOCAL_RANK", "0") == "0" if error.said is None else not error.said


def lost() -> bool:
    """Is the folder where one stands no more?"""
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def run(words: list[str]) -> None:
    require(not lost(), LOST)
    try:
        dispatch(words)
    except HelpRequested as page:
        print_output(page)
    sys.stdout.flush()  # here, where a reader that has gone is noticed, or a full disk


def exit_with(sentence: object, code: int) -> int:
    close_output()  # or Python itself would, with another code
    print_message(f"saddle: {sentence}")
    return code


def dispatch(words: list[str]) -> None:
    require(not any("\0" in word for word in words), "a word of the command holds a NUL character, which nothing can")
    if words and words[0] not in COMMANDS:
        words = [synonyms.COMMANDS.get(words[0], words[0]), *words[1:]]
    match words:
        case ["--help" | "-h" | "help", name, *rest] if synonyms.COMMANDS.get(name, name) in COMMANDS:
            dispatch([name, *rest, "--help"])
        case [] | ["--help" | "-h" | "help", *_]:
            print_output(overview())
        case ["--version" | "-V", *_]:
            print_output(f"saddle {__version__}")
        case [name, *rest] if name in COMMANDS:
            find_command(name)(rest)
        case [name, *_]:
            told = synonyms.OTHERS.get(name.lower())
            raise Mistake(f"there is no command {name}{f'; {told}' if told else did_you_mean(name, COMMANDS)}")


def find_command(name: str) -> Callable[[list[str]], None]:
    """The function that takes a command's words; one that is called by a word of Python's has a line behind."""
    module = import_module(f"saddle.cli.{COMMANDS[name].module}")
    found: Callable[[list[str]], None] = getattr(module, f"{name}_" if iskeyword(name) else name)
    return found


def overview() -> str:
    lines = (f"  saddle {name + ' ' + takes:<25} {summary}" for name, (_, takes, summary) in COMMANDS.items())
    return OVERVIEW_PAGE.format(version=__version__, commands="\n".join(lines))
