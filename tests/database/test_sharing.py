"""Who may what, and how it is given and taken: by those who may, and by those who try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.errors import Conflict, Forbidden, Invalid, NotFound
from tests.database.conftest import Database
from tests.database.sharing import address, invite, made, race, roles, verbs

BELOW_ADMIN = ["viewer", "annotator", "editor"]

# ---- members ---------------------------------------------------------------------------------------------------------


def test_an_admin_gives_and_takes_every_role_but_the_owners(database: Database) -> None:
    owner = database.person("owner")
    project = made(owner)
    admin, somebody = database.member(project, "admin"), database.member(project, "viewer")
    for role in ["annotator", "editor", "admin", "viewer"]:
        answer = admin.call("members_set", project_id=project, user_id=somebody.user_id, role=role)
        assert answer["role"] == role and answer["display_name"].startswith("viewer")
    with pytest.raises(Invalid):
        admin.call("members_set", project_id=project, user_id=somebody.user_id, role="owner")
    for function, arguments in {"members_set": {"role": "viewer"}, "members_remove": {}}.items():
        with pytest.raises(Conflict):
            admin.call(function, project_id=project, user_id=owner.user_id, **arguments)
    admin.call("members_remove", project_id=project, user_id=somebody.user_id)
    with pytest.raises(NotFound):
        somebody.call("projects_get", id=project)
    assert verbs(owner, project)[1:] == [("changed", "member")] * 4 + [("removed", "member")]


@pytest.mark.parametrize("role", BELOW_ADMIN)
def test_below_an_admin_nobody_changes_who_may_what(database: Database, role: str) -> None:
    owner = database.person()
    project = made(owner)
    member, other = database.member(project, role), database.member(project, "viewer")
    tries: list[Callable[[], Any]] = [
        lambda: member.call("members_set", project_id=project, user_id=member.user_id, role="admin"),
        lambda: member.call("members_set", project_id=project, user_id=other.user_id, role="editor"),
        lambda: member.call("members_remove", project_id=project, user_id=other.user_id),
        lambda: member.call("projects_transfer", id=project, user_id=member.user_id),
        lambda: member.call("projects_set_visibility", id=project, visibility="public"),
        lambda: invite(member, project, address()),
        lambda: member.call("invitations_list", project_id=project),
        lambda: member.call("access_requests_list", project_id=project),
        lambda: member.call("restrictions_list", project_id=project),
    ]
    for attempt in tries:
        with pytest.raises(Forbidden):
            attempt()
    assert member.rows("update insighter.members set role = 'admin' returning 1") == []
    assert roles(database, project) == {
        owner.user_id: "owner", member.user_id: role, other.user_id: "viewer",
    }  # fmt: skip


def test_an_admin_does_not_become_owner_by_any_way(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    admin = database.member(project, "admin")
    with pytest.raises(Forbidden):
        admin.call("projects_transfer", id=project, user_id=admin.user_id)
    with pytest.raises(Invalid):
        admin.call("members_set", project_id=project, user_id=admin.user_id, role="owner")
    with pytest.raises(Invalid):
        invite(admin, project, address(), "owner")
    for statement in (
        "update insighter.members set role = 'owner' where user_id = %s",
        "insert into insighter.members (project_id, user_id, role) select project_id, gen_random_uuid(), 'owner'"
        " from insighter.members where user_id = %s",
        "update insighter.projects set created_by = %s",
        "select private.invitation_taken(gen_random_uuid(), %s)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            admin.rows(statement, admin.user_id)
    # The helper that moves the ownership asks for itself.
    with pytest.raises(psycopg.Error, match="only its owner"):
        admin.rows("select private.ownership_moved(%s, %s)", project, admin.user_id)
    assert roles(database, project)[owner.user_id] == "owner"


def test_nobody_is_made_a_member_by_strangers(database: Database) -> None:
    owner, stranger = database.person(), database.person("stranger")
    project = made(owner)
    for person in (stranger.user_id, uuid4()):
        with pytest.raises(NotFound) as error:
            owner.call("members_set", project_id=project, user_id=person, role="viewer")
        assert error.value.code == "person_not_found"
    # Whoever shares a project with somebody may ask them into another.
    common = made(owner)
    owner.database.superuser(
        "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'viewer')",
        common,
        stranger.user_id,
    )
    assert (
        owner.call("members_set", project_id=project, user_id=stranger.user_id, role="viewer")["role"]
        == "viewer"
    )


def test_a_role_is_not_given_in_the_place_of_another_one_than_was_seen(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    member = database.member(project, "viewer")
    common = made(owner)
    database.superuser(
        "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'viewer')",
        common,
        member.user_id,
    )
    change = {"project_id": project, "user_id": member.user_id}
    assert owner.call("members_set", **change, role="editor", before="viewer")["role"] == "editor"
    with pytest.raises(Conflict) as error:
        owner.call("members_set", **change, role="admin", before="viewer")
    assert error.value.code == "member_changed" and roles(database, project)[member.user_id] == "editor"
    # Whoever was taken out is not brought back by a change of the role that was.
    owner.call("members_remove", **change)
    with pytest.raises(Conflict):
        owner.call("members_set", **change, role="admin", before="editor")
    assert member.user_id not in roles(database, project)
    assert owner.call("members_set", **change, role="admin")["role"] == "admin"


def test_members_are_listed_owner_first_and_page_by_page(database: Database) -> None:
    owner = database.person("owner")
    project = made(owner)
    for role in ["viewer", "editor", "admin", "viewer", "annotator"]:
        database.member(project, role)
    everybody = owner.call("members_list", project_id=project)["items"]
    assert [one["role"] for one in everybody] == [
        "owner", "admin", "editor", "annotator", "viewer", "viewer",
    ]  # fmt: skip
    paged: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = owner.call("members_list", project_id=project, limit=2, cursor=cursor)
        paged += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert paged == everybody
    with pytest.raises(Invalid):
        owner.call("members_list", project_id=project, cursor="made/up")


def test_who_leaves_is_gone_and_the_owner_cannot(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    member = database.member(project, "viewer")
    member.call("members_remove", project_id=project, user_id=member.user_id)
    assert member.call("projects_list", scope="all")["items"] == []
    assert verbs(owner, project)[-1] == ("left", "member")
    with pytest.raises(Conflict) as error:
        owner.call("members_remove", project_id=project, user_id=owner.user_id)
    assert "transfer" in (error.value.hint or "")
    with pytest.raises(NotFound):
        owner.call("members_remove", project_id=project, user_id=member.user_id)


def test_the_personal_project_is_nobody_elses(database: Database) -> None:
    owner = database.person()
    personal = owner.call("projects_personal")["id"]
    other = database.member(made(owner), "viewer")
    for attempt in (
        lambda: owner.call("members_set", project_id=personal, user_id=other.user_id, role="viewer"),
        lambda: owner.call("projects_transfer", id=personal, user_id=other.user_id),
        lambda: owner.call("projects_set_visibility", id=personal, visibility="public"),
        lambda: invite(owner, personal, address()),
    ):
        with pytest.raises(Conflict) as error:
            attempt()
        assert error.value.code == "project_personal"


# ---- ownership -------------------------------------------------------------------------------------------------------


def test_a_transfer_makes_the_owner_an_admin(database: Database) -> None:
    owner = database.person("owner")
    project = made(owner)
    heir = database.member(project, "viewer")
    answer = owner.call("projects_transfer", id=project, user_id=heir.user_id)
    assert answer["role"] == "admin"
    assert roles(database, project) == {owner.user_id: "admin", heir.user_id: "owner"}
    assert database.superuser("select created_by from insighter.projects where id = %s", project) == [
        (heir.user_id,)
    ]
    assert verbs(owner, project)[-1] == ("transferred", "member")
    with pytest.raises(Forbidden):
        owner.call("projects_transfer", id=project, user_id=owner.user_id)
    with pytest.raises(Forbidden):
        owner.call("projects_delete", id=project)
    heir.call("projects_delete", id=project)


def test_a_transfer_goes_to_a_member_and_to_a_free_name(database: Database) -> None:
    owner = database.person()
    project = owner.call("projects_create", name="Twice")["id"]
    with pytest.raises(NotFound):
        owner.call("projects_transfer", id=project, user_id=database.person().user_id)
    with pytest.raises(Conflict) as error:
        owner.call("projects_transfer", id=project, user_id=owner.user_id)
    assert error.value.code == "owner_already"
    heir = database.member(project, "editor")
    heir.call("projects_create", name="twice")
    with pytest.raises(Conflict) as error:
        owner.call("projects_transfer", id=project, user_id=heir.user_id)
    assert error.value.code == "project_exists"
    assert roles(database, project) == {owner.user_id: "owner", heir.user_id: "editor"}


# ---- at the same time ------------------------------------------------------------------------------------------------
def test_of_two_transfers_at_a_time_one_counts(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    heirs = [database.member(project, "editor") for _ in range(2)]
    query = "select public.projects_transfer(%s, %s)"
    answers = race(
        database,
        (owner, query, [project, heirs[0].user_id]),
        (owner, query, [project, heirs[1].user_id]),
    )
    assert answers == ["done", "role_too_low"]
    assert roles(database, project) == {
        owner.user_id: "admin", heirs[0].user_id: "owner", heirs[1].user_id: "editor",
    }  # fmt: skip


def test_who_leaves_while_becoming_owner_does_not_leave_the_project_without(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    heir = database.member(project, "editor")
    transfer = (owner, "select public.projects_transfer(%s, %s)", [project, heir.user_id])
    leave = (heir, "select public.members_remove(%s, %s)", [project, heir.user_id])
    assert race(database, transfer, leave) == ["done", "member_changed"]
    assert roles(database, project)[heir.user_id] == "owner"

    project = made(owner)
    heir = database.member(project, "editor")
    transfer = (owner, transfer[1], [project, heir.user_id])
    leave = (heir, leave[1], [project, heir.user_id])
    assert race(database, leave, transfer) == ["done", "member_not_found"]
    assert roles(database, project) == {owner.user_id: "owner"}


def test_a_demotion_does_not_reach_who_became_owner_meanwhile(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    admin, heir = database.member(project, "admin"), database.member(project, "editor")
    assert race(
        database,
        (owner, "select public.projects_transfer(%s, %s)", [project, heir.user_id]),
        (admin, "select public.members_set(%s, %s, 'viewer')", [project, heir.user_id]),
    ) == ["done", "member_changed"]
    assert roles(database, project)[heir.user_id] == "owner"


def test_not_both_of_two_last_admins_leave_at_a_time(database: Database) -> None:
    first, second, third = database.person(), database.person(), database.person()
    organisation = first.call("organisations_create", name=f"Team {uuid4().hex[:8]}")["id"]
    for person, role in ((second, "admin"), (third, "member")):
        database.superuser(
            "insert into insighter.organisation_members values (%s, %s, %s)",
            organisation,
            person.user_id,
            role,
        )
    query = "select public.organisation_members_remove(%s, %s)"
    assert race(
        database,
        (first, query, [organisation, first.user_id]),
        (second, query, [organisation, second.user_id]),
    ) == ["done", "admin_missing"]
    second.call("organisation_members_set", organisation_id=organisation, user_id=third.user_id, role="admin")
    second.call("organisation_members_remove", organisation_id=organisation, user_id=second.user_id)
    with pytest.raises(Conflict) as error:
        third.call(
            "organisation_members_set", organisation_id=organisation, user_id=third.user_id, role="member"
        )
    assert error.value.code == "admin_missing"


def test_a_code_used_twice_at_a_time_counts_once(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    _, code_hash = invite(owner, project, address())
    people = [database.person(), database.person()]
    query = "select public.invitations_accept(null, %s)"
    answers = race(database, (people[0], query, [code_hash]), (people[1], query, [code_hash]))
    assert answers == ["done", "invitation_not_found"]
    assert set(roles(database, project)) == {owner.user_id, people[0].user_id}


# ---- visibility ------------------------------------------------------------------------------------------------------


def test_a_public_project_is_read_and_neither_changed_nor_told_of_its_people(database: Database) -> None:
    owner, reader = database.person("owner"), database.person("reader")
    project = made(owner)
    database.member(project, "editor")
    owner.call("datasets_add_version", project_id=project, name="wine", format="parquet", filename="", size=1, rows=1,
        sha256="a" * 64, table_object_key=f"{project}/{'a' * 64}", table_size=1, columns=[])  # fmt: skip
    with pytest.raises(NotFound):
        reader.call("projects_get", id=project)
    owner.call("projects_set_visibility", id=project, visibility="public")
    member = database.member(project, "viewer")
    member.call("members_remove", project_id=project, user_id=member.user_id)
    seen = reader.call("projects_get", id=project)
    assert (seen["role"], seen["member"], seen["members"]) == ("viewer", False, 0)
    assert [one["name"] for one in reader.call("datasets_list", project_id=project)["items"]] == ["wine"]
    tries: list[Callable[[], Any]] = [
        lambda: reader.call("members_list", project_id=project),
        lambda: reader.call("datasets_delete", project_id=project, name="wine"),
        lambda: reader.call("projects_update", id=project, description="mine"),
        lambda: reader.call("members_remove", project_id=project, user_id=owner.user_id),
    ]
    for attempt in tries:
        with pytest.raises(Forbidden):
            attempt()
    with pytest.raises(NotFound):
        reader.call("members_remove", project_id=project, user_id=reader.user_id)
    assert reader.rows("select 1 from insighter.members where project_id = %s", project) == []
    assert ("left", "member") in verbs(owner, project)
    assert {kind for _, kind in verbs(reader, project)} == {"project", "dataset"}
    assert [row[0] for row in reader.rows("select user_id from insighter.profiles")] == [reader.user_id]
    # It does not turn up among one's own, and is found when all are asked for.
    assert reader.call("projects_list")["items"] == []
    assert project in [one["id"] for one in reader.call("projects_list", scope="all", limit=500)["items"]]
    owner.call("projects_set_visibility", id=project, visibility="private")
    with pytest.raises(NotFound):
        reader.call("projects_get", id=project)


def test_a_team_sees_what_one_of_its_members_shares(database: Database) -> None:
    owner, colleague, stranger = database.person(), database.person(), database.person()
    organisation = owner.call("organisations_create", name=f"Team {uuid4().hex[:8]}")["id"]
    _, code_hash = invite(owner, None, address(), "member", organisation)
    colleague.call("invitations_accept", code_hash=code_hash)
    project = made(owner)
    answer = owner.call(
        "projects_set_visibility", id=project, visibility="team", organisation_id=organisation
    )
    assert (answer["visibility"], answer["organisation_id"]) == ("team", organisation)
    assert colleague.call("projects_get", id=project)["role"] == "viewer"
    with pytest.raises(NotFound):
        stranger.call("projects_get", id=project)
    with pytest.raises(Conflict) as error:
        owner.call("organisations_delete", id=organisation)
    assert error.value.code == "organisation_in_use"
    # A kernel of the colleague's is in no organisation, and sees what it is confined to.
    with pytest.raises(NotFound):
        colleague.kernel(made(colleague)).call("projects_get", id=project)
    # Whoever leaves the team sees it no more, and it is then not theirs to share with.
    colleague.call("organisation_members_remove", organisation_id=organisation, user_id=colleague.user_id)
    with pytest.raises(NotFound):
        colleague.call("projects_get", id=project)
    own = made(colleague)
    with pytest.raises(NotFound):
        colleague.call("projects_set_visibility", id=own, visibility="team", organisation_id=organisation)
    for visibility, team in (("team", None), ("public", organisation), ("secret", None)):
        with pytest.raises(Invalid):
            owner.call("projects_set_visibility", id=project, visibility=visibility, organisation_id=team)


def test_projects_are_not_pushed_on_others_past_the_functions(database: Database) -> None:
    owner, other = database.person(), database.person()
    organisation = other.call("organisations_create", name=f"Team {uuid4().hex[:8]}")["id"]
    with pytest.raises(psycopg.Error, match="no such organisation"):
        owner.rows(
            "insert into insighter.projects (slug, name, created_by, visibility, organisation_id)"
            " values (%s, 'x', %s, 'team', %s)",
            uuid4().hex,
            owner.user_id,
            organisation,
        )
    project = made(owner)
    with pytest.raises(psycopg.Error, match="takes a person"):
        owner.kernel(project).rows(
            "update insighter.projects set visibility = 'public' where id = %s", project
        )


# ---- organisations ---------------------------------------------------------------------------------------------------


def test_an_organisation_gives_its_admins_nothing_of_others(database: Database) -> None:
    admin, owner = database.person("admin"), database.person("owner")
    organisation = admin.call("organisations_create", name=f"Team {uuid4().hex[:8]}")["id"]
    project = made(owner)
    # Nobody is drawn into an organisation, whatever is known of them.
    for statement in (
        "insert into insighter.organisation_members (organisation_id, user_id, role) values (%s, %s, 'member')",
        "update insighter.organisation_members set user_id = %s where organisation_id = %s",
    ):
        values = (
            [organisation, owner.user_id] if statement.startswith("insert") else [owner.user_id, organisation]
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            admin.rows(statement, *values)
    with pytest.raises(NotFound):
        admin.call(
            "organisation_members_set", organisation_id=organisation, user_id=owner.user_id, role="admin"
        )
    # And who joins shows no project by it.
    _, code_hash = invite(admin, None, address(), "admin", organisation)
    owner.call("invitations_accept", code_hash=code_hash)
    assert owner.call("organisations_get", id=organisation)["role"] == "admin"
    with pytest.raises(NotFound):
        admin.call("projects_get", id=project)
    # A project that its owner shows to the organisation is read, not administered, by the organisation's admins.
    owner.call("projects_set_visibility", id=project, visibility="team", organisation_id=organisation)
    assert admin.call("projects_get", id=project)["role"] == "viewer"
    with pytest.raises(Forbidden):
        admin.call("members_set", project_id=project, user_id=admin.user_id, role="admin")
    with pytest.raises(Forbidden):
        admin.call("projects_set_visibility", id=project, visibility="public")


def test_what_members_of_an_organisation_may(database: Database) -> None:
    admin, member, stranger = database.person("admin"), database.person("member"), database.person()
    name = f"Team {uuid4().hex[:8]}"
    organisation = admin.call("organisations_create", name=f" {name} ")["id"]
    _, code_hash = invite(admin, None, address(), "member", organisation)
    joined = member.call("invitations_accept", code_hash=code_hash)
    assert joined["project"] is None and joined["organisation"]["name"] == name
    assert [one["id"] for one in member.call("organisations_list")["items"]] == [organisation]
    assert [
        one["role"] for one in member.call("organisation_members_list", organisation_id=organisation)["items"]
    ] == ["admin", "member"]
    for attempt in (
        lambda: member.call("organisations_update", id=organisation, name="x"),
        lambda: member.call("organisations_delete", id=organisation),
        lambda: member.call(
            "organisation_members_set", organisation_id=organisation, user_id=member.user_id, role="admin"
        ),
        lambda: member.call(
            "organisation_members_remove", organisation_id=organisation, user_id=admin.user_id
        ),
        lambda: invite(member, None, address(), "member", organisation),
    ):
        with pytest.raises(Forbidden):
            attempt()
    for function, arguments in {
        "organisations_get": {"id": organisation},
        "organisations_delete": {"id": organisation},
        "organisation_members_list": {"organisation_id": organisation},
        "invitations_list": {"organisation_id": organisation},
    }.items():
        with pytest.raises(NotFound):
            stranger.call(function, **arguments)
    with pytest.raises(Conflict):
        stranger.call("organisations_create", name=name.upper())
    with pytest.raises(Conflict):
        admin.call("organisation_members_remove", organisation_id=organisation, user_id=admin.user_id)
    assert admin.call("organisations_update", id=organisation, name=name + "s")["name"] == name + "s"
    admin.call("organisations_delete", id=organisation)
    assert member.call("organisations_list")["items"] == []


# ---- accounts that go ------------------------------------------------------------------------------------------------


def test_an_account_that_goes_leaves_its_organisation_in_order(database: Database) -> None:
    alone, other = database.person(), database.person()
    organisation = alone.call("organisations_create", name=f"Team {uuid4().hex[:8]}")["id"]
    _, code_hash = invite(alone, None, address(), "member", organisation)
    other.call("invitations_accept", code_hash=code_hash)
    with pytest.raises(psycopg.Error, match="always has an admin"):
        database.superuser("delete from auth.users where id = %s", alone.user_id)
    alone.call("organisation_members_set", organisation_id=organisation, user_id=other.user_id, role="admin")
    database.superuser("delete from auth.users where id = %s", alone.user_id)
    # With the last one, nobody is left whom it could matter to.
    database.superuser("delete from auth.users where id = %s", other.user_id)
