"""People on a server where they sign in, and a project full of things whose names give them away."""

from __future__ import annotations

import contextlib
import json
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import psycopg

from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from server_handlers.base import API
from server_handlers.mlflow import MLFLOW
from tests.browser_client import PASSWORD, TEAM
from tests.running import JupyterServer


@contextlib.contextmanager
def team_server(*arguments: str) -> Iterator[JupyterServer]:
    """A server with accounts as its sign-in, open to everybody."""
    running = JupyterServer(
        Path(tempfile.mkdtemp(prefix="ixs-")),
        arguments=(TEAM, "--InsighterApp.sign_up=open", "--ServerApp.trust_xheaders=True", *arguments),
    )
    try:
        yield running.start()
    finally:
        running.destroy()


def superuser(server: JupyterServer) -> psycopg.Connection[Any]:
    """Past everything: to look at what a test did, and to prepare what no route prepares."""
    return psycopg.connect(**EmbeddedPostgres(server.data_dir / "postgres").conninfo(), autocommit=True)


class Person(httpx.Client):
    """Somebody with an account, as a program of theirs comes: with a token in the header."""

    def __init__(self, server: JupyterServer, name: str) -> None:
        self.place = f"10.{uuid4().int % 250}.{uuid4().int % 250}.11"
        super().__init__(base_url=server.url, timeout=60, headers={"X-Real-IP": self.place})
        self.email = f"{name}-{secrets.token_hex(6)}@example.org"
        with httpx.Client(base_url=server.url, timeout=60, headers={"X-Real-IP": self.place}) as door:
            page = door.get("/login")
            xsrf = {"X-XSRFToken": page.text.split('data-xsrf="')[1].split('"')[0]}
            made = door.post(
                f"{API}/auth/sign-up",
                json={"email": self.email, "password": PASSWORD, "display_name": name},
                headers=xsrf,
            )
            assert made.status_code == 201, made.text
            self.user_id: str = made.json()["me"]["user_id"]
        answer = self.post(
            f"{API}/auth/token",
            json={"grant_type": "password", "email": self.email, "password": PASSWORD},
        )
        assert answer.status_code == 200, answer.text
        self.tokens: dict[str, Any] = answer.json()
        self.bear(self.tokens["access_token"])

    def bear(self, token: str) -> None:
        """Come with this token from now on."""
        self.headers["Authorization"] = f"Bearer {token}"

    def do(self, method: str, path: str, body: Any = None, *, expect: int = 200, **kwargs: Any) -> Any:
        """A request that is to succeed, and its JSON."""
        sent: dict[str, Any] = {**kwargs, **({"json": body} if body is not None else {})}
        answer = self.request(method, path, **sent)
        assert answer.status_code == expect, (method, path, answer.text)
        return answer.json() if answer.content else None


def a_token(person: Person, project_id: str, role: str) -> tuple[str, str]:
    """A personal access token: its id and its secret."""
    body = {"name": "of a test", "project_id": project_id, "role": role, "days": 1}
    made = person.do("POST", f"{API}/account/tokens", body, expect=201)
    return made["id"], made["secret"]


A_NOTEBOOK: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

A_RULE: dict[str, Any] = {"count": {"asset_kind": "dataset", "verb": "created"}, "at_least": 500}


class Treasure:
    """A private project of somebody with one of everything.

    Attributes:
        canary: is in every name and every text of it.
        values: what stands for it in paths and fields, by the name of the argument.
    """

    def __init__(self, server: JupyterServer, owner: Person) -> None:
        self.canary = canary = f"canary{secrets.token_hex(6)}"
        self.owner = owner
        self.name = f"P {canary}"
        project = owner.do("POST", f"{API}/projects", {"name": self.name, "description": canary}, expect=201)
        self.project_id: str = project["id"]
        self.slug: str = project["slug"]
        self.base = base = f"{API}/projects/{self.project_id}"
        self.base_url = server.url + base
        self.dataset = f"wine {canary}"
        csv = f"{canary}_column,b\n{canary}_cell,1\n".encode()
        owner.do(
            "POST", f"{base}/datasets/{quote(self.dataset)}/versions", content=csv,
            params={"filename": f"{canary}.csv"}, expect=201,
        )  # fmt: skip
        token_id, secret = a_token(owner, self.project_id, "owner")
        with httpx.Client(
            base_url=server.url, timeout=60, headers={"Authorization": f"Bearer {secret}"}
        ) as program:
            self._track(program)
        self.deployment = f"endpoint-{canary}"
        with superuser(server) as database:
            database.execute(
                """insert into insighter.deployments
                     (id, project_id, name, model_name, model_version, port, status, reason, created_by)
                   values (gen_random_uuid(), %s, %s, %s, 1, 50123, 'stopped', %s, %s)""",
                [self.project_id, self.deployment, self.model, canary, owner.user_id],
            )
            database.execute(
                """insert into insighter.project_origins
                     (project_id, number, name, exported_at, exported_by, created_by)
                   values (%s, 1, %s, now(), %s, %s)""",
                [self.project_id, canary, canary, owner.user_id],
            )
            begun = database.execute(
                "insert into insighter.archives (kind, name, state, created_by) values ('import', %s, 'done', %s)"
                " returning id",
                [canary, owner.user_id],
            ).fetchone()
            assert begun is not None
        organisation = owner.do("POST", f"{API}/organisations", {"name": f"O {canary}"}, expect=201)
        self.organisation_id: str = organisation["id"]
        invitation = owner.do(
            "POST", f"{base}/invitations", {"email": f"{canary}@example.org", "role": "viewer"}, expect=201
        )
        message = {"topic": f"topic-{canary}", "data": canary, "subject": canary}
        owner.do("POST", f"{base}/bus", message, expect=201)
        comment = owner.do(
            "POST", f"{base}/assets/dataset/{quote(self.dataset)}/comments", {"body": canary}, expect=201
        )["id"]
        folder = server.root / owner.do("PUT", f"{base}/folder")["path"]
        (folder / f"{canary}.ipynb").write_text(json.dumps(A_NOTEBOOK))
        path = f"{folder.relative_to(server.root)}/{canary}.ipynb"
        notebook = owner.do("POST", f"{API}/notebooks", {"path": path})["id"]
        owner.do("POST", f"{base}/notebooks/{notebook}/versions", A_NOTEBOOK, expect=201)
        achievement = owner.do(
            "POST", f"{base}/achievements", {"name": canary, "audience": "person", "rule": A_RULE}, expect=201
        )["id"]
        owner.do("POST", f"{base}/datasets/gone-{canary}/versions", content=csv, expect=201)
        owner.do("DELETE", f"{base}/datasets/gone-{canary}", expect=204)
        [gone] = owner.do("GET", f"{base}/trash")["items"]
        rule = owner.do("PUT", f"{base}/alias-rules", {"alias": f"guarded-{canary}", "model": self.model})[
            "id"
        ]
        view = owner.do("POST", f"{base}/run-views", {"name": canary, "filter": canary}, expect=201)["id"]
        restricted = {"min_role": "admin", "people": []}
        owner.do("PUT", f"{base}/restrictions/model/{quote(self.model)}", restricted)
        owner.do("DELETE", f"{base}/restrictions/model/{quote(self.model)}", expect=204)
        hook = {
            "name": f"hook-{canary}",
            "url": f"https://example.org/{canary}",
            "events": ["model_version.created"],
            "description": canary,
            "secret": canary,
        }
        webhook = owner.do("POST", f"{base}/webhooks", hook, expect=201)["id"]
        with superuser(server) as database:
            # Told, and of no use to anybody: nothing is sent from here.
            told = database.execute(
                """insert into insighter.webhook_deliveries
                     (project_id, webhook_id, event, payload, status, finished_at)
                   values (%s, %s, 'model_version.created', %s, 'failed', now()) returning id""",
                [self.project_id, webhook, json.dumps({"name": canary})],
            ).fetchone()
            assert told is not None
        sessions = owner.do("GET", f"{API}/account/sessions")["items"]
        self.values: dict[str, Any] = {
            "project_id": self.project_id, "organisation_id": self.organisation_id, "user_id": owner.user_id,
            "invitation_id": invitation["id"], "request_id": str(uuid4()), "session_id": sessions[0]["id"],
            "import_id": str(begun[0]), "number": "1", "notebook_id": notebook, "before": "1", "after": "1",
            "rule_id": rule, "achievement_id": achievement, "asset_id": gone["id"], "view_id": view,
            "token_id": token_id, "comment_id": comment, "run_id": self.run, "run_uuid": self.run,
            "experiment_id": self.experiment,
            "model_id": self.logged_model, "version": "1", "alias": f"alias-{canary}", "kind": "dataset",
            "topic": f"topic-{canary}", "webhook_id": webhook, "delivery": str(told[0]),
            "key": f"metric_{canary}", "metric_key": f"metric_{canary}", "tag_key": f"tag-{canary}",
            "source": f"models:/{self.logged_model}",
        }  # fmt: skip

    def _track(self, program: httpx.Client) -> None:
        def post(path: str, **body: Any) -> Any:
            answer = program.post(f"{MLFLOW}/api/2.0/mlflow/{path}", json=body)
            assert answer.status_code == 200, (path, answer.text)
            return answer.json()

        canary = self.canary
        tags = [{"key": f"tag-{canary}", "value": canary}]
        self.experiment_name = f"E {canary}"
        self.experiment = post("experiments/create", name=self.experiment_name, tags=tags)["experiment_id"]
        run = post("runs/create", experiment_id=self.experiment, run_name=f"R {canary}", tags=tags)
        self.run = run["run"]["info"]["run_id"]
        metric = {
            "topic": f"topic-{canary}",
            "key": f"metric_{canary}",
            "value": 0.5,
            "timestamp": 1,
            "step": 1,
        }
        post("runs/log-batch", run_id=self.run, metrics=[metric], params=[{"key": canary, "value": canary}])
        self.logged_model = post(
            "logged-models", experiment_id=self.experiment, name=f"L{canary}", source_run_id=self.run
        )["model"]["info"]["model_id"]
        for root in (f"runs/{self.run}", f"models/{self.logged_model}"):
            put = program.put(
                f"{MLFLOW}/api/2.0/mlflow-artifacts/artifacts/{root}/artifacts/{canary}.txt",
                content=canary.encode(),
            )
            assert put.status_code == 200, put.text
        self.model = f"M {canary}"
        post("registered-models/create", name=self.model, description=canary, tags=tags)
        post("model-versions/create", name=self.model, source=f"models:/{self.logged_model}", tags=tags)
        post("registered-models/alias", name=self.model, alias=f"alias-{canary}", version="1")

    def argument(self, name: str, path: str) -> str:
        """What stands for a path's argument."""
        if name == "name":
            if "/datasets/" in path or "/restrictions/" in path:
                return self.dataset
            return self.model if "/models/" in path else self.deployment
        if name == "key" and ("/assets/" in path or "/pins/" in path):
            return self.dataset
        return str(self.values[name])

    def contains(self, text: str) -> bool:
        """Whether something of the project is in a text."""
        return self.canary in text

    def unchanged(self, server: JupyterServer) -> tuple[Any, ...]:
        """The ends of its chains in the audit: the same as long as nothing of it was changed."""
        with superuser(server) as database:
            return tuple(
                database.execute(
                    "select h.scope, h.seq from insighter.audit_heads h where h.scope = any (%s) order by 1",
                    [[UUID(one) for one in (self.project_id, self.organisation_id, self.owner.user_id)]],
                ).fetchall()
            )
