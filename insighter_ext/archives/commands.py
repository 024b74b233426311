"""``insighter project export``, ``import`` and ``verify``: projects as files, from a shell."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Command = Callable[..., argparse.ArgumentParser]

_CHUNK = 1 << 20
_ASK_EVERY = 0.5


def add(
    group: Any, command: Command, server: argparse.ArgumentParser, output: argparse.ArgumentParser
) -> None:
    """Add the commands to ``insighter project``.

    Args:
        group: the group's subparsers.
        command: makes a command below them.
        server: the options of commands that talk to a server.
        output: the options of those that do not.
    """
    export = command(group, "export", _export, "write a project to a file", server)
    export.add_argument("project", metavar="NAME", help="name, slug or id")
    export.add_argument("file", metavar="FILE", type=Path, help="a new file, as in wine.insighter.zip")
    export.add_argument("--files", action="store_true", help="the files of the project's folder too")
    bring = command(group, "import", _import, "make a project of a file", server)
    bring.add_argument("file", metavar="FILE", type=Path)
    bring.add_argument("--name", help="the project's; the one in the file where omitted")
    verify = command(group, "verify", _verify, "check a file, without a server", output)
    verify.add_argument("file", metavar="FILE", type=Path)


def _export(options: argparse.Namespace) -> int:
    from insighter_ext.kernel.progress import Progress
    from insighter_ext.kernel.projects import Projects
    from insighter_ext.kernel.tables import bytes_

    client = _client(options)
    project = Projects(client)[options.project].id
    line, received = Progress(), 0
    query = {"include_files": "true"} if options.files else None
    part = options.file.with_name(options.file.name + ".part")
    if options.file.exists():
        # What is there already may be an export that somebody counts on.
        raise FileExistsError(f"{options.file} is there already: choose another name")
    try:
        with client.stream("projects", project, "archive", query=query) as answer, part.open("wb") as file:
            for chunk in answer.iter_bytes(_CHUNK):
                file.write(chunk)
                received += len(chunk)
                line.update(f"{bytes_(received)} written")
        found = _checked(part)
        os.replace(part, options.file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    line.done("")
    _answer(options, {"file": str(options.file), **found}, f"wrote {options.file}: {_told(found)}")
    return 0


def _import(options: argparse.Namespace) -> int:
    from insighter_ext.kernel.errors import InsighterClientError
    from insighter_ext.kernel.progress import Progress

    client = _client(options)
    size = options.file.stat().st_size
    line = Progress()
    begun = client.send(
        "POST", "projects", "imports",
        query={"name": options.name},
        content=_read(options.file, size, line),
        headers={"Content-Length": str(size), "Content-Type": "application/zip"},
        timeout=600.0,
    )  # fmt: skip
    try:
        while begun["state"] == "working":
            time.sleep(_ASK_EVERY)
            begun = client.get("projects", "imports", begun["id"])
            if begun["total"]:
                line.update(f"{begun['step']}: {begun['done'] / begun['total']:.0%}")
    except KeyboardInterrupt:
        client.delete("projects", "imports", begun["id"])
        raise
    line.done("")
    if begun["state"] != "done":
        error = begun["error"] or {"message": "the import was cancelled", "code": "import_cancelled"}
        raise InsighterClientError(error["message"], code=error["code"], hint=error.get("hint"))
    project = client.get("projects", begun["project_id"])
    _answer(options, project, f"made the project {project['name']} with the folder {project['folder']}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    found = _checked(options.file)
    good = not found["audit_problems"]
    _answer(
        options,
        {"ok": good, **found},
        "\n".join([*found["audit_problems"], f"{'ok' if good else 'PROBLEM'}: {_told(found)}"]),
    )
    return 0 if good else 1


def _checked(file: Path) -> dict[str, Any]:
    """Read all of it; what it is, and what is wrong with its audit.

    Raises:
        Invalid: the first member that is not what it should be.
    """
    from insighter_ext.archives.format import Archive

    with Archive(file) as archive:
        for _ in archive.check():
            pass
        rows, problems = archive.audit()
        told = archive.manifest
        return {
            "project": told.project,
            "exported_at": told.exported_at,
            "platform": told.platform,
            "rows": sum(member.rows for name, member in told.members.items() if name.startswith("rows/")),
            "objects": told.objects,
            "object_bytes": told.object_bytes,
            "files": told.files,
            "audit_rows": rows,
            "audit_withheld": told.audit.withheld,
            "audit_head": told.audit.head,
            "audit_problems": problems,
        }


def _told(found: dict[str, Any]) -> str:
    withheld = f" ({found['audit_withheld']:,} of hidden assets withheld)" if found["audit_withheld"] else ""
    audit = f"{found['audit_rows']:,} rows of audit{withheld}"
    return (
        f'"{found["project"]}" of {found["exported_at"][:19]}: {found["rows"]:,} rows, {found["objects"]:,} objects'
        f" of {found['object_bytes']:,} bytes, {found['files']:,} files, {audit}"
    )


def _read(file: Path, size: int, line: Any) -> Iterator[bytes]:
    sent = 0
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            yield chunk
            sent += len(chunk)
            line.update(f"{sent / size:.0%} uploaded")


def _client(options: argparse.Namespace) -> Any:
    from insighter_ext.kernel import servers
    from insighter_ext.kernel.errors import NotConnected

    client = servers.find(options.url, options.token)
    if client is None:
        raise NotConnected(
            "no JupyterLab with Insighter runs here", code="no_server", hint="start it with: insighter"
        )
    return client


def _answer(options: argparse.Namespace, data: Any, text: str) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False) if options.json else text)
