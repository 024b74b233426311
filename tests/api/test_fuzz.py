"""Made-up requests for every route, from its own description: nothing breaks, and nobody learns what is not theirs.

The requests are the same in every run. On a server of its own: some of what they ask for is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from server_handlers import openapi
from server_handlers.base import API
from tests.api.people import Person, Treasure, team_server
from tests.running import JupyterServer

EXAMPLES = 4

everything = schemathesis.openapi.from_dict(openapi.document())
everything.config.phases.coverage.enabled = False
everything.config.generation.modes = list(schemathesis.GenerationMode)
# What ends the sign-in that the requests come with, and what has tests of its own for its long work.
schema = everything.exclude(path=[f"{API}/auth/sign-out", f"{API}/quickstart"])

session = requests.Session()
session.trust_env = False
few = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server where people sign in."""
    with team_server() as server:
        yield server


@pytest.fixture(scope="module")
def treasure(team: JupyterServer) -> Iterator[Treasure]:
    """Somebody's project."""
    with closing(Person(team, "Olga")) as owner:
        yield Treasure(team, owner)


@pytest.fixture(scope="module")
def stranger(team: JupyterServer) -> Iterator[Person]:
    """Somebody who has no part in it."""
    with closing(Person(team, "Stan")) as person:
        yield person


def send(case: Any, person: Person, treasure: Treasure) -> Any:
    """Send what was made up, about things that are there: ids are nothing that one makes up by chance."""
    # Not the sign-in that the requests themselves come with.
    known = {*treasure.values, "name"} - {"session_id"}
    real = [name for name in case.path_parameters or {} if name in known]
    for number, name in enumerate(real):
        # Of several, the later ones are made up now and then.
        if number == 0 or hash_of(case) % 3:
            case.path_parameters[name] = treasure.argument(name, case.path)
    if "wait" in (case.query or {}):
        case.query["wait"] = 0  # else it does
    made = case.as_transport_kwargs(base_url=str(person.base_url).rstrip("/"))
    # Whoever asks is who it is about: a made-up credential has tests of its own.
    made["headers"] = {
        **made["headers"],
        "Authorization": person.headers["Authorization"],
        "X-Real-IP": person.place,
    }
    answer = session.request(**{**made, "cookies": None, "allow_redirects": False})
    assert answer.status_code < 500, (answer.status_code, answer.text)
    if answer.status_code >= 400:
        assert set(answer.json()) == {"code", "message", "details", "hint"}, answer.text
    return answer


def hash_of(case: Any) -> int:
    """A number that is the same in every run."""
    return sum(repr((case.query, case.body)).encode())


@schema.parametrize()
@few
def test_a_member_breaks_nothing(case: Any, treasure: Treasure) -> None:
    send(case, treasure.owner, treasure)


@schema.parametrize()
@few
def test_a_stranger_learns_nothing(case: Any, stranger: Person, treasure: Treasure) -> None:
    answer = send(case, stranger, treasure)
    # What was named in the request is no news.
    told = answer.text
    for value in (case.path_parameters or {}).values():
        told = told.replace(str(value), "").replace(quote(str(value), safe=""), "")
    assert not treasure.contains(told + str(answer.headers)), told
    if any(name in (case.path_parameters or {}) for name in ("project_id", "organisation_id")):
        assert answer.status_code in {400, 404, 405, 413, 415, 422}, (answer.status_code, answer.text)


def test_the_project_is_still_there(treasure: Treasure, stranger: Person) -> None:
    assert treasure.owner.get(treasure.base).status_code == 200
    assert stranger.get(treasure.base).status_code == 404
