"""Datasets, as a kernel sees them."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insighter_ext.kernel import transfers
from insighter_ext.kernel.collection import Collection
from insighter_ext.kernel.errors import DatasetNotFound, DatasetVersionNotFound, NotFound, missing
from insighter_ext.kernel.lineage import LineageGraph, lineage_of, sources
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.tables import Card, Table, amount, bytes_, when

if TYPE_CHECKING:
    import pandas as pd


class DatasetVersion:
    """One immutable version of a dataset."""

    def __init__(self, scope: Scope, name: str, seen: dict[str, Any]) -> None:
        self._scope = scope
        self._seen = seen
        self.name = name

    @property
    def version(self) -> int:
        """1 for the first."""
        return int(self._seen["version"])

    @property
    def rows(self) -> int:
        """How many."""
        return int(self._seen["rows"])

    @property
    def columns(self) -> dict[str, str]:
        """Names and SQL types."""
        return {column["name"]: column["type"] for column in self._seen["columns"]}

    @property
    def format(self) -> str:
        """csv, json or parquet: what was uploaded."""
        return str(self._seen["format"])

    @property
    def filename(self) -> str:
        """The name it was uploaded under."""
        return str(self._seen["filename"])

    @property
    def sha256(self) -> str:
        """Of the file as uploaded."""
        return str(self._seen["sha256"])

    @property
    def size(self) -> int:
        """Bytes of the file as uploaded."""
        return int(self._seen["size"])

    @property
    def created_at(self) -> dt.datetime:
        """When it was uploaded."""
        moment = when(self._seen["created_at"])
        assert moment is not None
        return moment

    @property
    def created_by(self) -> str:
        """Who uploaded it."""
        return str(self._seen["created_by"])

    def parquet(self) -> Path:
        """The version as a Parquet file in this machine's cache. Do not change it."""
        return transfers.fetch(self._scope, ("datasets", self.name, "versions", self.version), self.sha256)

    def load(self) -> pd.DataFrame:
        """The version as a DataFrame; an active MLflow run notes it as its input.

        ``frame.attrs["insighter"]`` says what it is.
        """
        import pyarrow.parquet as pq

        # Dates in pandas' own type: as Python objects they are slow and know no ``.dt``.
        frame: pd.DataFrame = pq.read_table(self.parquet()).to_pandas(date_as_object=False)
        frame.attrs["insighter"] = {
            "project": self._scope.project_id,
            "dataset": self.name,
            "version": self.version,
            "sha256": self.sha256,
        }
        self._note(frame)
        return frame

    def arrow(self) -> Any:
        """The version as a ``pyarrow.Table``, mapped into memory rather than read."""
        import pyarrow.parquet as pq

        return pq.read_table(self.parquet(), memory_map=True)

    def polars(self) -> Any:
        """The version as a polars DataFrame; needs polars."""
        import importlib

        polars: Any = importlib.import_module("polars")
        return polars.read_parquet(self.parquet())

    def sql(self, query: str) -> pd.DataFrame:
        """What a query answers; the version is the table ``data``, and has the dataset's own name too.

        Example:
            >>> ix.datasets["wine"].sql("select cultivar, avg(alcohol) from wine group by 1")
        """
        import duckdb

        with duckdb.connect() as database:
            source = database.read_parquet(str(self.parquet()))
            source.create_view("data")
            source.create_view(self.name)
            return database.execute(query).df()

    def preview(self, limit: int = 10, offset: int = 0) -> Table[list[Any]]:
        """Some rows, read by the server: the whole is not downloaded."""
        found = self._scope.client.get(
            *self._scope.path("datasets", self.name, "versions", self.version, "preview"),
            limit=limit,
            offset=offset,
        )
        titles = [column["name"] for column in found["columns"]]

        def cell(at: int) -> Callable[[list[Any]], Any]:
            return lambda row: row[at]

        return Table(found["rows"], [(title, cell(at)) for at, title in enumerate(titles)], "no rows")

    def lineage(self) -> LineageGraph:
        """What this version was made from, and what was made from it."""
        return lineage_of(self._scope, "dataset", self.name, self.version)

    def _note(self, frame: pd.DataFrame) -> None:
        """Tell MLflow, if a run is active. Nobody's load fails because of it."""
        mlflow: Any = sys.modules.get("mlflow")
        if mlflow is None or mlflow.active_run() is None:
            return
        import warnings

        from mlflow.data.http_dataset_source import HTTPDatasetSource

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # on integer columns that could hold missing values elsewhere
                address = self._scope.client.address(
                    *self._scope.path("datasets", self.name, "versions", self.version, "content")
                )
                source_of: Any = HTTPDatasetSource
                source = source_of(address)
                data = mlflow.data.from_pandas(frame, source=source, name=self.name, digest=self.sha256[:16])
                tags = {"insighter.dataset": self.name, "insighter.version": str(self.version)}
                mlflow.log_input(data, tags=tags)
        except Exception as error:  # noqa: BLE001
            print(f"the run does not know that it read {self.name}: {error}", file=sys.stderr)  # noqa: T201

    def __repr__(self) -> str:
        return f"<dataset {self.name} v{self.version}: {self.rows:,} rows × {len(self.columns)} columns>"


def _table(versions: Sequence[DatasetVersion], *, named: bool, empty: str) -> Table[DatasetVersion]:
    first = [("dataset", lambda row: row.name)] if named else []
    return Table(
        versions,
        [
            *first,
            ("version", lambda row: row.version),
            ("rows", lambda row: row.rows),
            ("columns", lambda row: len(row.columns)),
            ("format", lambda row: row.format),
            ("size", lambda row: bytes_(row.size)),
            ("by", lambda row: row.created_by),
            ("when", lambda row: row.created_at),
        ],
        empty,
    )


class Dataset(Card):
    """A dataset and its versions; where no version is named, the newest is meant."""

    def __init__(self, scope: Scope, name: str, history: Sequence[dict[str, Any]]) -> None:
        self._scope = scope
        self.name = name
        self._history = [DatasetVersion(scope, name, item) for item in history]

    @property
    def versions(self) -> Table[DatasetVersion]:
        """All versions, newest first; ``ix.datasets["wine"].versions[0]`` is the newest."""
        return _table(self._history, named=False, empty="no version")

    @property
    def latest(self) -> DatasetVersion:
        """The newest version."""
        return self._history[0]

    @property
    def columns(self) -> dict[str, str]:
        """Names and SQL types of the newest version's columns."""
        return self.latest.columns

    def version(self, number: int | None = None) -> DatasetVersion:
        """One version; the newest where omitted.

        Raises:
            DatasetVersionNotFound: there is no such version.
        """
        if number is None:
            return self.latest
        for item in self._history:
            if item.version == number:
                return item
        raise DatasetVersionNotFound(
            f'dataset "{self.name}" has no version {number}',
            status=404,
            code="not_found",
            hint=f"It has 1 to {self.latest.version}."
            if self.latest.version > 1
            else "It has version 1 only.",
        )

    def load(self, version: int | None = None) -> pd.DataFrame:
        """As pandas; see :meth:`DatasetVersion.load`."""
        return self.version(version).load()

    def arrow(self, version: int | None = None) -> Any:
        """As a ``pyarrow.Table``."""
        return self.version(version).arrow()

    def polars(self, version: int | None = None) -> Any:
        """As a polars DataFrame; needs polars."""
        return self.version(version).polars()

    def sql(self, query: str, version: int | None = None) -> pd.DataFrame:
        """What a query answers; see :meth:`DatasetVersion.sql`."""
        return self.version(version).sql(query)

    def preview(self, limit: int = 10, offset: int = 0, version: int | None = None) -> Table[list[Any]]:
        """Some rows, read by the server."""
        return self.version(version).preview(limit, offset)

    def upload(self, data: Any, made_from: Any = None) -> DatasetVersion:
        """Add a version; see :meth:`Datasets.upload`. This handle then knows it."""
        added = Datasets(self._scope).upload(self.name, data, made_from)
        if added.version != self.latest.version:
            self._history.insert(0, added)
        return added

    def lineage(self, version: int | None = None) -> LineageGraph:
        """What it was made from, and what was made from it; of all versions where none is named."""
        return lineage_of(self._scope, "dataset", self.name, version)

    def delete(self) -> None:
        """Move the dataset with all its versions to the trash; ``ix.trash`` brings it back."""
        self._scope.client.delete(*self._scope.path("datasets", self.name))

    def _lines(self) -> Sequence[str]:
        newest = self.latest
        columns = [f"{name} {kind.lower()}" for name, kind in newest.columns.items()]
        shown = ", ".join(columns[:12]) + (f", … {len(columns) - 12} more" if len(columns) > 12 else "")
        return [
            f"{self.name} · version {newest.version} · {newest.rows:,} rows × {amount(len(columns), 'column')}",
            shown,
        ]


class Datasets(Collection[DatasetVersion]):
    """The datasets of a project.

    Example:
        >>> ix.datasets.list()
        >>> wine = ix.datasets.load("wine")
        >>> ix.datasets["wine"].versions
        >>> ix.datasets.upload("clean", frame)
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def list(self) -> Table[DatasetVersion]:
        """All datasets, each with its newest version."""
        found = self._scope.client.pages(*self._scope.path("datasets"))
        versions = [DatasetVersion(self._scope, item["name"], item["latest"]) for item in found]
        return _table(
            versions,
            named=True,
            empty='No dataset yet: ix.datasets.upload("name", "file.csv") makes the first.',
        )

    def load(self, name: str, version: int | None = None) -> pd.DataFrame:
        """A dataset as a DataFrame; an active MLflow run notes it as its input.

        It is downloaded once, as Parquet, and then read from this machine's cache.

        Args:
            name: the dataset's.
            version: the newest where omitted.

        Raises:
            DatasetNotFound: there is no such dataset.
            DatasetVersionNotFound: it has no such version.

        Example:
            >>> with mlflow.start_run():
            ...     wine = ix.datasets.load("wine")
        """
        return self[name].load(version)

    def upload(self, name: str, data: Any, made_from: Any = None) -> DatasetVersion:
        """Make a dataset, or its next version; what has not changed makes none.

        Its lineage tells what it was made from. An active MLflow run is noted by itself, and so is the dataset version
        that a frame was loaded from, as long as pandas carries the frame's ``attrs`` along.

        Args:
            name: the dataset's.
            data: the path of a CSV, JSON or Parquet file, a DataFrame, or an Arrow table.
            made_from: what it was made from, one or several: names of datasets, or what ``ix.datasets[…]``,
                ``ix.models[…]`` or ``mlflow.start_run()`` gave. ``[]`` for nothing.

        Raises:
            FileNotFoundError: there is no such file.
            NotFound: a source is not there.
            InsighterClientError: the server refuses it, with the reason.

        Example:
            >>> ix.datasets.upload("wine", "wine.csv")
            >>> ix.datasets.upload("clean", frame, made_from=["wine", ix.datasets["prices"].version(2)])
        """
        origin = sources(self._scope, data, made_from)
        with transfers.as_file(data) as (file, filename):
            answer = transfers.send(self._scope, name, file, filename or f"{name}.parquet", origin)
        return DatasetVersion(self._scope, name, answer["version"])

    def __getitem__(self, name: str) -> Dataset:
        try:
            found = self._scope.client.get(*self._scope.path("datasets", name))
        except NotFound:
            names, where = self._names(), self._scope.where()
            raise missing(DatasetNotFound, "dataset", name, where, names, "ix.datasets.list()") from None
        return Dataset(self._scope, found["name"], found["history"])

    def _names(self) -> Sequence[str]:
        return [item["name"] for item in self._scope.client.pages(*self._scope.path("datasets"))]
