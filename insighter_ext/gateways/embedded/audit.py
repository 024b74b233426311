"""The chains of the audit, read past row-level security: for whoever runs the machine, also when nobody can sign in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from insighter_ext.errors import NotFound, Unavailable
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres

# Every chain there is or should be: of what exists, and of what is gone and left its chain.
_CHAINS = """
with chains as (
  select h.scope from insighter.audit_heads h
  union select distinct a.scope from insighter.audit a
  union select p.id from insighter.projects p
  union select o.id from insighter.organisations o
  union select f.user_id from insighter.profiles f
)
select c.scope,
  coalesce(case when p.id is not null then 'project' when o.id is not null then 'organisation'
    when f.user_id is not null then 'account' end, l.scope_kind, 'platform') as kind,
  coalesce(p.name, o.name, f.display_name, l.asset_name, '') as name,
  coalesce(p.slug, '') as slug,
  coalesce(p.id, o.id, f.user_id) is not null or l.scope_kind = 'platform' as alive
from chains c
left join insighter.projects p on p.id = c.scope
left join insighter.organisations o on o.id = c.scope
left join insighter.profiles f on f.user_id = c.scope
left join lateral (
  select a.scope_kind, a.asset_name from insighter.audit a where a.scope = c.scope order by a.seq desc limit 1
) l on true
order by 2, lower(coalesce(p.name, o.name, f.display_name, l.asset_name, '')), c.scope
"""


@dataclass(frozen=True, slots=True)
class ChainState:
    """A chain and what was found in it.

    Attributes:
        scope: id of the project, organisation or account.
        alive: whether that is still there; a chain outlives it.
        verification: ``{ok, rows, head, problems, more}``, as the API answers it.
    """

    scope: UUID
    kind: str
    name: str
    alive: bool
    verification: dict[str, Any]


def verify(
    directory: Path, version: int, only: str | None = None, head: str | None = None
) -> Iterator[ChainState]:
    """Verify all chains of an embedded database, or one.

    Args:
        directory: the cluster's folder.
        version: its PostgreSQL.
        only: id, slug or name of a project; the id of anything else.
        head: of that one chain, as noted earlier.

    Raises:
        NotFound: there is no such chain.
        Unavailable: there is no database here, or one from before the audit.
    """
    import psycopg

    with _superuser(directory, version) as connection:
        try:
            chains = connection.execute(_CHAINS).fetchall()
        except psycopg.errors.UndefinedTable:
            raise Unavailable(
                "this database is from a release without an audit",
                hint="start JupyterLab once: it brings the database to this release",
            ) from None
        wanted = [chain for chain in chains if only is None or _is(only, *chain[:4])]
        if not wanted and only is not None:
            raise NotFound(
                f"no project here is called {only!r}",
                hint="a project that was deleted is found by its id: insighter audit verify --all lists them",
            )
        if only is not None and len(wanted) > 1:
            raise NotFound(
                f"several projects are called {only!r}",
                hint="say which by its id: " + ", ".join(str(chain[0]) for chain in wanted),
            )
        for scope, kind, name, _, alive in wanted:
            row = connection.execute(
                "select private.audit_problems(%s, %s)", [scope, head if only is not None else None]
            ).fetchone()
            assert row is not None
            yield ChainState(scope, kind, name, alive, row[0])


def _is(word: str, scope: UUID, kind: str, name: str, slug: str) -> bool:
    if word.lower() == str(scope):
        return True
    return kind == "project" and (word == slug or word.casefold() == name.casefold())


@contextmanager
def _superuser(directory: Path, version: int) -> Iterator[Any]:
    import psycopg

    if not (directory / "data").is_dir():
        raise Unavailable(
            f"there is no embedded database in {directory.parent}",
            hint="set INSIGHTER_STORAGE_DIR to the folder that the server uses",
        )
    postgres = EmbeddedPostgres(directory, version)
    postgres.acquire()
    try:
        with psycopg.connect(**postgres.conninfo(), autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise Unavailable("the database does not answer", hint="try again in a moment") from error
    finally:
        postgres.release()
