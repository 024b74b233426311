"""Whatever the database tells as having happened, the panel has words for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from insighter_ext import schema

SENTENCES = Path(__file__).parents[2] / "labextension" / "src" / "activity" / "sentences.ts"

# What stands in the calls for words that are told elsewhere: whoever writes an event by a variable says here what it
# can be.
VARIABLES = {
    "p_kind": ["dataset", "model", "deployment"],
    "v_asset.kind": ["*"],
    "p_asset.kind": ["*"],
}

# Functions that write an event for others: the argument that is the verb, and the kind.
WRITERS = {
    "private.record": (1, 2),
    "private.deployment_event": (1, "deployment"),
    "private.commented": (1, "*"),
    "private.pin_told": (1, "*"),
}

# The verbs of a deployment's status, by the constraint of its table.
STATUS = ["healthy", "failed", "stopped"]


def calls(text: str, name: str) -> Iterator[list[str]]:
    """The arguments of each call of a function in a file."""
    for found in re.finditer(rf"(?<!function ){re.escape(name)}\(", text):
        depth, arguments, quoted, current = 1, [], False, ""
        for character in text[found.end() :]:
            if character == "'":
                quoted = not quoted
            if not quoted:
                depth += {"(": 1, ")": -1}.get(character, 0)
                if depth == 0:
                    break
                if character == "," and depth == 1:
                    arguments.append(current.strip())
                    current = ""
                    continue
            current += character
        yield [*arguments, current.strip()]


def words(expression: str) -> list[str]:
    """What an argument can be: the words in it, or what its variable stands for."""
    if expression in VARIABLES:
        return VARIABLES[expression]
    return re.findall(r"(?:then|else)\s+'([a-z_]+)'", expression) or re.findall(r"^'([a-z_]+)'$", expression)


def written() -> dict[str, str]:
    """kind.verb of all events, with the file that writes them."""
    found: dict[str, str] = {}
    for migration in schema.migrations():
        # Comments have quotes that end nowhere.
        text = re.sub(r"--.*", "", migration.sql)
        for name, (verb_at, kind_at) in WRITERS.items():
            for arguments in calls(text, name):
                if len(arguments) <= verb_at or arguments[0].startswith("p_project_id uuid"):
                    continue
                verb = arguments[verb_at]
                if verb == "p_verb":  # inside a writer: its callers say
                    continue
                verbs = STATUS if verb == "p_status" else words(verb)
                kinds = [kind_at] if isinstance(kind_at, str) else words(arguments[kind_at])
                where = f"{migration.name}: {name}({', '.join(arguments)})"
                assert verbs and kinds, f"which event is this? {where}"
                for one, other in product(kinds, verbs):
                    found[f"{one}.{other}"] = where
        # An event that is written as a row.
        for row in re.findall(r"insert into insighter\.events[^;]*?values \(([^;]*?)\);", text, re.DOTALL):
            for verb, kind in re.findall(r"'([a-z]+)' else '[a-z]+' end, '([a-z]+)'", row):
                found[f"{kind}.{verb}"] = migration.name
    return found


def test_every_event_has_a_sentence() -> None:
    text = SENTENCES.read_text(encoding="utf-8")
    known = set(re.findall(r"^  '?([a-z_]+(?:\.[a-z_]+)?)'?: \[", text, re.MULTILINE))
    found = written()
    assert len(found) > 40 and "member.joined" in found and "model.restricted" in found
    missing = {event: where for event, where in found.items() if not {event, event.split(".")[1]} & known}
    assert missing == {}
