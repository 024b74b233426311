"""Attempts to see what is hidden, and to keep what was taken away, by detours: each once worked."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from insighter_ext.errors import NotFound
from tests.database.conftest import Database, Person


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def add_dataset(person: Person, project: str, name: str, content: str) -> str:
    made = person.call(
        "datasets_add_version", project_id=project, name=name, format="csv", filename="a.csv", sha256=sha(content),
        size=1, table_object_key=f"{project}/{sha(content + 'table')}", table_size=1, rows=1,
        columns=[{"name": "a", "type": "int"}],
    )  # fmt: skip
    found: str = made["dataset"]["id"]
    return found


class Lab:
    """A project with a run that read a dataset and made a model, both closed to all but admins."""

    def __init__(self, database: Database) -> None:
        self.owner = database.person("owner")
        self.project: str = self.owner.call("projects_create", name="Lab")["id"]
        self.viewer = database.member(self.project, "viewer")
        self.admin = database.member(self.project, "admin")
        call = self.owner.call
        add_dataset(self.owner, self.project, "salaries", "salaries")
        self.digest = sha("salaries")[:16]
        experiment = call("experiments_create", name="e", project_id=self.project)["id"]
        self.run: str = call("runs_create", experiment_id=experiment, name="r")["id"]
        self.logged: str = call(
            "logged_models_create", experiment_id=experiment, name="m", source_run_id=self.run
        )["id"]
        self.open: str = call("logged_models_create", experiment_id=experiment, name="open")["id"]
        for root, path in (
            (f"models/{self.logged}", "MLmodel"),
            (f"runs/{self.run}", "other/MLmodel"),
            (f"runs/{self.run}", "plot.png"),
        ):
            call(
                "artifacts_put", root=root, path=path, object_key=f"{self.project}/{sha(path)}", sha256=sha(path),
                size=1,
            )  # fmt: skip
        call(
            "runs_log_inputs", run_id=self.run,
            datasets=[{
                "name": "salaries", "digest": self.digest, "source_type": "insighter", "source": "{}",
                "schema": "the columns", "profile": "the figures",
            }],
        )  # fmt: skip
        call("runs_log_outputs", run_id=self.run, models=[{"model_id": self.logged}, {"model_id": self.open}])
        call(
            "runs_log_batch", run_id=self.run,
            model_metrics=[
                {
                    "model_id": self.open, "key": key, "value": 1, "step": 0, "time": 1,
                    "dataset_name": name, "dataset_digest": digest,
                }
                for key, name, digest in (("on_closed", "salaries", self.digest), ("on_open", "wine", "ab"))
            ],
        )  # fmt: skip
        call("models_register", project_id=self.project, name="fraud", model_id=self.logged)
        self.by_run = self._register(f"mlflow-artifacts:/runs/{self.run}/artifacts/other")
        for kind, name in (("dataset", "salaries"), ("model", "fraud"), ("model", "by run")):
            self.close(kind, name, "admin")

    def _register(self, source: str) -> int:
        token = self.owner.kernel(self.project)
        token.call("models_create", name="by run", project_id=self.project)
        version: int = token.call("model_versions_create", name="by run", source=source)["version"]
        return version

    def close(self, kind: str, name: str, role: str) -> None:
        self.owner.call("restrictions_set", project_id=self.project, kind=kind, name=name, min_role=role)

    def told(self, person: Person) -> dict[str, Any]:
        """What somebody learns of the run."""
        found: dict[str, Any] = person.call("runs_get", run_id=self.run, detail=True)
        return found

    def files(self, person: Person) -> set[str]:
        rows = person.rows(
            "select root || '/' || path from insighter.artifacts where project_id = %s", self.project
        )
        return {path.rpartition("/")[2] if path.startswith("models") else path[38:] for (path,) in rows}


@pytest.fixture
def lab(database: Database) -> Lab:
    return Lab(database)


def test_a_run_does_not_tell_of_a_hidden_model_that_it_made(lab: Lab) -> None:
    assert {made["model_id"] for made in lab.told(lab.owner)["outputs"]} == {lab.logged, lab.open}
    assert [made["model_id"] for made in lab.told(lab.viewer)["outputs"]] == [lab.open]


def test_figures_measured_on_a_hidden_dataset_do_not_name_it(lab: Lab) -> None:
    keys = [m["key"] for m in lab.owner.call("logged_models_get", id=lab.open)["metrics"]]
    assert keys == ["on_closed", "on_open"]
    assert [m["key"] for m in lab.viewer.call("logged_models_get", id=lab.open)["metrics"]] == ["on_open"]


def test_the_audit_does_not_tell_which_run_made_a_hidden_model(lab: Lab) -> None:
    def rows(person: Person) -> set[str]:
        items = person.call("audit_list", project_id=lab.project, asset_kind="run_model")["items"]
        return {row["asset_id"].rpartition(":")[2] for row in items}

    assert rows(lab.admin) == {lab.logged, lab.open}
    lab.close("model", "fraud", "owner")
    assert rows(lab.admin) == {lab.open}
    assert rows(lab.owner) == {lab.logged, lab.open}


def test_a_hidden_dataset_that_is_deleted_opens_nothing(lab: Lab) -> None:
    assert lab.told(lab.viewer)["datasets"] == []
    lab.owner.call("datasets_delete", project_id=lab.project, name="salaries")
    assert lab.told(lab.viewer)["datasets"] == []
    assert [d["profile"] for d in lab.told(lab.owner)["datasets"]] == ["the figures"]
    assert [m["key"] for m in lab.viewer.call("logged_models_get", id=lab.open)["metrics"]] == ["on_open"]


def test_the_audit_of_a_hidden_dataset_that_is_deleted_stays_hidden(lab: Lab) -> None:
    lab.close("dataset", "salaries", "owner")
    lab.owner.call("datasets_delete", project_id=lab.project, name="salaries")
    rows = lab.admin.call("audit_list", project_id=lab.project, limit=500)["items"]
    assert not [row for row in rows if "salaries" in str(row) or lab.digest in str(row)]
    rows = lab.owner.call("audit_list", project_id=lab.project, limit=500)["items"]
    assert [row for row in rows if row["asset_kind"] == "run_dataset"]


@pytest.mark.parametrize("what", ["the model", "the version"])
def test_a_hidden_model_that_is_deleted_opens_nothing(lab: Lab, what: str) -> None:
    assert lab.files(lab.viewer) == {"plot.png"}
    for name in ("fraud", "by run"):
        token = lab.owner.kernel(lab.project)
        if what == "the model":
            token.call("models_delete", name=name)
        else:
            token.call("model_versions_delete", name=name, version="1")
    assert lab.files(lab.viewer) == {"plot.png"}
    assert lab.files(lab.owner) == {"plot.png", "MLmodel", "other/MLmodel"}
    with pytest.raises(NotFound):
        lab.viewer.call("logged_models_get", id=lab.logged)
    assert [made["model_id"] for made in lab.told(lab.viewer)["outputs"]] == [lab.open]
    # And the project goes with all of it.
    lab.owner.call("projects_delete", id=lab.project)
    with pytest.raises(NotFound):
        lab.owner.call("projects_get", id=lab.project)


def test_what_was_opened_before_its_deletion_stays_open(lab: Lab) -> None:
    for name in ("fraud", "by run"):
        lab.owner.call("restrictions_remove", project_id=lab.project, kind="model", name=name)
        lab.owner.kernel(lab.project).call("models_delete", name=name)
    assert lab.files(lab.viewer) == {"plot.png", "MLmodel", "other/MLmodel"}


def test_a_kernels_credential_does_not_outlive_every_kernel(database: Database) -> None:
    """Past the server, which asks for 30 days: nobody leaves themself a way in that is in no list."""
    person = database.person()
    project = person.call("projects_personal")["id"]
    made = person.call(
        "credentials_issue", project_id=project, label="mine", secret_hash=sha("mine"), issuer_hash=sha("i"),
        seconds=2_000_000_000,
    )  # fmt: skip
    days = database.superuser(
        "select extract(days from expires_at - now()) from insighter.credentials where id = %s", made["id"]
    )[0][0]
    assert days <= 30


def test_readers_of_a_public_project_are_not_told_who_did_what(database: Database) -> None:
    owner, reader = database.person("owner"), database.person("reader")
    project = owner.call("projects_create", name="Open")["id"]
    owner.call("projects_set_visibility", id=project, visibility="public")
    add_dataset(owner, project, "wine", "wine")
    member = database.member(project, "viewer")
    told = [
        person.call("bus_read", project_id=project, after="0.a.0")["items"]
        for person in (owner, member, reader)
    ]
    # What a person has earned is for members alone.
    earned = [[item for item in items if item["type"] == "insighter.achievement.earned"] for items in told]
    assert [len(items) for items in earned] == [1, 1, 0]
    told = [[item for item in items if item not in earned[0]] for items in told]
    assert len(told[0]) == len(told[1]) == len(told[2]) > 0
    assert {item.get("actorid") for item in told[1]} == {str(owner.user_id)}
    assert str(owner.user_id) not in str(told[2])
    assert {item.get("actorname") for item in told[2]} == {None}
