"""The documentation is whole: every command is on its page, and every link leads somewhere."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from insighter_ext import cli

REPOSITORY = Path(__file__).parent.parent.parent
PAGES = [*sorted((REPOSITORY / "docs").glob("*.md")), *sorted(REPOSITORY.glob("*.md"))]


def commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ("insighter",)) -> Iterator[str]:
    """All commands that have no commands below them."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(words)
    for group in groups:
        for name, below in group.choices.items():
            yield from commands(below, (*words, name))


def test_every_command_is_documented() -> None:
    page = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
    listed = list(commands(cli._parser()))
    assert len(listed) > 5
    rows = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    for command in listed:
        found = [row for row in rows if row == command or row.startswith(f"{command} ")]
        assert len(found) == 1, f"{command}: {found}"
    assert len(rows) == len(listed), "what is there is a command"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.M), target
