"""Lineage, as a kernel sees it: what an asset was made from, and what was made from it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from insighter_ext.kernel.errors import InsighterClientError, NotFound
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Table, say, when

_KINDS = ("dataset", "model", "deployment", "notebook", "run", "experiment")
"""In this order a bare name is looked for."""


class LineageNode:
    """An asset in the graph, or one version of it."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self._seen = seen

    @property
    def kind(self) -> str:
        """dataset, notebook, run, model or deployment."""
        return str(self._seen["kind"])

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self._seen["name"])

    @property
    def key(self) -> str:
        """What the API calls it: the name of a dataset, model or deployment; the id of all others."""
        return str(self._seen["key"])

    @property
    def version(self) -> int | None:
        """None where its kind has no versions."""
        found: int | None = self._seen["version"]
        return found

    @property
    def status(self) -> str:
        """A run's or endpoint's status; a model version's aliases."""
        return str(self._seen["status"])

    @property
    def deleted(self) -> bool:
        """Whether it was deleted since."""
        return bool(self._seen["deleted"])

    @property
    def stale(self) -> bool:
        """Whether there is a newer version."""
        return bool(self._seen["stale"])

    def __repr__(self) -> str:
        version = "" if self.version is None else f" v{self.version}"
        notes = [
            self.status,
            f"newest is v{self._seen['newest']}" if self.stale else "",
            "deleted" if self.deleted else "",
        ]
        return " · ".join([f"{self.kind} {self.name}{version}", *filter(None, notes)])


class LineageGraph:
    """The graph around an asset. It shows itself as two trees; the same as tables: ``upstream``, ``downstream``."""

    def __init__(self, seen: dict[str, Any]) -> None:
        self._seen = seen
        self.nodes = {item["id"]: LineageNode(item) for item in seen["nodes"]}
        """All nodes by their ids."""
        self.more = bool(seen["more"])
        """Whether there is more than is here."""
        self._centre: list[str] = seen["centre"]
        self._up: dict[str, list[str]] = {}
        self._down: dict[str, list[str]] = {}
        for edge in seen["edges"]:
            self._down.setdefault(edge["source"], []).append(edge["target"])
            self._up.setdefault(edge["target"], []).append(edge["source"])

    def as_dict(self) -> dict[str, Any]:
        """What the API answered."""
        return self._seen

    @property
    def upstream(self) -> Table[LineageNode]:
        """All it was made from, nearest first."""
        return self._table(self._up, "nothing that it was made from is known")

    @property
    def downstream(self) -> Table[LineageNode]:
        """All that was made from it, nearest first: what would break without it."""
        return self._table(self._down, "nothing was made from it yet")

    def _table(self, ways: dict[str, list[str]], empty: str) -> Table[LineageNode]:
        found, front = dict.fromkeys(self._centre), self._centre
        while front:
            front = list(dict.fromkeys(n for node in front for n in ways.get(node, []) if n not in found))
            found |= dict.fromkeys(front)
        return Table(
            [self.nodes[node] for node in found if node not in self._centre],
            [
                ("kind", lambda row: row.kind),
                ("name", lambda row: row.name),
                ("version", lambda row: row.version),
                ("status", lambda row: row.status),
                ("by", lambda row: row._seen["created_by"]),
                ("when", lambda row: when(row._seen["created_at"])),
            ],
            empty,
        )

    def _tree(self, ways: dict[str, list[str]], more: str) -> Iterator[tuple[int, str]]:
        """Lines with their depth. What was there before is named again, and not unfolded."""
        shown = set(self._centre)

        def below(node: str, depth: int) -> Iterator[tuple[int, str]]:
            for each in dict.fromkeys(ways.get(node, [])):
                again = each in shown
                shown.add(each)
                yield depth, repr(self.nodes[each]) + (" (see above)" if again and ways.get(each) else "")
                if not again:
                    yield from below(each, depth + 1)
            left = self.nodes[node]._seen[more]
            if left:
                yield depth, f"… {say(left)}{'+' if left >= 100 else ''} more"

        for node in self._centre:
            yield from below(node, 0)

    def _parts(self) -> Iterator[tuple[str, list[tuple[int, str]], str]]:
        yield "made from", list(self._tree(self._up, "more_up")), "nothing that is known"
        yield "used by", list(self._tree(self._down, "more_down")), "nothing yet"

    def __repr__(self) -> str:
        lines = [repr(self.nodes[node]) for node in self._centre]
        for title, tree, empty in self._parts():
            lines += [title, *(f"  {'  ' * depth}{text}" for depth, text in tree or [(0, empty)])]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        html = "<br>".join(f"<strong>{escape(repr(self.nodes[node]))}</strong>" for node in self._centre)
        for title, tree, empty in self._parts():
            html += f"<div>{title}</div>"
            for depth, text in tree or [(0, empty)]:
                html += f'<div style="margin-left:{1.5 * (depth + 1)}em">{escape(text)}</div>'
        return f"<div>{html}</div>"


def lineage_of(
    scope: Scope, kind: str, key: str, version: int | None = None, direction: str = "both", depth: int = 10
) -> LineageGraph:
    """The graph around an asset that is known by kind and key."""
    return LineageGraph(
        scope.client.get(
            *scope.path("lineage"),
            kind=kind,
            key=key,
            version=version,
            direction=direction,
            depth=depth,
            limit=500,
        )
    )


class Lineage:
    """What assets of the project were made from, and what was made from them.

    Example:
        >>> ix.lineage("wine")
        >>> ix.lineage("wine-quality", kind="model", version=2).upstream
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __call__(
        self,
        asset: Any,
        kind: str | None = None,
        version: int | None = None,
        direction: str = "both",
        depth: int = 10,
    ) -> LineageGraph:
        """The graph around an asset.

        Args:
            asset: its name, or what ``ix.datasets[…]``, ``ix.models[…]`` or ``mlflow.start_run()`` gave; of a run or
                an experiment the id.
            kind: dataset, model, deployment, notebook, run or experiment; where omitted, the first of them that has
                something of this name.
            version: of a dataset, model or notebook; all versions where omitted.
            direction: "up", "down" or "both".
            depth: how many steps, 50 at most.

        Raises:
            NotFound: there is no such asset, or no such version of it.
        """
        named = source_of(asset) if not isinstance(asset, str) else {}
        kinds = [named.get("kind") or kind] if named or kind else _KINDS
        key, version = named.get("key", asset), named.get("version", version)
        missing: InsighterClientError | None = None
        for each in kinds:
            try:
                return lineage_of(self._scope, str(each), key, version, direction, depth)
            except NotFound as error:
                if error.code != "asset_not_found":
                    raise
                missing = missing or error
        assert missing is not None
        if len(kinds) == 1:
            raise missing
        raise NotFound(
            f'nothing in {self._scope.where()} is called "{key}"',
            status=404,
            code="asset_not_found",
            hint="See ix.datasets.list(), ix.models.list() and ix.deployments.list().",
        ) from None

    def __repr__(self) -> str:
        return 'Lineage: ix.lineage("name") shows what an asset was made from, and what was made from it.'


def source_of(asset: Any) -> dict[str, Any]:
    """An asset as the API names it: ``{kind, key}`` and, of one version, ``version``.

    Raises:
        TypeError: it is no asset.
    """
    from insighter_ext.kernel.datasets import Dataset, DatasetVersion
    from insighter_ext.kernel.deployments import Deployment
    from insighter_ext.kernel.models import Model, ModelVersion

    if isinstance(asset, DatasetVersion | ModelVersion):
        kind = "dataset" if isinstance(asset, DatasetVersion) else "model"
        return {"kind": kind, "key": asset.name, "version": asset.version}
    for known, kind in ((Dataset, "dataset"), (Model, "model"), (Deployment, "deployment")):
        if isinstance(asset, known):
            return {"kind": kind, "key": asset.name}
    if isinstance(asset, LineageNode):
        return {"kind": asset.kind, "key": asset.key, "version": asset.version}
    run_id = getattr(getattr(asset, "info", None), "run_id", None)
    if run_id is not None:
        return {"kind": "run", "key": str(run_id)}
    read = _read(asset)
    if read is not None:
        return {"kind": "dataset", "key": read["dataset"], "version": read["version"]}
    if isinstance(asset, str):
        return {"kind": "dataset", "key": asset}
    raise TypeError(f"{type(asset).__name__} is no asset: give a name, or a dataset, model or run")


def sources(scope: Scope, data: Any, made_from: Any) -> list[dict[str, Any]]:
    """What something that is uploaded was made from: what is said, and what is known without.

    Known without are the active MLflow run, and the dataset version that a frame says it was loaded from.
    """
    if made_from is not None:
        said = [made_from] if isinstance(made_from, str) or not isinstance(made_from, Sequence) else made_from
        found = [source_of(each) for each in said]
    else:
        read = _read(data)
        found = []
        if read is not None and read.get("project") == scope.project_id:
            found.append({**source_of(data), "if_known": True})
    mlflow: Any = sys.modules.get("mlflow")
    run = mlflow.active_run() if mlflow is not None else None
    if run is not None:
        found.append({**source_of(run), "if_known": True})
    return found


def _read(data: Any) -> dict[str, Any] | None:
    """What a frame says of the dataset version that it was loaded from."""
    attributes = getattr(data, "attrs", None)
    found = attributes.get("insighter") if isinstance(attributes, dict) else None
    return found if isinstance(found, dict) and {"dataset", "version"} <= found.keys() else None
