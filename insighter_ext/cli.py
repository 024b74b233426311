"""``insighter``: the platform from a shell."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insighter_ext import __version__

if TYPE_CHECKING:
    from insighter_ext.kernel.client import Client
    from insighter_ext.kernel.scope import Scope

_EPILOG = """\
Without a command, and with arguments of JupyterLab, it starts JupyterLab: insighter --port 9000
The other commands talk to the running JupyterLab of this user: the one whose folder holds the current folder, else the
one started last; --url and --token name another.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code: 0 done, 1 failed, 2 not understood."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if (
        not words
        or words[0] == "lab"
        or (words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"})
    ):
        return _lab(words[1:] if words[:1] == ["lab"] else words)
    options = _parser().parse_args(words)
    from insighter_ext.errors import InsighterError
    from insighter_ext.kernel.errors import InsighterClientError

    try:
        result = options.run(options)
    except (InsighterClientError, InsighterError) as error:
        _fail(options, error.message, error.hint, error.code)
        return 1
    except (OSError, ValueError) as error:
        _fail(options, str(error), None, "error")
        return 1
    return int(result or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="insighter",
        description="Data science and MLOps inside JupyterLab.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"insighter {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    output = argparse.ArgumentParser(add_help=False)
    output.add_argument("--json", action="store_true", help="answer in JSON")
    server = argparse.ArgumentParser(add_help=False, parents=[output])
    server.add_argument("--url", help="address of the Jupyter server (INSIGHTER_URL)")
    server.add_argument("--token", help="its token (INSIGHTER_TOKEN)")
    project = argparse.ArgumentParser(add_help=False, parents=[server])
    project.add_argument("--project", help="name, slug or id; the current folder's project where omitted")

    def command(
        under: Any, name: str, run: Callable[[Any], int | None], help: str, parent: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = under.add_parser(name, help=help, description=help, parents=[parent])
        made.set_defaults(run=run)
        return made

    def group(name: str, help: str) -> Any:
        made = commands.add_parser(name, help=help, description=help)
        return made.add_subparsers(title="commands", required=True, metavar="COMMAND")

    lab = commands.add_parser(
        "lab", help="start JupyterLab with Insighter; takes all of JupyterLab's arguments"
    )
    lab.set_defaults(run=lambda options: _lab([]))

    command(
        commands, "quickstart", _quickstart, "make a project with a data set and a notebook to run", server
    )

    projects = group("project", "projects")
    command(projects, "list", _project_list, "list the projects", server)
    create = command(projects, "create", _project_create, "make a project and its folder", server)
    create.add_argument("name")
    create.add_argument("--description", default="", help="Markdown")
    delete = command(
        projects, "delete", _project_delete, "move a project with all its assets to the trash", server
    )
    delete.add_argument("name", help="name, slug or id")
    delete.add_argument("--yes", action="store_true", help="do not ask")

    from insighter_ext.sharing import commands as sharing

    sharing.add_projects(projects, command, server)

    from insighter_ext.archives import commands as archives

    archives.add(projects, command, server, output)
    sharing.add_members(group("member", "who may what in a project"), command, project)

    search = command(
        commands,
        "search",
        _search,
        "find assets of all projects by words of names, columns, tags and metrics",
        server,
    )
    search.add_argument("words", nargs="*", help="all of which an asset has; without any: the newest assets")
    search.add_argument("--kind", action="append", default=[], help="dataset, model …; may be repeated")
    search.add_argument("--limit", type=int, default=20, help="how many at most (%(default)s)")

    datasets = group("dataset", "datasets")
    command(datasets, "list", _dataset_list, "list the datasets", project)
    upload = command(
        datasets, "upload", _dataset_upload, "upload a CSV, JSON or Parquet file as the next version", project
    )
    upload.add_argument("name", help="the dataset's")
    upload.add_argument("file", type=Path)

    models = group("model", "registered models")
    command(models, "list", _model_list, "list the registered models", project)

    deploy = command(commands, "deploy", _deploy, "deploy a model version behind an address", project)
    deploy.add_argument("model", help="MODEL@ALIAS, MODEL/VERSION, or MODEL for its newest version")
    deploy.add_argument("--name", help="the endpoint's; the model's name where omitted")
    deploy.add_argument("--no-wait", action="store_true", help="do not wait until it is healthy")
    deploy.add_argument(
        "--timeout", type=float, default=120, help="how long to wait, in seconds (%(default)s)"
    )
    undeploy = command(commands, "undeploy", _undeploy, "stop an endpoint and move it to the trash", project)
    undeploy.add_argument("name")

    from insighter_ext.activity import commands as activity

    activity.add(commands, command, project, _scope)
    from insighter_ext.trash import commands as trash

    trash.add(group("trash", "what was deleted: list, restore, purge"), command, project, _scope)
    trash.add_projects(projects, command, server, _client)

    from insighter_ext.audit import commands as audit

    audit.add(group("audit", "who changed what: verify, export"), command, project)

    from insighter_ext.lineage import commands as lineage

    lineage.add(group("lineage", "what was made from what: show, export"), command, project, _scope)

    from insighter_ext.importing import commands as importing

    importing.add(group("import", "what other systems keep, into a project"), command, project, _scope)

    from insighter_ext.gateways.supabase import commands as supabase

    supabase.add(group("supabase", "a Supabase project as the database: init, check"), command, output)

    from insighter_ext.accounts import commands as accounts

    accounts.add_accounts(group("accounts", "the accounts of this machine"), command, output)
    accounts.add_tokens(group("token", "your personal access tokens"), command, project)

    command(commands, "doctor", _doctor, "check the installation, and say what to do", output)
    return parser


def _lab(arguments: Sequence[str]) -> int:
    command = [sys.executable, "-m", "jupyterlab", *arguments]
    if os.name != "nt":
        os.execv(command[0], command)  # noqa: S606 - this process becomes JupyterLab
    import subprocess

    return subprocess.run(command, check=False).returncode


def _quickstart(options: argparse.Namespace) -> None:
    from insighter_ext.kernel import servers

    client = servers.find(options.url, options.token)
    made = client.post("quickstart") if client is not None else _quickstart_here()
    text = f"made the project {made['project']['name']}; open {made['notebook']}"
    _answer(
        options, made, text if client is not None else f"{text} after starting JupyterLab with: insighter"
    )


def _quickstart_here() -> dict[str, Any]:
    """Without a server: the platform in this process, with the current folder as Jupyter's root."""
    import asyncio

    from insighter_ext.config import Settings
    from insighter_ext.errors import Unauthenticated
    from insighter_ext.platform import Platform

    async def create() -> dict[str, Any]:
        platform = await Platform.open(Settings.load())
        try:
            if platform.owner is None:
                raise Unauthenticated(
                    "people sign in here, and a shell has no account",
                    hint="start JupyterLab with: insighter — then sign in and make the quickstart there",
                )
            made = await platform.quickstart.create(platform.owner, Path.cwd())
        finally:
            await platform.close()
        return made.model_dump(mode="json")

    return asyncio.run(create())


def _project_list(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.projects import Projects

    client = _client(options)
    if options.json:
        _answer(options, list(client.pages("projects")), "")
    else:
        print(Projects(client).list())


def _project_create(options: argparse.Namespace) -> None:
    body = {"name": options.name, "description": options.description}
    made = _client(options).post("projects", json=body)
    _answer(options, made, f"made the project {made['name']} with the folder {made['folder']}")


def _project_delete(options: argparse.Namespace) -> int:
    client = _client(options)
    project = client.get("projects", _project_id(client, options.name))
    if not options.yes:
        if options.json or not sys.stdin.isatty():
            raise ValueError("deleting asks first; --yes says that it is meant")
        has = client.get("projects", project["id"], "contents")
        print(
            f"{project['name']} has {has['datasets']} datasets, {has['runs']} runs,"
            f" {has['model_versions']} model versions and {len(has['deployments'])} endpoints."
            f" They go to the trash with it; the folder {project['folder']} stays."
        )
        if input("Type the project's name to delete it: ").strip() != project["name"]:
            print("Nothing was deleted.")
            return 1
    client.delete("projects", project["id"], json={"confirm": project["name"]})
    _answer(options, {"deleted": project["id"]}, f"moved {project['name']} to the trash")
    return 0


def _search(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.assets import found

    table = found(_client(options), " ".join(options.words), options.kind, options.limit)
    if options.json:
        _answer(options, list(table), "")
    else:
        print(table)


def _dataset_list(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.datasets import Datasets

    scope = _scope(options)
    if options.json:
        _answer(options, list(scope.client.pages(*scope.path("datasets"))), "")
    else:
        print(Datasets(scope).list())


def _dataset_upload(options: argparse.Namespace) -> None:
    from insighter_ext.kernel import transfers

    with transfers.as_file(options.file) as (file, filename):
        made = transfers.send(_scope(options), options.name, file, filename)
    version = made["version"]
    said = "unchanged" if made["unchanged"] else "uploaded"
    _answer(
        options,
        made,
        f"{said}: {options.name} version {version['version']},"
        f" {version['rows']:,} rows × {len(version['columns'])} columns",
    )


def _model_list(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.models import Models

    scope = _scope(options)
    if options.json:
        _answer(options, list(scope.client.pages(*scope.path("models"))), "")
    else:
        print(Models(scope).list())


def _deploy(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.deployments import Deployments

    deployments = Deployments(_scope(options))
    version = deployments.version(options.model)
    made = deployments.create(
        options.name or version.name, version, wait=not options.no_wait, timeout=options.timeout
    )
    _answer(options, made.as_dict(), repr(made))


def _undeploy(options: argparse.Namespace) -> None:
    from insighter_ext.kernel.deployments import Deployments

    Deployments(_scope(options))[options.name].delete()
    _answer(options, {"deleted": options.name}, f"stopped and forgot {options.name}")


def _doctor(options: argparse.Namespace) -> int:
    from insighter_ext import doctor

    findings = doctor.examine()
    lines = [f"{'ok     ' if one.ok else 'PROBLEM'}  {one.check:<17}{one.said}" for one in findings]
    hints = [f"{one.check}: {one.hint}" for one in findings if not one.ok]
    healthy = not hints
    text = "\n".join([*lines, "", *(hints or ["Everything is in order."])])
    _answer(options, {"ok": healthy, "checks": [one.as_dict() for one in findings]}, text)
    return 0 if healthy else 1


def _client(options: argparse.Namespace) -> Client:
    from insighter_ext.kernel import servers
    from insighter_ext.kernel.errors import NotConnected

    client = servers.find(options.url, options.token)
    if client is None:
        raise NotConnected(
            "no JupyterLab with Insighter runs here", code="no_server", hint="start it with: insighter"
        )
    return client


def _scope(options: argparse.Namespace) -> Scope:
    from insighter_ext.kernel import servers
    from insighter_ext.kernel.scope import Scope

    client = _client(options)
    name = options.project or servers.project_here()
    return Scope(client, _project_id(client, name) if name else None)


def _project_id(client: Client, name: str) -> str:
    from insighter_ext.kernel.projects import Projects

    return Projects(client)[name].id


def _answer(options: argparse.Namespace, data: Any, text: str) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False) if options.json else text)


def _fail(options: argparse.Namespace, message: str, hint: str | None, code: str) -> None:
    if options.json:
        print(
            json.dumps({"code": code, "message": message, "hint": hint}, ensure_ascii=False), file=sys.stderr
        )
    else:
        print(f"insighter: {message}" + (f"\n{hint}" if hint else ""), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
