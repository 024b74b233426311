"""Achievements: what counts, that it counts once, what it must not tell, and that it can be switched off."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from insighter_ext.errors import InsighterError
from insighter_ext.gateways.embedded.postgres import API_ROLE, EmbeddedPostgres
from tests.database.conftest import Database, Person, refused

DATASETS = {"count": {"asset_kind": "dataset", "verb": "created"}}


@pytest.fixture
def owner(database: Database) -> Person:
    return database.person("ana")


@pytest.fixture
def project(owner: Person) -> str:
    return str(owner.call("projects_create", name="Milestones")["id"])


def add_dataset(person: Person, project: str, name: str, rows: int = 1) -> None:
    sha256 = uuid4().hex * 2
    person.call(
        "datasets_add_version", project_id=project, name=name, format="csv", filename="", sha256=sha256, size=1,
        table_object_key=f"{project}/{sha256}", table_size=1, rows=rows, columns=[],
    )  # fmt: skip


def finish_runs(person: Person, project: str, count: int) -> list[str]:
    """Runs that began and ended."""
    experiment = person.call("experiments_create", name=uuid4().hex, project_id=project)["id"]
    made = []
    for _ in range(count):
        made.append(person.call("runs_create", experiment_id=experiment, name="run")["id"])
        person.call("runs_update", run_id=made[-1], status="FINISHED")
    return made


def define(person: Person, project: str, name: str, rule: Any, audience: str = "project") -> dict[str, Any]:
    made = person.call("achievements_create", project_id=project, name=name, audience=audience, rule=rule)
    assert isinstance(made, dict)
    return made


def listed(person: Person, project: str) -> dict[str, Any]:
    """Achievements by name, as a person sees them in a project."""
    found = person.call("achievements_list", project_id=project)
    return {item["name"]: item for item in found["items"]}


def happened(
    database: Database, person: Person, project: str, verb: str, kind: str, key: str, days: int
) -> None:
    """An event of days ago, as the platform would have recorded it then."""
    database.superuser(
        "insert into insighter.events (project_id, actor, actor_kind, verb, asset_kind, asset_id, asset_uuid,"
        " asset_name, created_at)"
        " values (%s, %s, 'service', %s, %s, %s, %s, 'an endpoint', now() - make_interval(days => %s))",
        project, person.user_id, verb, kind, key, key, days,
    )  # fmt: skip


def told(person: Person, project: str) -> list[str]:
    """What the activity tells of achievements."""
    return [
        name
        for (name,) in person.rows(
            "select asset_name from insighter.events where project_id = %s and asset_kind = 'achievement' order by id",
            project,
        )
    ]


def test_the_first_dataset_is_earned_once_and_told_once(owner: Person, project: str) -> None:
    assert (
        listed(owner, project)["First dataset"] | {"at": None, "progress": 0, "goal": 1, "earned": []}
        == listed(owner, project)["First dataset"]
    )
    add_dataset(owner, project, "wine")
    add_dataset(owner, project, "port")
    item = listed(owner, project)["First dataset"]
    assert item["at"] and item["progress"] is None
    [earned] = item["earned"]
    assert earned["user_id"] == str(owner.user_id) and earned["display_name"].startswith("ana")
    assert earned["asset"] == {"kind": "dataset", "key": "wine", "name": "wine"}
    assert told(owner, project) == ["First dataset"]
    elsewhere = str(owner.call("projects_create", name="Elsewhere")["id"])
    add_dataset(owner, elsewhere, "wine")
    assert told(owner, elsewhere) == []
    mine = owner.call("achievements_mine")
    assert [(item["name"], item["project"]["name"]) for item in mine["items"]] == [
        ("First dataset", "Milestones")
    ]
    assert mine["shown"] and len(mine["next"]) == 3


def test_what_a_kernel_does_counts_for_the_person(owner: Person, project: str) -> None:
    add_dataset(owner.kernel(project), project, "wine")
    assert [item["name"] for item in owner.call("achievements_mine")["items"]] == ["First dataset"]


def test_a_hundred_runs_of_one_person(database: Database, owner: Person, project: str) -> None:
    other = database.member(project, "editor")
    finish_runs(owner, project, 99)
    run = finish_runs(other, project, 1)[0]
    assert listed(owner, project)["A hundred runs"]["progress"] == 99
    assert listed(other, project)["A hundred runs"]["progress"] == 1
    # The same run is no other one.
    other.call("runs_update", run_id=run, status="RUNNING")
    other.call("runs_update", run_id=run, status="FINISHED")
    assert listed(other, project)["A hundred runs"]["progress"] == 1
    assert listed(owner, project)["A thousand runs"]["progress"] == 100
    finish_runs(owner, project, 1)
    assert told(owner, project) == ["A hundred runs"]


def test_a_model_past_the_target_when_its_run_says_so_even_later(owner: Person, project: str) -> None:
    experiment = owner.call("experiments_create", name="search", project_id=project)["id"]
    for number, value in enumerate([0.5, 0.95]):
        kernel = owner.kernel(project)
        run = kernel.call("runs_create", experiment_id=experiment, name="forest")["id"]
        model = kernel.call("logged_models_create", experiment_id=experiment, name="m", source_run_id=run)[
            "id"
        ]
        kernel.call(
            "artifacts_put", root=f"models/{model}", path="MLmodel", object_key=f"{project}/{'1' * 64}",
            sha256="1" * 64, size=1,
        )  # fmt: skip
        owner.call("models_register", project_id=project, name="rating", run_id=run, model_id=model)
        assert "Past the target" not in told(owner, project)
        point = {"key": "test_auc", "value": value, "step": 0, "time": 1}
        kernel.call("runs_log_batch", run_id=run, metrics=[point])
        kernel.call("runs_update", run_id=run, status="FINISHED")
        assert ("Past the target" in told(owner, project)) == (number == 1)
    assert "First model" in told(owner, project)


def test_an_endpoint_that_failed_and_is_well_again(database: Database, owner: Person, project: str) -> None:
    key = str(uuid4())
    for verb in ("healthy", "stopped", "healthy"):
        happened(database, owner, project, verb, "deployment", key, 0)
    assert told(owner, project) == ["First endpoint"]
    happened(database, owner, project, "failed", "deployment", str(uuid4()), 0)
    happened(database, owner, project, "healthy", "deployment", key, 0)
    assert told(owner, project) == ["First endpoint"]
    for verb in ("failed", "started", "healthy"):
        happened(database, owner, project, verb, "deployment", key, 0)
    assert told(owner, project) == ["First endpoint", "Back on its feet"]


def test_thirty_days_pass_without_an_event_and_are_earned_when_they_are_looked_for(
    database: Database, owner: Person, project: str
) -> None:
    happened(database, owner, project, "healthy", "deployment", str(uuid4()), 29)
    assert listed(owner, project)["Thirty quiet days"]["at"] is None
    broken = str(uuid4())
    with database._superuser.transaction():
        happened(database, owner, project, "healthy", "deployment", broken, 40)
        happened(database, owner, project, "failed", "deployment", broken, 20)
    assert listed(owner, project)["Thirty quiet days"]["at"] is None
    database.superuser("update insighter.achievements set updated_at = now() - interval '40 days'")
    happened(database, owner, project, "healthy", "deployment", str(uuid4()), 31)
    assert listed(owner, project)["Thirty quiet days"]["at"]
    assert listed(owner, project)["Thirty quiet days"]["at"]
    assert told(owner, project).count("Thirty quiet days") == 1


def test_a_first_teammate_is_the_teams(database: Database, owner: Person, project: str) -> None:
    organisation = owner.call("organisations_create", name=f"Lab {uuid4().hex}")["id"]
    friend = database.person("ben")
    database.superuser(
        "insert into insighter.organisation_members (organisation_id, user_id, role) values (%s, %s, 'member')",
        organisation,
        friend.user_id,
    )
    owner.call("members_set", project_id=project, user_id=str(friend.user_id), role="viewer")
    assert listed(friend, project)["Not alone"]["at"]
    assert listed(friend, project)["Not alone"]["earned"][0]["user_id"] is None
    assert friend.call("achievements_mine")["items"] == []


def test_a_team_adds_its_own_over_any_kind_of_event(database: Database, owner: Person, project: str) -> None:
    add_dataset(owner, project, "before", rows=5)
    rule = {"count": {**DATASETS["count"], "where": {"rows": {"op": ">=", "value": 1000}}}, "at_least": 2}
    preview = owner.call(
        "achievements_preview", project_id=project, audience="project", rule=DATASETS | {"at_least": 10}
    )
    assert (preview["progress"], preview["goal"]) == (1, 10)
    define(owner, project, "Two large ones", rule)
    add_dataset(owner, project, "small", rows=999)
    add_dataset(owner, project, "large", rows=1000)
    assert listed(owner, project)["Two large ones"]["progress"] == 1
    add_dataset(owner, project, "larger", rows=10_000)
    assert listed(owner, project)["Two large ones"]["at"]
    assert "Two large ones" in told(owner, project)
    # Labels and pipelines are events like all others.
    define(
        owner,
        project,
        "Labels",
        {"count": {"asset_kind": "label", "verb": "created"}, "at_least": 2},
        "person",
    )
    for _ in range(2):
        happened(database, owner, project, "created", "label", str(uuid4()), 0)
    assert listed(owner, project)["Labels"]["at"]
    rescued = {"recovered": {"asset_kind": "workflow", "failed": ["failed"], "well": ["finished"]}}
    define(owner, project, "Rescued", rescued)
    key = str(uuid4())
    for verb in ("failed", "finished"):
        happened(database, owner, project, verb, "workflow", key, 0)
    assert listed(owner, project)["Rescued"]["at"]


def test_a_changed_rule_counts_anew(owner: Person, project: str) -> None:
    made = define(owner, project, "Four", DATASETS | {"at_least": 4})
    add_dataset(owner, project, "one")
    add_dataset(owner, project, "two")
    owner.call("achievements_update", project_id=project, id=made["id"], rule=DATASETS | {"at_least": 3})
    add_dataset(owner, project, "three")
    assert "Four" in told(owner, project)


def test_the_same_asset_again_and_again_is_one(database: Database, owner: Person, project: str) -> None:
    define(owner, project, "Two", {**DATASETS, "at_least": 2, "distinct": "asset"})
    first, second = str(uuid4()), str(uuid4())
    for key in (first, first, first):
        happened(database, owner, project, "created", "dataset", key, 0)
        assert "Two" not in told(owner, project)
    happened(database, owner, project, "created", "dataset", second, 0)
    assert "Two" in told(owner, project)


def test_days_and_the_days_something_has_to_happen_within(
    database: Database, owner: Person, project: str
) -> None:
    labels = {"count": {"asset_kind": "label", "verb": "created"}}
    define(owner, project, "Days", labels | {"at_least": 3, "distinct": "day"})
    define(owner, project, "Quick", labels | {"at_least": 3, "within_days": 5})
    for days in (20, 10, 10, 1):
        happened(database, owner, project, "created", "label", str(uuid4()), days)
    assert listed(owner, project)["Days"]["at"]
    assert (listed(owner, project)["Quick"]["at"], listed(owner, project)["Quick"]["progress"]) == (None, 1)
    for days in (0, 0):
        happened(database, owner, project, "created", "label", str(uuid4()), days)
    assert listed(owner, project)["Quick"]["at"]


def test_what_was_there_before_a_definition_counts_and_is_no_news(owner: Person, project: str) -> None:
    add_dataset(owner, project, "wine")
    made = define(owner, project, "A dataset", DATASETS)
    assert made["at"] and told(owner, project) == ["First dataset"]


def test_changed_and_deleted_definitions_take_nothing_away(owner: Person, project: str) -> None:
    made = define(owner, project, "Many", DATASETS | {"at_least": 5})
    add_dataset(owner, project, "wine")
    change = {"project_id": project, "id": made["id"]}
    changed = owner.call("achievements_update", **change, rule=DATASETS, name="One")
    assert changed["at"] and changed["name"] == "One"
    assert owner.call("achievements_update", **change, rule=DATASETS | {"at_least": 9})["at"]
    owner.call("achievements_delete", **change)
    assert listed(owner, project)["One"]["retired"]
    with pytest.raises(InsighterError) as error:
        owner.call("achievements_delete", **change)
    assert refused(error) == 404
    define(owner, project, "One", DATASETS | {"at_least": 50})
    nobody = define(owner, project, "Nobody", DATASETS | {"at_least": 50})
    owner.call("achievements_delete", project_id=project, id=nobody["id"])
    assert "Nobody" not in listed(owner, project)


def test_the_platforms_own_stay_as_they_are(owner: Person, project: str) -> None:
    built_in = listed(owner, project)["First dataset"]["id"]
    for function in ("achievements_delete", "achievements_update"):
        with pytest.raises(InsighterError) as error:
            owner.call(function, project_id=project, id=built_in)
        assert refused(error) == 404


@pytest.mark.parametrize(
    "rule",
    [
        {},
        [],
        "count",
        {"count": {}},
        {"count": {"verb": "created"}},
        {"count": {"verb": "created", "asset_kind": "dataset'; drop table insighter.events; --"}},
        {"count": {"verb": ["created"] * 21, "asset_kind": "dataset"}},
        {"count": {"verb": [1], "asset_kind": "dataset"}},
        {"count": {"verb": [None], "asset_kind": "dataset"}},
        {"count": {"verb": [], "asset_kind": "dataset"}},
        {"count": {"verb": "earned", "asset_kind": "achievement"}},
        {**DATASETS, "metric": {"key": "auc", "op": ">=", "value": 1}},
        {**DATASETS, "at_least": 0},
        {**DATASETS, "at_least": 1e9},
        {**DATASETS, "at_least": 1.5},
        {**DATASETS, "at_least": "1"},
        {**DATASETS, "distinct": "person"},
        {**DATASETS, "distinct": ["asset"]},
        {**DATASETS, "distinct": "asset", "within_days": 3},
        {**DATASETS, "within_days": 99999},
        {**DATASETS, "sql": "select 1"},
        {"count": {**DATASETS["count"], "sql": "select 1"}},
        {"count": {**DATASETS["count"], "where": {"a'b": {"op": "=", "value": 1}}}},
        {"count": {**DATASETS["count"], "where": {"rows": {"op": "like", "value": "%"}}}},
        {"count": {**DATASETS["count"], "where": {"rows": {"op": ">", "value": "x"}}}},
        {"count": {**DATASETS["count"], "where": {"rows": {"op": "=", "value": {}}}}},
        {"count": {**DATASETS["count"], "where": {"rows": {"op": "=", "value": None}}}},
        {"count": {**DATASETS["count"], "where": {"rows": 5}}},
        {"count": {**DATASETS["count"], "where": [1]}},
        {"metric": {"key": "auc", "op": "=", "value": 1}},
        {"metric": {"key": "auc", "op": ">=", "value": "1"}},
        {"metric": {"key": "auc", "op": ">="}},
        {"metric": 3},
        {"streak": {"asset_kind": "deployment", "from": "healthy", "until": "failed"}},
        {"streak": {"asset_kind": "deployment", "from": "healthy", "until": "failed", "days": -1}},
        {"recovered": {"asset_kind": "deployment", "failed": "failed"}},
        {"recovered": {"asset_kind": "deployment", "failed": "failed", "well": "healthy"}, "within_days": 3},
    ],
    ids=lambda rule: json.dumps(rule)[:60],
)
def test_what_is_no_rule_is_refused_in_words(
    database: Database, owner: Person, project: str, rule: Any
) -> None:
    body = Jsonb(rule)
    for function, more in (("achievements_create", {"name": "x"}), ("achievements_preview", {})):
        with pytest.raises(InsighterError) as error:
            owner.call(function, project_id=project, audience="person", rule=body, **more)
        assert refused(error) == 422
        assert error.value.code == "invalid_rule" and error.value.hint
    # Nor is there a way past the function.
    with pytest.raises(psycopg.Error) as raised:
        owner.rows(
            "insert into insighter.achievements (project_id, name, audience, rule) values (%s, 'x', 'person', %s)",
            project,
            body,
        )
    assert raised.value.sqlstate == "PT422"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 101),
        ("name", "a\nb"),
        ("description", "x" * 501),
        ("icon", "skull"),
        ("audience", "all"),
    ],
)
def test_what_is_no_definition(owner: Person, project: str, field: str, value: str) -> None:
    body = {"name": "x", "audience": "person", "rule": DATASETS, field: value}
    with pytest.raises(InsighterError) as error:
        owner.call("achievements_create", project_id=project, **body)
    assert refused(error) == 422


def test_names_are_taken_once(owner: Person, project: str) -> None:
    define(owner, project, "Ours", DATASETS)
    with pytest.raises(InsighterError) as error:
        define(owner, project, "ours ", DATASETS)
    assert refused(error) == 409


def test_a_project_has_at_most_fifty(owner: Person, project: str) -> None:
    for number in range(50):
        define(owner, project, f"No. {number}", {"count": {"asset_kind": "nothing", "verb": "done"}})
    with pytest.raises(InsighterError) as error:
        define(owner, project, "One more", DATASETS)
    assert refused(error) == 422


def test_other_projects_and_other_people_do_not_count(
    database: Database, owner: Person, project: str
) -> None:
    other = database.person("eve")
    elsewhere = str(other.call("projects_create", name="Hers")["id"])
    define(owner, project, "Team", DATASETS | {"at_least": 2})
    define(owner, project, "Each", DATASETS | {"at_least": 2}, "person")
    editor = database.member(project, "editor")
    add_dataset(other, elsewhere, "wine")
    add_dataset(other, elsewhere, "port")
    add_dataset(owner, project, "one")
    add_dataset(editor, project, "two")
    seen = listed(owner, project)
    assert seen["Team"]["at"] and seen["Each"]["at"] is None and seen["Each"]["progress"] == 1
    with pytest.raises(InsighterError) as error:
        other.call("achievements_list", project_id=project)
    assert refused(error) == 404


@pytest.fixture
def closed(owner: Person, project: str) -> None:
    """A dataset that only the owner sees."""
    add_dataset(owner, project, "secret", rows=4321)
    owner.call("restrictions_set", project_id=project, kind="dataset", name="secret", min_role="owner")


def test_what_is_closed_does_not_show(database: Database, owner: Person, project: str, closed: None) -> None:
    admin = database.member(project, "admin")
    for person in (admin, database.member(project, "viewer")):
        text = json.dumps(person.call("achievements_list", project_id=project))
        assert "secret" not in text and str(owner.user_id) not in text
        assert told(person, project) == []
    assert listed(owner, project)["First dataset"]["earned"][0]["asset"]["name"] == "secret"


def test_nobody_asks_by_a_rule_what_is_closed_to_them(
    database: Database, owner: Person, project: str, closed: None
) -> None:
    admin = database.member(project, "admin")
    rule = {"count": {**DATASETS["count"], "where": {"rows": {"op": "=", "value": 4321}}}}
    for audience in ("project", "person"):
        made = define(admin, project, f"A guess for the {audience}", rule, audience)
        assert made["at"] is None and made["progress"] == 0 and made["earned"] == []
        assert (
            admin.call("achievements_preview", project_id=project, audience=audience, rule=rule)["progress"]
            == 0
        )
    # With the owner's next dataset nothing of it comes out either.
    add_dataset(owner, project, "open", rows=4321)
    owner.call("restrictions_set", project_id=project, kind="dataset", name="open", min_role="owner")
    seen = listed(admin, project)
    assert [seen[f"A guess for the {audience}"]["earned"] for audience in ("project", "person")] == [[], []]


def test_a_persons_are_for_members_and_the_teams_for_all_who_see_the_project(
    database: Database, owner: Person, project: str
) -> None:
    define(owner, project, "Team", DATASETS)
    add_dataset(owner, project, "wine")
    owner.call("projects_set_visibility", id=project, visibility="public")
    stranger = database.person()
    seen = listed(stranger, project)
    assert seen["Team"]["at"] and seen["First dataset"]["earned"] == []
    assert told(stranger, project) == ["Team"]
    assert stranger.rows("select from insighter.achievements_earned where user_id is not null") == []


def test_switched_off_it_is_neither_shown_nor_told_to_anybody(
    database: Database, owner: Person, project: str
) -> None:
    viewer = database.member(project, "viewer")
    add_dataset(owner, project, "wine")
    assert told(viewer, project) == ["First dataset"]
    assert owner.call("achievements_show", shown=False) == {"shown": False}
    owner.call("achievements_show", shown=False)
    for person in (owner, viewer):
        assert listed(person, project)["First dataset"]["earned"] == []
        assert told(person, project) == []
    assert owner.call("achievements_mine") == {"shown": False, "items": [], "next": []}
    assert not owner.call("achievements_list", project_id=project)["shown"]
    happened(database, owner, project, "healthy", "deployment", str(uuid4()), 0)
    owner.call("achievements_show", shown=True)
    assert {item["name"] for item in owner.call("achievements_mine")["items"]} == {
        "First dataset",
        "First endpoint",
    }
    # What was earned meanwhile was not told.
    assert told(viewer, project) == ["First dataset"]


def test_a_credential_does_not_switch_it_off(owner: Person, project: str) -> None:
    with pytest.raises(InsighterError) as error:
        owner.kernel(project).call("achievements_show", shown=False)
    assert refused(error) == 403


def test_a_confined_credential_sees_its_project_alone(owner: Person, project: str) -> None:
    elsewhere = str(owner.call("projects_create", name="Another")["id"])
    add_dataset(owner, elsewhere, "wine")
    assert owner.kernel(project).call("achievements_mine")["items"] == []
    assert owner.kernel(elsewhere).call("achievements_mine")["items"] != []


def test_counting_from_the_beginning_comes_to_the_same(
    database: Database, owner: Person, project: str
) -> None:
    add_dataset(owner, project, "wine")
    finish_runs(owner, project, 2)
    happened(database, owner, project, "healthy", "deployment", str(uuid4()), 3)
    query = (
        "select achievement_id, user_id, at, event_id from insighter.achievements_earned"
        " where project_id = %s order by 1"
    )
    before = database.superuser(query, project)
    assert len(before) == 2
    for _ in range(2):
        database.superuser("delete from insighter.achievements_earned where project_id = %s", project)
        database.superuser("select private.achievements_recount(null, null)")
        database.superuser("select private.achievements_recount(null, null)")
        assert database.superuser(query, project) == before


def test_together_past_the_goal_it_is_earned_once_and_not_missed(
    cluster: EmbeddedPostgres, database: Database, owner: Person, project: str
) -> None:
    """Two transactions, each of which sees one event too few until the other has ended."""
    name = database.superuser("select current_database()")[0][0]
    claims = json.dumps({"sub": str(owner.user_id), "role": "authenticated", "insighter": {"kind": "person"}})
    for number in range(8):
        goal = 2 * number + 2
        made = define(owner, project, f"Goal {number}", {**DATASETS, "at_least": goal})
        assert made["progress"] == goal - 2
        barrier = threading.Barrier(2)
        failures: list[BaseException] = []

        def write(
            label: str, barrier: threading.Barrier = barrier, failures: list[BaseException] = failures
        ) -> None:
            try:
                with psycopg.connect(**cluster.conninfo(API_ROLE, name)) as connection:
                    connection.execute(
                        "select set_config('role', 'authenticated', true),"
                        " set_config('request.jwt.claims', %s, true)",
                        [claims],
                    )
                    connection.execute(
                        "select private.record(%s, 'created', 'dataset', %s, %s)",
                        [project, str(uuid4()), label],
                    )
                    barrier.wait(10)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(label,)) for label in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        rows = database.superuser(
            "select count(*) from insighter.achievements_earned where achievement_id = %s", made["id"]
        )
        assert rows == [(1,)], number
        assert told(owner, project).count(f"Goal {number}") == 1


def test_whatever_goes_wrong_in_counting_the_event_stays(
    database: Database, owner: Person, project: str
) -> None:
    database.superuser(
        "create function private.broken() returns trigger language plpgsql as"
        " $$ begin raise exception 'broken'; end $$;"
        "create trigger broken before insert on insighter.achievements_earned"
        " for each row execute function private.broken()"
    )
    try:
        add_dataset(owner, project, "wine")
    finally:
        database.superuser(
            "drop trigger broken on insighter.achievements_earned; drop function private.broken"
        )
    query = "select asset_name from insighter.events where asset_kind = 'dataset' and project_id = %s"
    assert owner.rows(query, project) == [("wine",)]
    # And it is made up for.
    assert listed(owner, project)["First dataset"]["at"]
