"""Protected aliases: who moves them, what has to hold, who approves, and what is known of it afterwards."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.errors import Conflict, Forbidden, InsighterError, Invalid, NotFound
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from tests.database.conftest import Database, Person

AUC = {"metric": "auc", "op": ">=", "value": 0.9, "dataset": "gold"}


@dataclass
class Registry:
    """A model with three versions, whose AUC on the dataset "gold" is 0.85, 0.92 and 0.95."""

    database: Database
    owner: Person
    project: str
    name: str
    runs: list[str]
    logged: list[str]

    def member(self, role: str) -> Person:
        return self.database.member(self.project, role)

    def protect(self, role: str = "admin", approvals: int = 1, gates: Any = (), **rule: Any) -> str:
        rule = {"alias": "champion", "model": self.name, **rule}
        made: str = self.owner.call(
            "alias_rules_put",
            project_id=self.project,
            role=role,
            approvals=approvals,
            gates=list(gates),
            **rule,
        )["id"]
        return made

    def set(self, person: Person, version: int, alias: str = "champion", why: str = "") -> Any:
        return person.call(
            "models_set_alias",
            name=self.name,
            alias=alias,
            version=str(version),
            project_id=self.project,
            why=why,
        )

    def take_off(self, person: Person, alias: str = "champion") -> Any:
        return person.call("models_delete_alias", name=self.name, alias=alias, project_id=self.project)

    def ask(self, person: Person, version: int | None, alias: str = "champion", why: str = "better") -> Any:
        return person.call(
            "models_request_alias", name=self.name, alias=alias, version=None if version is None else str(version),
            why=why, project_id=self.project,
        )  # fmt: skip

    def decide(self, person: Person, request: str, decision: str, why: str = "") -> Any:
        return person.call(
            "models_decide_alias",
            name=self.name,
            id=request,
            decision=decision,
            why=why,
            project_id=self.project,
        )

    def board(self, person: Person) -> Any:
        return person.call("models_aliases", name=self.name, project_id=self.project)

    def at(self, alias: str = "champion") -> int | None:
        aliases = self.owner.call("models_get", name=self.name, project_id=self.project)["aliases"]
        found: int | None = aliases.get(alias)
        return found

    def moves(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.owner.call(
            "models_alias_moves", name=self.name, project_id=self.project
        )["items"]
        return items

    def measure(self, version: int, key: str, value: float | str, dataset: str = "", step: int = 5) -> None:
        point = {
            "key": key, "value": value, "step": step, "time": 5, "model_id": self.logged[version - 1],
            "dataset_name": dataset, "dataset_digest": "1" if dataset else "",
        }  # fmt: skip
        self.owner.call("runs_log_batch", run_id=self.runs[version - 1], model_metrics=[point])


@pytest.fixture
def registry(database: Database) -> Registry:
    owner = database.person("owner")
    project = owner.call("projects_create", name=f"Registry {uuid4().hex[:8]}")["id"]
    experiment = owner.call("experiments_create", name="search", project_id=project)["id"]
    made = Registry(database, owner, project, "rating", [], [])
    for value in (0.85, 0.92, 0.95):
        run = owner.call("runs_create", experiment_id=experiment, name="forest")["id"]
        owner.call(
            "runs_log_batch", run_id=run, metrics=[{"key": "loss", "value": 0.2, "step": 1, "time": 1}]
        )
        logged = owner.call("logged_models_create", experiment_id=experiment, name="m", source_run_id=run)[
            "id"
        ]
        owner.call("logged_models_update", id=logged, status="LOGGED_MODEL_READY")
        owner.call(
            "artifacts_put", root=f"models/{logged}", path="MLmodel", object_key=f"{project}/{'a' * 64}",
            sha256="a" * 64, size=3,
        )  # fmt: skip
        owner.call("models_register", project_id=project, name=made.name, model_id=logged)
        made.runs.append(run)
        made.logged.append(logged)
        made.measure(len(made.runs), "auc", value, "gold")
    return made


def error(call: Callable[[], Any]) -> InsighterError:
    with pytest.raises(InsighterError) as raised:
        call()
    return raised.value


# ---- without rules


def test_every_move_is_remembered_with_who_when_and_why(registry: Registry) -> None:
    editor = registry.member("editor")
    registry.set(registry.owner, 1, why="the first")
    registry.set(editor, 2, why="better")
    registry.set(editor, 2, why="again")  # which is no move
    registry.take_off(registry.owner)
    moves = registry.moves()
    assert [(move["before"], move["version"], move["why"]) for move in moves] == [
        (2, None, ""),
        (1, 2, "better"),
        (None, 1, "the first"),
    ]
    assert moves[1]["by"].startswith("editor") and moves[0]["at"]
    assert error(lambda: registry.take_off(editor)).code == "alias_not_found"


def test_the_deletion_of_a_version_is_in_the_history_of_its_aliases(registry: Registry) -> None:
    registry.set(registry.owner, 1, "old")
    kernel = registry.owner.kernel(registry.project)
    kernel.call("model_versions_delete", name=registry.name, version="1")
    move = registry.moves()[0]
    assert (move["alias"], move["before"], move["version"], move["why"]) == (
        "old", 1, None, "version 1 was deleted",
    )  # fmt: skip


def test_history_is_nobodys_to_write(registry: Registry) -> None:
    registry.set(registry.owner, 1)
    for statement in (
        "update insighter.alias_moves set why = 'x'",
        "delete from insighter.alias_moves",
        "insert into insighter.alias_moves (project_id, model_id, alias)"
        " select project_id, id, 'x' from insighter.registered_models",
        "update insighter.alias_requests set state = 'moved'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            registry.owner.rows(statement)


# ---- rules


def test_a_protected_alias_is_moved_by_its_role_alone(registry: Registry) -> None:
    registry.set(registry.owner, 1)
    registry.protect("admin", approvals=0)
    editor, admin = registry.member("editor"), registry.member("admin")
    refusal = error(lambda: registry.set(editor, 2))
    assert refusal.status == 403 and refusal.code == "alias_protected"
    assert "moving it takes the role admin" in refusal.message
    assert refusal.hint and '.request("champion", 2, why="…")' in refusal.hint
    assert error(lambda: registry.take_off(editor)).code == "alias_protected"
    # Past the functions, it is no row that an editor writes, nor an admin.
    for person in (editor, admin):
        assert person.rows("update insighter.model_aliases set version = 2 returning 1") == []
        assert person.rows("delete from insighter.model_aliases returning 1") == []
    assert registry.at() == 1
    registry.set(admin, 2, why="tried it")
    assert registry.at() == 2 and registry.moves()[0]["why"] == "tried it"
    registry.take_off(admin)
    assert registry.at() is None
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        editor.rows(
            "insert into insighter.model_aliases (project_id, model_id, alias, version)"
            " select project_id, id, 'champion', 1 from insighter.registered_models"
        )
    registry.set(editor, 1, "another")


def test_rules_are_for_admins_in_person(registry: Registry) -> None:
    editor, admin = registry.member("editor"), registry.member("admin")
    rule: dict[str, Any] = {"project_id": registry.project, "alias": "prod", "role": "editor"}
    for person in (editor, admin.kernel(registry.project)):
        with pytest.raises(Forbidden):
            person.call("alias_rules_put", **rule)
    with pytest.raises(Forbidden):  # which would lock out whoever made it
        admin.call("alias_rules_put", **{**rule, "role": "owner"})
    made = admin.call("alias_rules_put", **rule)
    changed = admin.call("alias_rules_put", **rule, approvals=2)
    assert changed["id"] == made["id"] and changed["approvals"] == 2 and changed["all_models"]
    with pytest.raises(Forbidden):
        editor.call("alias_rules_delete", project_id=registry.project, id=made["id"])
    admin.call("alias_rules_delete", project_id=registry.project, id=made["id"])
    with pytest.raises(NotFound):
        admin.call("alias_rules_delete", project_id=registry.project, id=made["id"])


@pytest.mark.parametrize(
    "gates",
    [
        [{"metric": "auc", "op": "~", "value": 1, "dataset": None}],
        [{"metric": "auc", "op": ">=", "value": "1", "dataset": None}],
        [{"metric": "", "op": ">=", "value": 1, "dataset": None}],
        [{"metric": "auc", "op": ">=", "value": 1}],
        [{"metric": "auc", "op": ">=", "value": 1, "dataset": None, "sql": "drop table"}],
        [{"metric": "auc", "op": ">=", "value": 1, "dataset": ["gold"]}],
        ["auc >= 1"],
        {"metric": "auc"},
        [AUC] * 21,
    ],
)
def test_what_is_no_gate_is_refused(registry: Registry, gates: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        registry.owner.call(
            "alias_rules_put", project_id=registry.project, alias="prod", role="editor", gates=gates
        )
    assert refusal.value.code == "invalid_gates"


def test_all_rules_that_fit_count(registry: Registry) -> None:
    loss = {"metric": "loss", "op": "<", "value": 0.5, "dataset": None}
    registry.protect("editor", 0, [AUC], alias="prod-*", model=None)
    registry.protect("admin", 0, [loss, AUC], alias="prod-eu")
    found = registry.owner.call(
        "models_alias_check", name=registry.name, alias="prod-eu", version="2", project_id=registry.project
    )
    assert found["role"] == "admin" and len(found["gates"]) == 2 and found["passed"]
    assert found["way"] == "move"
    other = registry.owner.call(
        "models_alias_check", name=registry.name, alias="prod_eu", version="2", project_id=registry.project
    )
    assert not other["protected"]
    assert error(lambda: registry.set(registry.member("editor"), 2, "prod-eu")).code == "alias_protected"
    registry.set(registry.member("editor"), 2, "prod-us")


# ---- gates


def test_gates_are_measured_at_the_moment_of_the_move(registry: Registry) -> None:
    registry.protect("editor", 0, [AUC])
    editor = registry.member("editor")
    refusal = error(lambda: registry.set(editor, 1))
    assert refusal.status == 409 and refusal.code == "gates_failed"
    assert "auc ≥ 0.9 on gold (auc of v1 is 0.85)" in refusal.message
    assert refusal.details["gates"][0]["found"] == 0.85
    assert registry.at() is None and registry.moves() == []
    registry.set(editor, 2)
    (kept,) = registry.moves()[0]["gates"]
    assert (kept["found"], kept["passed"], kept["dataset"]) == (0.92, True, "gold")
    registry.measure(1, "auc", 0.97, "gold", step=6)
    registry.set(editor, 1)
    assert registry.at() == 1


@pytest.mark.parametrize(
    ("gate", "version", "reason"),
    [
        ({"metric": "f1"}, 1, 'v1 has no metric "f1"'),
        ({"metric": "auc", "dataset": "silver"}, 3, 'v3 has no metric "auc" on the dataset "silver"'),
        ({"metric": "auc"}, 3, 'v3 has no metric "auc"'),
        ({"metric": "loss", "op": "<", "value": 0.2}, 1, "loss of v1 is 0.2"),
        ({"metric": "loss", "op": "=", "value": 0.2}, 1, None),
        ({"metric": "loss", "op": "<=", "value": 0.2}, 1, None),
        ({"metric": "loss", "op": ">", "value": 0.1}, 1, None),
        ({"metric": "odd"}, 2, "odd of v2 is NaN"),
        ({"metric": "high"}, 2, "high of v2 is Infinity"),
        ({"metric": "own", "value": 0.5}, 2, None),
    ],
)
def test_what_a_gate_finds(
    registry: Registry, gate: dict[str, Any], version: int, reason: str | None
) -> None:
    registry.measure(2, "odd", "NaN")
    registry.measure(2, "high", "Infinity")
    registry.measure(2, "own", 0.5)
    registry.owner.call(
        "runs_log_batch",
        run_id=registry.runs[1],
        metrics=[{"key": "own", "value": 0.1, "step": 9, "time": 9}],
    )
    registry.protect("editor", 0, [{"op": ">=", "value": 0, "dataset": None, **gate}])
    (found,) = registry.owner.call(
        "models_alias_check", name=registry.name, alias="champion", version=str(version), project_id=registry.project
    )["gates"]  # fmt: skip
    assert (found["passed"], found["reason"]) == (reason is None, reason)


# ---- requests


def test_a_move_is_asked_for_and_approved_by_another(registry: Registry) -> None:
    registry.set(registry.owner, 1)
    registry.protect("admin", 1, [AUC])
    editor, admin = registry.member("editor"), registry.member("admin")
    refusal = error(lambda: registry.set(admin, 2))
    assert refusal.status == 403 and "the approval of another admin" in refusal.message
    asked = registry.ask(editor, 2, why="higher AUC")
    assert (asked["state"], asked["before"], asked["version"], asked["needed"]) == ("open", 1, 2, 1)
    assert asked["mine"] and not asked["may_approve"] and asked["gates"][0]["passed"]
    assert error(lambda: registry.ask(admin, 3)).code == "already_asked"
    assert error(lambda: registry.decide(editor, asked["id"], "approve")).status == 403
    assert (
        error(lambda: registry.decide(admin.kernel(registry.project), asked["id"], "approve")).code
        == "not_in_person"
    )
    (seen,) = registry.board(admin)["requests"]
    assert seen["may_approve"] and not seen["mine"]
    done = registry.decide(admin, asked["id"], "approve", "looked at it")
    assert done["state"] == "moved" and registry.at() == 2
    move = registry.moves()[0]
    assert (move["before"], move["version"], move["why"]) == (1, 2, "higher AUC")
    assert move["asked_by"].startswith("editor") and move["by"].startswith("admin")
    assert [(item["by"][:5], item["why"]) for item in move["approvals"]] == [("admin", "looked at it")]
    assert error(lambda: registry.decide(admin, asked["id"], "approve")).code == "request_closed"
    verbs = [
        row[0] for row in registry.database.superuser(
            "select verb from insighter.events where project_id = %s and asset_kind = 'model' order by id desc limit 3",
            registry.project,
        )
    ]  # fmt: skip
    assert verbs == ["aliased", "approved", "asked"]
    told = registry.database.superuser(
        "select kind, data ->> 'state' from insighter.notifications where user_id = %s", editor.user_id
    )
    assert told == [("alias_decided", "moved")]


def test_requests_are_rejected_and_withdrawn(registry: Registry) -> None:
    registry.protect("admin", 1)
    editor, admin = registry.member("editor"), registry.member("admin")
    first = registry.ask(editor, 1)["id"]
    assert error(lambda: registry.decide(admin, first, "withdraw")).code == "not_yours"
    assert registry.decide(admin, first, "reject", "not yet")["decision"] == "not yet"
    second = registry.ask(editor, 1)["id"]
    assert registry.decide(editor, second, "withdraw")["state"] == "withdrawn"
    third = registry.ask(editor, 1)
    assert third["state"] == "open" and registry.at() is None
    assert [item["state"] for item in registry.board(editor)["requests"]] == ["open", "withdrawn", "rejected"]


def test_nobody_approves_their_own_unless_they_are_alone(registry: Registry) -> None:
    registry.protect("admin", 2)
    asked = registry.ask(registry.owner, 1)
    assert asked["may_approve"] and asked["needed"] == 1
    admin = registry.member("admin")
    assert error(lambda: registry.decide(registry.owner, asked["id"], "approve")).code == "own_request"
    assert registry.decide(admin, asked["id"], "approve")["state"] == "moved"
    registry.database.superuser(
        "delete from insighter.members where project_id = %s and user_id = %s",
        registry.project,
        admin.user_id,
    )
    # Alone, the owner moves it at once; a program of theirs asks.
    assert error(lambda: registry.set(registry.owner.kernel(registry.project), 2)).code == "alias_protected"
    registry.set(registry.owner, 2)
    assert registry.at() == 2


def test_several_approvals_are_of_several_people_who_still_may(registry: Registry) -> None:
    registry.protect("admin", 2)
    editor = registry.member("editor")
    first, second, third = (registry.member("admin") for _ in range(3))
    asked = registry.ask(editor, 3)["id"]
    assert registry.decide(first, asked, "approve")["state"] == "open"
    assert error(lambda: registry.decide(first, asked, "approve")).code == "approved_already"
    registry.database.superuser(
        "update insighter.members set role = 'editor' where project_id = %s and user_id = %s",
        registry.project, first.user_id,
    )  # fmt: skip
    assert registry.decide(second, asked, "approve")["state"] == "open"
    assert registry.decide(third, asked, "approve")["state"] == "moved"


def test_gates_are_looked_at_again_when_it_is_approved(registry: Registry) -> None:
    registry.protect("admin", 1, [AUC])
    editor, admin = registry.member("editor"), registry.member("admin")
    assert error(lambda: registry.ask(editor, 1)).code == "gates_failed"
    asked = registry.ask(editor, 2)["id"]
    registry.measure(2, "auc", 0.5, "gold", step=6)
    assert error(lambda: registry.decide(admin, asked, "approve")).code == "gates_failed"
    (request,) = registry.board(admin)["requests"]
    assert request["state"] == "open" and request["approvals"] == [] and not request["gates"][0]["passed"]
    assert registry.at() is None


def test_a_request_expires(registry: Registry) -> None:
    registry.protect("admin", 1)
    editor, admin = registry.member("editor"), registry.member("admin")
    asked = registry.ask(editor, 1)["id"]
    registry.database.superuser("update insighter.alias_requests set expires_at = now() where id = %s", asked)
    assert registry.board(editor)["requests"][0]["state"] == "expired"
    assert error(lambda: registry.decide(admin, asked, "approve")).message == "this request has expired"
    assert registry.ask(editor, 2)["state"] == "open"


def test_a_request_for_a_deleted_version_is_void(registry: Registry) -> None:
    registry.protect("admin", 1)
    editor, admin = registry.member("editor"), registry.member("admin")
    asked = registry.ask(editor, 1)["id"]
    registry.owner.kernel(registry.project).call("model_versions_delete", name=registry.name, version="1")
    assert error(lambda: registry.decide(admin, asked, "approve")).message == "version 1 was deleted"
    assert registry.ask(editor, 2)["state"] == "open"


def test_the_removal_of_an_alias_is_asked_for_too(registry: Registry) -> None:
    registry.set(registry.owner, 1)
    registry.protect("admin", 1, [AUC])
    asked = registry.ask(registry.member("editor"), None, why="retired")
    registry.decide(registry.owner, asked["id"], "approve")
    assert registry.at() is None and registry.moves()[0]["version"] is None


def test_what_needs_no_request_is_not_asked_for(registry: Registry) -> None:
    editor = registry.member("editor")
    assert error(lambda: registry.ask(editor, 1)).code == "alias_not_protected"
    registry.set(editor, 1)
    registry.protect()
    assert error(lambda: registry.ask(editor, 1)).code == "alias_unchanged"
    assert error(lambda: registry.ask(editor, 2, why=" ")).code == "why_missing"
    with pytest.raises(NotFound):
        registry.ask(editor, 9)
    with pytest.raises(Forbidden):
        registry.ask(registry.member("viewer"), 2)
    with pytest.raises(NotFound):
        registry.ask(registry.database.person(), 2)


def test_a_request_for_what_has_come_about_is_done(registry: Registry) -> None:
    rule = registry.protect("admin", 1)
    editor = registry.member("editor")
    registry.ask(editor, 1)
    registry.owner.call("alias_rules_delete", project_id=registry.project, id=rule)
    registry.set(editor, 1)
    assert registry.board(editor)["requests"][0]["state"] == "moved"


# ---- what stands under it


def test_what_bears_a_protected_alias_stays(registry: Registry) -> None:
    registry.set(registry.owner, 2)
    registry.protect("admin", 0)
    editor = registry.member("editor").kernel(registry.project)
    admin = registry.member("admin")
    for person in (editor, admin.kernel(registry.project)):
        refusal = error(
            lambda person=person: person.call("model_versions_delete", name=registry.name, version="2")
        )  # type: ignore[misc]
        assert refusal.status == 409 and "bears the protected alias @champion" in refusal.message
    assert error(lambda: editor.call("models_update", name=registry.name, new_name="another")).status == 403
    assert error(lambda: editor.call("models_delete", name=registry.name)).status == 403
    admin.kernel(registry.project).call("models_update", name=registry.name, new_name="another")
    registry.name = "another"
    admin.call("models_delete", name="another", project_id=registry.project)
    model = registry.database.superuser(
        "select asset_id from insighter.trash where project_id = %s and asset_kind = 'model'",
        registry.project,
    )[0][0]
    # Whoever may take it out of the trash changes nothing of its alias.
    editor.call("trash_restore", project_id=registry.project, kind="model", id=model)
    assert registry.at() == 2
    admin.call("models_delete", name="another", project_id=registry.project)
    admin.call("trash_purge", project_id=registry.project, kind="model", id=model)
    assert registry.database.superuser(
        "select count(*) from insighter.alias_moves where project_id = %s", registry.project
    ) == [(0,)]


def test_a_project_with_protected_aliases_is_deleted_whole(registry: Registry) -> None:
    registry.set(registry.owner, 2)
    registry.protect()
    registry.ask(registry.member("editor"), 1)
    registry.owner.call("projects_delete", id=registry.project)
    registry.owner.call("trash_projects_purge", id=registry.project)
    assert registry.database.superuser(
        "select count(*) from insighter.alias_requests where project_id = %s", registry.project
    ) == [(0,)]


# ---- at the same time


class Call(threading.Thread):
    """A function called in a transaction of its own, which stays open until it is told to end."""

    def __init__(
        self, cluster: EmbeddedPostgres, database: Database, person: Person, function: str, **arguments: Any
    ) -> None:
        super().__init__()
        name = database.superuser("select current_database()")[0][0]
        self.connection = psycopg.connect(**cluster.conninfo(API_ROLE, name))
        self.claims = json.dumps(
            {"sub": str(person.user_id), "role": "authenticated", "insighter": {"kind": "person"}}
        )
        self.function, self.arguments = function, arguments
        self.error: psycopg.Error | None = None
        self.start()

    def run(self) -> None:
        try:
            self.connection.execute(
                "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
                [self.claims],
            )
            named = ", ".join(f"p_{key} => %({key})s" for key in self.arguments)
            self.connection.execute(f"select public.{self.function}({named})", self.arguments)  # type: ignore[arg-type, unused-ignore]
        except psycopg.Error as reason:
            self.error = reason
            self.connection.rollback()

    def end(self) -> str | None:
        """Wait for its answer and commit; the message of its refusal."""
        self.join()
        if self.error is None:
            self.connection.commit()
        self.connection.close()
        return self.error.diag.message_primary if self.error is not None else None


def test_two_approvals_at_once_move_it_once(cluster: EmbeddedPostgres, registry: Registry) -> None:
    registry.protect("admin", 1)
    asked = registry.ask(registry.member("editor"), 2)["id"]
    admins = [registry.member("admin") for _ in range(2)]
    arguments = {"name": registry.name, "id": asked, "decision": "approve", "project_id": registry.project}
    first = Call(cluster, registry.database, admins[0], "models_decide_alias", **arguments)
    first.join()
    second = Call(cluster, registry.database, admins[1], "models_decide_alias", **arguments)
    second.join(0.3)
    assert second.is_alive()  # it waits for the first
    assert first.end() is None
    assert second.end() == "this request is moved already"
    assert len(registry.moves()) == 1 and len(registry.moves()[0]["approvals"]) == 1


def test_two_that_are_needed_at_once_both_count(cluster: EmbeddedPostgres, registry: Registry) -> None:
    registry.protect("admin", 2)
    asked = registry.ask(registry.member("editor"), 2)["id"]
    arguments = {"name": registry.name, "id": asked, "decision": "approve", "project_id": registry.project}
    first, second = registry.member("admin"), registry.member("admin")
    one = Call(cluster, registry.database, first, "models_decide_alias", **arguments)
    one.join()
    other = Call(cluster, registry.database, second, "models_decide_alias", **arguments)
    assert [one.end(), other.end()] == [None, None]
    assert registry.at() == 2 and len(registry.moves()[0]["approvals"]) == 2


def test_a_version_that_goes_while_an_alias_moves_to_it(
    cluster: EmbeddedPostgres, registry: Registry
) -> None:
    registry.protect("admin", 0)
    admin = registry.member("admin")
    # First the move: the deletion waits, and finds the alias.
    move = {"name": registry.name, "alias": "champion", "project_id": registry.project}
    moving = Call(cluster, registry.database, admin, "models_set_alias", version="1", **move)
    moving.join()
    gone = threading.Event()
    refusals: list[InsighterError] = []

    def delete(version: str) -> None:
        try:
            registry.owner.kernel(registry.project).call(
                "model_versions_delete", name=registry.name, version=version
            )
        except InsighterError as reason:
            refusals.append(reason)
        gone.set()

    deleting = threading.Thread(target=delete, args=("1",))
    deleting.start()
    assert not gone.wait(0.3)
    assert moving.end() is None
    deleting.join()
    assert [reason.code for reason in refusals] == ["alias_protected"] and registry.at() == 1
    # First the deletion: the move finds nothing.
    with registry.database._superuser.transaction():
        registry.database.superuser(
            "delete from insighter.model_versions where version = 2 and project_id = %s", registry.project
        )
        late = Call(cluster, registry.database, admin, "models_set_alias", version="2", **move)
        late.join(0.3)
        assert late.is_alive()
    assert "version=2" in (late.end() or "")
    assert registry.at() == 1


# ---- cards, and what is known of a version


def test_a_card_keeps_every_state_and_overwrites_nobody(registry: Registry) -> None:
    editor = registry.member("editor")
    write: dict[str, Any] = {"name": registry.name, "project_id": registry.project}
    registry.owner.call("models_write_card", body="one", revision=0, **write)
    with pytest.raises(Conflict) as refusal:
        editor.call("models_write_card", body="mine", revision=0, **write)
    details = refusal.value.details
    assert (details["theirs"], details["yours"], details["revision"]) == ("one", "mine", 1)
    editor.call("models_write_card", body="two", revision=1, **write)
    registry.owner.call("models_write_card", body="of v2", revision=0, version="2", **write)
    card = editor.call("models_card", version="2", **write)
    assert (card["model"]["body"], card["version"]["body"]) == ("two", "of v2")
    assert editor.call("models_card", version="1", **write)["version"] is None
    history = editor.call("models_card_history", **write)["items"]
    assert [(item["revision"], item["body"], item["by"][:5]) for item in history] == [
        (2, "two", "edito"), (1, "one", "owner"),
    ]  # fmt: skip
    with pytest.raises(Forbidden):
        registry.member("viewer").call("models_write_card", body="x", revision=2, **write)
    told = registry.owner.call("audit_list", project_id=registry.project, asset_kind="model_card")["items"]
    assert [item["asset_name"] for item in told] == [registry.name] * 3


def test_what_is_known_of_a_version(registry: Registry) -> None:
    owner, run = registry.owner, registry.runs[1]
    owner.call(
        "datasets_add_version", project_id=registry.project, name="wine", format="csv", filename="w.csv",
        sha256="b" * 64, size=1, table_object_key=f"{registry.project}/{'b' * 64}", table_size=1, rows=1, columns=[],
    )  # fmt: skip
    sets = [("wine", "b" * 16), ("elsewhere", "1")]
    owner.call(
        "runs_log_inputs", run_id=run,
        datasets=[{"name": name, "digest": digest, "source_type": "x", "source": "y"} for name, digest in sets],
    )  # fmt: skip
    owner.call("runs_log_batch", run_id=run, params={"depth": "3"})
    registry.measure(2, "auc", 0.7, "silver")
    found = owner.call("model_versions_detail", name=registry.name, version="2", project_id=registry.project)
    measured = {(item["key"], item["dataset"]): (item["value"], item["source"]) for item in found["measured"]}
    assert measured[("auc", "gold")] == (0.92, "model") and measured[("auc", "silver")] == (0.7, "model")
    assert measured[("loss", None)] == (0.2, "run")
    assert found["params"] == {"depth": "3"} and found["run"]["name"] == "forest"
    known = {item["name"]: (item["dataset"], item["version"]) for item in found["datasets"]}
    assert known == {"wine": ("wine", 1), "elsewhere": (None, None)}


def test_a_gate_on_closed_data_tells_whether_it_holds_and_not_the_value(registry: Registry) -> None:
    sha = "7" * 64
    registry.owner.call(
        "datasets_add_version", project_id=registry.project, name="gold", format="csv", filename="g.csv", sha256=sha,
        size=1, table_object_key=f"{registry.project}/{sha}", table_size=1, rows=1, columns=[{"name": "a"}],
    )  # fmt: skip
    registry.database.superuser(
        "update insighter.logged_model_metrics set dataset_digest = %s where project_id = %s",
        sha[:16],
        registry.project,
    )
    registry.database.superuser(
        "insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role, created_by)"
        " select project_id, 'dataset', id, 'owner', created_by from insighter.datasets where project_id = %s",
        registry.project,
    )
    registry.protect(role="editor", approvals=0, gates=[AUC])
    editor = registry.member("editor")
    check = editor.call(
        "models_alias_check", name=registry.name, alias="champion", version="1", project_id=registry.project
    )
    # What is promised is what happens, and neither tells the value.
    assert (check["way"], check["gates"][0]["passed"], check["gates"][0]["found"]) == ("none", False, None)
    refused = error(lambda: registry.set(editor, 1))
    assert "not shared with you" in f"{refused.message} {refused.hint}" and "0.85" not in str(
        refused.as_dict()
    )
    registry.set(editor, 3)
    seen = editor.call("models_alias_moves", name=registry.name, project_id=registry.project)["items"][0]
    assert (seen["gates"][0]["passed"], seen["gates"][0]["found"]) == (True, None)
    assert registry.moves()[0]["gates"][0]["found"] is None  # as it was measured for the editor


def test_the_event_says_where_the_alias_really_was(registry: Registry) -> None:
    registry.set(registry.owner, 1)
    registry.protect(role="admin", approvals=1)
    asked = registry.ask(registry.member("editor"), 3)["id"]
    registry.database.superuser(
        "update insighter.model_aliases set version = 2 where project_id = %s", registry.project
    )
    registry.decide(registry.member("admin"), asked, "approve")
    [event] = registry.database.superuser(
        "select data from insighter.events where project_id = %s and verb = 'aliased' order by id desc limit 1",
        registry.project,
    )
    assert (event[0]["before"], event[0]["version"]) == (2, 3)
