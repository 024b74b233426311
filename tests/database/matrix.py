"""Who may do what, written down: a line per table (``matrix_tables.txt``) and function (``matrix_functions.txt``).

``test_matrix.py`` makes the matrix from the catalogue and tries each cell on each PostgreSQL, so a table or a function
without a line fails, and a line without one too.

Those who try:

==========  ==========================================================================================================
anon        nobody signed in
stranger    signed in, no member of the project
viewer … owner  members with that role; the owner is an admin of the organisation, too
kernel      a credential of the owner for the project, with the ceiling "editor"
token       the same with the ceiling "viewer"
agent       the same with the ceiling "owner": all rights of the owner but those that take a person
public      signed in, no member; the project's visibility is "public"
team        a member of the organisation, not of the project; the project's visibility is "team"
service     the database role of a service key
==========  ==========================================================================================================

Words for several of them: ``viewer+`` … ``owner+`` are those with at least the role, credentials by their ceiling;
``readers`` are public and team; ``*`` is everybody who signed in. ``-name`` takes one out again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LEVELS = {"viewer": 0, "annotator": 1, "editor": 2, "admin": 3, "owner": 4}
CREDENTIALS = {"kernel": "editor", "token": "viewer", "agent": "owner"}
READERS = ["public", "team"]
SIGNED_IN = ["stranger", *LEVELS, *CREDENTIALS, *READERS]
ACTORS = ["anon", *SIGNED_IN, "service"]


def who(words: str) -> set[str]:
    """The actors that a line names."""
    found: set[str] = set()
    for word in words.split():
        if word.endswith("+"):
            found |= {name for name, level in LEVELS.items() if level >= LEVELS[word[:-1]]}
            found |= {name for name, role in CREDENTIALS.items() if LEVELS[role] >= LEVELS[word[:-1]]}
        elif word == "readers":
            found |= set(READERS)
        elif word == "*":
            found |= set(SIGNED_IN)
        elif word.startswith("-"):
            assert word[1:] in found, words
            found.remove(word[1:])
        else:
            assert word in ACTORS, words
            found.add(word)
    return found


# What somebody gets: "told", an answer that tells of the project; "done", a change; "ok", an answer, whatever it is;
# "empty", an answer that tells nothing of the project, and no change; an HTTP status; "denied", not even a call.
# The first clause that names the caller counts. Who is not named at all is denied.
RULES = {
    "read": "viewer+ readers: told; stranger: 404",
    "edit": "editor+: done; viewer+ readers: 403; stranger: 404",
    "ask-edit": "editor+: ok; viewer+ readers: 403; stranger: 404",
    "admin": "admin+: done; viewer+ readers: 403; stranger: 404",
    "read-admin": "admin+: told; viewer+ readers: 403; stranger: 404",
    "own": "owner+: done; viewer+ readers: 403; stranger: 404",
    # Who may what, and credentials: by people alone.
    "person-admin": "admin owner: done; viewer+ readers: 403; stranger: 404",
    "person-read-admin": "admin owner: told; viewer+ readers: 403; stranger: 404",
    "person-own": "owner: done; viewer+ readers: 403; stranger: 404",
    "person": "kernel token agent: 403; *: ok",
    # By name alone, as MLflow's clients have it: in the project of a credential, or in the personal one.
    "here": "kernel token agent: told; *: 404",
    "list-here": "kernel token agent: told; *: empty",
    "edit-here": "kernel agent: done; token: 403; *: 404",
    # Of all that one sees.
    "list": "viewer+ readers: told; stranger: empty",
    "any": "*: ok",
    "anyone": "anon *: ok",
}


@dataclass(frozen=True)
class Table:
    """A line of ``matrix_tables.txt``.

    Attributes:
        label: the relation, with what tells several of its lines apart.
        allowed: per operation, who succeeds.
        closed: the operations that no signed-in actor has a grant for.
        unreadable: the columns that nobody may select.
        changeable: the columns that may be updated; None for all.
    """

    label: str
    relation: str
    allowed: dict[str, set[str]]
    closed: set[str]
    unreadable: set[str]
    changeable: set[str] | None
    row: str
    new: dict[str, str]

    def expected(self, operation: str, actor: str) -> str:
        """rows, none or denied."""
        if actor in self.allowed[operation]:
            return "rows"
        if actor in {"anon", "service"} or operation in self.closed or operation == "insert":
            return "denied"
        return "none"


@dataclass(frozen=True)
class Function:
    """A line of ``matrix_functions.txt``."""

    label: str
    name: str
    outcomes: dict[str, str]
    arguments: str
    before: str

    def expected(self, actor: str) -> str:
        """told, done, ok, empty, denied, or a status."""
        return self.outcomes.get(actor, "denied")


def _lines(name: str) -> list[list[str]]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [[cell.strip() for cell in re.split(r"\s\|(?=\s|$)", line)] for line in lines]


def _table(cells: list[str]) -> Table:
    label, *operations, row, new = [*cells, *[""] * (7 - len(cells))]
    allowed, closed, columns = {}, set(), {}
    for name, cell in zip(("select", "insert", "update", "delete"), operations, strict=True):
        found = re.fullmatch(r"(.*?)(?: \((.*)\))?", cell)
        assert found is not None, cells
        words = [word for word in found[1].split() if word not in {"closed", "nobody"}]
        if "closed" in found[1].split():
            closed.add(name)
        allowed[name] = who(" ".join(words))
        columns[name] = found[2]
    return Table(
        label,
        label.split(" ")[0],
        allowed,
        closed,
        set((columns["select"] or "").split()),
        None if columns["update"] == "*" else set((columns["update"] or "").split()),
        row,
        dict(re.split(r"\s*=\s*", part, maxsplit=1) for part in re.split(r",\s(?=\w+ =)", new) if part),
    )


def _function(cells: list[str]) -> Function:
    label, rule, arguments, before = [*cells, *[""] * (4 - len(cells))]
    outcomes: dict[str, str] = {}
    for clause in RULES.get(rule, rule).split(";"):
        words, outcome = clause.split(":")
        for actor in who(words) - set(outcomes):
            outcomes[actor] = outcome.strip()
    return Function(label, label.split(" ")[0], outcomes, arguments, before)


TABLE_LINES = [_table(cells) for cells in _lines("matrix_tables.txt")]
FUNCTION_LINES = [_function(cells) for cells in _lines("matrix_functions.txt")]
