"""What must survive: PostgreSQL killed under load, the server killed, two servers on one database."""

from __future__ import annotations

import concurrent.futures
import contextlib
import time
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from insighter_ext.gateways.embedded.postgres import EmbeddedPostgres
from tests.running import JupyterServer

PROJECTS = "/insighter/api/projects"


def postmaster(data_dir: Path) -> psutil.Process:
    pid = int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    return psutil.Process(pid)


def names(client: httpx.Client) -> set[str]:
    items = client.get(PROJECTS, params={"limit": 500}).json()["items"]
    return {item["name"] for item in items}


def test_postgresql_killed_under_load_comes_back_and_loses_nothing(own_server: JupyterServer) -> None:
    own_server.start()

    def create(number: int) -> tuple[str, int]:
        name = f"Project {number} {uuid4().hex[:8]}"
        with own_server.client() as client:
            return name, client.post(PROJECTS, json={"name": name}).status_code

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        work = [pool.submit(create, number) for number in range(60)]
        time.sleep(0.15)
        postmaster(own_server.data_dir).kill()
        results = [future.result() for future in work]
    with own_server.client() as client:
        assert client.post(PROJECTS, json={"name": "The next one"}).status_code == 201
        there = names(client)
    acknowledged = {name for name, status in results if status == 201}
    assert acknowledged <= there
    # Whoever was told no was told so as "try again", and not by a traceback.
    assert {status for _, status in results} <= {201, 503}
    assert len(acknowledged) > 40


def test_a_killed_server_loses_nothing_and_the_next_one_adopts_the_database(
    own_server: JupyterServer,
) -> None:
    own_server.start()
    with own_server.client() as client:
        assert client.post(PROJECTS, json={"name": "Kept"}).status_code == 201
    before = postmaster(own_server.data_dir)
    own_server.kill()
    assert before.is_running()
    own_server.start()
    with own_server.client() as client:
        assert "Kept" in names(client)
    assert postmaster(own_server.data_dir).pid == before.pid
    own_server.stop()
    with contextlib.suppress(psutil.NoSuchProcess):
        assert before.wait(15) is not False
    assert not before.is_running() or before.status() == psutil.STATUS_ZOMBIE


def test_two_servers_share_one_database_and_the_last_one_stops_it(own_server: JupyterServer) -> None:
    own_server.start()
    second = JupyterServer(own_server.home)
    second.log = own_server.home / "second.log"
    try:
        second.start()
        with own_server.client() as one, second.client() as two:
            assert one.post(PROJECTS, json={"name": "Seen by both"}).status_code == 201
            assert "Seen by both" in names(two)
        process = postmaster(own_server.data_dir)
        own_server.stop()
        with second.client() as two:
            assert "Seen by both" in names(two)
        assert process.is_running()
    finally:
        second.stop()
    with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        process.wait(15)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("version", [16, 18])
def test_a_cluster_whose_path_is_too_long_for_a_socket(short_tmp: Path, version: int) -> None:
    deep = short_tmp / ("long" * 30) / str(version)
    postgres = EmbeddedPostgres(deep, version)
    try:
        postgres.acquire()
        assert postgres.answers()
        assert len(postgres.conninfo()["host"]) < 90
        assert not Path(postgres.conninfo()["host"]).is_relative_to(deep)
    finally:
        postgres.release()
    assert not postgres.answers()


def test_secrets_are_for_their_owner_only(server: JupyterServer) -> None:
    files = list((server.data_dir / "postgres").glob("*.secret"))
    assert files
    for path in files:
        assert path.stat().st_mode & 0o077 == 0, path
    assert (server.data_dir / "objects").stat().st_mode & 0o077 == 0
