"""``insighter trash``, and ``insighter project restore``: what was deleted, from a shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insighter_ext.kernel.client import Client
    from insighter_ext.kernel.scope import Scope

Command = Callable[..., argparse.ArgumentParser]


def add(
    group: Any,
    command: Command,
    project: argparse.ArgumentParser,
    scope: Callable[[argparse.Namespace], Scope],
) -> None:
    """Add the commands to ``insighter trash``.

    Args:
        scope: the project that the options name.
    """
    listed = command(group, "list", _list, "list what was deleted in a project", project)
    listed.add_argument("--projects", action="store_true", help="your deleted projects instead")
    restore = command(group, "restore", _restore, "bring something back with all that hangs on it", project)
    restore.add_argument("name", help="its name or id")
    restore.add_argument("--kind", help="dataset, model, deployment, experiment or run")
    restore.add_argument("--as", dest="new_name", help="another name, where the old one is taken by now")
    purge = command(group, "purge", _purge, "delete something for good, and say what that frees", project)
    purge.add_argument("name", nargs="?", help="its name or id")
    purge.add_argument("--kind", help="dataset, model, deployment, experiment or run")
    purge.add_argument("--all", action="store_true", help="everything that is in the project's trash")
    purge.add_argument("--yes", action="store_true", help="do not ask")
    for parser in (listed, restore, purge):
        parser.set_defaults(scope=scope)


def add_projects(
    group: Any,
    command: Command,
    server: argparse.ArgumentParser,
    client: Callable[[argparse.Namespace], Client],
) -> None:
    """Add the commands about deleted projects to ``insighter project``."""
    restore = command(group, "restore", _restore_project, "bring a deleted project back", server)
    restore.add_argument("name", help="name or id")
    restore.add_argument("--as", dest="new_name", help="another name, where the old one is taken by now")
    restore.set_defaults(client=client)


def _list(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.tables import Table, bytes_, when
    from insighter_ext.kernel.trash import Trash

    scope = options.scope(options)
    if not options.projects:
        if options.json:
            _print(list(scope.client.pages(*scope.path("trash"))))
        else:
            print(Trash(scope).list())
        return
    found = list(scope.client.pages("trash"))
    if options.json:
        _print(found)
        return
    print(
        Table(
            found,
            [
                ("name", lambda row: row["name"]),
                ("deleted", lambda row: when(row["deleted_at"])),
                ("goes for good", lambda row: row["purge_after"][:10]),
                ("frees", lambda row: bytes_(row["bytes"])),
            ],
            "No project of yours is in the trash.",
        )
    )


def _restore(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.trash import Trash

    entry = Trash(options.scope(options)).get(options.name, options.kind)
    entry.restore(options.new_name)
    name = options.new_name or entry.name
    if options.json:
        _print({"kind": entry.kind, "id": entry.id, "name": name})
    else:
        print(f"restored the {entry.kind} {name}")


def _purge(options: argparse.Namespace) -> int:
    from insighter_ext.kernel.tables import bytes_
    from insighter_ext.kernel.trash import Trash

    if (options.name is None) != options.all:
        raise ValueError("name what is to be purged, or say --all")
    trash = Trash(options.scope(options))
    entries = list(trash.list()) if options.all else [trash.get(options.name, options.kind)]
    if not options.yes:
        if options.json or not sys.stdin.isatty():
            raise ValueError("purging asks first; --yes says that it is meant")
        for entry in entries[:20]:
            print(f"{entry.kind} {entry.name}, {bytes_(entry.bytes)}")
        if input(f"Delete {len(entries):,} for good? [y/N] ").strip().lower() not in {"y", "yes"}:
            print("Nothing was purged.")
            return 1
    purged = trash.empty() if options.all else entries[0].purge()
    if options.json:
        _print(purged.details)
    else:
        print(purged)
    return 0


def _restore_project(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.errors import ProjectNotFound

    client = options.client(options)
    for found in client.pages("trash"):
        if options.name in (found["id"], found["name"]):
            back = client.post("trash", found["id"], "restore", json={"name": options.new_name})
            if options.json:
                _print(back)
            else:
                print(f"restored {back['name']}")
            return
    raise ProjectNotFound(
        f'no project "{options.name}" in your trash',
        code="not_in_trash",
        hint="insighter trash list --projects shows all",
    )


def _print(data: Any) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))
