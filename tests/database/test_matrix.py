"""The matrix of rights: every table and every function, tried by everybody, against what is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.database.conftest import Database, Person
from tests.database.matrix import (
    ACTORS,
    CREDENTIALS,
    FUNCTION_LINES,
    LEVELS,
    SIGNED_IN,
    TABLE_LINES,
    Function,
    Table,
)

SCHEMAS = ["insighter", "private", "auth", "storage", "platform"]
OPERATIONS = ["select", "insert", "update", "delete"]
CANARY = "canary"


class Column(NamedTuple):
    """A column of a relation, and what those who signed in may do with it."""

    name: str
    writable: bool
    granted: list[str]


class World:
    """A project with one of everything, whose names all say so, and those who try to get at it.

    Everything tried is undone: each cell is a transaction of its own that is rolled back.
    """

    def __init__(self, database: Database, cluster: EmbeddedPostgres) -> None:
        self.database = database
        name = database.superuser("select current_database()")[0][0]
        self.connection = psycopg.connect(
            **cluster.conninfo(database=name), cursor_factory=psycopg.ClientCursor
        )
        self.people: dict[str, Person] = {}
        self.values: dict[str, Any] = {}
        self._people()
        self._assets()
        self._sharing()
        self._trash()
        self._elsewhere()
        self._archives()
        self.columns = self._read_columns()
        self.nothing = {
            **{name: uuid4() for name in ("project", "deployment", "organisation", "credential", "token")},
            "achievement": uuid4(),
            "alias_rule": uuid4(),
            "alias_request": uuid4(),
            **{
                name: uuid4()
                for name in (
                    "project",
                    "deployment",
                    "notebook",
                    "organisation",
                    "credential",
                    "token",
                    "run_view",
                    "import",
                    "export",
                )
            },
            "slug": "no-such-project",
            "run_hex": uuid4().hex,
            "experiment": 987_654_321,
            "logged_model": f"m-{uuid4().hex}",
            "trace": f"tr-{uuid4().hex}",
        }

    def _one(self, query: str, *arguments: Any) -> Any:
        return self.database.superuser(query, *arguments)[0][0]

    def _people(self) -> None:
        for name in [*LEVELS, "stranger", "team", "guest", "other"]:
            self.people[name] = self.database.person(f"{name if name != 'owner' else CANARY}")
        self.people["public"] = self.people["stranger"]
        for name, person in self.people.items():
            self.values[name] = person.user_id
            if name != "public":
                self.values[f"{name}_session"] = self._one(
                    "insert into auth.sessions (user_id) values (%s) returning id", person.user_id
                )
        for name in CREDENTIALS:
            self.people[name] = self.people["owner"]
        owner = self.people["owner"]
        made = owner.call("projects_create", name="canary project", description="canary")
        self.values |= {"project": made["id"], "slug": made["slug"]}
        for name in ["viewer", "annotator", "editor", "admin", "guest"]:
            self.database.superuser(
                "insert into insighter.members (project_id, user_id, role) values (%s, %s, %s)",
                made["id"],
                self.people[name].user_id,
                name if name in LEVELS else "annotator",
            )
        owner.call("members_set", project_id=made["id"], user_id=self.values["guest"], role="viewer")

    def _assets(self) -> None:
        owner, project = self.people["owner"], self.values["project"]
        names = {"object": "1", "loose": "2", "another": "3", "closed_object": "4", "files": "6"}
        keys = {name: f"{project}/{digit * 64}" for name, digit in names.items()}
        self.values |= keys
        for name, key in [("canary wine", keys["object"]), ("canary closed", keys["closed_object"])]:
            owner.call(
                "datasets_add_version",
                project_id=project,
                name=name,
                format="csv",
                filename="canary.csv",
                sha256=key.split("/")[1],
                size=1,
                table_object_key=key,
                table_size=1,
                rows=1,
                columns=[{"name": "canary"}],
            )
        counting = {"count": {"asset_kind": "dataset", "verb": "created"}}
        for name, goal in [("canary achievement", 1), ("canary closed achievement", 2)]:
            self.values[name.replace("canary ", "").replace(" ", "_")] = owner.call(
                "achievements_create",
                project_id=project,
                name=name,
                audience="project",
                rule={**counting, "at_least": goal},
            )["id"]
        self.values["dataset"] = self._one("select id from insighter.datasets where name = 'canary wine'")
        self.values["closed"] = self._one("select id from insighter.datasets where name = 'canary closed'")
        for name, wine in [("viewer", "canary wine"), ("annotator", "canary closed")]:
            said = self.people[name].call(
                "comments_create", project_id=project, kind="dataset", key=wine, body="canary"
            )
            self.values.setdefault("comment", said["id"])
        experiment = owner.call("experiments_create", name="canary experiment", project_id=project)["id"]
        run = owner.call(
            "runs_create", experiment_id=experiment, name="canary run", tags={"canary_tag": "canary"}
        )["id"]
        message = {"type": "canary", "data": "canary"}
        owner.call("bus_publish", project_id=project, topic="canary", message=message)
        point = {"key": "canary_metric", "value": 0.5, "step": 1, "time": 1}
        owner.call("runs_log_batch", run_id=run, metrics=[point], params={"canary": "canary"})
        source = {"source_type": "local", "source": "canary"}
        reads = [("canary read", "1"), ("canary closed", keys["closed_object"].split("/")[1][:16])]
        owner.call(
            "runs_log_inputs",
            run_id=run,
            datasets=[{"name": name, "digest": digest, **source} for name, digest in reads],
        )
        model = self._model(experiment, run, "canary logged", keys["object"])
        owner.call("runs_log_outputs", run_id=run, models=[{"model_id": model, "step": 1}])
        owner.call("runs_update", run_id=run, status="FINISHED")
        trace = f"tr-{uuid4().hex}"
        told = {
            "id": trace,
            "start_ms": 1,
            "status": "OK",
            "tags": {},
            "metadata": {},
            "name": "canary trace",
        }
        said = {
            "id": "a-canary",
            "type": "feedback",
            "name": "canary",
            "value": "true",
            "source_type": "HUMAN",
        }
        said |= {"valid": True, "numeric": False, "created_ms": 1, "updated_ms": 1}
        owner.call("traces_start", trace={**told, "experiment_id": experiment}, assessments=[said])
        span = {
            "trace_id": trace,
            "id": "1" * 16,
            "name": "canary",
            "status": "OK",
            "start_ns": 1,
            "content": "{}",
        }
        owner.call("traces_log_spans", experiment_id=experiment, traces=[told], spans=[span], run_id=run)
        self.values["trace"] = trace
        score = {**point, "key": "canary_score", "model_id": model}
        owner.call("runs_log_batch", run_id=run, model_metrics=[score])
        owner.call(
            "artifacts_put", root=f"runs/{run}", path="canary.txt", object_key=keys["object"],
            sha256=keys["object"].split("/")[1], size=1,
        )  # fmt: skip
        self.values["closed_model"] = self._model(experiment, None, "canary closed logged", keys["files"])
        for name, logged, alias in [
            ("canary model", model, "champion"),
            ("canary closed model", self.values["closed_model"], "closed"),
        ]:
            owner.call("models_register", project_id=project, name=name, model_id=logged)
            owner.call(
                "models_set_alias", name=name, alias=alias, version="1", project_id=project, why="canary"
            )
        self.values |= {"experiment": int(experiment), "run_hex": run, "logged_model": model}
        self._aliases()
        self.values["run_view"] = owner.call(
            "views_save", project_id=project, experiment_id=experiment, name="canary view"
        )["id"]
        self.values["run"] = self._one("select id from insighter.runs where name = 'canary run'")
        for value, name in [("model", "canary model"), ("closed_registered", "canary closed model")]:
            self.values[value] = self._one("select id from insighter.registered_models where name = %s", name)
        for value, name in [("deployment", "canary-endpoint"), ("closed_deployment", "canary-closed")]:
            self.values[value] = uuid4()
            owner.call(
                "deployments_create", project_id=project, id=self.values[value], name=name,
                model_name="canary model", model_version=1, port=50_000,
            )  # fmt: skip
        self.values["credential"] = owner.call(
            "credentials_issue", project_id=project, label="canary kernel", secret_hash="1" * 64,
            issuer_hash="2" * 64, seconds=3600,
        )["id"]  # fmt: skip
        self.values["token"] = owner.call(
            "tokens_create", project_id=project, name="canary token", role="viewer", secret_hash="3" * 64, days=1
        )["id"]  # fmt: skip

        hook = owner.call(
            "webhooks_create", project_id=project, name="canary", url="https://example.org/canary",
            events=["model_version.created"], secret="canary",
        )["id"]  # fmt: skip
        sent = owner.call("webhooks_send", id=hook, payload={"name": "canary"})["id"]
        self.database.superuser("update insighter.webhook_deliveries set taken_until = null")
        self.values |= {"webhook": hook, "delivery": sent}

        self._notebooks(experiment)

    def _aliases(self) -> None:
        """A protected alias of each model, a request to move it, and what people wrote of the model."""
        owner, project = self.people["owner"], self.values["project"]
        for name, alias, value, asker in [
            ("canary model", "guarded", "alias", "editor"),
            ("canary closed model", "shut", "closed_alias", "admin"),
        ]:
            self.values[f"{value}_rule"] = owner.call(
                "alias_rules_put",
                project_id=project,
                model=name,
                alias=f"{alias}*",
                role="admin",
                approvals=1,
            )["id"]
            self.values[f"{value}_request"] = self.people[asker].call(
                "models_request_alias", name=name, alias=alias, version="1", why="canary", project_id=project
            )["id"]
            owner.call("models_write_card", name=name, body="canary card", revision=0, project_id=project)

    def _notebooks(self, experiment: str) -> None:
        """An open one and a closed one, each with a version, a kernel, and a run that it made."""
        owner, project = self.people["owner"], self.values["project"]
        for name, digit in [("notebook", "8"), ("closed_notebook", "9")]:
            path = f"canary {name}.ipynb"
            made = owner.call("notebooks_bind", project_id=project, path=path)["id"]
            self.values[name] = UUID(made)
            self.values[f"{name}_object"] = f"{project}/{digit * 64}"
            self.values[f"{name}_kernel"] = uuid4()
            owner.call(
                "notebooks_add_version", project_id=project, id=made, sha256=digit * 64, size=1, cells=1,
                fingerprint=digit * 64, reason="saved",
            )  # fmt: skip
            credential = owner.call(
                "credentials_issue", project_id=project, label=f"canary of {name}", secret_hash=digit * 64,
                issuer_hash="2" * 64, seconds=3600,
            )["id"]  # fmt: skip
            owner.call(
                "notebooks_attach", project_id=project, id=made, credential_id=credential,
                kernel_id=self.values[f"{name}_kernel"],
            )  # fmt: skip
            run = owner.call("runs_create", experiment_id=experiment, name=f"canary of {name}")["id"]
            self.database.superuser(
                "insert into insighter.notebook_runs (project_id, run_id, notebook_id, kernel_id, version)"
                " values (%s, %s, %s, %s, 1)",
                project, UUID(run), made, self.values[f"{name}_kernel"],
            )  # fmt: skip
            self.values[f"{name}_run"] = run

    def _model(self, experiment: str, run: str | None, name: str, key: str) -> str:
        """A logged model with a file."""
        owner = self.people["owner"]
        model = str(
            owner.call("logged_models_create", experiment_id=experiment, name=name, source_run_id=run)["id"]
        )
        owner.call("logged_models_update", id=model, status="LOGGED_MODEL_READY")
        owner.call(
            "artifacts_put", root=f"models/{model}", path="canary/MLmodel", object_key=key,
            sha256=key.split("/")[1], size=1,
        )  # fmt: skip
        return model

    def _sharing(self) -> None:
        self.values["organisation"] = self._one(
            "insert into insighter.organisations (name, created_by) values ('canary organisation', %s) returning id",
            self.values["owner"],
        )
        for name, role in [("owner", "admin"), ("team", "member"), ("guest", "member")]:
            self.database.superuser(
                "insert into insighter.organisation_members (organisation_id, user_id, role) values (%s, %s, %s)"
                " on conflict do nothing",
                self.values["organisation"],
                self.values[name],
                role,
            )
        for kind, asset in [
            ("dataset", "closed"),
            ("notebook", "closed_notebook"),
            ("model", "closed_registered"),
            ("deployment", "closed_deployment"),
        ]:
            self.database.superuser(
                "insert into insighter.restrictions"
                " (project_id, asset_kind, asset_id, min_role, people, created_by)"
                " values (%s, %s, %s, 'admin', array[%s]::uuid[], %s)",
                self.values["project"],
                kind,
                self.values[asset],
                self.values["annotator"],
                self.values["owner"],
            )
        for position, (kind, asset) in enumerate([("deployment", "deployment"), ("dataset", "closed")], 1):
            self.database.superuser(
                "insert into insighter.pins (project_id, asset_kind, asset_id, position) values (%s, %s, %s, %s)",
                self.values["project"],
                kind,
                str(self.values[asset]),
                position,
            )
        self.people["owner"].call(
            "presence_enter", project_id=self.values["project"], connection=uuid4(), away=False
        )
        # The member of the organisation is invited to the project, and has asked for it; so has somebody else.
        self.database.superuser(
            "update auth.users set email_confirmed_at = now() where id = %s", self.values["team"]
        )
        email = self._one("select email from auth.users where id = %s", self.values["team"])
        owner = self.people["owner"]
        for value, where in [("invitation", "project"), ("organisation_invitation", "organisation")]:
            self.values[value] = owner.call(
                "invitations_create",
                email=email if where == "project" else "canary@example.org",
                role="viewer" if where == "project" else "member",
                code_hash=("7" if where == "project" else "8") * 64,
                **{f"{where}_id": self.values[where]},
            )["id"]
        for name in ("team", "other"):
            self.people[name].call(
                "access_requests_create", project=self.values["slug"], role="viewer", message="canary"
            )
        self.values["request"] = self._one(
            "select id from insighter.access_requests where user_id = %s", self.values["other"]
        )

    def _trash(self) -> None:
        owner, project = self.people["owner"], self.values["project"]
        for value, name in [("trashed", "canary trashed"), ("closed_trashed", "canary closed trashed")]:
            owner.call(
                "datasets_add_version", project_id=project, name=name, format="csv", filename="canary.csv",
                sha256="7" * 64, size=1, table_object_key=f"{project}/{'7' * 64}", table_size=1, rows=1, columns=[],
            )  # fmt: skip
            self.values[value] = self._one("select id from insighter.datasets where name = %s", name)
            owner.call("datasets_delete", project_id=project, name=name)
        self.database.superuser(
            "insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role, created_by)"
            " values (%s, 'dataset', %s, 'admin', %s)",
            project,
            self.values["closed_trashed"],
            self.values["owner"],
        )
        self.database.superuser(
            "insert into insighter.released_objects (project_id, object, newest) values (%s, %s, now())",
            project,
            self.values["loose"],
        )
        self.values["trashed_project"] = owner.call("projects_create", name="canary trashed project")["id"]
        owner.call("projects_delete", id=self.values["trashed_project"])

    def _elsewhere(self) -> None:
        """What is not the project's: a deleted project, accounts, stored objects."""
        owner = self.people["owner"]
        self.people["guest"].call("achievements_show", shown=False)
        self.values["released"] = owner.call("projects_create", name="canary deleted")["id"]
        owner.call("projects_delete", id=self.values["released"])
        owner.call("trash_projects_purge", id=self.values["released"])
        another = self.people["other"].call("projects_create", name="elsewhere")["id"]
        self.values["elsewhere"] = f"{another}/{'5' * 64}"
        self.database.superuser(
            "delete from insighter.released_projects where project_id <> %s", self.values["released"]
        )
        run = self.database.superuser
        run("insert into auth.identities (provider_id, provider, user_id, identity_data)"
            " values ('x', 'email', %s, '{}')",
            self.values["owner"])  # fmt: skip
        run("insert into auth.refresh_tokens (token, user_id, session_id) values ('canary', %s, %s)",
            str(self.values["owner"]), self.values["owner_session"])  # fmt: skip
        run("insert into auth.one_time_tokens (user_id, token_type, token_hash, relates_to)"
            " values (%s, 'recovery_token', 'canary', '')", self.values["owner"])  # fmt: skip
        for bucket in ("insighter", CANARY, "empty"):
            run(
                "insert into storage.buckets (id, name) values (%s, %s) on conflict do nothing",
                bucket,
                bucket,
            )
        for bucket, name in [
            ("insighter", "object"),
            ("insighter", "loose"),
            ("insighter", "closed_object"),
            ("canary", "object"),
        ]:
            run("insert into storage.objects (bucket_id, name) values (%s, %s)", bucket, self.values[name])

    def _archives(self) -> None:
        owner, run = self.people["owner"], self.database.superuser
        self.values["import"] = owner.call("archives_import", name="canary import")["id"]
        line = '{"name": "canary imported"}'
        owner.call("archives_stage", id=self.values["import"], section="project", page=1, lines=line)
        self.values["export"] = owner.call("archives_export", project_id=self.values["project"])["id"]
        run("insert into insighter.archive_ids (archive_id, kind, old, new) values (%s, 'run', '1', '2')",
            self.values["import"])  # fmt: skip
        run("insert into insighter.project_origins (project_id, number, name, exported_at, exported_by, created_by)"
            " values (%s, 1, 'canary origin', now(), 'canary', %s)",
            self.values["project"], self.values["owner"])  # fmt: skip

    def _read_columns(self) -> dict[str, list[Column]]:
        found: dict[str, list[Column]] = {}
        for relation, *column in self.database.superuser(
            """select n.nspname || '.' || c.relname, a.attname, a.attgenerated = '' and a.attidentity <> 'a',
                 array(select p from unnest(array['select', 'insert', 'update']) p
                   where has_column_privilege('authenticated', c.oid, a.attnum, p))
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
               join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
               where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname = any (%s)
               order by c.oid, a.attnum""",
            SCHEMAS,
        ):
            found.setdefault(relation, []).append(Column(*column))
        return found

    # ---- a cell --------------------------------------------------------------------------------------------------

    def claims(self, actor: str) -> dict[str, Any]:
        """What the gateway would say of the actor."""
        if actor in {"anon", "service"}:
            return {"role": "anon" if actor == "anon" else "service_role"}
        person = self.people[actor]
        claims: dict[str, Any] = {"sub": str(person.user_id), "role": "authenticated", "aud": "authenticated"}
        if actor in CREDENTIALS:
            kind = "kernel" if actor == "kernel" else "token"
            own = {"kind": kind, "project": str(self.values["project"]), "role": CREDENTIALS[actor]}
            return {**claims, "insighter": own}
        name = "stranger" if actor == "public" else actor
        return {**claims, "insighter": {"kind": "person"}, "session_id": str(self.values[f"{name}_session"])}

    def begin(self, actor: str, before: str = "") -> dict[str, Any]:
        """Start a transaction in which the actor's project is as it shall be. Returns values for statements."""
        values = {**self.values, "actor": None, "actor_session": None}
        if actor in SIGNED_IN:
            values["actor"] = self.people[actor].user_id
            values["actor_session"] = self.values[
                "owner_session"
                if actor in CREDENTIALS
                else f"{'stranger' if actor == 'public' else actor}_session"
            ]
        # The owner shares the project; whatever else is done before is done past row-level security, too.
        self.connection.execute(
            "select set_config('request.jwt.claims', %s, true)", [json.dumps(self.claims("owner"))]
        )
        self.run(before, values)
        if actor == "public":
            self.run("update insighter.projects set visibility = 'public' where id = :project", values)
        elif actor == "team":
            self.run(
                "update insighter.projects set visibility = 'team', organisation_id = :organisation"
                " where id = :project",
                values,
            )
        self.run("set constraints all immediate; set constraints all deferred", values)
        return values

    def become(self, actor: str) -> None:
        """Be the actor until the transaction ends."""
        claims = self.claims(actor)
        self.connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),"
            " set_config('storage.allow_delete_query', 'true', true)",
            [claims["role"], json.dumps(claims)],
        )

    def run(self, statement: str, values: dict[str, Any]) -> Any:
        """Execute, with ``:name`` for values."""
        if not statement:
            return None
        text = re.sub(r"(?<!:):(\w+)", r"%(\1)s", statement.replace("%", "%%"))
        return self.connection.execute(text, {name: _plain(value) for name, value in values.items()})

    def table_cell(self, line: Table, operation: str, actor: str) -> str:
        """Try it: rows, none or denied; or what else went wrong."""
        try:
            values = self.begin(actor)
            sample = self.run(
                f"select to_jsonb(t) from {line.relation} t where {line.row}", values
            ).fetchall()
            assert len(sample) == 1, f"{line.label}: {len(sample)} rows are to be tried, not one"
            statement = self.statement(line, operation, actor, sample[0][0], values)
            self.become(actor)
            cursor = self.run(statement, values)
            count = cursor.fetchone()[0] if operation == "select" else cursor.rowcount
            self.connection.execute("set constraints all immediate")
            return "rows" if count else "none"
        except psycopg.errors.InsufficientPrivilege:
            return "denied"
        except psycopg.Error as error:
            return f"{error.sqlstate} {error}"
        finally:
            self.connection.rollback()

    def statement(
        self, line: Table, operation: str, actor: str, sample: dict[str, Any], values: dict[str, Any]
    ) -> str:
        """A real statement on the tried row, made from the table's columns."""
        columns = self.columns[line.relation]
        if operation == "select":
            return f"select count(*) from {line.relation} t where {line.row}"
        if operation == "delete":
            return f"delete from {line.relation} t where {line.row}"
        writable = [column.name for column in columns if column.writable]
        if operation == "update":
            changed = [name for name in writable if line.changeable is None or name in line.changeable]
            if actor == "service" or not changed:
                changed = writable
            new = line.new if actor in SIGNED_IN else {}
            values_set = ", ".join(f"{name} = {new.get(name, f't.{name}')}" for name in changed)
            return f"update {line.relation} t set {values_set} where {line.row}"
        granted = [column.name for column in columns if column.writable and "insert" in column.granted]
        if actor == "service" or not granted:
            granted = writable
        values["sample"] = Jsonb(sample)
        fresh = {**({"created_by": ":actor"} if actor in SIGNED_IN else {}), **line.new}
        return (
            f"insert into {line.relation} ({', '.join(granted)}) "
            f"select {', '.join(fresh.get(name, f't.{name}') for name in granted)} "
            f"from jsonb_populate_record(null::{line.relation}, :sample) t"
        )

    def function_cell(self, line: Function, actor: str) -> str:
        """Call it: told, done, ok or empty; denied, a status, or what else went wrong."""
        try:
            values = self.begin(actor, line.before)
            written = self.written()
            self.become(actor)
            answer = self.run(f"select public.{line.name}({line.arguments})", values).fetchone()[0]
            self.connection.execute("set constraints all immediate")
            self.connection.execute("reset role")
            if self.tells(answer):
                return "told+done" if self.written() != written else "told"
            return "done" if self.written() != written else "empty"
        except psycopg.errors.InsufficientPrivilege as error:
            # An error inside a function is a slip: it would be answered as 403 for a reason that nobody wrote down.
            return "denied" if f"function {line.name}" in str(error) else f"42501 {error}"
        except psycopg.Error as error:
            status = re.fullmatch(r"PT(\d{3})", error.sqlstate or "")
            # What the caller named is no news.
            text = f"{error.diag.message_primary} {error.diag.message_hint}"
            for literal in re.findall(r"'(.+?)'", line.arguments):
                text = text.replace(literal, "")
            if status and actor == "stranger" and self.tells(text):
                return f"{status[1]}, which tells: {text}"
            return status[1] if status else f"{error.sqlstate} {error}"
        finally:
            self.connection.rollback()

    def refusal(self, line: Function, actor: str, missing: bool) -> str:
        """How a call is refused, without what the caller said. With ``missing``, of what there is not."""
        try:
            values = self.begin(actor, line.before)
            said = {**values, **self.nothing} if missing else values
            self.become(actor)
            self.run(f"select public.{line.name}({line.arguments})", said)
            return "not refused"
        except psycopg.Error as error:
            said_why = error.diag.message_primary, error.diag.message_detail, error.diag.message_hint
            text = f"{error.sqlstate} {said_why}"
            for value in sorted(map(str, said.values()), key=len, reverse=True):
                text = re.sub(rf"\b{re.escape(value)}\b", "…", text)
            return text
        finally:
            self.connection.rollback()

    def tells(self, answer: Any) -> bool:
        """Whether something of the project is in an answer."""
        text = json.dumps(answer, ensure_ascii=False).replace(self.values["slug"], "")
        return CANARY in text or str(self.values["project"]) in text

    def written(self) -> int:
        """How many rows the session has written."""
        query = "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_xact_user_tables"
        return int(self.run(query, {}).fetchone()[0])


def _plain(value: Any) -> Any:
    return str(value) if hasattr(value, "hex") and not isinstance(value, str | float) else value


def fits(expected: str, seen: str) -> bool:
    """Whether what happened is what a function's line says."""
    if expected == "ok":
        return seen in {"told", "done", "told+done", "empty"}
    return expected in seen.split("+") if expected in {"told", "done"} else expected == seen


@pytest.fixture(scope="module")
def world(database: Database, cluster: EmbeddedPostgres) -> Iterator[World]:
    """The project, once for all cells."""
    world = World(database, cluster)
    try:
        yield world
    finally:
        world.connection.close()


def test_every_relation_has_a_line_and_every_line_a_relation(world: World) -> None:
    assert sorted({line.relation for line in TABLE_LINES}) == sorted(world.columns)
    assert len({line.label for line in TABLE_LINES}) == len(TABLE_LINES)


def test_every_function_has_a_line_and_every_line_a_function(database: Database) -> None:
    functions = database.superuser(
        """select p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace
             and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')"""
    )
    assert sorted({line.name for line in FUNCTION_LINES}) == sorted(name for (name,) in functions)
    assert len({line.label for line in FUNCTION_LINES}) == len(FUNCTION_LINES)


@pytest.mark.parametrize("line", TABLE_LINES, ids=lambda line: line.label)
def test_table(world: World, line: Table) -> None:
    seen = {(o, actor): world.table_cell(line, o, actor) for o in OPERATIONS for actor in ACTORS}
    wrong = [
        f"{operation} by {actor}: {line.expected(operation, actor)} is written down, seen was {got}"
        for (operation, actor), got in seen.items()
        if got != line.expected(operation, actor)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("line", TABLE_LINES, ids=lambda line: line.label)
def test_columns(world: World, line: Table) -> None:
    columns = world.columns[line.relation]
    if "select" not in line.closed:
        assert {column.name for column in columns if "select" not in column.granted} == line.unreadable
    changeable = {column.name for column in columns if "update" in column.granted}
    assert changeable == ({column.name for column in columns} if line.changeable is None else line.changeable)


@pytest.mark.parametrize(
    "line",
    [line for line in TABLE_LINES if line.relation.startswith("insighter.")],
    ids=lambda line: line.label,
)
def test_nobody_adds_a_row_in_the_name_of_another(world: World, line: Table) -> None:
    if "created_by" not in [
        column.name for column in world.columns[line.relation] if "insert" in column.granted
    ]:
        return
    forged = Table(**{**line.__dict__, "new": {**line.new, "created_by": ":other"}})
    assert {actor: world.table_cell(forged, "insert", actor) for actor in ACTORS} == dict.fromkeys(
        ACTORS, "denied"
    )


@pytest.mark.parametrize("line", FUNCTION_LINES, ids=lambda line: line.label)
def test_function(world: World, line: Function) -> None:
    seen = {actor: world.function_cell(line, actor) for actor in ACTORS}
    wrong = [
        f"{actor}: {line.expected(actor)} is written down, seen was {got}"
        for actor, got in seen.items()
        if not fits(line.expected(actor), got)
    ]
    assert not wrong, "\n".join(wrong)
    # Whatever the line says: those outside learn nothing.
    for actor in ("anon", "stranger", "service"):
        assert "told" not in seen[actor], actor


@pytest.mark.parametrize(
    "line",
    [line for line in FUNCTION_LINES if line.expected("stranger") == "404"],
    ids=lambda line: line.label,
)
def test_to_a_stranger_it_is_as_if_there_were_none(world: World, line: Function) -> None:
    assert world.refusal(line, "stranger", missing=False) == world.refusal(line, "stranger", missing=True)
