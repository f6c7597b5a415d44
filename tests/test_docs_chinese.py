"""The Chinese documents say to type the same as the English ones, and show the same pictures."""

from __future__ import annotations

import posixpath
import re

import pytest

from documents import FENCE, read

PAIRS = [("README.md", "README.zh.md"), ("docs/tutorial.md", "docs/zh/tutorial.md")]


def pictures(page: str) -> list[str]:
    """In their order, from the root."""
    found = re.findall(r"!\[[^]]+\]\(([^)]+)\)", read(page))
    return [posixpath.normpath(posixpath.join(posixpath.dirname(page), place)) for place in found]


def commands(page: str) -> list[str]:
    """What stands in sentences and tables as something to type."""
    return re.findall(r"`((?:saddle|--)[^`\n]+)`", FENCE.sub("", read(page)))


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_blocks_commands_and_pictures_are_the_same(english: str, chinese: str) -> None:
    assert FENCE.findall(read(chinese)) == FENCE.findall(read(english)) != []
    assert commands(chinese) == commands(english) != []
    assert pictures(chinese) == pictures(english) != []


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_they_have_the_same_parts(english: str, chinese: str) -> None:
    beyond = 1 if english == "README.md" else 0  # a table of terms
    assert (
        len(re.findall("^## ", read(chinese), re.MULTILINE))
        == len(re.findall("^## ", read(english), re.MULTILINE)) + beyond
    )


def test_terms_are_those_of_lectures() -> None:
    text = read("README.zh.md") + read("docs/zh/tutorial.md")
    assert all(term in text for term in ("生成器", "判别器", "梯度惩罚", "模式崩溃", "潜变量", "损失函数", "学习率"))
