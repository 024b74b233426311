"""MLflow's client as its users have it, and credentials as kernels have them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.credentials.service import PREFIX
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.running import JupyterServer


@pytest.fixture(scope="session")
def mlflow(server: JupyterServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """MLflow's client, told nothing but the address and Jupyter's token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", server.token)
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        patch.chdir(tmp_path_factory.mktemp("mlflow"))
        import mlflow

        mlflow.set_tracking_uri(f"{server.url}/insighter/mlflow")
        yield mlflow
        mlflow.sklearn.autolog(disable=True)
        assert list(Path.cwd().iterdir()) == []  # nothing was kept on the client's side


@pytest.fixture
def client(mlflow: Any) -> Any:
    """The lower-level client."""
    return mlflow.MlflowClient()


@pytest.fixture
def experiment(client: Any) -> str:
    """A fresh experiment's id."""
    return str(client.create_experiment(f"exp {uuid4().hex}", tags={"team": "wine"}))


def kernel_credential(server: JupyterServer, project_id: str) -> str:
    """A credential like the ones that kernels get, confined to a project."""
    secret = PREFIX + secrets.token_urlsafe(32)
    database = EmbeddedPostgres(server.data_dir / "postgres")
    with psycopg.connect(**database.conninfo(), autocommit=True) as connection:
        connection.execute(
            """insert into insighter.credentials (user_id, project_id, kind, label, role, secret_hash, expires_at)
               select created_by, id, 'kernel', 'test', 'editor', %s, now() + interval '1 hour'
               from insighter.projects where id = %s""",
            [hashlib.sha256(secret.encode()).hexdigest(), project_id],
        )
    return secret


@pytest.fixture
def kernel_token(server: JupyterServer, project: dict[str, Any]) -> str:
    """A credential like the ones that kernels get, confined to the project."""
    return kernel_credential(server, project["id"])
