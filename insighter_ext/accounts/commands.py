"""``insighter accounts`` for whoever runs the machine, and ``insighter token`` for whoever has an account."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from insighter_ext.accounts.operator import Operator
    from insighter_ext.kernel.client import Client

Command = Callable[..., argparse.ArgumentParser]

_ROLES = ("viewer", "annotator", "editor", "admin", "owner")


def add_accounts(group: Any, command: Command, output: argparse.ArgumentParser) -> None:
    """Add the commands to ``insighter accounts``. They work on the embedded database of this machine."""
    create = command(
        group, "create", _create, "make an account, and print a code to set its password", output
    )
    create.add_argument("email")
    create.add_argument("--name", help="as others see it; from the address where omitted")
    create.add_argument("--password", action="store_true", help="ask for the password now instead")
    command(group, "list", _list, "list the accounts", output)
    recover = command(group, "recover", _recover, "print a code to set a new password", output)
    recover.add_argument("email")
    confirm = command(group, "confirm", _confirm, "print a code that proves the address", output)
    confirm.add_argument("email")
    delete = command(group, "delete", _delete, "delete an account with its personal project", output)
    delete.add_argument("email")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def add_tokens(group: Any, command: Command, project: argparse.ArgumentParser) -> None:
    """Add the commands to ``insighter token``. They talk to a running server."""
    create = command(group, "create", _token_create, "make an access token for one project", project)
    create.add_argument("name", help="what will use it")
    create.add_argument("--role", choices=_ROLES, default="viewer", help="its highest role (%(default)s)")
    create.add_argument("--days", type=int, default=30, help="how long it is good (%(default)s)")
    listed = command(group, "list", _token_list, "list your access tokens", project)
    revoke = command(group, "revoke", _token_revoke, "revoke an access token, at once", project)
    revoke.add_argument("which", metavar="TOKEN", help="its id, or its name")
    for one in (create, listed, revoke):
        one.add_argument("--email", help="sign in with this address; asks for the password")


# ---- accounts


def _create(options: argparse.Namespace) -> None:
    password = _new_password() if options.password else None

    async def work(operator: Operator) -> tuple[dict[str, Any], str]:
        made = await operator.create(options.email, options.name, password)
        answer: dict[str, Any] = {"user_id": str(made.user_id), "email": made.email}
        if password is not None:
            return answer, f"made the account {made.email}"
        code = await operator.code(made.email, "recovery")
        return {
            **answer,
            "code": code,
        }, f"made the account {made.email}\n{_hand_over(code, 'set a password')}"

    _run(options, work)


def _list(options: argparse.Namespace) -> None:
    async def work(operator: Operator) -> tuple[list[dict[str, Any]], str]:
        known = [
            {
                "user_id": str(one.user_id),
                "email": one.email,
                "display_name": one.display_name,
                "confirmed": one.confirmed,
                "has_password": one.has_password,
                "created_at": one.created_at.isoformat(),
                "last_sign_in_at": one.last_sign_in_at.isoformat() if one.last_sign_in_at else None,
            }
            for one in await operator.list()
        ]
        lines = [
            f"{one['email']:<40} {'confirmed' if one['confirmed'] else 'not confirmed':<14}"
            f" {'last signed in ' + str(one['last_sign_in_at'])[:10] if one['last_sign_in_at'] else 'never signed in'}"
            for one in known
        ]
        return known, "\n".join(lines)

    _run(options, work)


def _recover(options: argparse.Namespace) -> None:
    async def work(operator: Operator) -> tuple[dict[str, Any], str]:
        code = await operator.code(options.email, "recovery")
        return {"email": options.email, "code": code}, _hand_over(code, "set a new password")

    _run(options, work)


def _confirm(options: argparse.Namespace) -> None:
    async def work(operator: Operator) -> tuple[dict[str, Any], str]:
        code = await operator.code(options.email, "confirmation")
        return {"email": options.email, "code": code}, _hand_over(code, "confirm the address")

    _run(options, work)


def _delete(options: argparse.Namespace) -> int:
    if not options.yes:
        if options.json or not sys.stdin.isatty():
            raise ValueError("deleting asks first; --yes says that it is meant")
        print(f"{options.email} is deleted for good, with its personal project, memberships and tokens.")
        if input("Type the address to delete the account: ").strip().lower() != options.email.strip().lower():
            print("Nothing was deleted.")
            return 1

    async def work(operator: Operator) -> tuple[dict[str, Any], str]:
        await operator.delete(options.email)
        return {"deleted": options.email}, f"deleted {options.email}"

    _run(options, work)
    return 0


def _hand_over(code: str, purpose: str) -> str:
    return (
        f"code to {purpose}: {code}\n"
        "It is good once, for an hour, and signs in whoever has it: hand it to the account's owner and to nobody else."
    )


def _new_password() -> str:
    if not sys.stdin.isatty():
        raise ValueError(
            "--password asks for it: run it in a terminal, or leave it out and hand over the code"
        )
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise ValueError("the two passwords differ: try again")
    return first


def _run(options: argparse.Namespace, work: Callable[[Operator], Awaitable[tuple[Any, str]]]) -> None:
    """On the embedded database itself: it is joined where a server runs, and started where none does."""
    import asyncio

    from insighter_ext.accounts.operator import Operator
    from insighter_ext.config import Settings
    from insighter_ext.gateways.embedded import open_embedded

    settings = Settings.load()
    if settings.mode == "supabase":
        raise ValueError(
            "the accounts are kept by the Supabase project: see its dashboard, Authentication, Users"
        )

    async def inside() -> tuple[Any, str]:
        adapters = await open_embedded(settings.storage_dir, settings.postgres_version)
        try:
            operator = Operator(adapters.data, adapters.objects, adapters.auth, adapters.local_owner)
            return await work(operator)
        finally:
            await adapters.close()

    data, text = asyncio.run(inside())
    print(json.dumps(data, indent=2, ensure_ascii=False) if options.json else text)


# ---- access tokens


def _token_create(options: argparse.Namespace) -> None:
    from insighter_ext.kernel import servers
    from insighter_ext.kernel.projects import Projects

    client = person(options)
    named = options.project or servers.project_here()
    project_id = Projects(client)[named].id if named else client.get("status")["personal_project"]
    body = {"name": options.name, "project_id": project_id, "role": options.role, "days": options.days}
    made = client.post("account", "tokens", json=body)
    if options.json:
        print(json.dumps(made, indent=2, ensure_ascii=False))
        return
    print(made["secret"])
    print(
        f"It is the {made['role']} of {made['project']} until {made['expires_at'][:10]} and is shown only now."
        " Use it as INSIGHTER_TOKEN, or as Authorization: Bearer.",
        file=sys.stderr,
    )


def _token_list(options: argparse.Namespace) -> None:
    items = list(person(options).pages("account", "tokens"))
    if options.json:
        print(json.dumps(items, indent=2, ensure_ascii=False))
        return
    for item in items:
        state = (
            f"revoked {item['revoked_at'][:10]}" if item["revoked_at"] else f"until {item['expires_at'][:10]}"
        )
        used = f"used {item['last_used_at'][:16].replace('T', ' ')}" if item["last_used_at"] else "never used"
        print(f"{item['id']}  {item['name']:<24} {item['role']} of {item['project'] or '?'}, {state}, {used}")
    if not items:
        print("You have no access tokens.")


def _token_revoke(options: argparse.Namespace) -> None:
    client = person(options)
    tokens = [item for item in client.pages("account", "tokens") if item["revoked_at"] is None]
    meant = [item for item in tokens if options.which in {item["id"], item["name"]}]
    if len(meant) != 1:
        raise ValueError(
            f"{len(meant) or 'none'} of your tokens {'is' if not meant else 'are'} called {options.which!r}:"
            " name it by its id; insighter token list shows them"
        )
    client.delete("account", "tokens", meant[0]["id"])
    print(json.dumps({"revoked": meant[0]["id"]}) if options.json else f"revoked {meant[0]['name']}")


def person(options: argparse.Namespace) -> Client:
    """A client as the person: tokens are made by people who signed in."""
    from insighter_ext.kernel import servers
    from insighter_ext.kernel.client import Client
    from insighter_ext.kernel.errors import NotConnected

    if not options.email:
        client = servers.find(options.url, options.token)
        if client is None:
            raise NotConnected(
                "no JupyterLab with Insighter that lets you in runs here",
                code="no_server",
                hint="start it with: insighter; where people sign in to accounts, add --email",
            )
        return client
    url = options.url or os.environ.get("INSIGHTER_URL") or next((s.url for s in servers.running()), None)
    if url is None:
        raise NotConnected("no JupyterLab runs here", code="no_server", hint="name it with --url")
    stranger = Client(url.rstrip("/"), options.token or "")
    body = {
        "grant_type": "password",
        "email": options.email,
        "password": getpass.getpass(f"Password of {options.email}: "),
    }
    return Client(url.rstrip("/"), stranger.post("auth", "token", json=body)["access_token"])
