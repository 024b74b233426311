"""``insighter lineage``: look at it and export it from a shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

Command = Callable[..., argparse.ArgumentParser]
ScopeOf = Callable[[argparse.Namespace], Any]


def add(group: Any, command: Command, project: argparse.ArgumentParser, scope_of: ScopeOf) -> None:
    """Add the commands to ``insighter lineage``.

    Args:
        group: the group's subparsers.
        command: makes a command below them.
        project: the options of commands that talk to a server about a project.
        scope_of: the project that such options name.
    """
    show = command(
        group,
        "show",
        lambda options: _show(options, scope_of),
        "show what an asset was made from, and what was made from it",
        project,
    )
    show.add_argument("name", help="the asset's; the id of a run or an experiment")
    show.add_argument("--kind", help="dataset, model, deployment, notebook, run or experiment")
    show.add_argument("--version", type=int, help="one version; all of them where omitted")
    export = command(
        group,
        "export",
        lambda options: _export(options, scope_of),
        "write a project's lineage as OpenLineage events",
        project,
    )
    export.add_argument("--output", type=Path, help="a new file; standard output where omitted")


def _show(options: argparse.Namespace, scope_of: ScopeOf) -> None:
    from insighter_ext.kernel.lineage import Lineage

    found = Lineage(scope_of(options))(options.name, options.kind, options.version)
    if options.json:
        print(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        print(found)


def _export(options: argparse.Namespace, scope_of: ScopeOf) -> None:
    scope = scope_of(options)
    events = 0
    with ExitStack() as opened:
        answer = opened.enter_context(scope.client.stream(*scope.path("lineage", "openlineage")))
        # "x": what is there already may be an export that somebody counts on.
        target = opened.enter_context(options.output.open("xb")) if options.output else sys.stdout.buffer
        for piece in answer.iter_bytes():
            target.write(piece)
            events += piece.count(b"\n")
        target.flush()
    if options.output:
        said = {"output": str(options.output), "events": events}
        print(json.dumps(said) if options.json else f"wrote {events:,} events to {options.output}")
