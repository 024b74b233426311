"""Ways into a project for those outside, and who tries to take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext.errors import Conflict, Forbidden, Invalid, NotFound
from tests.database.conftest import Database
from tests.database.sharing import account, address, invite, made, roles, verbs

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
        "select actor, verb, asset_name from insighter.events"
        " where project_id = %s and asset_kind = 'member' order by id desc limit 1",
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
    told = [each for each in verbs(owner, project["id"]) if each[1] != "achievement"]
    assert told[-1] == ("added", "member")
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
