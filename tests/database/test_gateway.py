"""The data gateway: what is handed to it arrives in the database unchanged, and nothing of it stays on a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from insighter_ext import errors
from insighter_ext.principal import Principal

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = [
    "'; drop table insighter.projects; --",
    "\\'; select 1; --",
    "''\\\\''\"\\\"",
    "%s %(role)s %% {} $1 $$ $tag$",
    "line\nbreak\r\ttab \x01\x1f\x7f",
    "Grüße 你好 🧪 \u202e \u2028 \ufffd",
    "\\u0027 \\x27 E'\\047'",
]


@pytest.fixture
def functions(platform: Any) -> Iterator[None]:
    """API functions that answer what they are given; one of them says that it only reads, and writes."""
    database = platform.data._database
    with psycopg.connect(**platform.data._postgres.conninfo(database=database), autocommit=True) as superuser:
        superuser.execute("""
            create function public.echo(p_text text, p_document jsonb, p_number float8) returns jsonb
            language sql stable as $$
              select jsonb_build_object('jwt', auth.jwt(), 'role', current_user, 'text', p_text, 'document', p_document,
                'number', p_number, 'read_only', current_setting('transaction_read_only'))
            $$;
            create function public.echo_change(p_text text) returns jsonb language sql volatile as $$
              select jsonb_build_object('text', p_text, 'read_only', current_setting('transaction_read_only'))
            $$;
            grant execute on function public.echo, public.echo_change to authenticated;
        """)
        yield
        superuser.execute("drop function public.echo; drop function public.echo_change")


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_texts_arrive_unchanged(platform: Any, text: str) -> None:
    principal = replace(platform.owner, email=text)
    answer = await platform.data.call(
        principal, "echo", text=text, document={text: [text, None, -1.5, True]}, number=-1.5
    )
    assert answer["jwt"]["email"] == text
    assert answer["jwt"]["sub"] == str(platform.owner.user_id)
    assert answer["text"] == text
    assert answer["document"] == {text: [text, None, -1.5, True]}
    assert answer["role"] == "authenticated"


@pytest.mark.usefixtures("functions")
async def test_what_reads_cannot_write_and_what_changes_can(platform: Any) -> None:
    read = await platform.data.call(platform.owner, "echo", text=None, document=[], number=1.5e-300)
    assert (read["read_only"], read["text"], read["document"], read["number"]) == ("on", None, [], 1.5e-300)
    assert await platform.data.call(platform.owner, "echo_change", text="a") == {
        "text": "a",
        "read_only": "off",
    }


async def test_a_role_that_is_none_of_the_callers_is_refused(platform: Any) -> None:
    for role in ("postgres", "supabase_auth_admin", "authenticated'; reset role; --", 'authenticated"'):
        with pytest.raises(errors.InsighterError):
            await platform.data.call(Principal(platform.owner.user_id, role=role), "projects_list")


async def test_nobody_inherits_the_caller_before(platform: Any) -> None:
    """Connections are shared: after a call that failed as after one that did not, the next starts as nobody."""
    mine = await platform.data.call(platform.owner, "projects_create", name=f"Mine {uuid4().hex}")

    async def stranger() -> None:
        with pytest.raises(errors.InsighterError):
            await platform.data.call(Principal(uuid4()), "projects_get", id=mine["id"])
        with pytest.raises(errors.InsighterError):
            await platform.data.call(None, "projects_get", id=mine["id"])

    async def owner() -> None:
        assert (await platform.data.call(platform.owner, "projects_get", id=mine["id"]))["id"] == mine["id"]

    await asyncio.gather(*(one() for _ in range(20) for one in (owner, stranger)))


async def test_a_cancelled_call_leaves_its_connection_usable(platform: Any) -> None:
    for _ in range(20):
        name = f"Cancelled {uuid4().hex}"
        call = asyncio.ensure_future(platform.data.call(platform.owner, "projects_create", name=name))
        await asyncio.sleep(0.0005)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await asyncio.gather(*(platform.data.call(platform.owner, "platform_status") for _ in range(20)))


async def test_a_text_with_a_nul_is_refused(platform: Any) -> None:
    with pytest.raises(errors.Invalid):
        await platform.data.call(platform.owner, "projects_create", name="a\0b")


@pytest.fixture
def committing(platform: Any) -> Iterator[dict[str, Any]]:
    """API functions that fail at COMMIT; how a superuser connects."""
    conninfo = platform.data._postgres.conninfo(database=platform.data._database)
    with psycopg.connect(**conninfo, autocommit=True) as superuser:
        superuser.execute("""
            create function public.orphan(p_id uuid) returns jsonb language sql security definer as $$
              delete from insighter.members where project_id = p_id; select '{}'::jsonb
            $$;
            create sequence insighter.conflicts;
            grant usage on schema insighter to authenticated;
            grant usage on sequence insighter.conflicts to authenticated;
            create table insighter.conflicting (n int);
            grant insert on insighter.conflicting to authenticated;
            create function insighter.conflict() returns trigger language plpgsql as $$
            begin
              if nextval('insighter.conflicts') < new.n then
                raise exception 'deadlock detected' using errcode = '40P01';
              end if;
              return null;
            end $$;
            create constraint trigger conflict after insert on insighter.conflicting
            deferrable initially deferred for each row execute function insighter.conflict();
            create function public.conflicting(p_n int) returns jsonb language sql as $$
              insert into insighter.conflicting values (p_n); select to_jsonb(p_n)
            $$;
            grant execute on function public.orphan, public.conflicting, insighter.conflict to authenticated;
        """)
        yield conninfo
        superuser.execute("""
            drop function public.orphan; drop function public.conflicting; drop table insighter.conflicting;
            drop function insighter.conflict; drop sequence insighter.conflicts
        """)


async def test_what_is_refused_at_commit_is_told_like_any_refusal(platform: Any, committing: Any) -> None:
    made = await platform.data.call(platform.owner, "projects_create", name=f"Owned {uuid4().hex[:8]}")
    with pytest.raises(errors.Conflict) as refusal:
        await platform.data.call(platform.owner, "orphan", id=made["id"])
    assert (refusal.value.code, refusal.value.hint) == ("owner_missing", "transfer the ownership first")
    assert (await platform.data.call(platform.owner, "projects_get", id=made["id"]))["role"] == "owner"


async def test_what_is_taken_back_for_a_conflict_is_done_again(platform: Any, committing: Any) -> None:
    assert await platform.data.call(platform.owner, "conflicting", n=3) == 3
    with psycopg.connect(**committing) as superuser:
        assert superuser.execute("select n from insighter.conflicting").fetchall() == [(3,)]
        superuser.execute("alter sequence insighter.conflicts restart")
    with pytest.raises(errors.Unavailable, match="the database does not answer"):
        await platform.data.call(platform.owner, "conflicting", n=100)
