"""A refusal of a value that stands where others belong: it can be said again with fewer of these."""

from __future__ import annotations

import ast
import copy
import difflib
from typing import cast

from .errors import Mistake
from .hints import TypeTable, describe_type, fits_type
from .whole_advice import unparse_items


class WrongKind(Mistake):
    """What was given, and the classes whose values may stand there, by their types alone."""

    option = ""  # the option that it was written in, once that is known

    def __init__(self, name: str, given: str, hint: object, table: TypeTable, node: ast.expr, word: str = "") -> None:
        self.name, self.given, self.hint, self.table, self.node, self.word = name, given, hint, table, node, word
        self.kinds = {kind: table[kind] for kind in table if fits_type(table[kind], hint)}
        super().__init__(self.sentence(self.kinds or table))  # of what items may be, if no value itself may be any

    def near(self, kinds: TypeTable) -> list[str]:
        """Which of these classes have names so like the word that was written that it may be a slip, nearest first."""
        lower = {kind.lower(): kind for kind in kinds} if self.word else {}
        return [lower[name] for name in difflib.get_close_matches(self.word.lower(), lower)]

    def sentence(self, kinds: TypeTable) -> str:
        """The refusal, with no other classes than these in it."""
        meant = self.near({kind: kinds[kind] for kind in kinds if kind in self.kinds})  # not of what no value may be
        return (f"{self.name}: there is no {self.word}; did you mean {meant[0]}?" if meant
                else f"{self.name} is {self.given}, but should be {describe_type(self.hint, kinds)}")  # fmt: skip

    def renamed(self, kind: str) -> str:
        """The option's text with this class for the word that was written, and the same values in it."""
        given = self.node
        name = ast.Name(kind)
        return self.with_instead(ast.unparse(ast.Call(name, given.args, given.keywords) if isinstance(given, ast.Call)
                                             else name))  # fmt: skip

    def said_of(self, node: ast.expr, original: ast.expr) -> WrongKind:
        """The same, of what was written where that node is read in its place."""
        self.node = original if self.node is node else self.node
        return self

    def written_in(self, option: str, tree: ast.expr) -> WrongKind:
        """The same, of a value that was written in this option's text."""
        self.option, self.tree = option, tree
        return self

    def with_instead(self, text: str) -> str:
        """The option's text, with something else where the wrong value stood."""
        instead = ast.parse(text, mode="eval").body
        tree = Replaced(self.node, instead).visit(copy.deepcopy(self.tree, {id(self.node): self.node}))
        return unparse_items(cast(ast.expr, tree))


class Replaced(ast.NodeTransformer):
    """One node of a tree, and no other, becomes another one."""

    def __init__(self, node: ast.expr, instead: ast.expr) -> None:
        self.node, self.instead = node, instead

    def visit(self, node: ast.AST) -> ast.AST:
        return self.instead if node is self.node else self.generic_visit(node)
