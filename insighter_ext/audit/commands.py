"""``insighter audit``: verify and export from a shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

Command = Callable[..., argparse.ArgumentParser]

_KEEP = (
    "Keep the head somewhere else (in a mail, on paper, in a repository): whoever is superuser of the database can"
    " rewrite\na whole chain so that it fits together again. With --head it shows that nothing up to it was changed."
)
_BROKEN = (
    "This was not done through Insighter, which only adds rows; it takes a superuser's access to the database.\n"
    "Compare with an earlier export or a backup to learn what was there, and find out who had that access. Rows before"
    " the\nfirst one that is named are as they were written."
)


def add(group: Any, command: Command, project: argparse.ArgumentParser) -> None:
    """Add the commands to ``insighter audit``.

    Args:
        group: the group's subparsers.
        command: makes a command below them.
        project: the options of commands that talk to a server about a project.
    """
    check = command(group, "verify", _verify, "check that the audit is as it was written", project)
    check.add_argument(
        "--all",
        action="store_true",
        help="all chains of the embedded database on this machine, also of deleted projects",
    )
    check.add_argument("--head", help="the head that an earlier verification printed, kept elsewhere")
    export = command(group, "export", _export, "write a project's audit as JSON Lines", project)
    export.add_argument("--output", type=Path, help="a new file; standard output where omitted")


def _verify(options: argparse.Namespace) -> int:
    from insighter_ext.kernel import servers

    if options.all and (options.project or options.head):
        raise ValueError("--all checks every chain: leave --project and --head out")
    client = None if options.all else servers.find(options.url, options.token)
    if client is None:
        found = _verify_here(options)
    else:
        project = _project(client, options.project)
        state = client.get("projects", project["id"], "audit", "verification", head=options.head)
        found = [{"scope": project["id"], "kind": "project", "name": project["name"], "alive": True, **state}]
    good = all(chain["ok"] for chain in found)
    if options.json:
        print(json.dumps({"ok": good, "chains": found}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_told(found)))
    return 0 if good else 1


def _verify_here(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Without a server: on the embedded database itself."""
    from insighter_ext.config import Settings
    from insighter_ext.gateways.embedded import audit
    from insighter_ext.kernel import servers

    if options.url:
        raise ValueError(f"no JupyterLab with Insighter answers at {options.url}")
    settings = Settings.load()
    if settings.supabase_url:
        raise ValueError(
            "the database is a Supabase project: its projects are verified one by one, by their admins, with a running"
            " JupyterLab: insighter audit verify --project NAME"
        )
    only = None if options.all else options.project or servers.project_here()
    if options.head and only is None:
        raise ValueError("--head belongs to one project: name it with --project")
    chains = audit.verify(settings.storage_dir / "postgres", settings.postgres_version, only, options.head)
    return [
        {
            "scope": str(chain.scope),
            "kind": chain.kind,
            "name": chain.name,
            "alive": chain.alive,
            **chain.verification,
        }
        for chain in chains
    ]


def _told(chains: list[dict[str, Any]]) -> list[str]:
    lines = []
    for chain in chains:
        gone = "" if chain["alive"] else ", deleted"
        lines.append(
            f"{'ok     ' if chain['ok'] else 'PROBLEM'}  {chain['name']} ({chain['kind']}{gone}, {chain['scope']}):"
            f" {chain['rows']:,} rows"
        )
        if chain["head"]:
            lines.append(f"         head {chain['head']}")
        lines += [f"         {problem['message']}" for problem in chain["problems"]]
        if chain["more"]:
            lines.append(f"         and {chain['more']:,} problems more")
    good = all(chain["ok"] for chain in chains)
    return [*lines, "", "Everything is as it was written." if good else _BROKEN, _KEEP]


def _export(options: argparse.Namespace) -> int:
    from insighter_ext.kernel import servers
    from insighter_ext.kernel.errors import NotConnected

    client = servers.find(options.url, options.token)
    if client is None:
        raise NotConnected(
            "no JupyterLab with Insighter runs here", code="no_server", hint="start it with: insighter"
        )
    project = _project(client, options.project)
    last = b""
    with ExitStack() as opened:
        answer = opened.enter_context(client.stream("projects", project["id"], "audit", "export"))
        # "x": what is there already may be an export that somebody counts on.
        target = opened.enter_context(options.output.open("xb")) if options.output else sys.stdout.buffer
        for piece in answer.iter_bytes():
            target.write(piece)
            last = (last + piece)[-500:]
        target.flush()
    end = _last_line(last)
    if end is None:
        raise ValueError("the export was cut off before its last line: run it again")
    if options.output:
        withheld = f" ({end['withheld']:,} of assets hidden from you are withheld)" if end["withheld"] else ""
        print(
            json.dumps({"output": str(options.output), **end}, indent=2, ensure_ascii=False)
            if options.json
            else f"wrote {end['rows']:,} rows{withheld} to {options.output}\nhead {end['head']}"
        )
    return 0


def _last_line(tail: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(tail.rstrip(b"\n").rpartition(b"\n")[2])
    except ValueError:
        return None
    return found if tail.endswith(b"\n") and isinstance(found, dict) and "withheld" in found else None


def _project(client: Any, name: str | None) -> dict[str, Any]:
    from insighter_ext.kernel import servers
    from insighter_ext.kernel.projects import Projects

    name = name or servers.project_here()
    found: dict[str, Any] = client.get("projects", Projects(client)[name].id if name else client.project_id)
    return found
