"""``insighter member``, ``insighter project share`` and ``transfer``: who may what, from a shell."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insighter_ext.kernel.client import Client

Command = Callable[..., argparse.ArgumentParser]

_ROLES = ("viewer", "annotator", "editor", "admin")


def add_members(group: Any, command: Command, project: argparse.ArgumentParser) -> None:
    """Add the commands to ``insighter member``."""
    listed = command(group, "list", _list, "list a project's members", project)
    change = command(group, "set", _set, "give a member another role", project)
    change.add_argument("person", help="address, name or id of a member")
    change.add_argument("role", choices=_ROLES)
    remove = command(group, "remove", _remove, "take a member out of a project", project)
    remove.add_argument("person", help="address, name or id of a member")
    invite = command(
        group, "invite", _invite, "invite an address, and print the code to pass on to its owner", project
    )
    invite.add_argument("address", help="the e-mail address")
    invite.add_argument("--role", choices=_ROLES, default="viewer", help="(%(default)s)")
    _as_person(listed, change, remove, invite)


def add_projects(group: Any, command: Command, server: argparse.ArgumentParser) -> None:
    """Add the commands about sharing to ``insighter project``."""
    share = command(group, "share", _share, "say who sees a project without being a member", server)
    share.add_argument("project", metavar="NAME", help="name, slug or id")
    share.add_argument("--visibility", required=True, choices=("private", "team", "public"))
    share.add_argument("--organisation", help='with "team": name or id of the organisation')
    transfer = command(group, "transfer", _transfer, "make another member the owner of a project", server)
    transfer.add_argument("project", metavar="NAME", help="name, slug or id")
    transfer.add_argument("person", help="address, name or id of a member")
    _as_person(share, transfer)


def _as_person(*parsers: argparse.ArgumentParser) -> None:
    for parser in parsers:
        parser.add_argument("--email", help="sign in with this address; asks for the password")


# ---- members


def _list(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.members import Members
    from insighter_ext.kernel.scope import Scope

    client, project = _project(options)
    if options.json:
        _answer(options, list(client.pages("projects", project["id"], "members")), "")
    else:
        print(Members(Scope(client, project["id"])).list())


def _set(options: argparse.Namespace) -> None:
    client, project = _project(options)
    member = _member(client, project, options.person)
    made = client.put("projects", project["id"], "members", member["user_id"], json={"role": options.role})
    _answer(options, made, f"{made['display_name']} is {made['role']} of {project['name']}")


def _remove(options: argparse.Namespace) -> None:
    client, project = _project(options)
    member = _member(client, project, options.person)
    client.delete("projects", project["id"], "members", member["user_id"])
    _answer(options, {"removed": member["user_id"]}, f"{member['display_name']} is out of {project['name']}")


def _invite(options: argparse.Namespace) -> None:
    client, project = _project(options)
    made = client.post(
        "projects", project["id"], "invitations", json={"email": options.address, "role": options.role}
    )
    if options.json:
        print(json.dumps(made, indent=2, ensure_ascii=False))
        return
    print(made["code"])
    print(
        f"It makes whoever has it {made['role']} of {project['name']}, once, until {made['expires_at'][:10]}."
        f" It is shown only now: pass it on to {made['email']}.",
        file=sys.stderr,
    )


# ---- projects


def _share(options: argparse.Namespace) -> None:
    client, project = _project(options)
    body = {"visibility": options.visibility}
    if options.organisation:
        body["organisation_id"] = _organisation(client, options.organisation)
    made = client.put("projects", project["id"], "visibility", json=body)
    seen = {
        "private": "its members",
        "team": "the members of the organisation",
        "public": "everybody who signs in",
    }[made["visibility"]]
    _answer(options, made, f"{made['name']} is seen by {seen}")


def _transfer(options: argparse.Namespace) -> None:
    client, project = _project(options)
    member = _member(client, project, options.person)
    made = client.put("projects", project["id"], "owner", json={"user_id": member["user_id"]})
    _answer(options, made, f"{made['name']} belongs to {member['display_name']} now, and you are its admin")


# ---- inside


def _project(options: argparse.Namespace) -> tuple[Client, dict[str, Any]]:
    from insighter_ext.accounts.commands import person
    from insighter_ext.kernel import servers
    from insighter_ext.kernel.projects import Projects

    client = person(options)
    named = options.project or servers.project_here()
    if not named:
        raise ValueError("which project? name it with --project, or work in its folder")
    found: dict[str, Any] = client.get("projects", Projects(client)[named].id)
    return client, found


def _member(client: Client, project: dict[str, Any], who: str) -> dict[str, Any]:
    """The one member that is meant.

    Raises:
        ValueError: nobody is, or more than one.
    """
    wanted = who.strip().casefold()
    found = [
        member
        for member in client.pages("projects", project["id"], "members")
        if wanted
        in (member["user_id"], (member["email"] or "").casefold(), member["display_name"].casefold())
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f'{len(found)} members of {project["name"]} are called "{who}": use the address')
    raise ValueError(
        f'"{who}" is no member of {project["name"]}; insighter member list shows them,'
        " insighter member invite asks somebody in"
    )


def _organisation(client: Client, name: str) -> str:
    for item in client.pages("organisations"):
        if name == item["id"] or name.casefold() == item["name"].casefold():
            return str(item["id"])
    raise ValueError(f'you belong to no organisation "{name}"')


def _answer(options: argparse.Namespace, data: Any, text: str) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False) if options.json else text)
