"""``insighter supabase``: prepare a Supabase project, and say what it lacks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SERVICE_KEY = "SUPABASE_SERVICE_ROLE_KEY"


def add(
    commands: Any, command: Callable[..., argparse.ArgumentParser], output: argparse.ArgumentParser
) -> None:
    """Hook the commands into the parser."""
    init = command(
        commands, "init", _init, "write a supabase/ folder with the migrations, for the Supabase CLI", output
    )
    init.add_argument(
        "folder", type=Path, nargs="?", default=Path(), help="where; the current folder if omitted"
    )
    check = command(
        commands, "check", _check, "say what the Supabase project lacks, and how to mend it", output
    )
    check.add_argument(
        "--create-bucket",
        action="store_true",
        help=f"make the bucket if it is missing; takes a service-role key from {_SERVICE_KEY}, or asks for it",
    )


def _init(options: argparse.Namespace) -> None:
    from insighter_ext.gateways.supabase import folder

    done = folder.write(options.folder)
    if options.json:
        print(json.dumps([{"path": str(one.path), "done": one.done} for one in done], indent=2))
        return
    made = sum(one.done == "made" for one in done)
    where = options.folder / "supabase"
    print(f"{where}: {made} files made, {len(done) - made} were there already")
    print("Next: supabase link --project-ref <ref>, supabase db push, then insighter supabase check")


def _check(options: argparse.Namespace) -> int:
    import asyncio

    from insighter_ext.config import Settings
    from insighter_ext.gateways.supabase import check

    settings = Settings.load()
    if settings.mode != "supabase":
        raise ValueError(
            "no Supabase project is named: set SUPABASE_URL, SUPABASE_KEY and SUPABASE_JWT_SECRET (docs/supabase.md)"
        )
    key = None
    if options.create_bucket:
        key = os.environ.get(_SERVICE_KEY) or _ask_for_key()
    findings = asyncio.run(check.examine(settings, key))
    healthy = all(one.state in {"ok", "warning"} for one in findings)
    if options.json:
        print(json.dumps({"ok": healthy, "checks": [one.as_dict() for one in findings]}, indent=2))
    else:
        for one in findings:
            print(f"{one.state:<9}{one.check:<19}{one.said}")
        print()
        for one in findings:
            if one.hint:
                print(f"{one.check}: {one.hint}")
        if healthy:
            print("Insighter can use this project.")
    return 0 if healthy else 1


def _ask_for_key() -> str:
    import getpass

    if not sys.stdin.isatty():
        raise ValueError(f"--create-bucket takes a service-role key: set {_SERVICE_KEY} for this one command")
    return getpass.getpass("Service-role (secret) key, used once and not kept: ").strip()
