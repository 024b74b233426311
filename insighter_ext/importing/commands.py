"""``insighter import mlflow``: an existing MLflow store becomes part of a project."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable
from typing import Any

Command = Callable[..., argparse.ArgumentParser]


def add(
    group: Any, command: Command, project: argparse.ArgumentParser, scope: Callable[[argparse.Namespace], Any]
) -> None:
    """Add the command to ``insighter import``."""
    made = command(
        group,
        "mlflow",
        lambda options: _import(options, scope),
        "bring an MLflow store: runs, files, models, registry; again to go on",
        project,
    )
    made.add_argument(
        "uri", metavar="URI", help="a folder, sqlite:///…, postgresql://… or the address of a server"
    )
    made.add_argument("--registry", metavar="URI", help="its model registry, where that is elsewhere")
    made.add_argument(
        "--experiment",
        action="append",
        default=[],
        metavar="NAME",
        help="this one alone, without the registry; may be repeated",
    )
    made.add_argument(
        "--verify", action="store_true", help="bring nothing; compare what is there with the store"
    )


def _import(options: argparse.Namespace, scope: Callable[[argparse.Namespace], Any]) -> int:
    from insighter_ext.importing.mlflow import MlflowImport
    from insighter_ext.importing.store import Store
    from insighter_ext.importing.target import Target
    from insighter_ext.kernel.progress import Progress

    place = scope(options)
    project = place.client.get("projects", place.project_id)
    line = Progress()
    store, target = Store(options.uri, options.registry), Target(place.client, project["slug"])
    report = MlflowImport(store, target, options.experiment, line.update).run(bring=not options.verify)
    line.done("")
    if options.json:
        print(json.dumps(dataclasses.asdict(report), indent=2, ensure_ascii=False))
    else:
        print(_said(report, project["name"]))
    return 1 if report.problems else 0


def _said(report: Any, project: str) -> str:
    from insighter_ext.kernel.tables import bytes_

    brought = (
        f"{project}: {report.runs:,} runs brought in {report.experiments:,} experiments"
        f" ({report.runs_there:,} were there), {report.points:,} points of metrics,"
        f" {report.files:,} files ({bytes_(report.bytes)}), {report.logged_models:,} logged models,"
        f" {report.registered_models:,} registered models with {report.model_versions:,} versions"
    )
    compared = (
        f"compared: {report.same_runs:,} runs, {report.same_files:,} files and"
        f" {report.same_models:,} registered models are the same"
    )
    if not report.problems:
        return f"{brought}\n{compared}"
    listed = "\n".join(f"  {problem}" for problem in report.problems)
    return (
        f"{brought}\n{compared}\n{len(report.problems):,} problems; the same command tries again:\n{listed}"
    )
