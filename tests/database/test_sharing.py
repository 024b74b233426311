"""Who may what, and how it is given and taken: by those who may, and by those who try."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from insighter_ext.errors import Conflict, Forbidden, InsighterError, Invalid, NotFound
from tests.database.conftest import Database, Person

ROLES = ["viewer", "annotator", "editor", "admin", "owner"]
BELOW_ADMIN = ["viewer", "annotator", "editor"]


def made(owner: Person, name: str = "Wine") -> str:
    project: str = owner.call("projects_create", name=f"{name} {uuid4().hex[:8]}")["id"]
    return project


def roles(database: Database, project: str) -> dict[UUID | None, str]:
    return dict(
        database.superuser("select user_id, role::text from insighter.members where project_id = %s", project)
    )


def account(database: Database, email: str, *, confirmed: bool = True) -> Person:
    return Person(
        database,
        database.superuser(
            "insert into auth.users (email, email_confirmed_at) values (%s, case when %s then now() end) returning id",
            email,
            confirmed,
        )[0][0],
    )


def address(name: str = "ana") -> str:
    return f"{name}-{uuid4().hex[:10]}@example.org"


def invite(
    by: Person, project: str | None, email: str, role: str = "editor", organisation: str | None = None
) -> tuple[dict[str, Any], str]:
    """The invitation and its code's hash."""
    code_hash = hashlib.sha256(uuid4().bytes).hexdigest()
    invitation = by.call(
        "invitations_create",
        email=email,
        role=role,
        code_hash=code_hash,
        **({"project_id": project} if project else {"organisation_id": organisation}),
    )
    return invitation, code_hash


def verbs(person: Person, project: str) -> list[tuple[str, str]]:
    return [
        (verb, kind)
        for verb, kind in person.rows(
            "select verb, asset_kind from insighter.events where project_id = %s order by id", project
        )
    ]


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


class Apart:
    """A person on a connection of their own, whose transaction ends when told."""

    def __init__(self, database: Database, person: Person) -> None:
        import json

        self.connection = psycopg.connect(
            host=database._api.info.host,
            port=database._api.info.port,
            user=database._api.info.user,
            password=database._api.info.password,
            dbname=database._api.info.dbname,
        )
        claims = {"sub": str(person.user_id), "role": "authenticated", "insighter": {"kind": "person"}}
        self.connection.execute(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
            [json.dumps(claims)],
        )

    def call(self, query: str, *arguments: Any) -> str:
        """What became of it."""
        try:
            self.connection.execute(query, arguments)  # type: ignore[arg-type, unused-ignore]
        except psycopg.Error as error:
            self.connection.rollback()
            return error.diag.message_detail or error.sqlstate or "?"
        return "done"


def race(
    database: Database, first: tuple[Person, str, list[Any]], second: tuple[Person, str, list[Any]]
) -> list[str]:
    """The second begins while the first is not committed yet, and has to wait or to be refused."""
    one, two = Apart(database, first[0]), Apart(database, second[0])
    try:
        answers = [one.call(first[1], *first[2])]
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(two.call, second[1], *second[2])
            threading.Event().wait(0.3)
            one.connection.commit()
            answers.append(other.result(timeout=20))
        if answers[1] == "done":
            two.connection.commit()
        return answers
    finally:
        one.connection.close()
        two.connection.close()


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


# ---- invitations -----------------------------------------------------------------------------------------------------


def test_a_new_account_joins_what_its_confirmed_address_was_invited_to(database: Database) -> None:
    owner = database.person()
    project, other = made(owner), made(owner)
    organisation = owner.call("organisations_create", name=f"Team {uuid4().hex[:8]}")["id"]
    email = address("Ana")
    invite(owner, project, email.upper(), "annotator")
    invite(owner, other, email, "admin")
    invite(owner, None, email, "member", organisation)
    waiting = account(database, email.lower(), confirmed=False)
    assert waiting.user_id not in roles(database, project)
    assert waiting.call("invitations_mine")["items"] == []
    database.superuser("update auth.users set email_confirmed_at = now() where id = %s", waiting.user_id)
    assert roles(database, project)[waiting.user_id] == "annotator"
    assert roles(database, other)[waiting.user_id] == "admin"
    assert [one["id"] for one in waiting.call("organisations_list")["items"]] == [organisation]
    assert owner.call("invitations_list", project_id=project)["items"] == []
    assert owner.rows(
        "select actor, verb, asset_name from insighter.events where project_id = %s order by id desc limit 1",
        project,
    ) == [(waiting.user_id, "joined", email.split("@")[0].lower())]
    direct = address()
    invite(owner, project, direct, "viewer")
    newcomer = account(database, direct)
    assert roles(database, project)[newcomer.user_id] == "viewer"


def test_an_account_that_is_there_is_asked(database: Database) -> None:
    owner = database.person("owner")
    project = made(owner)
    email = address()
    person = account(database, email)
    known, _ = invite(owner, project, email, "editor")
    unknown, _ = invite(owner, project, address(), "editor")
    assert set(known) == set(unknown) and known["role"] == unknown["role"] == "editor"
    assert person.user_id not in roles(database, project)
    with pytest.raises(NotFound):
        person.call("projects_get", id=project)
    [mine] = person.call("invitations_mine")["items"]
    assert mine["id"] == known["id"] and mine["kind"] == "project" and mine["invited_by"].startswith("owner")
    assert person.call("invitations_accept", id=known["id"])["project"]["id"] == project
    assert roles(database, project)[person.user_id] == "editor"
    assert person.call("invitations_mine")["items"] == []
    with pytest.raises(Conflict) as error:
        invite(owner, project, email.upper())
    assert error.value.code == "member_already"

    second = made(owner)
    declined, code_hash = invite(owner, second, email)
    person.call("invitations_decline", id=declined["id"])
    for arguments in ({"id": declined["id"]}, {"code_hash": code_hash}):
        with pytest.raises(NotFound):
            person.call("invitations_accept", **arguments)


def test_nobody_takes_anothers_invitation(database: Database) -> None:
    owner, thief = database.person(), database.person("thief")
    project = made(owner)
    email = address()
    invitation, code_hash = invite(owner, project, email)
    unproven = account(database, email, confirmed=False)
    for person in (thief, unproven):
        assert person.call("invitations_mine")["items"] == []
        for function in ("invitations_accept", "invitations_decline"):
            with pytest.raises(NotFound):
                person.call(function, id=invitation["id"])
    # What a token says of its holder's address is of no account.
    claims = {"sub": str(thief.user_id), "role": "authenticated", "email": email,
              "user_metadata": {"email": email}, "insighter": {"kind": "person"}}  # fmt: skip
    import json

    with database._api.transaction():
        database._api.execute(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
            [json.dumps(claims)],
        )
        found = database._api.execute("select public.invitations_mine()").fetchone()
    assert found is not None and found[0]["items"] == []
    assert thief.rows("select id from insighter.invitations") == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.rows("select code_hash from insighter.invitations")
    # The code is enough for whoever has it, once.
    thief.call("invitations_accept", code_hash=code_hash)
    for person in (thief, unproven, owner):
        with pytest.raises(NotFound):
            person.call("invitations_accept", code_hash=code_hash)
    assert database.anon.call("invitations_check", code_hash=code_hash) is None


@pytest.mark.parametrize(
    "claimed",
    [
        "\u212aate@example.org",
        "kate@example.org\u200b",
        "K\u0430te@example.org",
        "ＫＡＴＥ@example.org",
        "kate@ex\u0430mple.org",
    ],
    ids=["kelvin sign", "zero width", "cyrillic a", "full width", "cyrillic domain"],
)
def test_addresses_that_look_alike_are_not_the_same(database: Database, claimed: str) -> None:
    owner = database.person()
    project = made(owner)
    invitation, _ = invite(owner, project, "kate@example.org")
    other = account(database, claimed)
    try:
        assert other.user_id not in roles(database, project)
        assert other.call("invitations_mine")["items"] == []
        with pytest.raises(NotFound):
            other.call("invitations_accept", id=invitation["id"])
    finally:
        database.superuser("delete from auth.users where id = %s", other.user_id)


def test_capital_letters_of_an_address_do_not_count(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    email = address("case")
    invite(owner, project, f"  {email.upper()} ")
    newcomer = account(database, email.title())
    assert roles(database, project)[newcomer.user_id] == "editor"


@pytest.mark.parametrize(
    "email",
    ["", "ana", "ana@", "@example.org", "a na@example.org", "ana@example.org\n", "ana@exa\u202emple.org",
     "Ana <ana@example.org>", "a@b@c", "a,b@example.org", "a" * 250 + "@example.org"],
    ids=["empty", "no at", "no domain", "no name", "space", "newline", "turning", "named", "two ats", "two", "long"],
)  # fmt: skip
def test_what_is_no_address_is_refused(database: Database, email: str) -> None:
    owner = database.person()
    project = made(owner)
    if email.endswith("\n"):
        assert invite(owner, project, email)[0]["email"] == email.strip()
        return
    with pytest.raises(Invalid) as error:
        invite(owner, project, email)
    assert error.value.code == "invalid_email"


def test_an_invitation_never_lowers_a_role(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor = database.member(project, "editor")
    _, code_hash = invite(owner, project, address(), "viewer")
    editor.call("invitations_accept", code_hash=code_hash)
    assert roles(database, project)[editor.user_id] == "editor"
    _, code_hash = invite(owner, project, address(), "admin")
    owner.call("invitations_accept", code_hash=code_hash)
    assert roles(database, project)[owner.user_id] == "owner"
    _, code_hash = invite(owner, project, address(), "admin")
    editor.call("invitations_accept", code_hash=code_hash)
    assert roles(database, project)[editor.user_id] == "admin"


def test_an_invitation_ends(database: Database) -> None:
    owner, person = database.person(), database.person()
    project = made(owner)

    revoked, revoked_hash = invite(owner, project, address())
    owner.call("invitations_revoke", id=revoked["id"], project_id=project)
    email = address()
    _, replaced_hash = invite(owner, project, email)
    again, _ = invite(owner, project, email, "viewer")
    assert [one["id"] for one in owner.call("invitations_list", project_id=project)["items"]] == [again["id"]]
    lapsed, lapsed_hash = invite(owner, project, address())
    database.superuser(
        "update insighter.invitations set created_at = created_at - interval '15 days',"
        " expires_at = expires_at - interval '15 days' where id = %s",
        lapsed["id"],
    )
    for code_hash in (revoked_hash, replaced_hash, lapsed_hash, "0" * 64):
        assert database.anon.call("invitations_check", code_hash=code_hash) is None
        with pytest.raises(NotFound):
            person.call("invitations_accept", code_hash=code_hash)
    # What was taken back is not brought back to life.
    assert owner.rows(
        "update insighter.invitations set revoked_at = null where id = %s returning 1", revoked["id"]
    ) == []  # fmt: skip
    with pytest.raises(NotFound):
        owner.call("invitations_revoke", id=revoked["id"], project_id=project)
    with pytest.raises(NotFound):
        owner.call("invitations_revoke", id=again["id"], project_id=made(owner))


def test_an_admin_leaves_no_way_back_in(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    admin = database.member(project, "admin")
    second = address("second account of the admin".replace(" ", "-"))
    _, code_hash = invite(admin, project, second, "admin")
    assert database.anon.call("invitations_check", code_hash=code_hash)["role"] == "admin"
    owner.call("members_set", project_id=project, user_id=admin.user_id, role="editor")
    assert database.anon.call("invitations_check", code_hash=code_hash) is None
    for person in (admin, account(database, second)):
        with pytest.raises(NotFound):
            person.call("invitations_accept", code_hash=code_hash)
    assert roles(database, project) == {owner.user_id: "owner", admin.user_id: "editor"}


def test_a_code_tells_what_it_is_good_for(database: Database) -> None:
    owner = database.person()
    project = owner.call("projects_create", name=f"Told {uuid4().hex[:6]}")
    email = address()
    _, code_hash = invite(owner, project["id"], email, "viewer")
    assert database.anon.call("invitations_check", code_hash=code_hash) == {
        "email": email, "role": "viewer", "project": project["name"], "organisation": None,
    }  # fmt: skip


# ---- requests for access ---------------------------------------------------------------------------------------------


def test_a_request_answers_alike_whether_or_not_there_is_a_project(database: Database) -> None:
    owner, asker = database.person(), database.person("asker")
    secret = owner.call("projects_create", name=f"Secret {uuid4().hex[:8]}")
    personal = owner.call("projects_personal")
    answers = [
        asker.call("access_requests_create", project=asked, role="editor", message="please")
        for asked in (secret["slug"], secret["id"], f"no-{uuid4().hex[:8]}", str(uuid4()), personal["slug"])
    ]
    for answer in answers:
        assert {**answer, "id": 0, "project": 0, "created_at": 0} == {
            "id": 0, "project": 0, "role": "editor", "message": "please", "state": "pending", "created_at": 0,
        }  # fmt: skip
    # The admins see it once, with who asks.
    [request] = owner.call("access_requests_list", project_id=secret["id"])["items"]
    assert request["display_name"].startswith("asker") and request["email"].startswith("asker")
    assert database.superuser(
        "select count(*) from insighter.access_requests where user_id = %s", asker.user_id
    ) == [(1,)]
    owner.call("access_requests_decline", project_id=secret["id"], id=request["id"])
    asker.call("access_requests_create", project=secret["slug"], role="editor", message="please!")
    assert owner.call("access_requests_list", project_id=secret["id"])["items"] == []
    assert {one["state"] for one in asker.call("access_requests_mine")["items"]} == {"pending"}
    assert len(asker.call("access_requests_mine")["items"]) == 5
    assert asker.rows("select 1 from insighter.access_requests") == []
    # Nor does the audit of the own account tell.
    told = asker.call("audit_list", limit=500)["items"]
    assert {tuple(sorted(row["changes"])) for row in told if row["asset_kind"] == "access_asked"} == {
        ("asked", "id", "message", "role")
    }


def test_how_many_requests_are_open_tells_nothing_either(database: Database) -> None:
    owner = database.person()
    slugs = [owner.call("projects_create", name=f"Many {uuid4().hex[:8]}")["slug"] for _ in range(3)]
    for first in (slugs, [f"no-{uuid4().hex[:8]}" for _ in range(3)]):
        asker = database.person()
        for asked in [*first, *[f"no-{uuid4().hex[:8]}" for _ in range(17)]]:
            asker.call("access_requests_create", project=asked, role="viewer")
        with pytest.raises(Conflict) as error:
            asker.call("access_requests_create", project=slugs[0] + "x", role="viewer")
        assert error.value.code == "too_many_requests"
        database.superuser(
            "update insighter.access_asked set created_at = now() - interval '31 days' where user_id = %s",
            asker.user_id,
        )
        asker.call("access_requests_create", project=slugs[0] + "x", role="viewer")


def test_a_request_is_granted_by_an_admin(database: Database) -> None:
    owner, asker = database.person(), database.person("asker")
    project = owner.call("projects_create", name=f"Asked {uuid4().hex[:8]}")
    editor = database.member(project["id"], "editor")
    asker.call("access_requests_create", project=project["slug"], role="admin")
    [request] = owner.call("access_requests_list", project_id=project["id"])["items"]
    for person, expected in ((editor, Forbidden), (asker, NotFound)):
        for function in ("access_requests_grant", "access_requests_decline"):
            with pytest.raises(expected):
                person.call(function, project_id=project["id"], id=request["id"])
    with pytest.raises(NotFound):
        owner.call("access_requests_grant", project_id=made(owner), id=request["id"])
    with pytest.raises(Invalid):
        owner.call("access_requests_grant", project_id=project["id"], id=request["id"], role="owner")
    member = owner.call("access_requests_grant", project_id=project["id"], id=request["id"], role="viewer")
    assert member["role"] == "viewer" and member["display_name"].startswith("asker")
    assert verbs(owner, project["id"])[-1] == ("added", "member")
    with pytest.raises(NotFound):
        owner.call("access_requests_grant", project_id=project["id"], id=request["id"])
    with pytest.raises(Conflict) as error:
        asker.call("access_requests_create", project=project["slug"], role="viewer")
    assert error.value.code == "member_already"


# ---- credentials -----------------------------------------------------------------------------------------------------


def test_no_kernel_and_no_token_changes_who_may_what(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    member = database.member(project, "viewer")
    kernel = owner.kernel(project)
    email = database.superuser("select email from auth.users where id = %s", owner.user_id)[0][0]
    database.superuser("update auth.users set email_confirmed_at = now() where id = %s", owner.user_id)
    host = database.person()
    elsewhere = made(host)
    invitation, code_hash = invite(host, elsewhere, email)
    tries: list[Callable[[], Any]] = [
        lambda: kernel.call("members_set", project_id=project, user_id=member.user_id, role="admin"),
        lambda: kernel.call("members_remove", project_id=project, user_id=member.user_id),
        lambda: kernel.call("members_remove", project_id=project, user_id=owner.user_id),
        lambda: kernel.call("projects_transfer", id=project, user_id=member.user_id),
        lambda: kernel.call("projects_set_visibility", id=project, visibility="public"),
        lambda: invite(kernel, project, address()),
        lambda: kernel.call("invitations_mine"),
        lambda: kernel.call("invitations_accept", id=invitation["id"]),
        lambda: kernel.call("invitations_accept", code_hash=code_hash),
        lambda: kernel.call("invitations_decline", id=invitation["id"]),
        lambda: kernel.call("access_requests_create", project="wine", role="viewer"),
        lambda: kernel.call("access_requests_mine"),
        lambda: kernel.call("organisations_create", name="Kernels"),
        lambda: kernel.call(
            "restrictions_set", project_id=project, kind="model", name="m", min_role="editor"
        ),
    ]
    for attempt in tries:
        with pytest.raises(Forbidden) as error:
            attempt()
        assert error.value.code == "in_person_only"
    assert roles(database, project) == {owner.user_id: "owner", member.user_id: "viewer"}
    assert [row[0] for row in kernel.rows("select private.own_address()")] == [email]
    assert kernel.rows("select * from private.own_invitations()") == []
    with pytest.raises(psycopg.Error, match="no such invitation"):
        kernel.rows("select private.invitation_accepted(null, %s)", code_hash)


# ---- restrictions ----------------------------------------------------------------------------------------------------


def dataset(person: Person, project: str, name: str, content: str = "a") -> str:
    sha = hashlib.sha256(content.encode()).hexdigest()
    made = person.call(
        "datasets_add_version", project_id=project, name=name, format="parquet", filename="", size=1, rows=1,
        sha256=sha, table_object_key=f"{project}/{sha}", table_size=1, columns=[],
    )  # fmt: skip
    found: str = made["dataset"]["id"]
    return found


def test_a_restricted_asset_is_not_there_for_others(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor, named, viewer = (database.member(project, role) for role in ("editor", "viewer", "viewer"))
    dataset(owner, project, "Salaries", "salaries")
    dataset(owner, project, "Wine", "wine")
    answer = owner.call(
        "restrictions_set", project_id=project, kind="dataset", name="salaries", min_role="admin",
        people=[str(named.user_id)],
    )  # fmt: skip
    assert answer["name"] == "Salaries" and [one["user_id"] for one in answer["people"]] == [
        str(named.user_id)
    ]
    assert named.call("datasets_get", project_id=project, name="Salaries")["name"] == "Salaries"
    for person in (editor, viewer):
        assert [one["name"] for one in person.call("datasets_list", project_id=project)["items"]] == ["Wine"]
        assert person.call("projects_contents", id=project)["datasets"] == 1
        for function in ("datasets_get", "datasets_delete"):
            with pytest.raises(NotFound) as missing:
                person.call(function, project_id=project, name="Salaries")
            assert "Salaries" not in (missing.value.hint or "")
        with pytest.raises(NotFound):
            person.call("datasets_version", project_id=project, name="Salaries", version=1)
        assert person.rows("select 1 from insighter.events where asset_name = 'Salaries'") == []
        assert person.rows("select 1 from insighter.dataset_versions where rows = 1") == [(1,)]
    # The name is taken, and that is all.
    for attempt in (
        lambda: editor.call("datasets_may_upload", project_id=project, name="SALARIES"),
        lambda: dataset(editor, project, "SALARIES", "other"),
    ):
        with pytest.raises(Conflict) as error:
            attempt()
        assert error.value.code == "name_taken"
    with pytest.raises(Forbidden):
        viewer.call("datasets_may_upload", project_id=project, name="Salaries")
    # Whoever leaves and comes back is not named any more.
    owner.call("members_remove", project_id=project, user_id=named.user_id)
    database.superuser(
        "insert into insighter.members (project_id, user_id, role) values (%s, %s, 'editor')",
        project,
        named.user_id,
    )
    with pytest.raises(NotFound):
        named.call("datasets_get", project_id=project, name="Salaries")
    owner.call("restrictions_remove", project_id=project, kind="dataset", name="Salaries")
    assert viewer.call("datasets_get", project_id=project, name="Salaries")["name"] == "Salaries"


def test_a_restricted_model_stays_hidden_by_every_name_it_had(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor = database.member(project, "editor")
    kernel, other = owner.kernel(project), editor.kernel(project)
    kernel.call("models_create", name="first-name")
    owner.call("restrictions_set", project_id=project, kind="model", name="first-name", min_role="admin")
    kernel.call("models_update", name="first-name", new_name="second-name")
    for name in ("first-name", "second-name"):
        with pytest.raises(NotFound):
            other.call("models_get", name=name)
    assert other.call("models_list")["items"] == []
    hidden = "select verb from insighter.events where asset_kind = 'model' order by id"
    assert [row[0] for row in kernel.rows(hidden)] == ["created", "restricted", "renamed"]
    assert other.rows(hidden) == []
    with pytest.raises(Conflict) as error:
        other.call("models_create", name="second-name")
    assert error.value.code == "name_taken"
    with pytest.raises(Conflict) as error:
        other.call("model_versions_create", name="second-name", source="models:/m-" + "0" * 32)
    assert error.value.code == "name_taken"
    # The name it had before is free, and what happens under it is not hidden with it.
    other.call("models_create", name="first-name")
    assert [row[0] for row in other.rows(hidden)] == ["created"]
    with pytest.raises(Conflict) as error:
        other.call("models_update", name="first-name", new_name="second-name")
    assert error.value.code == "name_taken"
    # Also that it is gone.
    kernel.call("models_delete", name="second-name")
    assert [row[0] for row in other.rows(hidden)] == ["created"]
    assert owner.call("restrictions_list", project_id=project)["items"] == []


def test_a_restricted_deployments_name_is_taken(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor = database.member(project, "editor")
    arguments = {"project_id": project, "name": "wine", "model_name": "rating", "model_version": 1}
    owner.call("deployments_create", id=uuid4(), **arguments)
    owner.call("restrictions_set", project_id=project, kind="deployment", name="wine", min_role="owner")
    assert editor.call("deployments_list", project_id=project) == []
    assert editor.call("projects_contents", id=project)["deployments"] == []
    with pytest.raises(NotFound):
        editor.call("deployments_get", project_id=project, name="wine")
    with pytest.raises(Conflict) as error:
        editor.call("deployments_create", id=uuid4(), **arguments)
    assert error.value.code == "name_taken"


def test_nobody_shuts_themself_out_or_opens_what_is_closed_to_them(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    admin = database.member(project, "admin")
    dataset(owner, project, "wine")
    with pytest.raises(Forbidden):
        admin.call("restrictions_set", project_id=project, kind="dataset", name="wine", min_role="owner")
    for arguments, code in (
        ({"kind": "dataset", "min_role": "viewer"}, "invalid_role"),
        ({"kind": "run", "min_role": "editor"}, "invalid_kind"),
        ({"kind": "dataset", "min_role": "editor", "people": [str(uuid4())]}, "not_a_member"),
    ):
        with pytest.raises(Invalid) as error:
            owner.call("restrictions_set", project_id=project, name="wine", **arguments)
        assert error.value.code == code
    owner.call("restrictions_set", project_id=project, kind="dataset", name="wine", min_role="owner")
    assert admin.call("restrictions_list", project_id=project)["items"] == []
    for function, arguments in {
        "restrictions_set": {"min_role": "editor"},
        "restrictions_remove": {},
    }.items():
        with pytest.raises(NotFound):
            admin.call(function, project_id=project, kind="dataset", name="wine", **arguments)
    for statement in (
        "delete from insighter.restrictions returning 1",
        "update insighter.restrictions set min_role = 'annotator' returning 1",
        "update insighter.restrictions set people = array[%(me)s::uuid] returning 1",
        "select 1 from insighter.restrictions",
    ):
        assert database.as_person(admin, statement, {"me": admin.user_id}) == []
    with pytest.raises(NotFound):
        admin.call("datasets_get", project_id=project, name="wine")


def test_what_a_run_noted_of_a_restricted_dataset_is_hidden_with_it(database: Database) -> None:
    owner = database.person()
    project = made(owner)
    editor = database.member(project, "editor")
    dataset(owner, project, "Salaries", "salaries")
    digest = hashlib.sha256(b"salaries").hexdigest()[:16]
    run = uuid4()
    database.superuser(
        "insert into insighter.experiments (project_id, name, created_by) values (%s, 'e', %s)",
        project,
        owner.user_id,
    )
    experiment = database.superuser("select id from insighter.experiments where project_id = %s", project)[0][
        0
    ]
    database.superuser(
        "insert into insighter.runs (id, project_id, experiment_id, name, start_time, created_by)"
        " values (%s, %s, %s, 'r', 0, %s)",
        run, project, experiment, owner.user_id,
    )  # fmt: skip
    for name, read in (("Salaries", digest), ("Wine", "b" * 16)):
        database.superuser(
            "insert into insighter.run_datasets"
            " (project_id, run_id, name, digest, source_type, source, schema, profile)"
            " values (%s, %s, %s, %s, '', '', '', '')",
            project, run, name, read,
        )  # fmt: skip
    seen = "select name from insighter.run_datasets order by name"
    assert editor.rows(seen) == [("Salaries",), ("Wine",)]
    owner.call("restrictions_set", project_id=project, kind="dataset", name="Salaries", min_role="admin")
    assert editor.rows(seen) == [("Wine",)]
    assert owner.rows(seen) == [("Salaries",), ("Wine",)]


def test_restrictions_open_nothing(database: Database) -> None:
    owner, stranger = database.person(), database.person()
    project = made(owner)
    found = dataset(owner, project, "wine")
    database.superuser(
        "insert into insighter.restrictions (project_id, asset_kind, asset_id, min_role, people, created_by)"
        " values (%s, 'dataset', %s, 'admin', array[%s]::uuid[], %s)",
        project, found, stranger.user_id, owner.user_id,
    )  # fmt: skip
    with pytest.raises(InsighterError) as error:
        stranger.call("datasets_list", project_id=project)
    assert error.value.status == 404
    owner.call("projects_set_visibility", id=project, visibility="public")
    assert stranger.call("datasets_list", project_id=project)["items"] == []


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
