"""Who sees and changes which deployment, and what a status may become, proved in the database itself."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.errors import Conflict, Forbidden, Invalid, NotFound
from tests.database.conftest import Database, Person


def deploy(person: Person, project_id: str, name: str = "wine", **place: str) -> dict[str, Any]:
    made: dict[str, Any] = person.call(
        "deployments_create",
        project_id=project_id,
        id=uuid4(),
        name=name,
        model_name="wine-quality",
        model_version=2,
        **place,
    )
    return made


def report(
    person: Person, deployment: dict[str, Any], status: str, reason: str | None = None, attempt: int = 1
) -> Any:
    return person.call(
        "deployments_set_status",
        project_id=deployment["project_id"],
        name=deployment["name"],
        id=deployment["id"],
        attempt=attempt,
        status=status,
        reason=reason,
    )


def verbs(database: Database, deployment: dict[str, Any]) -> list[str]:
    rows = database.superuser(
        "select verb from insighter.events where asset_id = %s order by id", deployment["id"]
    )
    return [verb for (verb,) in rows]


def test_a_deployment_has_an_address_and_a_life_in_the_activity(database: Database) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Wine")
    made = deploy(owner, project["id"])
    assert (made["status"], made["model"], made["version"]) == ("starting", "wine-quality", 2)
    assert made["path"] == f"insighter/serve/{project['slug']}/wine"
    assert report(owner, made, "healthy")["status"] == "healthy"
    assert owner.call("deployments_stop", project_id=project["id"], name="wine")["status"] == "stopped"
    again = owner.call("deployments_start", project_id=project["id"], name="wine")
    assert again["status"] == "starting" and again["path"] == made["path"]
    assert report(owner, made, "failed", "the reason", again["attempt"])["reason"] == "the reason"
    assert owner.call("deployments_list", project_id=project["id"])[0]["reason"] == "the reason"
    owner.call("deployments_delete", project_id=project["id"], name="wine")
    assert owner.call("deployments_list", project_id=project["id"]) == []
    assert verbs(database, made) == ["deployed", "healthy", "stopped", "started", "failed", "deleted"]


def test_a_stranger_finds_nothing(database: Database) -> None:
    owner, stranger = database.person(), database.person()
    project = owner.call("projects_create", name="Secret endpoint")
    made = deploy(owner, project["id"])
    for function in ("get", "stop", "start", "delete"):
        with pytest.raises(NotFound):
            stranger.call(f"deployments_{function}", project_id=project["id"], name="wine")
    for function, arguments in {
        "list": {"project_id": project["id"]},
        "resolve": {"project": project["slug"], "name": "wine"},
    }.items():
        with pytest.raises(NotFound):
            stranger.call(f"deployments_{function}", **arguments)
    with pytest.raises(NotFound):
        deploy(stranger, project["id"], "mine")
    with pytest.raises(NotFound):
        report(stranger, made, "failed", "because I say so")
    assert stranger.rows("select * from insighter.deployments") == []


def test_a_confined_credential_reaches_its_own_project_only(database: Database) -> None:
    owner = database.person()
    one, other = (owner.call("projects_create", name=name) for name in ("Kernel's", "Not the kernel's"))
    deploy(owner, other["id"])
    kernel = owner.kernel(one["id"])
    assert deploy(kernel, one["id"])["status"] == "starting"
    with pytest.raises(NotFound):
        kernel.call("deployments_resolve", project=other["slug"], name="wine")
    with pytest.raises(NotFound):
        deploy(kernel, other["id"], "second")


@pytest.mark.parametrize("role", ["viewer", "annotator", "editor", "admin"])
def test_all_members_invoke_and_editors_change(database: Database, role: str) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Shared endpoint")
    made = deploy(owner, project["id"])
    member = database.member(project["id"], role)
    assert member.call("deployments_resolve", project=project["slug"], name="wine")["id"] == made["id"]
    may = role in {"editor", "admin"}
    assert report(member, made, "healthy")["status"] == ("healthy" if may else "starting")
    if may:
        assert member.call("deployments_stop", project_id=project["id"], name="wine")["status"] == "stopped"
        assert deploy(member, project["id"], "second")["name"] == "second"
        member.call("deployments_delete", project_id=project["id"], name="wine")
    else:
        for function in ("stop", "start", "delete"):
            with pytest.raises(Forbidden):
                member.call(f"deployments_{function}", project_id=project["id"], name="wine")
        with pytest.raises(Forbidden):
            deploy(member, project["id"], "second")


def test_news_of_an_earlier_start_is_not_taken_for_the_present_one(database: Database) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Late news")
    made = deploy(owner, project["id"])
    owner.call("deployments_stop", project_id=project["id"], name="wine")
    assert report(owner, made, "healthy")["status"] == "stopped"
    assert owner.call("deployments_start", project_id=project["id"], name="wine")["attempt"] == 2
    assert report(owner, made, "failed", "of the first start")["status"] == "starting"
    assert report(owner, made, "healthy", attempt=2)["status"] == "healthy"
    report(owner, made, "healthy", attempt=2)
    assert verbs(database, made).count("healthy") == 1
    with pytest.raises(Conflict):
        owner.call("deployments_start", project_id=project["id"], name="wine")


@pytest.mark.parametrize(
    "name", ["Wine", "wine_2", "-wine", "wine-", "w ine", "../up", "", "ü", "w" * 64, "a\n"]
)
def test_a_name_that_fits_no_address_is_refused(database: Database, name: str) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Bad names")
    with pytest.raises(Invalid) as error:
        deploy(owner, project["id"], name)
    assert error.value.code == "invalid_name" and error.value.hint


def test_a_name_is_taken_once_in_a_project(database: Database) -> None:
    owner = database.person()
    one, other = (owner.call("projects_create", name=name) for name in ("First home", "Second home"))
    deploy(owner, one["id"])
    assert deploy(owner, other["id"])["name"] == "wine"
    with pytest.raises(Conflict) as error:
        deploy(owner, one["id"])
    assert error.value.code == "deployment_exists" and error.value.hint


def test_in_an_archived_project_endpoints_stop_and_do_not_start(database: Database) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Old")
    deploy(owner, project["id"])
    owner.call("projects_update", id=project["id"], archived=True)
    assert owner.call("deployments_stop", project_id=project["id"], name="wine")["status"] == "stopped"
    with pytest.raises(Conflict):
        owner.call("deployments_start", project_id=project["id"], name="wine")


# ---- machines -------------------------------------------------------------------------------------------------------


class Machine:
    """A machine that runs deployments: it holds a secret, and nobody has signed in to it."""

    def __init__(self, database: Database, name: str) -> None:
        self.anon, self.name, self.key = database.anon, name, secrets.token_urlsafe(32)

    @property
    def place(self) -> dict[str, str]:
        return {"host": self.name, "host_key": self.key}

    def asks(self, *ids: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.anon.call("deployments_of_host", key=self.key, ids=list(ids))
        return answer

    def active(self) -> dict[str, tuple[str, bool]]:
        return {item["name"]: (item["run_by"], item["permitted"]) for item in self.asks()["active"]}


@pytest.fixture
def here(database: Database) -> Machine:
    return Machine(database, "lab-1")


@pytest.fixture
def there(database: Database) -> Machine:
    return Machine(database, "lab-2")


def test_a_machine_finds_its_own_and_for_whom_they_run(
    database: Database, here: Machine, there: Machine
) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Machines")["id"]
    editor = database.member(project, "editor")
    made = deploy(owner, project, "mine", **here.place)
    other = deploy(editor, project, "other", **there.place)
    gone = deploy(owner, project, "gone", **here.place)
    owner.call("deployments_delete", project_id=project, name="gone")
    assert made["host"] == "lab-1" and here.key not in str(made)
    assert here.active() == {"mine": (str(owner.user_id), True)}
    assert there.active() == {"other": (str(editor.user_id), True)}
    known = {made["id"]: "starting", gone["id"]: "stopped"}
    assert here.asks(made["id"], other["id"], gone["id"])["known"] == known, (
        "it may come back: its files stay"
    )
    owner.call("trash_purge", project_id=project, kind="deployment", id=gone["id"])
    assert here.asks(made["id"], other["id"], gone["id"])["known"] == {made["id"]: "starting"}
    owner.call("deployments_stop", project_id=project, name="mine")
    assert here.active() == {} and here.asks(made["id"])["known"] == {made["id"]: "stopped"}
    owner.call("projects_delete", id=project)
    assert there.asks(other["id"]) == {"known": {other["id"]: "stopped"}, "active": []}
    owner.call("trash_projects_purge", id=project)
    assert there.asks(other["id"]) == {"known": {}, "active": []}


def test_what_is_known_of_a_machine_is_not_its_secret(database: Database, here: Machine) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Curious")["id"]
    made = deploy(owner, project, **here.place)
    for guess in (made["host_hash"], made["host"], made["id"], ""):
        found = owner.call("deployments_of_host", key=guess, ids=[made["id"]])
        assert found == {"known": {}, "active": []}


def test_nothing_is_put_on_a_machine_by_what_is_known_of_it(database: Database, here: Machine) -> None:
    owner, mallory = database.person(), database.person()
    known = deploy(owner, owner.call("projects_create", name="Known")["id"], **here.place)["host_hash"]
    project = mallory.call("projects_create", name="Planted")["id"]
    deploy(mallory, project, "planted", host="lab-1", host_key=known)
    assert "planted" not in here.active()


def test_what_was_deployed_before_machines_were_told_apart_is_whose_has_its_folder(
    database: Database, here: Machine
) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Before")["id"]
    made = deploy(owner, project)
    database.superuser("update insighter.deployments set run_by = null where id = %s", made["id"])
    assert here.asks()["active"] == []
    found = here.asks(made["id"])
    assert found["known"] == {made["id"]: "starting"}
    assert [item["run_by"] for item in found["active"]] == [str(owner.user_id)]


def test_whoever_starts_it_takes_it_over(database: Database, here: Machine, there: Machine) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Moved")["id"]
    editor = database.member(project, "editor")
    deploy(owner, project, **here.place)
    with pytest.raises(Conflict) as running:
        editor.call("deployments_start", project_id=project, name="wine", **there.place)
    assert "lab-1" in running.value.message
    editor.call("deployments_stop", project_id=project, name="wine")
    moved = editor.call("deployments_start", project_id=project, name="wine", **there.place)
    assert moved["host"] == "lab-2"
    assert here.active() == {} and there.active() == {"wine": (str(editor.user_id), True)}
    assert here.asks(moved["id"])["known"] == {}
    with pytest.raises(Exception, match="own name"):
        editor.rows("update insighter.deployments set run_by = %s where id = %s", owner.user_id, moved["id"])


@pytest.mark.parametrize("loss", ["left", "demoted", "hidden"])
def test_who_lost_the_right_has_nothing_run_any_more(database: Database, here: Machine, loss: str) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Lost")["id"]
    editor = database.member(project, "editor")
    made = deploy(editor, project, **here.place)

    def withdraw(person: Person, key: str) -> bool:
        return bool(person.call("deployments_withdraw", id=made["id"], key=key)["stopped"])

    assert not withdraw(editor, here.key), "it is right as it is"
    if loss == "left":
        database.superuser("delete from insighter.members where user_id = %s", editor.user_id)
    elif loss == "demoted":
        database.superuser("update insighter.members set role = 'viewer' where user_id = %s", editor.user_id)
    else:
        database.superuser(
            "insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role, created_by)"
            " values (%s, 'deployment', %s, 'admin', %s)",
            project,
            made["id"],
            owner.user_id,
        )
    assert here.active() == {"wine": (str(editor.user_id), False)}
    assert not withdraw(editor, "another machine's") and not withdraw(owner, here.key)
    assert not withdraw(database.person(), here.key)
    assert withdraw(editor.kernel(project), here.key)
    found = owner.call("deployments_get", project_id=project, name="wine")
    assert found["status"] == "stopped" and "start it again" in found["reason"]
    assert here.active() == {}
    assert owner.call("deployments_start", project_id=project, name="wine", **here.place)["reason"] is None
    assert here.active() == {"wine": (str(owner.user_id), True)}
