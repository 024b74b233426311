"""Archives in the database: what goes along and what stays, one moment, all or nothing, and archives made by hand."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.errors import InsighterError
from tests.database.conftest import Database, Person, refused

# Tables of a project that are in no archive, each with its reason.
LEFT_OUT = {
    "members": "who may what is said anew where it is imported; their names go along, for people to read",
    "invitations": "addresses, and codes that let somebody in",
    "access_requests": "of people who are not there",
    "credentials": "they let somebody in",
    "released_projects": "a note of what is still to be cleared away",
    "events": "an account for people, in their names: where it is imported the activity begins with the import",
    "messages": "what programs say to each other, for those who listen",
    "assets": "made by triggers of what goes along",
    "archives": "an export or an import on its way",
    "presence": "who has a page open now",
    "notifications": "what was told to people who are not there",
    "notebook_kernels": "what runs there does not run where it is imported",
    "trash": "what is deleted stays where it is; of what MLflow's clients deleted the entries are made anew",
    "trashed_projects": "nobody takes out a project that is deleted",
    "webhooks": "addresses and keys of what is called here, and would be called twice",
    "webhook_deliveries": "what was told to them",
    "released_objects": "a note of what is still to be cleared away",
    "achievements_earned": "by people, who are not there, for events, which stay",
    "achievements_counters": "the same, on the way there",
    "alias_moves": "who moved what, in the names of people who are not there; the audit goes along",
    "alias_requests": "of people who are not there",
}
SHA, OTHER_SHA, NOTEBOOK_SHA = "ab" * 32, "cd" * 32, "0e" * 32


def a_project(owner: Person) -> dict[str, Any]:
    """A project with one of everything that goes along; the ids of what is in it."""
    name = f"Wine {uuid4().hex[:8]}"
    project = owner.call("projects_create", name=name, description="<script>alert(1)</script>")["id"]
    for sha in (SHA, OTHER_SHA):
        owner.call(
            "datasets_add_version", project_id=project, name="wine", format="csv", filename="wine.csv", sha256=sha,
            size=1, table_object_key=f"{project}/{SHA}", table_size=1, rows=1,
            columns=[{"name": "a", "type": "INT"}],
        )  # fmt: skip
    experiment = owner.call("experiments_create", name="search", project_id=project)["id"]
    parent = owner.call("runs_create", experiment_id=experiment, name="parent")["id"]
    tags = {"mlflow.parentRunId": parent, "team": "wine"}
    run = owner.call("runs_create", experiment_id=experiment, name="forest", tags=tags)["id"]
    points = [
        {"key": "auc", "value": value, "step": step, "time": step} for step, value in enumerate((0.1, 0.9))
    ]
    owner.call("runs_log_batch", run_id=run, metrics=points, params={"depth": "3"})
    owner.call(
        "runs_log_inputs",
        run_id=run,
        datasets=[{"name": "wine", "digest": SHA[:16], "source_type": "local", "source": "{}"}],
    )
    owner.call("runs_update", run_id=parent, status="FINISHED", end_time=1)
    model = owner.call("logged_models_create", experiment_id=experiment, name="m", source_run_id=run)["id"]
    owner.call("runs_log_outputs", run_id=run, models=[{"model_id": model, "step": 0}])
    score = {"key": "f1", "value": 0.5, "step": 1, "time": 1, "model_id": model}
    owner.call("runs_log_batch", run_id=run, model_metrics=[score])
    for root in (f"runs/{run}", f"models/{model}"):
        key = f"{project}/{SHA}"
        owner.call("artifacts_put", root=root, path="MLmodel", object_key=key, sha256=SHA, size=1)
    told = {"id": "tr-1", "start_ms": 1, "end_ms": 2, "status": "OK", "tags": {"a": "b"}}
    seen = {"trace_id": "tr-1", "id": "1" * 16, "name": "call", "status": "OK", "start_ns": 1}
    seen |= {"content": json.dumps({"by": run}), "usage": {"total_tokens": 3}}
    owner.call(
        "traces_log_spans", experiment_id=experiment, traces=[{**told, "metadata": {"mlflow.sourceRun": run}}],
        spans=[seen], run_id=run,
    )  # fmt: skip
    said = {
        "id": "a-1",
        "type": "feedback",
        "name": "good",
        "value": "true",
        "source_type": "HUMAN",
        "valid": True,
    }
    said |= {"numeric": False, "created_ms": 1, "updated_ms": 1, "metadata": {"why": "dry"}}
    owner.call("assessments_create", trace_id="tr-1", assessment=said)
    owner.call("models_register", project_id=project, name="rating", model_id=model)
    owner.call("models_set_alias", name="rating", alias="champion", version="1", project_id=project)
    owner.call(
        "alias_rules_put", project_id=project, model="rating", alias="best", role="admin", approvals=1,
        gates=[{"metric": "f1", "op": ">=", "value": 0.5, "dataset": None}],
    )  # fmt: skip
    owner.call("alias_rules_put", project_id=project, alias="prod-*", role="editor")
    owner.call("models_write_card", name="rating", body=f"made by {run}", revision=0, project_id=project)
    owner.call(
        "models_write_card", name="rating", version="1", body="the first", revision=0, project_id=project
    )
    owner.call(
        "deployments_create", project_id=project, id=uuid4(), name="wine", model_name="rating", model_version=1,
        port=50123, host="here", host_key="key",
    )  # fmt: skip
    owner.call("restrictions_set", project_id=project, kind="model", name="rating", min_role="editor")
    notebook = add_notebook(owner, project, "search.ipynb", run)
    owner.call("runs_log_batch", run_id=run, tags={"insighter.notebook": notebook})
    # Only said, and known from nothing else.
    owner.call(
        "lineage_note", project_id=project, name="wine", version=2,
        sources=[{"kind": "dataset", "key": "wine", "version": 1}, {"kind": "run", "key": run}],
    )  # fmt: skip
    for position, (kind, key) in enumerate((("run", run), ("dataset", "wine"), ("notebook", notebook))):
        owner.call("assets_pin", project_id=project, kind=kind, key=key, position=position + 1)
    owner.call("comments_create", project_id=project, kind="model", key="rating", body=f"see {run}")
    said = f"@[me]({owner.user_id}) why?"
    owner.call("comments_create", project_id=project, kind="model", key="rating", body=said)
    owner.call(
        "achievements_create", project_id=project, name="Ten runs", description="", icon="runs", audience="project",
        rule={"count": {"asset_kind": "run", "verb": "created"}, "at_least": 10},
    )  # fmt: skip
    return {
        "id": project, "experiment": experiment, "run": run, "parent": parent, "model": model, "notebook": notebook,
    }  # fmt: skip


def add_notebook(owner: Person, project: str, path: str, run: str, sha256: str = NOTEBOOK_SHA) -> str:
    """A notebook whose only version made a run; its id, which its file carries."""
    notebook: str = owner.call("notebooks_bind", project_id=project, path=path, kernel="python3")["id"]
    owner.call("notebooks_bind", project_id=project, path=path, id=notebook)
    kernel = uuid4()
    owner.rows(
        "insert into insighter.notebook_runs (project_id, run_id, notebook_id, kernel_id) values (%s, %s, %s, %s)",
        project, run, notebook, kernel,
    )  # fmt: skip
    owner.call(
        "notebooks_add_version", project_id=project, id=notebook, sha256=sha256, size=1, fingerprint=sha256, cells=1,
        reason="ran", outcome="ok", kernel_id=kernel,
    )  # fmt: skip
    return notebook


def export(person: Person, project: str) -> dict[str, list[dict[str, Any]]]:
    """What an archive holds, section by section."""
    begun = person.call("archives_export", project_id=project)
    found = {}
    for section, known in begun["sections"].items():
        pages = [
            person.call("archives_page", id=begun["id"], section=section, page=number + 1)
            for number in range(known["pages"])
        ]
        found[section] = [json.loads(line) for page in pages for line in page.split("\n")]
        assert len(found[section]) == known["rows"]
    person.call("archives_end", id=begun["id"], state="done")
    return found


def bring(person: Person, sections: dict[str, Any], name: str | None = None) -> dict[str, Any]:
    """Import it."""
    begun = person.call("archives_import", name=name)["id"]
    for section, rows in sections.items():
        if rows and section != "audit":  # which is kept as an object
            lines = rows if isinstance(rows, str) else "\n".join(json.dumps(row) for row in rows)
            person.call("archives_stage", id=begun, section=section, page=1, lines=lines)
    made: dict[str, Any] = person.call("archives_commit", id=begun)
    return made


def nothing_of(database: Database, person: Person) -> bool:
    """Whether nothing is left of what somebody tried to import."""
    counts = database.superuser(
        """select (select count(*) from insighter.projects where created_by = %s),
             (select count(*) from insighter.archive_ids i join insighter.archives a on a.id = i.archive_id
              where a.created_by = %s)""",
        person.user_id,
        person.user_id,
    )
    return counts == [(0, 0)]


# ---- what goes along


def test_every_table_of_a_project_goes_along_or_stays_for_a_reason(database: Database) -> None:
    tables = {
        name
        for (name,) in database.superuser(
            """select c.relname from pg_class c
               join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
               where c.relnamespace = 'insighter'::regnamespace and c.relkind in ('r', 'p')"""
        )
    }
    archived = {name for (name,) in database.superuser("select name from insighter.archived_tables")}
    assert len(archived) > 10
    assert tables - set(LEFT_OUT) == archived
    assert set(LEFT_OUT) <= tables


def test_every_column_of_them_goes_along_or_is_left_out(database: Database) -> None:
    columns = database.superuser(
        """select t.name, a.attname, t.columns ? a.attname, a.attname = any (t.left_out)
           from insighter.archived_tables t
           join pg_attribute a on a.attrelid = ('insighter.' || t.name)::regclass
             and a.attnum > 0 and not a.attisdropped
           where a.attname <> 'project_id'"""
    )
    assert len(columns) > 100
    assert [f"{table}.{column}" for table, column, taken, left in columns if taken == left] == []
    told = database.superuser(
        "select name, jsonb_object_keys(columns) from insighter.archived_tables"
        " union select name, unnest(left_out) from insighter.archived_tables"
    )
    assert set(told) == {(table, column) for table, column, *_ in columns}


def test_nothing_that_is_called_a_secret_goes_along(database: Database) -> None:
    taken = database.superuser("select name, jsonb_object_keys(columns) from insighter.archived_tables")
    secret = re.compile(r"secret|passw|token|credential|hash|(^|_)(e?mail|code|host|port|url)(_|$)")
    assert [(table, column) for table, column in taken if secret.search(column)] == []


def test_a_project_comes_in_as_it_went_out(database: Database) -> None:
    owner, other = database.person("Ann"), database.person("Ben")
    source = a_project(owner)
    sections = export(owner, source["id"])
    made = bring(other, sections)
    assert made["role"] == "owner" and made["description"] == "<script>alert(1)</script>"
    again = export(other, made["id"])
    for section, rows in sections.items():
        if section in {"audit", "people", "project", "deployments", "restrictions"}:
            continue
        # What is no id is the same; whoever made it is who imported it.
        assert _without_ids(again[section]) == _without_ids(rows), section
        makers = {row["created_by"] for row in again[section] if "created_by" in row}
        assert makers <= {str(other.user_id)}
    # Ids that are there already became others, and whatever names them follows.
    run = next(row for row in again["runs"] if row["name"] == "forest")
    parent = next(row for row in again["runs"] if row["name"] == "parent")
    run_hex = run["id"].replace("-", "")
    assert run_hex != source["run"] and run["status"] == "KILLED"
    assert run["tags"]["mlflow.parentRunId"] == parent["id"].replace("-", "")
    model = again["logged_models"][0]["id"]
    assert model != source["model"]
    assert again["model_versions"][0]["source"] == f"models:/{model}"
    assert again["model_versions"][0]["root"] == f"models/{model}"
    assert {row["root"] for row in again["artifacts"]} == {f"runs/{run_hex}", f"models/{model}"}
    history = other.call("runs_metric_history", run_id=run_hex, key="auc")
    assert (history["steps"], history["values"]) == ([0, 1], [0.1, 0.9])
    # A trace keeps its id, which is its project's alone; its run is the one here.
    trace = other.kernel(made["id"]).call("traces_get", id="tr-1", spans=True)
    assert trace["metadata"] == {"mlflow.sourceRun": run_hex} and trace["usage"] == {"total_tokens": 3}
    assert [json.loads(text) for text in trace["spans"]] == [{"by": run_hex}]
    assert again["trace_runs"] == [{"trace_id": "tr-1", "run_id": run["id"]}]
    assert [(one["name"], one["metadata"]) for one in trace["assessments"]] == [("good", {"why": "dry"})]
    # It does not run here, and is as closed as it was.
    deployment = other.call("deployments_list", project_id=made["id"])[0]
    assert (deployment["status"], deployment["port"], deployment["host"]) == ("stopped", None, None)
    restrictions = other.call("restrictions_list", project_id=made["id"])["items"]
    assert [(one["name"], one["min_role"]) for one in restrictions] == [("rating", "editor")]
    viewer = database.member(made["id"], "viewer")
    assert viewer.call("models_list", project_id=made["id"])["items"] == []
    # The notebook is known by its path, as its file bears an id that is another project's; its run knows it.
    notebook = again["notebooks"][0]
    assert (notebook["id"], notebook["marked"]) != (source["notebook"], True)
    bound = other.call("notebooks_bind", project_id=made["id"], path="search.ipynb", id=source["notebook"])
    assert (bound["id"], bound["made"], bound["versions"]) == (notebook["id"], False, 1)
    (version,) = other.call("notebooks_versions", project_id=made["id"], id=notebook["id"])["items"]
    assert [one["id"] for one in version["runs"]] == [run_hex]
    assert run["tags"]["insighter.notebook"] == notebook["id"]
    # What was made from what, what stands first and what was said, in its order.
    assert edges(other, made["id"]) == edges(owner, source["id"]) >= {
        "search v1 ran forest", "wine v1 derived wine v2", "forest wrote wine v2", "wine v1 read forest",
        "forest registered rating v1", "rating v1 deployed wine",
    }  # fmt: skip
    pinned = other.call("assets_list", project_id=made["id"], pinned=True)["items"]
    assert [(one["kind"], one["key"]) for one in pinned] == [
        ("run", run_hex), ("dataset", "wine"), ("notebook", notebook["id"]),
    ]  # fmt: skip
    comments = other.call("comments_list", project_id=made["id"], kind="model", key="rating")["items"]
    assert [(one["body"], one["mentions"], one["mine"]) for one in comments] == [
        (f"@[me]({owner.user_id}) why?", [], True), (f"see {run_hex}", [], True),
    ]  # fmt: skip
    (mine,) = [one for one in again["achievements"] if one["name"] == "Ten runs"]
    assert mine["rule"]["at_least"] == 10
    origin = other.call("archives_origins", project_id=made["id"])["items"][0]
    assert origin["exported_by"] == sections["project"][0]["exported_by"]
    assert origin["people"] == sections["people"]


def edges(person: Person, project: str) -> set[str]:
    """What was made from what, in words."""
    graph = person.call("lineage_graph", project_id=project)
    words = {
        one["id"]: one["name"] + (f" v{one['version']}" if one["version"] else "") for one in graph["nodes"]
    }
    return {f"{words[one['source']]} {one['verb']} {words[one['target']]}" for one in graph["edges"]}


def _without_ids(rows: list[dict[str, Any]]) -> list[str]:
    changed = {
        "id",
        "series",
        "created_by",
        "source",
        "root",
        "tags",
        "status",
        "marked",
        "last_run_by",
        "body",
        "mentions",
        "content",
        "metadata",
    }
    return sorted(
        json.dumps(
            {k: v for k, v in row.items() if k not in changed and not k.endswith("_id")}, sort_keys=True
        )
        for row in rows
    )


def test_where_nothing_has_them_ids_stay(database: Database) -> None:
    owner, other = database.person(), database.person()
    source = a_project(owner)
    sections = export(owner, source["id"])
    owner.call("projects_delete", id=source["id"])
    # As long as it can come back, what is in the trash has its ids.
    first = bring(other, sections)
    with pytest.raises(InsighterError) as error:
        other.call("runs_get", run_id=source["run"], project_id=first["id"])
    assert refused(error) == 404
    owner.call("trash_projects_purge", id=source["id"])
    made = bring(other, sections)
    assert other.call("runs_get", run_id=source["run"], project_id=made["id"])["name"] == "forest"
    assert other.call("logged_models_get", id=source["model"])["project_id"] == made["id"]
    # The file of a notebook, which came along, is known by the id it bears, wherever it lies.
    bound = other.call("notebooks_bind", project_id=made["id"], path="moved.ipynb", id=source["notebook"])
    assert (bound["id"], bound["made"]) == (source["notebook"], False)


def test_notebooks_of_one_path_stay_apart(database: Database) -> None:
    owner, other = database.person(), database.person()
    source = a_project(owner)
    editor = database.member(source["id"], "editor")
    editor.call("notebooks_bind", project_id=source["id"], path="search.ipynb")
    made = bring(other, export(owner, source["id"]))["id"]
    known = other.call("notebooks_list", project_id=made)["items"]
    assert sorted((one["path"], one["versions"]) for one in known) == [
        ("search.ipynb", 0),
        ("search.ipynb", 1),
    ]
    newest = max(known, key=lambda one: str(one["updated_at"]))
    assert other.call("notebooks_bind", project_id=made, path="search.ipynb")["id"] == newest["id"]


def test_what_is_in_the_trash_does_not_go_along(database: Database) -> None:
    owner, other = database.person(), database.person()
    source = a_project(owner)
    project, run = source["id"], source["run"]
    secret = "ef" * 32
    owner.call(
        "datasets_add_version", project_id=project, name="salaries", format="csv", filename="s.csv", sha256=secret,
        size=1, table_object_key=f"{project}/{secret}", table_size=1, rows=1,
        columns=[{"name": "a", "type": "INT"}],
    )  # fmt: skip
    read = {"name": "salaries", "digest": secret[:16], "source_type": "local", "source": "{}"}
    owner.call("runs_log_inputs", run_id=run, datasets=[read])
    owner.call("assets_pin", project_id=project, kind="dataset", key="salaries")
    owner.call("comments_create", project_id=project, kind="dataset", key="salaries", body="do not tell")
    taken_back = owner.call("comments_create", project_id=project, kind="model", key="rating", body="a slip")
    owner.call("comments_delete", project_id=project, comment_id=taken_back["id"])
    for kind, name in (("dataset", "salaries"), ("model", "rating")):
        owner.call("restrictions_set", project_id=project, kind=kind, name=name, min_role="admin")
    gone = add_notebook(owner, project, "gone.ipynb", source["parent"], "09" * 32)
    owner.call("datasets_delete", project_id=project, name="salaries")
    owner.call("deployments_delete", project_id=project, name="wine")
    owner.call("models_delete", name="rating", project_id=project)
    owner.call("notebooks_delete", project_id=project, id=gone)
    owner.call("runs_set_deleted", run_id=source["parent"], deleted=True)
    sections = export(owner, project)
    for table in ("registered_models", "model_versions", "model_aliases", "deployments", "comments"):
        assert table not in sections
    assert [row["name"] for row in sections["datasets"]] == ["wine"]
    assert {row["object_key"] for row in sections["dataset_versions"]} == {SHA, OTHER_SHA}
    assert [row["path"] for row in sections["notebooks"]] == ["search.ipynb"]
    assert len(sections["notebook_versions"]) == 1 and len(sections["pins"]) == 3
    rows = json.dumps({name: rows for name, rows in sections.items() if name != "audit"})
    for word in (secret, "09" * 32, "trashed-", "do not tell", "a slip", gone):
        assert word not in rows, word
    made = bring(other, sections)["id"]
    assert edges(other, made) == {
        "search v1 ran forest", "wine v1 derived wine v2", "forest wrote wine v2", "wine v1 read forest",
    }  # fmt: skip
    # What MLflow's clients deleted they still see as deleted; it lies in the trash here too, and comes back from it.
    (entry,) = other.call("trash_list", project_id=made)["items"]
    assert (entry["kind"], entry["name"]) == ("run", "parent")
    other.call("trash_restore", project_id=made, kind="run", id=entry["id"])
    # What is left of what was closed is as closed as it was.
    editor = database.member(made, "editor")
    read_there = "select name from insighter.run_datasets where project_id = %s order by name"
    assert other.rows(read_there, made) == [("salaries",), ("wine",)]
    assert editor.rows(read_there, made) == [("wine",)]
    files = "select root from insighter.artifacts where project_id = %s"
    assert (len(other.rows(files, made)), len(editor.rows(files, made))) == (2, 1)


def test_a_notebook_is_as_closed_as_it_was(database: Database) -> None:
    owner, other = database.person(), database.person()
    source = a_project(owner)
    owner.call(
        "restrictions_set",
        project_id=source["id"],
        kind="notebook",
        name=source["notebook"],
        min_role="admin",
    )
    made = bring(other, export(owner, source["id"]))["id"]
    viewer = database.member(made, "viewer")
    assert len(other.call("notebooks_list", project_id=made)["items"]) == 1
    assert viewer.call("notebooks_list", project_id=made)["items"] == []
    assert not any("search" in edge for edge in edges(viewer, made))
    found = export(database.member(made, "admin"), made)
    assert len(found["notebooks"]) == 1


def test_an_export_is_of_one_moment(database: Database) -> None:
    owner = database.person()
    source = a_project(owner)
    begun = owner.call("archives_export", project_id=source["id"])
    owner.call("runs_create", experiment_id=source["experiment"], name="later")
    owner.kernel(source["id"]).call("models_delete_alias", name="rating", alias="champion")
    runs = owner.call("archives_page", id=begun["id"], section="runs", page=1)
    assert "later" not in runs and "forest" in runs
    assert "champion" in owner.call("archives_page", id=begun["id"], section="model_aliases", page=1)


def test_what_is_hidden_from_whoever_exports_is_not_in_it(database: Database) -> None:
    owner = database.person()
    source = a_project(owner)
    owner.call("restrictions_set", project_id=source["id"], kind="dataset", name="wine", min_role="owner")
    found = export(database.member(source["id"], "admin"), source["id"])
    assert "datasets" not in found and "dataset_versions" not in found and "run_datasets" not in found
    assert OTHER_SHA not in json.dumps(found["objects"])
    assert len(found["audit"]) < len(export(owner, source["id"])["audit"])


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_admins_take_a_project_out(database: Database, role: str) -> None:
    owner = database.person()
    source = a_project(owner)
    for person in (database.member(source["id"], role), owner.kernel(source["id"])):
        with pytest.raises(InsighterError) as error:
            person.call("archives_export", project_id=source["id"])
        assert refused(error) == 403


def test_nothing_secret_and_no_address_is_in_it(database: Database) -> None:
    owner = database.person("ann")
    source = a_project(owner)
    secret = uuid4().hex * 2
    owner.rows(
        "insert into insighter.credentials (user_id, project_id, kind, label, secret_hash, expires_at, role)"
        " values (%s, %s, 'kernel', 'a kernel', %s, now() + interval '1 day', 'editor')",
        owner.user_id, source["id"], secret,
    )  # fmt: skip
    database.superuser(
        "insert into insighter.invitations (project_id, email, role, code_hash, invited_by)"
        " values (%s, 'new@example.org', 'viewer', %s, %s)",
        source["id"], secret, owner.user_id,
    )  # fmt: skip
    sections = export(owner, source["id"])
    text = json.dumps(sections)
    host = database.superuser(
        "select host_hash from insighter.deployments where project_id = %s", source["id"]
    )
    assert secret not in text and host[0][0] not in text and "new@example.org" not in text
    assert [row["text"] for row in sections["audit"]].count(None) == 1
    emails = database.superuser("select email from insighter.profiles")
    assert [email for (email,) in emails if email in text] == []


def test_the_audit_is_verified_without_the_database(database: Database) -> None:
    owner = database.person()
    rows = export(owner, a_project(owner)["id"])["audit"]
    assert len(rows) > 10
    before = "0" * 64
    for row in rows:
        assert row["prev_hash"] == before
        before = row["hash"]
        assert hashlib.sha256(bytes.fromhex(row["prev_hash"]) + row["text"].encode()).hexdigest() == before


def test_names_that_are_taken_become_others(database: Database) -> None:
    owner, other = database.person(), database.person()
    sections = export(owner, a_project(owner)["id"])
    assert [bring(other, sections, "Wine")["name"] for _ in range(3)] == ["Wine", "Wine (2)", "Wine (3)"]
    assert bring(other, sections)["name"] == sections["project"][0]["name"]


def test_an_archive_of_an_earlier_release_lacks_columns(database: Database) -> None:
    owner, other = database.person(), database.person()
    sections = export(owner, a_project(owner)["id"])
    for row in sections["registered_models"]:
        del row["last_version"], row["tags"]
    made = bring(other, sections)
    assert other.call("models_get", name="rating", project_id=made["id"])["tags"] == {}


def test_an_archive_of_an_earlier_release_has_a_row_for_each_value(database: Database) -> None:
    owner, other = database.person(), database.person()
    source = a_project(owner)
    points = [(0, 5, "NaN"), (1, 6, 0.5), (1, 6, 0.75), (2, 7, "-Infinity")]
    metrics = [{"key": "loss", "step": s, "time": t, "value": v} for s, t, v in points]
    owner.call("runs_log_batch", run_id=source["run"], metrics=metrics)
    sections = export(owner, source["id"])
    assert sections.pop("run_metric_chunks")
    for number, row in enumerate(sections["run_metrics_latest"]):
        row["id"] = 100 + number
    series = next(row["id"] for row in sections["run_metrics_latest"] if row["key"] == "loss")
    old = [{"series": series, "step": s, "time": t, "value": v} for s, t, v in points]
    made = bring(other, {**sections, "run_metrics": old})
    run = next(row for row in export(other, made["id"])["runs"] if row["name"] == "forest")
    history = other.call("runs_metric_history", run_id=run["id"].replace("-", ""), key="loss")
    assert list(zip(history["steps"], history["times"], history["values"], strict=True)) == points
    for forged in ({**old[0], "step": 10**30}, {**old[0], "time": -1}, {**old[0], "value": "x"}):
        with pytest.raises(InsighterError) as error:
            bring(other, {**sections, "run_metrics": [*old, forged]})
        assert refused(error) == 422


# ---- archives made by hand

# What is done to one that was exported.
ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "an object that is not in the archive": ("artifacts", {"object_key": "ef" * 32, "sha256": "ef" * 32}),
    "the object of another project": ("artifacts", {"object_key": f"{uuid4()}/{SHA}"}),
    "a path that leads out": ("artifacts", {"path": "../../etc/passwd"}),
    "a run of another project": ("run_metrics_latest", {"run_id": str(uuid4())}),
    "an experiment of another project": ("runs", {"experiment_id": 1}),
    "tags that are no texts": ("runs", {"tags": {"a": {"b": 1}}}),
    "parameters that are a list": ("runs", {"params": ["a"]}),
    "columns that are none": ("dataset_versions", {"columns": [{"name": 1}]}),
    "columns without end": ("dataset_versions", {"columns": [{"name": "a", "type": "b", "c": "DEEP"}]}),
    "a state that there is not": ("runs", {"status": "DROP TABLE"}),
    "a name that is a path": ("datasets", {"name": "../x"}),
    "an id that is none": ("runs", {"id": "1 or 1=1"}),
    "an id of a model that is none": ("logged_models", {"id": "m-../../x"}),
    "the zero character": ("runs", {"name": "a\0b"}),
    "a number that is too large": ("run_metrics_latest", {"step": 10**30}),
    "a chunk that says more than it has": ("run_metric_chunks", {"ends": [3]}),
    "a chunk without order": ("run_metric_chunks", {"keys": ["b", "a"], "ends": [1, 2]}),
    "a chunk of another run": ("run_metric_chunks", {"run_id": str(uuid4())}),
    "a chunk with holes": ("run_metric_chunks", {"steps": [None, 1]}),
    "no name at all": ("runs", {"name": None}),
    "an edge to what is not in it": ("lineage_edges", {"target_id": "1" * 32}),
    "an edge of no word": ("lineage_edges", {"verb": "<b>"}),
    "a pin of another project": ("pins", {"asset_id": str(uuid4())}),
    "a comment of no length": ("comments", {"body": "x" * 10_001}),
    "a rule that is none": ("achievements", {"rule": {"sql": "drop table"}}),
    "a notebook that leads out": ("notebooks", {"path": "../../x.ipynb"}),
    "another notebook's bytes": ("notebook_versions", {"sha256": SHA}),
    "a notebook's run that is not there": ("notebook_runs", {"run_id": str(uuid4())}),
    "a restriction that opens": ("restrictions", {"min_role": "viewer"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_forged_is_refused_and_leaves_nothing(database: Database, attack: str) -> None:
    owner, other = database.person(), database.person()
    sections: dict[str, Any] = export(owner, a_project(owner)["id"])
    section, change = ATTACKS[attack]
    forged = json.dumps({**sections[section][0], **change})
    forged = forged.replace('"DEEP"', '{"x":' * 100 + "1" + "}" * 100)
    rest = [json.dumps(row) for row in sections[section][1:]]
    with pytest.raises(InsighterError) as error:
        bring(other, {**sections, section: "\n".join([forged, *rest])})
    assert refused(error) == 422, error.value.message
    assert nothing_of(database, other)


@pytest.mark.parametrize("lines", ["[1]", "{", '"x"', "null", '{"x":' * 20_000 + "1" + "}" * 20_000])
def test_what_is_no_row_is_refused(database: Database, lines: str) -> None:
    owner, other = database.person(), database.person()
    sections = export(owner, a_project(owner)["id"])
    for section in ("project", "runs", "objects"):
        with pytest.raises(InsighterError) as error:
            bring(other, {**sections, section: lines})
        assert refused(error) == 422, (section, error.value.message)
    assert nothing_of(database, other)


def test_what_is_claimed_of_others_counts_for_nothing(database: Database) -> None:
    owner, other, victim = database.person(), database.person(), database.person()
    target = a_project(victim)
    sections = export(owner, a_project(owner)["id"])
    claim = {"project_id": target["id"], "created_by": str(victim.user_id), "run_by": str(victim.user_id)}
    for rows in sections.values():
        for row in rows:
            row |= claim
    sections["runs"][0]["created_at"] = "infinity"
    sections["runs"][1]["created_at"] = "2999-01-01"
    sections["deployments"][0] |= {"status": "healthy", "host_hash": "00" * 32, "port": 22}
    sections["restrictions"][0]["people"] = [str(victim.user_id)]
    sections["model_versions"][0]["root"] = f"runs/{target['run']}"
    for table in ("members", "credentials", "projects"):
        with pytest.raises(InsighterError) as error:
            bring(other, {table: [{"user_id": str(victim.user_id), "role": "owner"}]})
        assert (refused(error), error.value.code) == (422, "archive_newer")

    def rows_of(table: str, columns: str, project: str) -> Any:
        return database.superuser(
            f"select distinct {columns} from insighter.{table} where project_id = %s", project
        )

    before = database.superuser("select seq from insighter.audit_heads where scope = %s", target["id"])
    made = bring(other, sections)["id"]
    assert (
        database.superuser("select seq from insighter.audit_heads where scope = %s", target["id"]) == before
    )
    for table in (
        "runs",
        "datasets",
        "registered_models",
        "deployments",
        "artifacts",
        "restrictions",
        "notebooks",
        "notebook_versions",
        "comments",
        "pins",
        "lineage_edges",
        "achievements",
    ):
        assert rows_of(table, "created_by", made) == [(other.user_id,)], table
    assert rows_of("members", "user_id, role", made) == [(other.user_id, "owner")]
    assert rows_of("credentials", "id", made) == []
    assert rows_of("deployments", "status, host_hash, port, run_by", made) == [
        ("stopped", None, None, other.user_id)
    ]
    assert rows_of("restrictions", "people", made) == [([],)]
    assert target["run"] not in rows_of("model_versions", "root", made)[0][0]
    assert rows_of("runs", "created_at > now()", made) == [(False,)]
    assert rows_of("events", "verb, actor", made) == [("imported", other.user_id)]


# ---- in between


def test_what_is_given_up_leaves_nothing(database: Database) -> None:
    person, stranger = database.person(), database.person()
    begun = person.call("archives_import", name="Wine")
    key = f"{begun['becomes']}/{SHA}"
    assert person.call("objects_authorize", keys=[key], action="write") == [key]
    for other in (stranger, person.kernel(person.call("projects_create", name="mine")["id"])):
        with pytest.raises(InsighterError) as error:
            other.call("objects_authorize", keys=[key], action="write")
        assert refused(error) == 404
        assert other.call("objects_authorize", keys=[key], action="read") == []
    person.call("archives_stage", id=begun["id"], section="runs", page=1, lines="{}")
    person.call("archives_end", id=begun["id"], state="cancelled")
    assert person.call("objects_released") == [begun["becomes"]]
    pages = database.superuser("select * from insighter.archive_pages where archive_id = %s", begun["id"])
    assert pages == []
    with pytest.raises(InsighterError) as error:
        person.call("archives_commit", id=begun["id"])
    assert refused(error) == 409
    seen = person.call("archives_progress", id=begun["id"], step="rows", done=1, total=2)
    assert seen["state"] == "cancelled"
    with pytest.raises(InsighterError) as error:
        person.call("objects_authorize", keys=[key], action="write")
    assert refused(error) == 404


def test_what_a_server_that_is_gone_left_goes_with_the_next_import(database: Database) -> None:
    person = database.person()
    begun = person.call("archives_import", name="Wine")
    database.superuser(
        "update insighter.archives set touched_at = now() - interval '1 hour' where id = %s", begun["id"]
    )
    lost = person.call("archives_get", id=begun["id"])
    assert (lost["state"], lost["error"]["code"]) == ("failed", "server_lost")
    person.call("archives_import", name="Port")
    assert person.call("objects_released") == [begun["becomes"]]
    assert len(person.call("archives_list")["items"]) == 1
