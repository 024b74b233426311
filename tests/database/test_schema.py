"""Rules that hold for the whole schema. They are read from the catalogue, so nothing new can be forgotten."""

from __future__ import annotations

import re

import pytest

from insighter_ext import schema
from insighter_ext.errors import Unavailable
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from tests.database.conftest import Database

OURS = "('insighter', 'private', 'platform')"

# Callable before anybody is known: whoever calls them holds a secret of 192 bits or more already.
ANONYMOUS = {
    "credentials_resolve",
    "credentials_touch",
    "credentials_revoke_issued",
    "invitations_check",
    "deployments_of_host",
    "runs_of_issuer",
}

# Look past row-level security (security definer), each with its reason.
DEFINERS = {
    "public.credentials_resolve": "nobody is known before it; whoever asks has the secret",
    "public.credentials_touch": "the same",
    "public.credentials_revoke_issued": "ends what a server gave to kernels of all accounts, by the server's secret",
    "public.runs_abandon": "says how runs ended for whoever started their kernel, whatever they may by then",
    "public.runs_of_issuer": "a server's own kernels, of all accounts, by the server's secret",
    "public.deployments_of_host": "a machine's own deployments, of all accounts, by the machine's secret",
    "public.deployments_withdraw": "ends what somebody lost the right to run, by the machine's secret",
    "public.trash_due": "what the platform has to look after, of all accounts; it alone may ask",
    "public.invitations_check": "whoever has the code sees what it is good for",
    # What policies stand on: it reads the tables that these policies are for.
    "private.project_ids": "memberships",
    "private.membership_ids": "memberships",
    "private.organisation_ids": "memberships of organisations",
    "private.role_in": "the membership in one project",
    "private.trashed_ids": "whose projects are in the trash, where nobody is a member",
    "private.acquainted": "who shares a project or an organisation",
    "private.hidden": "restrictions, which only admins read",
    "private.is_hidden": "the same, of one asset, and the trash, which editors read",
    "private.is_restricted": "restrictions, of one asset",
    "private.hidden_assets": "the same",
    "private.unseen_assets": "the same",
    "private.hidden_roots": "files of restricted models",
    "private.hidden_reads": "what runs noted of restricted datasets",
    "private.hidden_audit": "the audit of what is restricted",
    "private.file_hidden": "one file of a restricted model",
    "private.audit_scopes": "whose audit the caller reads",
    # Triggers: they do what their caller has no right to.
    "private.profile_for_user": "a new account has a profile",
    "private.newcomer_joins": "a new account joins what it was invited to",
    "private.owner_becomes_member": "whoever makes a project is its owner",
    "private.owner_remains": "counts the owners, whoever asks",
    "private.creator_becomes_admin": "whoever makes an organisation is its admin",
    "private.admin_remains": "counts the admins, whoever asks",
    "private.member_gone": "whoever leaves is taken out of restrictions",
    "private.closed_remains": "what a deleted version leaves stays closed, whoever deletes it",
    "private.credential_stands": "whether the caller's own credential is good",
    # What is written by the thousand: each asks for the right itself, once.
    "private.run_logged": "metrics, params and tags of a run in a project one edits",
    "private.experiment_open": "an experiment in a project one edits",
    "private.project_released": "notes who clears away a deleted project's objects",
    "private.traces_deleted": "the links of a trace to runs go with it, whoever deletes it",
    "private.trashed": "whatever is trashed gives its name free, and keeps it as long as the platform says",
    "private.untrashed": "and takes it back",
    "private.trash_told": "which of several models of one name an event is about",
    "private.project_trashed": "the same of a project, whose endpoints stop",
    "private.project_untrashed": "the same",
    "private.organisation_gone": "trashed projects, which nobody sees, do not keep an organisation",
    "private.trash_days": "the platform's setting",
    "private.asset_put": "the catalogue of assets, which nobody else writes",
    "private.asset_changed": "the same",
    "private.run_changed": "the same",
    # Achievements are earned, and written by nobody.
    "private.achievement_told": "an event about whoever earned it",
    "private.achievements_counted": "counts all events of a project, and writes what was earned",
    "private.achievements_recount": "the same, from the beginning",
    "private.achievements_settle": "the same, for a member",
    "private.achievements_settle_all": "the same, for an admin",
    "private.achievement_earned": "whether anybody has it, for an admin, also those who show it to nobody",
    "private.hides_achievements": "what somebody set, which others do not read",
    "private.notebook_changed": "the same",
    # What webhooks are told is written by what happens, and by nobody.
    "private.alias_gates": "what is measured on a dataset that is closed to who moves an alias; the value is kept back",
    "private.webhook_event": "webhooks, which only admins see, and their deliveries",
    "private.webhook_model": "the same",
    "private.webhook_version": "the same",
    "private.webhook_alias": "the same",
    "private.webhook_secret": "the key of a signature, which no role has; for an admin",
    "private.webhook_send": "a delivery by hand, for an admin",
    "public.webhooks_take": "what is to be sent, of all projects, with its keys; the platform alone may ask",
    "public.webhooks_sent": "what came of it; the platform alone may say",
    "public.webhooks_next": "when something is due; the platform alone may ask",
    "private.assets_found": "a search by the index of words, which applies memberships and restrictions itself",
    # The audit and the events are written by nobody else.
    "private.notify": "notifications, which nobody writes to others",
    "private.alias_judges": "restrictions, which only admins read",
    "private.alias_noted": "the history of aliases, which nobody else writes",
    "private.alias_put": "protected aliases, which no policy lets anybody write; it asks for the right itself",
    "private.alias_ask": "requests, which nobody else writes; the same",
    "private.alias_decide": "the same",
    "private.version_guarded": "rules and requests count, whoever deletes a version",
    "private.model_guarded": "the same of a model that is renamed or deleted",
    "private.audience": "restrictions, which only admins read",
    "private.record": "events, in the caller's own name",
    "private.audit_note": "the audit",
    "private.audit_change": "the audit",
    "private.audit_contents": "what went with a project",
    "private.audit_lock": "the audit's chains",
    "private.audit_write": "the audit",
    "private.audit_name": "what the audit calls an asset",
    "private.audit_verified": "checks all rows of a chain the caller reads, also those about what is hidden",
    # Of the caller alone, from tables that nobody reads.
    "private.own_user": "the sign-in's table",
    "private.own_profile": "a profile, made or mended from it",
    "private.own_address": "the confirmed address",
    "private.own_sessions": "the sign-in's table",
    "private.own_tokens": "whole rows of credentials, whose hashes are nobody's to select",
    "private.live_credential": "called by the functions that take a secret",
    "private.own_invitations": "what somebody is invited to is not to be seen before",
    "private.invitation_open": "whether it still counts, for people who see neither project nor sender",
    "private.invitation_taken": "whoever is invited has no rights yet",
    "private.invitation_accepted": "the same",
    "private.invitation_declined": "the same",
    "private.access_requested": "the asker does not see the project",
    "private.askers": "who asks an admin for access",
    "private.members_of": "members see all of each other: asked once, not for each",
    "private.organisation_members_of": "members see all of each other: asked once, not for each",
    "private.is_member": "whether an address is a member's, for admins",
    "private.name_taken": "whether a name is taken by what is hidden, for editors",
    "private.archive_ended": "what lies in between goes, and the objects are released",
    "private.archive_taken": "ids are unique among all projects",
    "private.archive_number": "the next number of a table's own",
    "private.archive_remains": "what is in the trash, for admins whose restriction of it they see",
    "private.trash_weights": "how much an entry weighs, for editors, also by what they do not see",
    "private.trashed_contents": "what a project in the trash holds, for its owner",
    "private.objects_unreferenced": "what the caller cannot see needs its bytes too",
    # Changes that no policy allows, each asking for its right itself.
    "private.ownership_moved": "a transfer of ownership",
    "private.trash_end": "for good goes what nobody sees, by admins or when its time is over",
    "private.project_purged": "the same of a project, by its owner",
    "private.personal_project_goes": "the deletion of an account takes its personal project along",
}

# Columns that a policy reads and that narrow what one of its indexed columns has found already.
NARROWING = {
    "members.role": "of the members of projects one is an admin of",
    "projects.personal": "of the projects one owns",
    "invitations.accepted_at": "of the invitations to projects one is an admin of",
    "invitations.declined_at": "the same",
    "invitations.revoked_at": "the same",
    "access_requests.decided_at": "of the requests for projects one is an admin of",
    "access_requests.decided_by": "of a row that is being written",
    "access_asked.created_at": "of what one has asked for oneself",
    "presence.seen_at": "of the projects one is a member of",
    "restrictions.min_role": "of a row that is being written",
    "alias_rules.role": "the same",
    "archives.kind": "the same",
    "comments.created_by": "of the comments in projects one is a member of",
    "comments.deleted_by": "the same",
    "comments.deleted_at": "the same",
    "objects.name": "of the objects of a bucket",
}


def test_every_table_has_row_level_security_and_a_policy(database: Database) -> None:
    tables = database.superuser(
        f"""select n.nspname || '.' || c.relname, c.relrowsecurity,
              exists (select from pg_policy p where p.polrelid = c.oid)
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and n.nspname in {OURS}"""
    )
    assert len(tables) > 4
    assert [name for name, secured, _ in tables if not secured] == []
    # A table without any policy is closed to everybody: right for the list of migrations, a slip elsewhere.
    assert [name for name, _, policy in tables if not policy] == ["platform.migrations"]


def test_every_policy_is_for_those_who_signed_in(database: Database) -> None:
    assert (
        database.superuser(
            """select tablename, policyname, roles from pg_policies
               where schemaname = 'insighter' and roles <> '{authenticated}'"""
        )
        == []
    )


def test_policies_ask_once_per_statement_not_once_per_row(database: Database) -> None:
    policies = database.superuser(
        "select tablename, policyname, coalesce(qual, '') || ' ' || coalesce(with_check, '') from pg_policies"
        " where schemaname = 'insighter'"
    )
    for table, name, text in policies:
        bare = re.sub(r"\( SELECT \(*(auth|private)\.\w+\(", "", text)
        assert "auth.uid(" not in bare and "auth.jwt(" not in bare, (table, name, text)


def test_every_project_column_is_indexed_first(database: Database) -> None:
    unindexed = database.superuser(
        """select c.relname from pg_class c
           join pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id'
           where c.relnamespace = 'insighter'::regnamespace and c.relkind = 'r'
             and not exists (select from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum)"""
    )
    assert unindexed == []


def test_every_foreign_key_is_indexed(database: Database) -> None:
    unindexed = database.superuser(
        """select c.conrelid::regclass::text, c.conname from pg_constraint c
           where c.contype = 'f' and c.connamespace = 'insighter'::regnamespace and c.confdeltype = 'c'
             and not exists (
               select from pg_index i
               where i.indrelid = c.conrelid and (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)"""
    )
    assert unindexed == []


def test_every_column_that_a_policy_reads_is_indexed_first(database: Database) -> None:
    """From the policies' own expressions. Not those for insertion, which read the new row alone, nor the restrictive
    ones, which leave out some of what others let through."""
    unindexed = database.superuser(
        """select distinct c.relname || '.' || a.attname, p.polname
           from pg_policy p
           join pg_class c on c.oid = p.polrelid
           join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = p.oid
             and d.refclassid = 'pg_class'::regclass and d.refobjid = p.polrelid and d.refobjsubid > 0
           join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
           where c.relnamespace in ('insighter'::regnamespace, 'storage'::regnamespace)
             and p.polpermissive and p.polcmd <> 'a'
             and not exists (
               select from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indpred is null)"""
    )
    assert [row for row in unindexed if row[0] not in NARROWING] == []
    assert set(NARROWING) == {name for name, _ in unindexed}


def test_every_definer_is_listed_with_its_reason(database: Database) -> None:
    definers = database.superuser(
        """select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where p.prosecdef and n.nspname in ('public', 'private', 'insighter')
             and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')"""
    )
    assert sorted(name for (name,) in definers) == sorted(DEFINERS)


def test_nothing_is_granted_to_those_who_did_not_sign_in(database: Database) -> None:
    """Nor to a service key: neither the schema nor any table of it."""
    granted = database.superuser(
        """select r.name, n.nspname from pg_namespace n cross join unnest(array['anon', 'service_role']) r (name)
           where n.nspname in ('insighter', 'platform') and has_schema_privilege(r.name, n.oid, 'usage')
           union all
           select r.name, c.oid::regclass::text from pg_class c
           cross join unnest(array['anon', 'service_role', 'public']) r (name)
           where c.relnamespace in ('insighter'::regnamespace, 'platform'::regnamespace)
             and has_table_privilege(r.name, c.oid, 'select, insert, update, delete, truncate, references, trigger')"""
    )
    assert granted == []


def test_what_a_server_grants_by_default_changes_nothing(cluster: EmbeddedPostgres) -> None:
    """PostgreSQL lets everybody execute a new function; Supabase grants what is new in schema public to its roles."""
    import psycopg

    create_database(cluster.conninfo(), "generous")
    privileges = """
        select n.nspname || '.' || p.proname, r.name from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        cross join unnest(array['anon', 'authenticated', 'service_role', 'public']) r (name)
        where n.nspname in ('public', 'private') and p.prorettype <> 'trigger'::regtype
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
          and has_function_privilege(r.name, p.oid, 'execute') order by 1, 2"""
    with psycopg.connect(**cluster.conninfo(database="generous"), autocommit=True) as connection:
        connection.execute(schema.bootstrap())  # type: ignore[arg-type, unused-ignore]
        connection.execute("alter default privileges grant execute on functions to public")
        connection.execute(
            "alter default privileges in schema public grant all on functions to anon, authenticated, service_role;"
            "alter default privileges in schema public grant all on tables to anon, authenticated, service_role"
        )
        for migration in schema.migrations():
            connection.execute(migration.sql)  # type: ignore[arg-type, unused-ignore]
        generous = connection.execute(privileges).fetchall()
    create_database(cluster.conninfo(), "strict")
    migrate(cluster.conninfo(database="strict"), cluster.password(API_ROLE))
    with psycopg.connect(**cluster.conninfo(database="strict"), autocommit=True) as connection:
        strict = connection.execute(privileges).fetchall()
    assert [row for row in generous if row[0].startswith("public.")] == [
        row for row in strict if row[0].startswith("public.")
    ]
    assert sorted(set(generous) - set(strict)) == []


READY = {"runs_get_protocol", "runs_groups", "runs_keys", "runs_query", "runs_search_protocol"}


def test_functions_are_granted_one_by_one_and_pin_their_search_path(database: Database) -> None:
    functions = database.superuser(
        """select p.proname, p.pronamespace::regnamespace::text, coalesce(p.proconfig::text, ''),
             has_function_privilege('anon', p.oid, 'execute'), p.prorettype::regtype::text,
             exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0),
             has_function_privilege('authenticated', p.oid, 'execute')
           from pg_proc p
           where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
             and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')"""
    )
    public = [row for row in functions if row[1] == "public"]
    assert len(public) > 8
    for name, namespace, config, anonymous, returns, by_public, signed_in in functions:
        assert "search_path=" in config, name
        if namespace == "public":
            # JSON where the answer is sent on as it was written.
            assert returns == "jsonb" or (returns == "json" and name in READY), name
            assert not by_public, name
            assert signed_in, name
            assert anonymous == (name in ANONYMOUS), name
        elif name != "fail":
            assert not anonymous or by_public, name


def test_function_names_are_unique(database: Database) -> None:
    assert (
        database.superuser(
            """select proname from pg_proc where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
                 and prokind = 'f'
                 and not exists (select from pg_depend d where d.objid = pg_proc.oid and d.deptype = 'e')
               group by pronamespace, proname having count(*) > 1"""
        )
        == []
    )


def test_the_login_role_can_become_no_more_than_its_two_roles(database: Database) -> None:
    import psycopg

    with pytest.raises(psycopg.errors.InsufficientPrivilege), database._api.transaction():
        database._api.execute("set local role service_role")
    for table in ("auth.users", "insighter.projects", "platform.migrations"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database._api.transaction():
            database._api.execute(f"select * from {table}")  # type: ignore[arg-type, unused-ignore]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.person().rows("select * from auth.users")


def test_migrating_twice_changes_nothing(cluster: EmbeddedPostgres, database: Database) -> None:
    name = database.superuser("select current_database()")[0][0]
    before = database.superuser("select * from platform.migrations order by version")
    owner = migrate(cluster.conninfo(database=name), cluster.password(API_ROLE))
    assert database.superuser("select * from platform.migrations order by version") == before
    assert owner == migrate(cluster.conninfo(database=name), cluster.password(API_ROLE))
    assert [row[0] for row in before] == [migration.version for migration in schema.migrations()]


def test_a_database_of_a_newer_release_is_left_alone(cluster: EmbeddedPostgres) -> None:
    create_database(cluster.conninfo(), "newer")
    migrate(cluster.conninfo(database="newer"), cluster.password(API_ROLE))
    import psycopg

    with psycopg.connect(**cluster.conninfo(database="newer"), autocommit=True) as connection:
        connection.execute(
            "insert into platform.migrations (version, name, checksum) values ('9999', 'future', '')"
        )
    with pytest.raises(Unavailable, match="newer release"):
        migrate(cluster.conninfo(database="newer"), cluster.password(API_ROLE))
