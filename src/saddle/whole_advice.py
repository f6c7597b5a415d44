"""Advice on one field of a value that was written as a whole, so that it can be typed in its place."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable

from .errors import Mistake, quote_argument
from .hints import TypeTable, field_types

FIELD_ADVICE = re.compile(r"--[\w-]+\.([\w-]+) (\S+)")  # as a refusal proposes it: --networks.width 64
MAX_ADVICE = 4  # pieces of advice that are followed, each behind the refusal of the one before


def advise_in_whole(refusal: Mistake, written: ast.expr, build: Callable[[ast.expr], object], table: TypeTable,
                    name: str) -> Mistake:  # fmt: skip
    """The same refusal of a value, what it advises on a field written into that value.

    The option of the field alone would stand behind the value, which is refused before it is read. Where advice leads
    to another refusal, the advice of that one is taken too; where it leads to nothing that can be built, none is given.
    """
    why, _, advice = str(refusal).rpartition("; give ")
    if not FIELD_ADVICE.fullmatch(advice):
        return refusal
    tree = copy.deepcopy(written)
    for _ in range(MAX_ADVICE):
        found = FIELD_ADVICE.fullmatch(advice)
        if found is None or not write_field(tree, found[1].replace("-", "_"), found[2], table):
            break
        try:
            build(tree)
        except Mistake as another:
            advice = str(another).rpartition("; give ")[2]
        else:
            return Mistake(f"{why}; give --{name.replace('_', '-')} {quote_argument(unparse_items(tree))}")
    return Mistake(why)


def write_field(tree: ast.expr, field: str, text: str, table: TypeTable) -> bool:
    """Write a field's value into the first value in here that has such a field, if one has."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in table:
            continue
        known = list(field_types(table[call.func.id]))
        if field in known:
            value, place = ast.parse(text, mode="eval").body, known.index(field)
            if place < len(call.args):
                call.args[place] = value
            else:
                call.keywords = [key for key in call.keywords if key.arg != field] + [ast.keyword(field, value)]
            return True
    return False


def unparse_items(tree: ast.expr) -> str:
    """An expression as an option takes it: of a tuple the items alone."""
    return ", ".join(map(ast.unparse, tree.elts)) if isinstance(tree, ast.Tuple) else ast.unparse(tree)
