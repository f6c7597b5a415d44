"""JSON and written values read back from files: a value or one sentence, whatever the bytes are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saddle.errors import Mistake
from saddle.options import parse_expression
from saddle.schema import conform, parse_json, read_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refusal(read: Callable[[], object]) -> str | None:
    """What is said against it, if anything is."""
    try:
        read()
    except Mistake as mistake:
        return str(mistake)
    return None


@dataclass(frozen=True)
class Point:
    x: float
    name: str | None = None
    kind: Literal["a", "b", 3] = "a"


class Row(TypedDict):
    cells: list[int]
    pair: NotRequired[tuple[int, str]]


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (Point, {"x": 1, "name": None, "kind": 3}, Point(1, None, 3)),
        (Row, {"cells": [1], "pair": [1, "a"], "more": [float("nan")]}, None),
        (dict[str, Any], {"a": {"b": [1.5, None, True]}}, None),
        (list[float], [1, 2.5], [1, 2.5]),
    ],
)
def test_what_fits_is_taken(kind, value, found):
    read = conform(value, kind, "no")
    assert found is None or read == found


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (Point, "[]", "no: it is a list, but should be an object"),
        (Point, '{"name": "a"}', "no: x is missing"),
        (Point, '{"x": true}', "no: x is True, but should be a number"),
        (Point, '{"x": NaN}', "no: x is nan, but should be a number of common size"),
        (Point, '{"x": 1e999}', "no: x is inf, but should be a number of common size"),
        (Point, '{"x": %s}' % ("9" * 4000), "no: x is a very large number, but should be a number of common size"),
        (Point, '{"x": 1, "nam": 1}', "no: it has no 'nam'; did you mean name?"),
        (Point, '{"x": 1, "kind": "c"}', "no: kind is 'c', but should be 'a' or 'b' or 3"),
        (Point, '{"x": 1, "name": [1]}', "no: name is a list, but should be text or null"),
        (Point, '{"x": 1, "name": "a\\u0000"}', "no: name holds a NUL"),
        (Point, '{"x": 1, "name": "\\ud800"}', "no: name holds half a character"),
        (Row, '{"cells": [1, "2\\n3"]}', "no: cells[1] is '2?3', but should be a whole number"),
        (Row, '{"cells": [], "pair": [1]}', "no: pair has 1 values, but should have 2"),
        (dict[str, Any], "[" * 100_000, "no: it is nested too deeply"),
        (dict[str, Any], '{"a": %s}' % ("[" * 500 + "]" * 500), "no: it is nested too deeply"),
        (Point, '{"x": 1', "no: Expecting ',' delimiter: line 1 column 8 (char 7)"),
        (Point, '{"x": %s}' % ("9" * 9000), "no: Exceeds the limit"),
    ],
)  # fmt: skip
def test_what_does_not_is_named(kind, text, words):
    with pytest.raises(Mistake) as mistake:
        conform(parse_json(text, "no"), kind, "no")
    assert str(mistake.value).startswith(words) and "\n" not in str(mistake.value)


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from([Point, Row, dict[str, Any], list[tuple[int, str]], dict[str, list[float]]]))
def test_any_json_fits_or_is_refused(value, kind):
    said = refusal(lambda: conform(parse_json(json.dumps(value), "no"), kind, "no"))
    assert said is None or (said.startswith("no: ") and said.isprintable())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    assert (refusal(lambda: parse_json(data, "no")) or "no: ").startswith("no: ")


def test_a_file_that_is_not_there_or_too_long(tmp_path, monkeypatch):
    with pytest.raises(Mistake, match=r"^no: No such file"):
        read_json(tmp_path / "a.json", "no")
    (tmp_path / "a.json").write_text("[1, 2]")
    assert read_json(tmp_path / "a.json", "no") == [1, 2]
    monkeypatch.setattr("saddle.schema.MAX_FILE_BYTES", 5)
    with pytest.raises(Mistake, match=r"^no: it is longer than"):
        read_json(tmp_path / "a.json", "no")


@pytest.mark.parametrize(
    "text",
    ["(" * 300 + ")" * 300, "a" + ".a" * 1000, "+".join(["1"] * 900), "-" * 100_000 + "1", "f(" * 99 + ")" * 99,
     "0x" + "f" * 9000, "9" * 9000, "1" * 19, "\0", "'\\d", "1 2", "\ud800", "[" * 100_000],
)  # fmt: skip
def test_written_values_that_nobody_writes_are_refused_in_one_sentence(text):
    with pytest.raises(Mistake) as mistake:
        parse_expression(text, "batch", lambda: "a whole number")
    assert str(mistake.value).startswith("batch ") and len(str(mistake.value)) < 300
