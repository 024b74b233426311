"""The audit: every change is told, in its transaction; nobody can change it; what was tampered with is found."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from insighter_ext.errors import Forbidden, Invalid, NotFound
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from tests.database.conftest import Database, Person

SHA = "a" * 64
NOTHING = "0" * 64

# Tables that tell of no change that anybody would ask about, each with its reason.
NOT_AUDITED = {
    "audit": "it is the audit",
    "audit_heads": "the ends of its chains",
    "assets": "made by triggers of what is audited itself",
    "achievements_earned": "counted from the events",
    "alias_moves": "the history of aliases, which are audited",
    "achievements_counters": "how far it is, counted from the events",
    "achievements_off": "how somebody likes it, which gives and takes no right",
    "lineage_edges": "made by triggers of what is audited itself, and with a version that is",
    "notebook_kernels": "which notebook a kernel runs, as its session says",
    "notebook_runs": "which notebook made a run, written with the run, which is audited",
    "pins": "which assets stand first: of no consequence, and told by events",
    "presence": "who has a page open now, which is nobody's to look up later",
    "messages": "what programs say to each other, for those who listen",
    "events": "an account of changes itself, for people",
    "notifications": "what was told to somebody of what is in the events",
    "run_metric_chunks": "measurements, added by the thousand and never changed; the run is audited",
    "run_metrics_latest": "the newest of these measurements",
    "traces": "what programs did, told by themselves and added by the thousand",
    "trace_spans": "the same, step by step",
    "trace_runs": "which run such a trace was linked to",
    "logged_model_metrics": "measurements of a model in a run",
    "archived_tables": "which tables go along with an export, written by migrations alone",
    "archives": "an export or import on its way: what it makes is audited, and that there was one is an event",
    "archive_pages": "what lies in between",
    "archive_ids": "the same",
    "released_objects": "a note of what is still to be removed from the store after a purge, which is audited",
    "webhook_deliveries": "what was told of changes that are audited, and what came of it",
    "trash_period": "the installation's setting, which the server keeps",
    "released_projects": "a note of what is still to be cleared away after a deletion, which is audited",
}


def audited(database: Database) -> dict[str, str]:
    """The audited tables and their assets' kinds, from the catalogue."""
    return dict(
        database.superuser(
            r"""select c.relname, split_part(encode(t.tgargs, 'escape'), '\000', 1)
                from pg_trigger t join pg_class c on c.oid = t.tgrelid where t.tgname = 'audited'"""
        )
    )


def trail(database: Database, scope: Any, **having: str) -> list[dict[str, Any]]:
    """A chain's rows, oldest first, past row-level security."""
    rows = database.superuser(
        "select to_jsonb(a) from insighter.audit a where scope = %s order by seq", str(scope)
    )
    return [row for (row,) in rows if all(row[key] == value for key, value in having.items())]


def verify(database: Database, scope: Any, head: str | None = None) -> dict[str, Any]:
    state: dict[str, Any] = database.superuser("select private.audit_problems(%s, %s)", str(scope), head)[0][
        0
    ]
    return state


def project_of(person: Person, name: str = "Audited") -> str:
    return str(person.call("projects_create", name=f"{name} {uuid4().hex[:8]}")["id"])


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("owner")


@pytest.fixture
def project(owner: Person) -> str:
    return project_of(owner)


# ---- nothing is forgotten -------------------------------------------------------------------------------------------


def test_every_table_is_audited_or_has_a_reason(database: Database) -> None:
    tables = {
        name
        for (name,) in database.superuser(
            "select relname from pg_class where relnamespace = 'insighter'::regnamespace and relkind in ('r', 'p')"
        )
    }
    assert tables - set(NOT_AUDITED) == set(audited(database))
    assert set(NOT_AUDITED) <= tables
    noting = database.superuser("select count(*) from pg_trigger where tgname = 'audited_scope'")[0][0]
    assert noting == len(audited(database))


def test_it_is_written_at_commit_and_by_definers_alone(database: Database) -> None:
    triggers = database.superuser(
        "select tgdeferrable and tginitdeferred, p.prosecdef, tgenabled from pg_trigger t"
        " join pg_proc p on p.oid = t.tgfoid where tgname = 'audited'"
    )
    assert set(triggers) == {(True, True, "O")}


def test_nothing_is_told_that_nobody_may_read(database: Database) -> None:
    """A column that the API keeps to itself is either named as a secret is, or left out by its table's list."""
    kept = database.superuser(
        r"""select c.relname || '.' || a.attname from pg_trigger t
            join pg_class c on c.oid = t.tgrelid
            join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            where t.tgname = 'audited' and not has_column_privilege('authenticated', c.oid, a.attnum, 'select')
              and a.attname !~ 'secret|password|token|hash$'
              and not a.attname = any (string_to_array(split_part(encode(t.tgargs, 'escape'), '\000', 5), ','))"""
    )
    assert kept == []


def fill(database: Database, owner: Person, project: str) -> Person:
    """One of every asset, through the API as far as there is one."""
    kernel = owner.kernel(project)
    other = database.member(project, "editor")
    kernel.call(
        "datasets_add_version", project_id=project, name="wine", format="csv", filename="wine.csv", sha256=SHA,
        size=1, table_object_key=f"{project}/{SHA}", table_size=1, rows=1, columns=[{"name": "a", "type": "int"}],
    )  # fmt: skip
    notebook = kernel.call("notebooks_bind", project_id=project, path="a.ipynb", kernel="python3")["id"]
    kernel.call(
        "notebooks_add_version", project_id=project, id=notebook, sha256=SHA, size=1, fingerprint=SHA, cells=1,
        reason="ran", outcome="ok",
    )  # fmt: skip
    experiment = kernel.call("experiments_create", name="search")["id"]
    run = kernel.call("runs_create", experiment_id=experiment, name="forest")["id"]
    kernel.call(
        "runs_log_inputs",
        run_id=run,
        datasets=[{"name": "wine", "digest": SHA[:16], "source_type": "local", "source": "{}"}],
    )
    model = kernel.call("logged_models_create", experiment_id=experiment, name="model", source_run_id=run)[
        "id"
    ]
    kernel.call("runs_log_outputs", run_id=run, models=[{"model_id": model, "step": 0}])
    kernel.call(
        "artifacts_put",
        root=f"models/{model}",
        path="MLmodel",
        object_key=f"{project}/{SHA}",
        sha256=SHA,
        size=1,
    )
    told = {
        "id": "tr-1",
        "experiment_id": experiment,
        "start_ms": 1,
        "status": "OK",
        "tags": {},
        "metadata": {},
    }
    kernel.call("traces_start", trace=told)
    said = {
        "id": "a-1",
        "type": "feedback",
        "name": "good",
        "value": "true",
        "source_type": "HUMAN",
        "valid": True,
    }
    said |= {"numeric": False, "created_ms": 1, "updated_ms": 1}
    kernel.call("assessments_create", trace_id="tr-1", assessment=said)
    kernel.call("models_create", name="rating")
    kernel.call("model_versions_create", name="rating", source=f"models:/{model}", model_id=model)
    kernel.call("models_set_alias", name="rating", alias="champion", version="1")
    owner.call(
        "webhooks_create", project_id=project, name="hook", url="https://example.org/x",
        events=["model_version.created"], secret="s3cret",
    )  # fmt: skip
    owner.call(
        "deployments_create",
        project_id=project,
        id=uuid4(),
        name="wine",
        model_name="rating",
        model_version=1,
    )
    owner.call("views_save", project_id=project, name="by loss")
    owner.call(
        "achievements_create",
        project_id=project,
        name="A label",
        audience="person",
        rule={"count": {"asset_kind": "label", "verb": "created"}},
    )
    dataset = database.superuser("select id from insighter.datasets where project_id = %s", project)[0][0]
    owner.call("comments_create", project_id=project, kind="dataset", key="wine", body="a word")
    owner.rows(
        "insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role)"
        " values (%s, 'dataset', %s, 'editor')",
        project,
        dataset,
    )
    owner.rows(
        "insert into insighter.credentials (user_id, project_id, kind, label, secret_hash, expires_at, issuer, role)"
        " values (%s, %s, 'kernel', 'a kernel', %s, now() + interval '1 day', 'server-1', 'editor')",
        owner.user_id, project, hashlib.sha256(uuid4().bytes).hexdigest(),
    )  # fmt: skip
    database.superuser(
        "insert into insighter.invitations (project_id, email, role, code_hash, invited_by)"
        " values (%s, 'new@example.org', 'viewer', %s, %s)",
        project, hashlib.sha256(uuid4().bytes).hexdigest(), owner.user_id,
    )  # fmt: skip
    database.superuser(
        "insert into insighter.access_asked (user_id, asked, role) values (%s, 'elsewhere', 'viewer')",
        owner.user_id,
    )
    database.superuser(
        "insert into insighter.access_requests (project_id, user_id, role) values (%s, %s, 'viewer')",
        project, database.person().user_id,
    )  # fmt: skip
    database.superuser(
        "insert into insighter.project_origins (project_id, number, name, exported_at, exported_by, created_by)"
        " values (%s, 1, 'Wine', now(), 'Ann', %s)",
        project, owner.user_id,
    )  # fmt: skip
    model = database.superuser("select id from insighter.registered_models where project_id = %s", project)[
        0
    ][0]
    for columns, values in [
        ("alias_rules (project_id, model_id, created_by, alias, role)", "'prod', 'editor'"),
        ("alias_requests (project_id, model_id, created_by, alias, why)", "'prod', 'better'"),
        ("model_cards (project_id, model_id, created_by, revision, body)", "1, 'a card'"),
    ]:
        database.superuser(
            f"insert into insighter.{columns} values (%s, %s, %s, {values})", project, model, owner.user_id
        )
    organisation = uuid4()
    database.superuser(
        "insert into insighter.organisations (id, name, created_by) values (%s, %s, %s)",
        organisation, f"Team {organisation}", owner.user_id,
    )  # fmt: skip
    database.superuser(
        "insert into insighter.organisation_members (organisation_id, user_id, role) values (%s, %s, 'admin')",
        organisation,
        database.person("another admin").user_id,
    )
    database.superuser(
        "insert into insighter.trash (project_id, asset_kind, asset_id, deleted_by) values (%s, 'run', %s, %s)",
        project, run, owner.user_id,
    )  # fmt: skip
    owner.call("projects_delete", id=project_of(owner, "Trashed"))
    return other


# A change of each kind of asset, as a superuser makes it: table, what is set, the column, before and after.
CHANGES = [
    ("profiles", "display_name = 'Ann'", "user_id = %(user)s", "display_name", None, "Ann"),
    ("projects", "description = 'why'", "id = %(project)s", "description", "", "why"),
    (
        "members",
        "role = 'viewer'",
        "project_id = %(project)s and role = 'editor'",
        "role",
        "editor",
        "viewer",
    ),
    ("credentials", "label = 'other'", "user_id = %(user)s", "label", "a kernel", "other"),
    ("organisations", "name = %(new)s", "created_by = %(user)s", "name", None, "%(new)s"),
    ("organisation_members", "role = 'member'", "user_id = %(user)s", "role", "admin", "member"),
    (
        "invitations",
        "revoked_at = '2026-01-01Z'",
        "project_id = %(project)s",
        "revoked_at",
        None,
        "2026-01-01T00:00:00+00:00",
    ),
    ("access_asked", "message = 'please'", "user_id = %(user)s", "message", "", "please"),
    ("access_requests", "message = 'please'", "project_id = %(project)s", "message", "", "please"),
    ("restrictions", "min_role = 'admin'", "project_id = %(project)s", "min_role", "editor", "admin"),
    ("project_origins", "name = 'Port'", "project_id = %(project)s", "name", "Wine", "Port"),
    ("datasets", "name = 'port'", "project_id = %(project)s", "name", "wine", "port"),
    ("dataset_versions", "filename = 'a.csv'", "project_id = %(project)s", "filename", "wine.csv", "a.csv"),
    ("notebooks", "kernel = 'ir'", "project_id = %(project)s", "kernel", "python3", "ir"),
    ("notebook_versions", "outcome = 'failed'", "project_id = %(project)s", "outcome", "ok", "failed"),
    (
        "comments",
        "deleted_at = '2026-01-01Z'",
        "project_id = %(project)s",
        "deleted_at",
        None,
        "2026-01-01T00:00:00+00:00",
    ),
    ("experiments", "name = 'found'", "project_id = %(project)s", "name", "search", "found"),
    ("runs", "status = 'FINISHED'", "project_id = %(project)s", "status", "RUNNING", "FINISHED"),
    ("run_views", "filter = 'metrics.auc > 0'", "project_id = %(project)s", "filter", "", "metrics.auc > 0"),
    ("logged_models", "name = 'net'", "project_id = %(project)s", "name", "model", "net"),
    ("run_datasets", "source = 's'", "project_id = %(project)s", "source", "{}", "s"),
    ("run_models", "step = 7", "project_id = %(project)s", "step", 0, 7),
    ("trace_assessments", "name = 'bad'", "project_id = %(project)s", "name", "good", "bad"),
    ("artifacts", "size = 2", "project_id = %(project)s", "size", 1, 2),
    ("webhooks", "status = 'DISABLED'", "project_id = %(project)s", "status", "ACTIVE", "DISABLED"),
    ("registered_models", "description = 'd'", "project_id = %(project)s", "description", "", "d"),
    ("model_versions", "stage = 'Staging'", "project_id = %(project)s", "stage", "None", "Staging"),
    ("model_aliases", "alias = 'best'", "project_id = %(project)s", "alias", "champion", "best"),
    ("alias_rules", "role = 'admin'", "project_id = %(project)s", "role", "editor", "admin"),
    ("alias_requests", "state = 'rejected'", "project_id = %(project)s", "state", "open", "rejected"),
    ("model_cards", "body = 'words'", "project_id = %(project)s", "body", "a card", "words"),
    ("deployments", "status = 'stopped'", "project_id = %(project)s", "status", "starting", "stopped"),
    ("achievements", "icon = 'flag'", "project_id = %(project)s", "icon", "star", "flag"),
    ("trash", "name = 'tree'", "project_id = %(project)s", "name", "forest", "tree"),
    ("trashed_projects", "name = 'Back'", "deleted_by = %(user)s", "name", None, "Back"),
]


def test_every_kind_of_asset_is_told_when_made_changed_and_deleted(
    database: Database, owner: Person, project: str
) -> None:
    tables = audited(database)
    fill(database, owner, project)
    values = {"user": owner.user_id, "project": project, "new": f"New {uuid4().hex}"}
    covered = [change[0] for change in CHANGES]
    for table, assignment, condition, column, before, after in CHANGES:
        start = database.superuser("select coalesce(max(id), 0) from insighter.audit")[0][0]
        database._superuser.execute(f"update insighter.{table} set {assignment} where {condition}", values)  # type: ignore[arg-type, unused-ignore]
        rows = database.superuser("select to_jsonb(a) from insighter.audit a where id > %s", start)
        assert len(rows) == 1, (table, rows)
        row = rows[0][0]
        assert (row["action"], row["asset_kind"]) == ("changed", tables[table])
        assert list(row["changes"]) == [column], row
        assert row["changes"][column][1] == (after % values if isinstance(after, str) else after)
        if before is not None:
            assert row["changes"][column][0] == before
        assert row["asset_id"]
    made = {
        kind
        for (kind,) in database.superuser(
            "select distinct asset_kind from insighter.audit where action = 'created'"
        )
    }
    assert sorted(covered) == sorted(tables)
    assert set(tables.values()) <= made
    # What happens when projects and people go, or come back, is the matter of other tests.
    for table in reversed(covered):
        if table in {"profiles", "projects", "members", "trashed_projects"}:
            continue
        start = database.superuser("select max(id) from insighter.audit")[0][0]
        condition = next(change[2] for change in CHANGES if change[0] == table)
        database._superuser.execute(f"delete from insighter.{table} where {condition}", values)  # type: ignore[arg-type, unused-ignore]
        told = database.superuser(
            "select action, asset_kind, changes from insighter.audit where id > %s", start
        )
        assert [(action, kind) for action, kind, _ in told] == [("deleted", tables[table])], table
        assert all(after is None for _, _, changes in told for _, after in changes.values())
    assert verify(database, project)["ok"]


def test_a_change_is_told_from_what_to_what_by_whom_and_as_what(
    database: Database, owner: Person, project: str
) -> None:
    owner.call("projects_update", id=project, description="new")
    [changed] = trail(database, project, action="changed")
    assert changed["changes"] == {"description": ["", "new"]}
    assert (changed["actor"], changed["actor_kind"]) == (str(owner.user_id), "person")
    owner.kernel(project).call("experiments_create", name="search", tags={"a": "b"})
    [made] = trail(database, project, asset_kind="experiment")
    assert (made["actor"], made["actor_kind"], made["asset_name"]) == (str(owner.user_id), "kernel", "search")
    assert made["changes"]["name"] == [None, "search"] and made["changes"]["tags"] == [None, {"a": "b"}]
    database.superuser("update insighter.projects set description = 'system' where id = %s", project)
    assert trail(database, project)[-1]["actor_kind"] == "system"
    assert trail(database, project)[-1]["actor"] is None


def test_it_names_the_credential(
    database: Database, cluster: EmbeddedPostgres, owner: Person, project: str
) -> None:
    credential = str(uuid4())
    claims = {
        "sub": str(owner.user_id),
        "role": "authenticated",
        "insighter": {"kind": "token", "project": project, "role": "editor", "credential": credential},
    }
    name = database.superuser("select current_database()")[0][0]
    with psycopg.connect(**cluster.conninfo(API_ROLE, name)) as api:
        api.execute(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
            [json.dumps(claims)],
        )
        api.execute("select public.experiments_create('by a token')")
    row = trail(database, project)[-1]
    assert (row["actor_kind"], row["credential"], row["asset_name"]) == ("token", credential, "by a token")


def test_a_change_that_is_taken_back_leaves_no_row(database: Database, owner: Person, project: str) -> None:
    before = trail(database, project)
    with pytest.raises(Invalid):
        owner.call("projects_update", id=project, description="x", name=" ")
    with pytest.raises(psycopg.errors.DivisionByZero):
        owner.rows(
            "with made as (select public.experiments_create('gone', '{}', %s)) select 1 / 0 from made",
            project,
        )
    assert trail(database, project) == before
    assert verify(database, project)["rows"] == len(before)


def test_what_changes_nothing_writes_nothing(database: Database, owner: Person, project: str) -> None:
    fill(database, owner, project)
    before = len(trail(database, project))
    for statement in (
        "update insighter.projects set updated_at = now() where id = %s",
        "update insighter.datasets set versions = versions + 1, updated_at = now() where project_id = %s",
        "update insighter.registered_models set last_version = 9 where project_id = %s",
        "update insighter.runs set status = status where project_id = %s",
    ):
        database.superuser(statement, project)
    assert len(trail(database, project)) == before


def test_of_params_and_tags_the_changed_keys_are_told(
    database: Database, owner: Person, project: str
) -> None:
    experiment = owner.call("experiments_create", name="search", project_id=project)["id"]
    run = owner.call("runs_create", experiment_id=experiment, name="forest", tags={"keep": "1"})["id"]
    owner.call("runs_log_batch", run_id=run, params={"trees": "10"}, tags={"stage": "a"})
    owner.call("runs_log_batch", run_id=run, params={"depth": "3"}, tags={"stage": "b"})
    owner.call("runs_delete_tag", run_id=run, key="stage")
    told = [row["changes"] for row in trail(database, project, asset_kind="run", asset_id=run)]
    assert told[1] == {"params": [{}, {"trees": "10"}], "tags": [{}, {"stage": "a"}]}
    assert told[2] == {"params": [{}, {"depth": "3"}], "tags": [{"stage": "a"}, {"stage": "b"}]}
    assert told[3] == {"tags": [{"stage": "b"}, {}]}


def test_metrics_are_measurements_and_not_told(database: Database, owner: Person, project: str) -> None:
    experiment = owner.call("experiments_create", name="search", project_id=project)["id"]
    run = owner.call("runs_create", experiment_id=experiment, name="forest")["id"]
    before = len(trail(database, project))
    metrics = [{"key": "loss", "value": 1.0, "step": step, "time": step} for step in range(50)]
    owner.call("runs_log_batch", run_id=run, metrics=metrics)
    assert len(trail(database, project)) == before


def test_long_values_are_told_by_what_identifies_them(
    database: Database, owner: Person, project: str
) -> None:
    text = "ä" * 5000
    owner.call("projects_update", id=project, description=text)
    [changed] = trail(database, project, action="changed")
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert changed["changes"] == {"description": ["", {"sha256": digest, "length": 5000}]}
    experiment = owner.call("experiments_create", name="search", project_id=project)["id"]
    run = owner.call("runs_create", experiment_id=experiment, name="forest")["id"]
    owner.call("runs_log_batch", run_id=run, params={f"p{i}": "x" * 1900 for i in range(100)})
    assert set(trail(database, project)[-1]["changes"]["params"][1]) == {"sha256", "length"}


def test_no_secret_is_told(database: Database, owner: Person, project: str) -> None:
    secret = hashlib.sha256(uuid4().bytes).hexdigest()
    owner.rows(
        "insert into insighter.credentials (user_id, project_id, kind, label, secret_hash, expires_at, issuer, role)"
        " values (%s, %s, 'kernel', 'k', %s, now() + interval '1 day', 'hidden-issuer', 'editor')",
        owner.user_id, project, secret,
    )  # fmt: skip
    database.superuser(
        "update insighter.credentials set secret_hash = %s where secret_hash = %s", NOTHING, secret
    )
    experiment = owner.call("experiments_create", name="search", project_id=project)["id"]
    run = owner.call("runs_create", experiment_id=experiment, name="forest")["id"]
    owner.call("runs_log_batch", run_id=run, params={"db_password": "hunter2", "max_tokens": "100"})
    owner.call(
        "runs_log_batch",
        run_id=run,
        tags={"AWS_SECRET_KEY": "hunter2", "api-key": "hunter2", "hf_token": "hunter2"},
    )
    everything = json.dumps(
        [row["changes"] for scope in (project, owner.user_id) for row in trail(database, scope)]
    )
    for text in (secret, NOTHING, "secret_hash", "hunter2", "hidden-issuer"):
        assert text not in everything
    assert "(withheld)" in everything and '"max_tokens": "100"' in everything
    # That the secret was changed is told, what it was is not.
    assert trail(database, owner.user_id, asset_kind="credential")[-1]["changes"] == {}


# ---- deletions ------------------------------------------------------------------------------------------------------


def test_a_deleted_project_is_one_row_and_its_chain_stays(
    database: Database, owner: Person, project: str
) -> None:
    fill(database, owner, project)
    before = len(trail(database, project))
    mine = len(trail(database, owner.user_id))
    owner.call("projects_delete", id=project)
    owner.call("trash_projects_purge", id=project)
    rows = trail(database, project)
    # Into the trash, under a name that nobody has; and out of the world.
    assert [(row["action"], row["asset_kind"]) for row in rows[before:-1]] == [
        ("changed", "project"),
        ("changed", "deployment"),
        ("created", "trashed_project"),
    ]
    assert (rows[-1]["action"], rows[-1]["asset_kind"]) == ("deleted", "project")
    assert rows[-1]["actor"] == str(owner.user_id)
    contents = rows[-1]["changes"]["contents"][0]
    assert contents["run"] == contents["dataset"] == contents["model_version"] == contents["credential"] == 1
    assert contents["member"] == 2
    assert len(trail(database, owner.user_id)) == mine
    assert verify(database, project)["ok"]


def test_an_account_goes_and_its_chain_stays(database: Database, owner: Person, project: str) -> None:
    leaving = database.member(project, "editor")
    leaving.call("experiments_create", name="left behind", project_id=project)
    database.superuser("delete from auth.users where id = %s", leaving.user_id)
    last = trail(database, leaving.user_id)[-1]
    assert (last["action"], last["asset_kind"]) == ("deleted", "account")
    gone = trail(database, project)[-1]
    assert (gone["action"], gone["asset_kind"], gone["asset_id"]) == (
        "deleted",
        "member",
        str(leaving.user_id),
    )
    assert verify(database, leaving.user_id)["ok"] and verify(database, project)["ok"]
    assert (
        owner.call("audit_list", project_id=project, actor=leaving.user_id)["items"][0]["actor_name"] is None
    )


def test_a_deleted_organisation_is_one_row(database: Database) -> None:
    organisation = uuid4()
    person = database.person()
    database.superuser(
        "insert into insighter.organisations (id, name) values (%s, %s)", organisation, str(organisation)
    )
    database.superuser(
        "insert into insighter.organisation_members values (%s, %s, 'admin')", organisation, person.user_id
    )
    database.superuser("delete from insighter.organisations where id = %s", organisation)
    assert [(row["action"], row["asset_kind"]) for row in trail(database, organisation)] == [
        ("created", "organisation"),
        ("created", "organisation_member"),
        ("deleted", "organisation"),
    ]


# ---- who reads it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["viewer", "annotator", "editor"])
def test_members_below_admin_do_not_read_it(database: Database, project: str, role: str) -> None:
    member = database.member(project, role)
    for function in ("audit_list", "audit_verify", "audit_export"):
        with pytest.raises(Forbidden):
            member.call(function, project_id=project)
    for table in ("audit", "audit_heads"):
        assert member.rows(f"select * from insighter.{table} where scope = %s", project) == []


def test_admins_read_it_and_strangers_learn_nothing(database: Database, owner: Person, project: str) -> None:
    admin, stranger = database.member(project, "admin"), database.person()
    items = admin.call("audit_list", project_id=project)["items"]
    assert [row["seq"] for row in items] == list(range(len(items), 0, -1))
    assert items == owner.call("audit_list", project_id=project)["items"]
    assert owner.kernel(project).call("audit_verify", project_id=project)["ok"]
    for function in ("audit_list", "audit_verify", "audit_export"):
        with pytest.raises(NotFound):
            stranger.call(function, project_id=project)
    assert stranger.rows("select count(*) from insighter.audit where scope = %s", project) == [(0,)]
    # A public project shows its data, not its audit.
    database.superuser("update insighter.projects set visibility = 'public' where id = %s", project)
    with pytest.raises(Forbidden):
        stranger.call("audit_list", project_id=project)


def test_an_account_reads_its_own_in_person(database: Database, owner: Person, project: str) -> None:
    items = owner.call("audit_list")["items"]
    assert {row["scope"] for row in items} == {str(owner.user_id)}
    assert owner.call("audit_verify")["ok"]
    with pytest.raises(Forbidden):
        owner.kernel(project).call("audit_list")
    other = database.person()
    assert other.rows("select count(*) from insighter.audit where scope = %s", owner.user_id) == [(0,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.anon.rows("select * from insighter.audit")


def test_an_organisation_shows_it_to_its_admins(database: Database) -> None:
    admin, member, stranger = database.person(), database.person(), database.person()
    organisation = uuid4()
    database.superuser(
        "insert into insighter.organisations (id, name) values (%s, %s)", organisation, str(organisation)
    )
    for person, role in ((admin, "admin"), (member, "member")):
        database.superuser(
            "insert into insighter.organisation_members values (%s, %s, %s)",
            organisation,
            person.user_id,
            role,
        )
    assert len(admin.call("audit_list", organisation_id=organisation)["items"]) == 3
    with pytest.raises(Forbidden):
        member.call("audit_list", organisation_id=organisation)
    with pytest.raises(NotFound):
        stranger.call("audit_verify", organisation_id=organisation)


def test_filters_and_pages(owner: Person, project: str) -> None:
    for number in range(7):
        owner.call("experiments_create", name=f"e{number}", project_id=project)
    seen, cursor = [], None
    while True:
        page = owner.call("audit_list", project_id=project, asset_kind="experiment", limit=3, cursor=cursor)
        seen += [row["asset_name"] for row in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == [f"e{number}" for number in range(6, -1, -1)]
    one = owner.call("audit_list", project_id=project, asset_kind="experiment", limit=1)["items"][0]
    assert owner.call("audit_list", project_id=project, asset_id=one["asset_id"])["items"] == [one]
    assert owner.call("audit_list", project_id=project, action="deleted")["items"] == []
    assert len(owner.call("audit_list", project_id=project, actor=owner.user_id)["items"]) == 9
    assert owner.call("audit_list", project_id=project, actor=uuid4())["items"] == []


def test_rows_of_an_asset_hidden_from_an_admin_are_withheld_and_still_verified(
    database: Database, owner: Person, project: str
) -> None:
    admin = database.member(project, "admin")
    fill(database, owner, project)
    dataset = database.superuser("select id from insighter.datasets where project_id = %s", project)[0][0]
    model = database.superuser("select id from insighter.registered_models where project_id = %s", project)[
        0
    ][0]
    total = len(trail(database, project))
    assert len(admin.call("audit_export", project_id=project)["items"]) == total
    owner.rows("update insighter.restrictions set min_role = 'owner' where project_id = %s", project)
    owner.rows(
        "insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role)"
        " values (%s, 'model', %s, 'owner')",
        project,
        model,
    )
    total = len(trail(database, project))
    seen = admin.call("audit_export", project_id=project)["items"]
    assert {row["asset_kind"] for row in seen} & {
        "dataset", "dataset_version", "run_dataset", "restriction",
        "model", "model_version", "model_alias", "artifact", "logged_model",
    } == set()  # fmt: skip
    assert {"project", "member", "experiment", "run", "deployment"} <= {row["asset_kind"] for row in seen}
    assert admin.call("audit_list", project_id=project, asset_id=str(dataset))["items"] == []
    assert len(owner.call("audit_export", project_id=project)["items"]) == total
    state = admin.call("audit_verify", project_id=project)
    assert (state["ok"], state["rows"]) == (True, total)
    with Tampering(database) as superuser:
        superuser.execute("update insighter.audit set actor = null where asset_id = %s", [str(dataset)])
        name = superuser.execute("select private.audit_problems(%s)", [project]).fetchone()
        assert name is not None and not name[0]["ok"]


def test_an_export_pages_in_order_to_the_head_it_began_with(owner: Person, project: str) -> None:
    for number in range(5):
        owner.call("experiments_create", name=f"e{number}", project_id=project)
    first = owner.call("audit_export", project_id=project, limit=3)
    owner.call("experiments_create", name="later", project_id=project)
    second = owner.call(
        "audit_export", project_id=project, after=first["after"], until=first["until"], limit=3
    )
    third = owner.call(
        "audit_export", project_id=project, after=second["after"], until=first["until"], limit=3
    )
    rows = [*first["items"], *second["items"], *third["items"]]
    assert [row["seq"] for row in rows] == list(range(1, 8))
    assert f"{rows[-1]['seq']}:{rows[-1]['hash']}" == first["head"]
    assert [row["prev_hash"] for row in rows] == [NOTHING, *(row["hash"] for row in rows[:-1])]
    # The head of an earlier moment stays good; that of another chain never was.
    assert owner.call("audit_verify", project_id=project, head=first["head"])["ok"]
    assert not owner.call("audit_verify", project_id=project, head="7:" + "1" * 64)["ok"]
    for nonsense in ("", "7", "x:y", "7:" + "g" * 64):
        with pytest.raises(Invalid):
            owner.call("audit_verify", project_id=project, head=nonsense)


def test_the_hash_of_an_exported_line_can_be_computed_without_insighter(
    database: Database, owner: Person, project: str
) -> None:
    fill(database, owner, project)
    for line in owner.call("audit_export", project_id=project)["items"]:
        assert database.superuser(
            """select encode(sha256(decode(l ->> 'prev_hash', 'hex') || convert_to(jsonb_build_array(
                 l -> 'scope_kind', l -> 'scope', l -> 'seq', l -> 'at', l -> 'actor', l -> 'actor_kind',
                 l -> 'credential', l -> 'action', l -> 'asset_kind', l -> 'asset_id', l -> 'asset_name',
                 l -> 'changes')::text, 'UTF8')), 'hex') = l ->> 'hash'
               from (select %s::jsonb as l) line""",
            json.dumps(line),
        ) == [(True,)]


def test_hashes_do_not_depend_on_the_session(database: Database, owner: Person, project: str) -> None:
    fill(database, owner, project)
    with database._superuser.transaction():
        database._superuser.execute(
            "set local timezone = 'Asia/Kathmandu'; set local datestyle = 'German, DMY';"
            " set local bytea_output = 'escape';"
            " set local intervalstyle = 'iso_8601'; set local extra_float_digits = -5; set local lc_numeric = 'C'"
        )
        assert verify(database, project)["ok"]
        database._superuser.execute(
            "update insighter.projects set description = 'x' where id = %s", [project]
        )
    assert verify(database, project)["ok"]


# ---- nobody changes it ----------------------------------------------------------------------------------------------

WRITES = [
    "insert into insighter.audit (scope_kind, scope, seq, at, actor_kind, action, asset_kind, asset_id, asset_name,"
    " changes, prev_hash, hash) select scope_kind, scope, seq + 1000, at, actor_kind, action, asset_kind, asset_id,"
    " asset_name, changes, prev_hash, hash from insighter.audit",
    "update insighter.audit set actor = null",
    "delete from insighter.audit",
    "truncate insighter.audit",
    "insert into insighter.audit_heads (scope, seq, hash) values (gen_random_uuid(), 1, '')",
    "update insighter.audit_heads set seq = 1",
    "delete from insighter.audit_heads",
    "truncate insighter.audit_heads",
    "alter table insighter.audit disable trigger append_only",
    "drop trigger append_only on insighter.audit",
]


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("statement", WRITES, ids=range(len(WRITES)))
def test_no_role_of_the_api_writes_it(
    database: Database, owner: Person, project: str, role: str, statement: str
) -> None:
    claims = {"sub": str(owner.user_id), "role": role, "insighter": {"kind": "person"}}
    with database._superuser.transaction(force_rollback=True):
        database._superuser.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            [role, json.dumps(claims)],
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database._superuser.execute(statement)  # type: ignore[arg-type, unused-ignore]
    assert verify(database, project)["ok"]


@pytest.mark.parametrize("statement", [WRITES[i] for i in (1, 2, 3, 5, 6, 7)])
def test_not_even_a_superuser_changes_it_by_mistake(database: Database, project: str, statement: str) -> None:
    with pytest.raises(psycopg.Error, match="the audit can be added to and not changed"):
        database.superuser(statement)
    assert verify(database, project)["ok"]


def test_what_writes_it_is_callable_by_nobody(database: Database) -> None:
    callable_by = database.superuser(
        """select p.proname, r from pg_proc p cross join unnest(array['anon', 'authenticated', 'service_role']) r
           where p.pronamespace = 'private'::regnamespace
             and p.proname in ('audit_write', 'audit_lock', 'audit_change', 'audit_note', 'audit_problems', 'audited',
               'audit_contents', 'audit_name')
             and has_function_privilege(r, p.oid, 'execute')"""
    )
    assert callable_by == []


# ---- what is done behind its back is found --------------------------------------------------------------------------


class Tampering:
    """A superuser who has disabled the triggers; what they do is taken back at the end."""

    def __init__(self, database: Database) -> None:
        self.connection = database._superuser

    def __enter__(self) -> psycopg.Connection[Any]:
        self.connection.execute("begin")
        self.connection.execute(
            "alter table insighter.audit disable trigger user; alter table insighter.audit_heads disable trigger user"
        )
        return self.connection

    def __exit__(self, *failure: object) -> None:
        self.connection.execute("rollback")


# A copy of the row before, in a place of the chain.
_FORGE = """insert into insighter.audit (scope_kind, scope, seq, at, actor_kind, action, asset_kind, asset_id,
  asset_name, changes, prev_hash, hash)
  select scope_kind, scope, seq + 1, at, actor_kind, action, asset_kind, asset_id, 'forged', changes, hash, '\\x00'
  from insighter.audit where scope = %(scope)s and seq = %(seq)s - 1"""

_REHASH = (
    """update insighter.audit a set hash = private.audit_hash(a) where scope = %(scope)s and seq = %(seq)s"""
)

TAMPERING: list[tuple[str, list[str], list[tuple[int, str]]]] = [
    (
        "actor altered",
        ["update insighter.audit set actor = null where scope = %(scope)s and seq = 5"],
        [(5, "altered")],
    ),
    (
        "changes altered",
        ["update insighter.audit set changes = changes || '{\"x\": 1}' where scope = %(scope)s and seq = 5"],
        [(5, "altered")],
    ),
    (
        "time altered",
        ["update insighter.audit set at = at + interval '1 microsecond' where scope = %(scope)s and seq = 1"],
        [(1, "altered")],
    ),
    (
        "hash altered",
        ["update insighter.audit set hash = '\\x00' where scope = %(scope)s and seq = 5"],
        [(5, "altered"), (6, "replaced")],
    ),
    (
        "altered and hashed again",
        [
            "update insighter.audit set actor = null where scope = %(scope)s and seq = 5",
            _REHASH.replace("%(seq)s", "5"),
        ],
        [(6, "replaced")],
    ),
    ("removed", ["delete from insighter.audit where scope = %(scope)s and seq = 5"], [(6, "removed")]),
    (
        "several removed",
        ["delete from insighter.audit where scope = %(scope)s and seq in (3, 4, 5)"],
        [(6, "removed")],
    ),
    ("first removed", ["delete from insighter.audit where scope = %(scope)s and seq = 1"], [(2, "removed")]),
    (
        "removed and closed up",
        [
            "delete from insighter.audit where scope = %(scope)s and seq = 5",
            "update insighter.audit set seq = -seq where scope = %(scope)s and seq > 5",
            "update insighter.audit set seq = -seq - 1 where scope = %(scope)s and seq < 0",
        ],
        [(5, "altered"), (6, "altered"), (7, "altered")],
    ),
    (
        "swapped",
        [
            "update insighter.audit set seq = 500 where scope = %(scope)s and seq = 5",
            "update insighter.audit set seq = 5 where scope = %(scope)s and seq = 6",
            "update insighter.audit set seq = 6 where scope = %(scope)s and seq = 500",
        ],
        [(5, "altered"), (6, "altered")],
    ),
    ("tail cut", ["delete from insighter.audit where scope = %(scope)s and seq > 6"], [(7, "removed")]),
    (
        "last replaced",
        [
            "update insighter.audit set actor = null where scope = %(scope)s and seq = 8",
            _REHASH.replace("%(seq)s", "8"),
        ],
        [(8, "replaced")],
    ),
    (
        "put in at the end",
        [
            _FORGE.replace("%(seq)s", "9"),
            _REHASH.replace("%(seq)s", "9"),
        ],
        [(9, "inserted")],
    ),
    (
        "put in between",
        [
            "update insighter.audit set seq = -seq where scope = %(scope)s and seq >= 5",
            "update insighter.audit set seq = 1 - seq where scope = %(scope)s and seq < 0",
            _FORGE.replace("%(seq)s", "5"),
            _REHASH.replace("%(seq)s", "5"),
        ],
        [(6, "altered"), (7, "altered"), (8, "altered"), (9, "altered")],
    ),
    ("all removed", ["delete from insighter.audit where scope = %(scope)s"], [(1, "removed")]),
    (
        "all removed with the head",
        [
            "delete from insighter.audit where scope = %(scope)s",
            "delete from insighter.audit_heads where scope = %(scope)s",
        ],
        [(0, "removed")],
    ),
    ("head removed", ["delete from insighter.audit_heads where scope = %(scope)s"], [(8, "inserted")]),
]


@pytest.fixture
def chain(owner: Person, project: str) -> str:
    """A chain of eight rows."""
    for number in range(6):
        owner.call("experiments_create", name=f"e{number}", project_id=project)
    return project


@pytest.mark.parametrize(("what", "statements", "found"), TAMPERING, ids=[one[0] for one in TAMPERING])
def test_tampering_is_found_and_the_row_is_named(
    database: Database, chain: str, what: str, statements: list[str], found: list[tuple[int, str]]
) -> None:
    assert verify(database, chain) | {"head": ""} == {
        "ok": True,
        "rows": 8,
        "head": "",
        "problems": [],
        "more": 0,
    }
    with Tampering(database) as superuser:
        superuser.execute("alter table insighter.audit drop constraint audit_seq_check")
        for statement in statements:
            superuser.execute(statement, {"scope": chain})  # type: ignore[arg-type, unused-ignore]
        state = verify(database, chain)
    assert not state["ok"], what
    named = [(problem["seq"], problem["kind"]) for problem in state["problems"]]
    assert set(found) <= set(named) and len(named) <= len(found) + 2, (what, state["problems"])
    assert all(problem["message"] for problem in state["problems"])
    assert verify(database, chain)["ok"]


def test_a_chain_that_was_rewritten_as_a_whole_is_found_by_a_head_noted_elsewhere(
    database: Database, chain: str
) -> None:
    noted = verify(database, chain)["head"]
    with Tampering(database) as superuser:
        superuser.execute("update insighter.audit set actor = null where scope = %s and seq = 3", [chain])
        for seq in range(3, 9):
            superuser.execute(
                """update insighter.audit a set prev_hash = coalesce(
                     (select b.hash from insighter.audit b where b.scope = a.scope and b.seq = a.seq - 1), a.prev_hash)
                   where scope = %s and seq = %s""",
                [chain, seq],
            )
            superuser.execute(_REHASH, {"scope": chain, "seq": seq})
        superuser.execute(
            "update insighter.audit_heads h set hash = (select hash from insighter.audit a"
            " where a.scope = h.scope and a.seq = 8) where scope = %s",
            [chain],
        )
        assert verify(database, chain)["ok"]  # what docs/audit.md says it cannot find
        assert [problem["kind"] for problem in verify(database, chain, noted)["problems"]] == ["replaced"]
    with Tampering(database) as superuser:
        superuser.execute("delete from insighter.audit where scope = %s and seq > 6", [chain])
        superuser.execute(
            "update insighter.audit_heads h set (seq, hash) = (select seq, hash from insighter.audit a"
            " where a.scope = h.scope and a.seq = 6) where scope = %s",
            [chain],
        )
        assert verify(database, chain)["ok"]
        assert [problem["kind"] for problem in verify(database, chain, noted)["problems"]] == ["removed"]


def test_many_problems_are_counted(database: Database, owner: Person, project: str) -> None:
    for number in range(40):
        owner.call("experiments_create", name=f"e{number}", project_id=project)
    with Tampering(database) as superuser:
        superuser.execute("update insighter.audit set actor_kind = 'x' where scope = %s", [project])
        state = verify(database, project)
    assert len(state["problems"]) == 20 and state["more"] == 22


# ---- many at once ---------------------------------------------------------------------------------------------------


def in_threads(
    tasks: list[Callable[[psycopg.Connection[Any]], None]], conninfo: dict[str, Any]
) -> list[Exception]:
    """Run each on a connection of its own, all at the same time; what went wrong."""
    failures: list[Exception] = []
    start = threading.Barrier(len(tasks))

    def run(task: Callable[[psycopg.Connection[Any]], None]) -> None:
        try:
            with psycopg.connect(**conninfo, autocommit=True) as connection:
                start.wait(timeout=30)
                task(connection)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=[task]) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return failures


def test_many_writers_of_one_project_make_one_chain(
    database: Database, cluster: EmbeddedPostgres, project: str
) -> None:
    def writes(prefix: str) -> Callable[[psycopg.Connection[Any]], None]:
        def run(connection: psycopg.Connection[Any]) -> None:
            for number in range(20):
                with connection.transaction():
                    connection.execute(
                        "insert into insighter.experiments (project_id, name, created_by) values (%s, %s, %s)",
                        [project, f"{prefix}-{number}", uuid4()],
                    )

        return run

    name = database.superuser("select current_database()")[0][0]
    before = len(trail(database, project))
    assert in_threads([writes(str(i)) for i in range(8)], cluster.conninfo(database=name)) == []
    state = verify(database, project)
    assert state["ok"] and state["rows"] == before + 160
    times = [row["at"] for row in trail(database, project)]
    assert times == sorted(times)


def test_changes_of_several_chains_in_any_order_do_not_lock_each_other_out(
    database: Database, cluster: EmbeddedPostgres, owner: Person
) -> None:
    """Each transaction touches several projects and accounts, the threads in opposite orders."""
    projects = [project_of(owner) for _ in range(4)]
    people = [database.person().user_id for _ in range(2)]

    def writes(order: int) -> Callable[[psycopg.Connection[Any]], None]:
        def run(connection: psycopg.Connection[Any]) -> None:
            for number in range(25):
                with connection.transaction():
                    for project in projects[::order]:
                        connection.execute(
                            "insert into insighter.experiments (project_id, name, created_by) values (%s, %s, %s)",
                            [project, f"{order}-{threading.get_ident()}-{number}", uuid4()],
                        )
                    for person in people[::-order]:
                        _credential(connection, person, projects[0])

        return run

    name = database.superuser("select current_database()")[0][0]
    assert in_threads([writes(1), writes(-1), writes(1), writes(-1)], cluster.conninfo(database=name)) == []
    for scope in [*projects, *people]:
        assert verify(database, scope)["ok"]
    assert all(len(trail(database, project, asset_kind="experiment")) == 100 for project in projects)


def _credential(connection: psycopg.Connection[Any], person: UUID | None, project: str) -> None:
    connection.execute(
        "insert into insighter.credentials (user_id, project_id, kind, label, secret_hash, expires_at, issuer, role)"
        " values (%s, %s, 'kernel', 'k', %s, now(), 'i', 'editor')",
        [person, project, hashlib.sha256(uuid4().bytes).hexdigest()],
    )


def test_a_savepoint_that_is_taken_back_takes_its_rows_with_it(
    database: Database, owner: Person, project: str
) -> None:
    other = project_of(owner)
    connection = database._superuser
    with connection.transaction():
        connection.execute("update insighter.projects set description = 'kept' where id = %s", [project])
        with connection.transaction(force_rollback=True):
            connection.execute("update insighter.projects set description = 'gone' where id = %s", [other])
        connection.execute("update insighter.projects set folder = 'kept' where id = %s", [project])
    assert [row["changes"] for row in trail(database, project, action="changed")] == [
        {"description": ["", "kept"]},
        {"folder": ["", "kept"]},
    ]
    assert trail(database, other, action="changed") == []
    # Nothing of one transaction's locks is thought to be held in the next, on the same connection.
    with connection.transaction():
        connection.execute("update insighter.projects set description = 'later' where id = %s", [other])
    assert verify(database, other)["ok"] and len(trail(database, other, action="changed")) == 1
