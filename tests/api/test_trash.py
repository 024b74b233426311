"""The trash over HTTP and with MLflow's client: what is deleted comes back, what is purged gives its storage back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from insighter_ext.config import Settings
from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from insighter_ext.platform import Platform
from insighter_ext.principal import Principal
from tests.running import JupyterServer

API = "/insighter/api"


class House:
    """A project, its trash, and its folder of objects."""

    def __init__(self, api: httpx.Client, project: dict[str, Any], server: JupyterServer) -> None:
        self.api = api
        self.project = project
        self.url = f"{API}/projects/{project['id']}"
        self.objects = server.data_dir / "objects" / project["id"]

    def upload(self, name: str, rows: int, salt: int = 0) -> None:
        content = "a,b\n" + "\n".join(f"{n + salt},{(n + salt) * 7919 % 10007}" for n in range(rows))
        answer = self.api.post(f"{self.url}/datasets/{name}/versions", content=content.encode())
        assert answer.status_code == 201, answer.text

    def delete(self, name: str) -> None:
        assert self.api.delete(f"{self.url}/datasets/{name}").status_code == 204

    def trash(self, **query: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.api.get(f"{self.url}/trash", params=query).json()["items"]
        return items

    def size(self) -> int:
        """What the folder of objects takes."""
        return sum(path.stat().st_size for path in self.objects.rglob("*") if path.is_file())


@pytest.fixture
def house(api: httpx.Client, project: dict[str, Any], server: JupyterServer) -> House:
    return House(api, project, server)


def test_deleted_and_restored(house: House) -> None:
    house.upload("wine", 10)
    house.upload("wine", 20)
    before = house.size()
    house.delete("wine")
    assert house.size() == before
    assert house.api.get(f"{house.url}/datasets/wine").status_code == 404
    assert house.api.get(f"{house.url}/datasets/wine/versions/1/content").status_code == 404
    (entry,) = house.trash()
    assert (entry["kind"], entry["name"], entry["bytes"]) == ("dataset", "wine", before)
    house.upload("wine", 5)
    way = f"{house.url}/trash/dataset/{entry['id']}/restore"
    refused = house.api.post(way, json={})
    assert refused.status_code == 409 and refused.json()["code"] == "name_taken"
    assert "another name" in refused.json()["hint"]
    back = house.api.post(way, json={"name": "old wine"})
    assert back.status_code == 200 and back.json()["name"] == "old wine"
    assert house.api.get(f"{house.url}/datasets/old wine").json()["versions"] == 2
    content = house.api.get(f"{house.url}/datasets/old wine/versions/2/content")
    assert content.status_code == 200 and content.text.count("\n") == 20
    assert house.api.post(way, json={}).status_code == 404


def test_a_purge_frees_the_disk_and_says_how_much(house: House) -> None:
    house.upload("kept", 1000)
    house.upload("gone", 3000, salt=1)
    house.upload("gone", 1000)  # what "kept" has too
    before = house.size()
    house.delete("gone")
    (entry,) = house.trash()
    answer = house.api.delete(f"{house.url}/trash/dataset/{entry['id']}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["purged"] == 1 and told["freed_objects"] == 2 and told["kept_objects"] == 2
    assert told["freed_bytes"] == before - house.size() == entry["bytes"] > 3000
    assert told["kept_bytes"] == house.size()
    assert house.trash() == []
    assert house.api.get(f"{house.url}/datasets/kept/versions/1/content").status_code == 200


def test_the_trash_is_emptied(house: House) -> None:
    for number in range(3):
        house.upload(f"t{number}", 100, salt=1000 * number)
        house.delete(f"t{number}")
    assert [item["name"] for item in house.trash(limit="2")] == ["t2", "t1"]
    before = house.size()
    told = house.api.delete(f"{house.url}/trash").json()
    assert told["purged"] == 3 and told["freed_bytes"] == before > 0
    assert house.size() == 0 and house.trash() == []
    assert house.api.delete(f"{house.url}/trash").json()["purged"] == 0


def test_mlflows_client_sees_a_deleted_model_gone(mlflow: Any, client: Any, house: House) -> None:
    name = f"rating {uuid4().hex[:8]}"
    run = client.create_run(client.create_experiment(f"exp {uuid4().hex}"))
    client.create_registered_model(name, description="old")
    client.create_model_version(name, f"mlflow-artifacts:/runs/{run.info.run_id}/artifacts/model")
    client.delete_registered_model(name)
    with pytest.raises(mlflow.exceptions.MlflowException) as error:
        client.get_registered_model(name)
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert [item.name for item in client.search_registered_models() if item.name == name] == []
    assert client.search_model_versions(f"name = '{name}'") == []
    client.create_registered_model(name, description="new")
    personal = house.api.get(f"{API}/status").json()["personal_project"]
    trash = f"{API}/projects/{personal}/trash"
    entry = next(
        item
        for item in house.api.get(trash, params={"kind": "model"}).json()["items"]
        if item["name"] == name
    )
    back = house.api.post(f"{trash}/model/{entry['id']}/restore", json={"name": f"{name} old"})
    assert back.status_code == 200, back.text
    assert client.get_registered_model(f"{name} old").description == "old"
    assert client.get_model_version(f"{name} old", "1").run_id == run.info.run_id
    assert client.get_registered_model(name).description == "new"


def test_mlflows_deleted_runs_are_in_it_and_are_purged_with_their_files(
    mlflow: Any, client: Any, house: House, tmp_path: Path
) -> None:
    experiment = client.create_experiment(f"exp {uuid4().hex}")
    mlflow.set_experiment(experiment_id=experiment)
    file = tmp_path / "weights.bin"
    file.write_bytes(os.urandom(50_000))
    with mlflow.start_run(run_name=f"forest {uuid4().hex[:6]}") as run:
        mlflow.log_metric("auc", 0.9)
        mlflow.log_artifact(str(file))
    personal = house.api.get(f"{API}/status").json()["personal_project"]
    trash = f"{API}/projects/{personal}/trash"
    client.delete_run(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    entry = house.api.get(trash, params={"kind": "run"}).json()["items"][0]
    assert (entry["id"], entry["bytes"], entry["objects"]) == (run.info.run_id, 50_000, 1)
    client.restore_run(run.info.run_id)
    assert house.api.get(trash, params={"kind": "run"}).json()["items"] == []
    client.delete_run(run.info.run_id)
    told = house.api.delete(f"{trash}/run/{run.info.run_id}").json()
    assert (told["freed_objects"], told["freed_bytes"]) == (1, 50_000)
    with pytest.raises(mlflow.exceptions.MlflowException):
        client.get_run(run.info.run_id)


def test_a_project_comes_back_with_its_folder_and_its_bytes(house: House, server: JupyterServer) -> None:
    house.upload("wine", 100)
    project = house.project
    answer = house.api.request("DELETE", house.url, json={"confirm": project["name"]})
    assert answer.status_code == 204
    assert house.api.get(house.url).status_code == 404
    entry = next(
        item for item in house.api.get(f"{API}/trash").json()["items"] if item["id"] == project["id"]
    )
    assert entry["assets"] == {"dataset": 1} and entry["bytes"] == house.size() > 0
    back = house.api.post(f"{API}/trash/{project['id']}/restore", json={})
    assert back.status_code == 200 and back.json()["slug"] == project["slug"]
    assert house.api.put(f"{house.url}/folder").json()["path"] == project["folder"]
    assert house.api.get(f"{house.url}/datasets/wine/versions/1/content").status_code == 200
    house.api.request("DELETE", house.url, json={"confirm": project["name"]})
    before = house.size()
    told = house.api.delete(f"{API}/trash/{project['id']}").json()
    assert told["freed_bytes"] == before and not house.objects.exists()
    assert house.api.delete(f"{API}/trash/{project['id']}").status_code == 404
    assert house.api.get(f"{API}/projects").status_code == 200


@pytest.mark.parametrize("kind", ["dataset", "run", "experiment", "nonsense", "project", "dataset'--"])
@pytest.mark.parametrize("asset", ["x", "0", "../..", "00000000-0000-0000-0000-000000000000", "f" * 32])
def test_nonsense_is_not_found(house: House, kind: str, asset: str) -> None:
    way = f"{house.url}/trash/{kind}/{asset.replace('/', '%2F')}"
    assert house.api.delete(way).status_code == 404
    assert house.api.post(f"{way}/restore", json={}).status_code == 404
    assert house.api.post(f"{way}/restore", json={"name": ""}).status_code == 422


# ---- when its time is over -------------------------------------------------------------------------------------------


@pytest.fixture
async def platforms(tmp_path: Path) -> AsyncIterator[list[Platform]]:
    """Two servers on one database, which look after the trash when the test says so."""
    opened = [await Platform.open(Settings(storage_dir=tmp_path / "data", trash_days=7)) for _ in range(2)]
    for platform in opened:
        await platform.trash.sweep()
        await platform.trash.close()
    yield opened
    for platform in opened:
        await platform.close()


def database_of(platform: Platform) -> psycopg.Connection[Any]:
    postgres = EmbeddedPostgres(platform.settings.storage_dir / "postgres")
    return psycopg.connect(**postgres.conninfo(), autocommit=True)


async def a_deleted_dataset(platform: Platform, tmp_path: Path, name: str = "wine") -> tuple[UUID, Path]:
    """Its project, and the folder with its bytes."""
    owner = platform.local_owner
    assert owner is not None
    made = await platform.data.call(owner, "projects_create", name=f"Due {uuid4().hex[:6]}")
    file = tmp_path / f"{name}.csv"
    file.write_text("a\n" + "\n".join(map(str, range(500))))
    project_id = UUID(made["id"])
    await platform.datahub.add_file(owner, project_id, name, file)
    await platform.datahub.delete(owner, project_id, name)
    return project_id, platform.settings.storage_dir / "objects" / made["id"]


def stored(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def test_what_is_due_goes_once_and_nothing_else(platforms: list[Platform], tmp_path: Path) -> None:
    due, due_objects = await a_deleted_dataset(platforms[0], tmp_path)
    young, young_objects = await a_deleted_dataset(platforms[0], tmp_path)
    whole, whole_objects = await a_deleted_dataset(platforms[0], tmp_path)
    owner = platforms[0].local_owner
    assert owner is not None
    await platforms[0].data.call(owner, "projects_delete", id=whole)
    with database_of(platforms[0]) as database:
        days = database.execute(
            "select extract(day from purge_after - deleted_at)::int from insighter.trash"
            " union all select extract(day from purge_after - deleted_at)::int from insighter.trashed_projects"
        ).fetchall()
        assert {day for (day,) in days} == {7}, "the period is the setting's"
        assert (await platforms[0].trash.sweep()).objects == 0
        database.execute("update insighter.trash set purge_after = now() where project_id = %s", [due])
        database.execute("update insighter.trashed_projects set purge_after = now()")
        size = stored(due_objects) + stored(whole_objects)
        freed = await asyncio.gather(*(platform.trash.sweep() for platform in platforms))
        assert sum(one.bytes for one in freed) == size, "each byte is freed and told once"
        assert stored(due_objects) == stored(whole_objects) == 0 < stored(young_objects)
        told = database.execute(
            "select count(*), bool_and(actor_kind = 'service'), bool_and((data ->> 'due')::boolean)"
            " from insighter.events where verb = 'purged' and project_id = %s",
            [due],
        ).fetchone()
        assert told == (1, True, True)
        assert database.execute("select project_id from insighter.trash").fetchall() == [(young,)]
        for notes in ("released_objects", "released_projects"):
            assert database.execute(f"select * from insighter.{notes}").fetchall() == [], notes


async def test_a_server_killed_in_the_middle_leaves_it_to_the_next(
    platforms: list[Platform], tmp_path: Path
) -> None:
    project_id, objects = await a_deleted_dataset(platforms[0], tmp_path)
    owner = platforms[0].local_owner
    assert owner is not None
    # The rows are gone, the objects taken: here it was killed.
    await platforms[0].data.call(owner, "trash_purge", project_id=project_id)
    released = await platforms[0].data.call(owner, "trash_release", project_id=project_id)
    assert len(released["keys"]) == 2 and stored(objects) > 0
    assert (await platforms[1].trash.sweep()).objects == 0, "it may be at it still"
    with database_of(platforms[0]) as database:
        database.execute("update insighter.released_objects set taken_at = now() - interval '11 minutes'")
    assert (await platforms[1].trash.sweep()).objects == 2
    assert stored(objects) == 0
    # A project whose rows are gone, and whose objects were not removed.
    gone, objects = await a_deleted_dataset(platforms[0], tmp_path)
    await platforms[0].data.call(owner, "projects_delete", id=gone)
    await platforms[0].data.call(owner, "trash_projects_purge", id=gone)
    assert stored(objects) > 0
    with database_of(platforms[0]) as database:
        database.execute("update insighter.released_projects set released_at = now() - interval '11 minutes'")
    assert (await platforms[1].trash.sweep()).objects == 2
    assert not objects.exists()


async def test_what_is_stored_again_meanwhile_stays(platforms: list[Platform], tmp_path: Path) -> None:
    project_id, _ = await a_deleted_dataset(platforms[0], tmp_path)
    owner = platforms[0].local_owner
    assert owner is not None
    await platforms[0].data.call(owner, "trash_purge", project_id=project_id)
    await platforms[0].datahub.add_file(owner, project_id, "again", tmp_path / "wine.csv")
    assert (await platforms[0].trash.sweep()).objects == 0
    content = await platforms[0].datahub.content(owner, project_id, "again", 1, "original")
    assert len(b"".join([chunk async for chunk in content.chunks])) == content.size
    with database_of(platforms[0]) as database:
        assert database.execute("select * from insighter.released_objects").fetchall() == []


async def test_without_a_period_it_goes_at_once(tmp_path: Path) -> None:
    platform = await Platform.open(Settings(storage_dir=tmp_path / "data", trash_days=0))
    try:
        await platform.trash.sweep()
        project_id, objects = await a_deleted_dataset(platform, tmp_path)
        for _ in range(300):
            if stored(objects) == 0:
                break
            await asyncio.sleep(0.1)
        assert stored(objects) == 0
        owner = platform.local_owner
        assert owner is not None
        found = await platform.data.call(owner, "trash_list", project_id=project_id)
        assert found["items"] == []
    finally:
        await platform.close()


async def test_nobody_but_the_platform_asks_what_is_due(platforms: list[Platform]) -> None:
    from insighter_ext.errors import InsighterError

    owner = platforms[0].local_owner
    assert owner is not None
    for principal in (owner, None, Principal(owner.user_id, "service", project_id=uuid4())):
        with pytest.raises(InsighterError):
            await platforms[0].data.call(principal, "trash_due", days=0)
