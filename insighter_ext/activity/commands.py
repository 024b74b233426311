"""``insighter activity``: what happened in a project, and what happens, in a shell."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insighter_ext.kernel.activity import Event
    from insighter_ext.kernel.scope import Scope


Command = Callable[..., argparse.ArgumentParser]


def add(
    commands: Any,
    command: Command,
    project: argparse.ArgumentParser,
    scope: Callable[[argparse.Namespace], Scope],
) -> None:
    """Add the command.

    Args:
        commands: the subparsers of ``insighter``.
        command: makes a command below them.
        project: the options of commands that talk to a server about a project.
        scope: the project that a command is about.
    """
    made = command(
        commands,
        "activity",
        lambda options: _run(options, scope(options)),
        "what happened in a project; with --follow, what happens",
        project,
    )
    made.add_argument("--follow", action="store_true", help="go on with what happens from now on")
    made.add_argument("--kind", help="only about assets of this kind: dataset, model, run, member …")
    made.add_argument("--by", help="only what this member did, by name, address or id")
    made.add_argument("--limit", type=int, default=20, help="how many at most (%(default)s)")


def _run(options: argparse.Namespace, scope: Scope) -> None:
    from insighter_ext.kernel.activity import Activity, Event
    from insighter_ext.kernel.bus import Subscription

    # It begins before the list is asked for, so that nothing falls between them; what is in both is told once.
    heard = Subscription(scope, ("activity",), None) if options.follow else None
    listed = Activity(scope)(kind=options.kind, by=options.by, limit=options.limit)
    if heard is None and options.json:
        print(json.dumps([event.as_cloudevent() for event in listed], indent=2, ensure_ascii=False))
        return
    for event in reversed(listed):
        _tell(options, event)
    if heard is None:
        return
    person = None
    if options.by is not None:
        from insighter_ext.kernel.members import Members

        person = Members(scope)[options.by].user_id
    known = {event.id for event in listed}
    try:
        for message in heard:
            event = Event(message.as_cloudevent())
            if (
                event.id not in known
                and options.kind in {None, event.kind}
                and person in {None, event.as_cloudevent().get("actorid")}
            ):
                _tell(options, event)
    except KeyboardInterrupt:
        pass


def _tell(options: argparse.Namespace, event: Event) -> None:
    """A line for each, so that a program reads them as they come."""
    told: Any = json.dumps(event.as_cloudevent(), ensure_ascii=False) if options.json else event
    print(told if options.json else f"{event.time.astimezone():%Y-%m-%d %H:%M:%S}  {event!r}", flush=True)
