"""Who sees and changes which deployment, and what a status may become, proved in the database itself."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.errors import Conflict, Forbidden, Invalid, NotFound
from tests.database.conftest import Database, Person


def deploy(person: Person, project_id: str, name: str = "wine") -> dict[str, Any]:
    made: dict[str, Any] = person.call(
        "deployments_create",
        project_id=project_id,
        id=uuid4(),
        name=name,
        model_name="wine-quality",
        model_version=2,
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
    assert stranger.call("deployments_active") == []
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


def test_which_deployments_are_gone_is_known_whoever_asks(database: Database) -> None:
    owner, stranger = database.person(), database.person()
    project = owner.call("projects_create", name="Gone")
    kept, deleted = deploy(owner, project["id"], "kept"), deploy(owner, project["id"], "deleted")
    owner.call("deployments_delete", project_id=project["id"], name="deleted")
    ids = [kept["id"], deleted["id"]]
    assert stranger.call("deployments_known", ids=ids) == {kept["id"]: "starting"}
    owner.call("projects_delete", id=project["id"])
    assert stranger.call("deployments_known", ids=ids) == {}
