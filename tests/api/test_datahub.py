"""Datasets over HTTP: what a person with a file, and a program that reads it back, rely on."""

from __future__ import annotations

import concurrent.futures
import gzip
import hashlib
import io
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.running import JupyterServer

CSV = b"name,born,height\nAna,1990-03-01,1.71\nBo,1985-12-24,\n"


class Datasets:
    """The datasets of one project, for the test to work with."""

    def __init__(self, api: httpx.Client, project: dict[str, Any], server: JupyterServer) -> None:
        self.api = api
        self.url = f"/insighter/api/projects/{project['id']}/datasets"
        self.objects = server.data_dir / "objects" / project["id"]
        self.incoming = server.data_dir / "objects" / ".incoming"

    def upload(self, name: str, content: Any, filename: str = "file.csv") -> httpx.Response:
        return self.api.post(
            f"{self.url}/{quote(name, safe='')}/versions", params={"filename": filename}, content=content
        )

    def preview(self, name: str, version: int = 1, **query: int) -> dict[str, Any]:
        answer = self.api.get(f"{self.url}/{name}/versions/{version}/preview", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def stored(self) -> set[str]:
        """The digests of all objects of the project."""
        return {path.name for path in self.objects.rglob("*") if path.is_file()}

    def unfinished(self) -> list[Path]:
        """What lies about of uploads that are not stored."""
        return [path for path in self.incoming.rglob("*") if path.is_file() and path.name != ".lock"]

    def settles(self) -> bool:
        """Whether nothing of an upload lies about, after a moment to tidy up."""
        deadline = time.monotonic() + 20
        while self.unfinished() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.unfinished()


@pytest.fixture
def datasets(api: httpx.Client, project: dict[str, Any], server: JupyterServer) -> Datasets:
    return Datasets(api, project, server)


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def test_a_file_becomes_a_dataset(datasets: Datasets) -> None:
    answer = datasets.upload("people", CSV, "C:\\data\\People.csv")
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].endswith("/datasets/people")
    made = answer.json()
    assert made["unchanged"] is False and made["dataset"]["versions"] == 1
    version = made["version"]
    assert version == made["dataset"]["latest"]
    assert (version["version"], version["format"], version["filename"]) == (1, "csv", "People.csv")
    assert version["sha256"] == hashlib.sha256(CSV).hexdigest() and version["size"] == len(CSV)
    assert version["rows"] == 2
    assert version["columns"] == [
        {"name": "name", "type": "VARCHAR"},
        {"name": "born", "type": "DATE"},
        {"name": "height", "type": "DOUBLE"},
    ]
    assert datasets.preview("people")["rows"] == [["Ana", "1990-03-01", 1.71], ["Bo", "1985-12-24", None]]
    detail = datasets.api.get(f"{datasets.url}/PEOPLE").json()
    assert detail["name"] == "people" and detail["history"] == [version]
    assert datasets.api.get(datasets.url).json()["items"] == [made["dataset"]]
    assert datasets.settles()


def test_each_upload_is_a_version_and_the_same_content_adds_nothing(datasets: Datasets) -> None:
    assert datasets.upload("t", b"a\n1\n").json()["version"]["version"] == 1
    assert datasets.upload("T", b"a\n1\n2\n").json()["version"]["version"] == 2
    again = datasets.upload("t", b"a\n1\n2\n", "another-name.csv")
    assert again.status_code == 201 and again.json()["unchanged"] is True
    assert again.json()["version"]["version"] == 2 and again.json()["dataset"]["versions"] == 2
    # An older content is a change again.
    assert datasets.upload("t", b"a\n1\n").json()["version"]["version"] == 3
    assert [item["version"] for item in datasets.api.get(f"{datasets.url}/t").json()["history"]] == [3, 2, 1]
    assert datasets.preview("t", 1)["total"] == 1 and datasets.preview("t", 2)["total"] == 2


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'[{"a": 1, "b": {"c": [1, null]}}, {"a": 2.5}]', "json"),
        (b'{"a": 1, "b": {"c": [1, null]}}\n{"a": 2.5}\n', "json"),
        (b'{\n "a": 1,\n "b": {"c": [1, null]}\n}\n{\n "a": 2.5\n}\n', "json"),
        (parquet(a=[1.0, 2.5], b=[{"c": [1, None]}, None]), "parquet"),
    ],
    ids=["array", "lines", "objects over lines", "parquet"],
)
def test_the_content_tells_the_format_not_the_name(datasets: Datasets, content: bytes, kind: str) -> None:
    version = datasets.upload("t", content, "misleading.csv").json()["version"]
    assert (version["format"], version["rows"]) == (kind, 2)
    page = datasets.preview("t")
    assert page["rows"] == [[1.0, {"c": [1, None]}], [2.5, None]]
    assert [column["name"] for column in page["columns"]] == ["a", "b"]


def test_values_that_json_cannot_say_come_as_text(datasets: Datasets) -> None:
    noon = datetime(2024, 2, 29, 12, tzinfo=UTC)
    content = parquet(
        f=pa.array([float("nan"), float("-inf"), None]),
        i=pa.array([2**53, 2**53 + 1, None]),
        d=pa.array([Decimal("1.10"), Decimal("12345678901234567890.05"), None], pa.decimal128(38, 2)),
        t=pa.array([noon.replace(tzinfo=None), noon.replace(tzinfo=None, microsecond=500), None]),
        z=pa.array([noon, noon, None]),
        c=pa.array([clock(12, 30), clock(0), None]),
        b=pa.array([b"\x00\xff", b"", None]),
        l=pa.array(["x" * 5000, "ä", None]),
        y=pa.array([True, False, None]),
        n=pa.array([[2**60], [], None]),
    )
    assert datasets.upload("t", content).status_code == 201
    first, second, third = datasets.preview("t")["rows"]
    assert first[:7] == [
        "NaN", 2**53, "1.10", "2024-02-29T12:00:00", "2024-02-29T12:00:00Z", "12:30:00", "00FF",
    ]  # fmt: skip
    assert len(first[7]) == 2001 and first[7].endswith("…")
    assert first[8:] == [True, [str(2**60)]]
    assert second == [
        "-Infinity", str(2**53 + 1), "12345678901234567890.05", "2024-02-29T12:00:00.0005",
        "2024-02-29T12:00:00Z", "00:00:00", "", "ä", False, [],
    ]  # fmt: skip
    assert third == [None] * 10


def test_pages_of_a_larger_table(datasets: Datasets) -> None:
    rows = 300_000
    datasets.upload("t", b"i,square\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(rows)))
    for offset in (0, 122_879, rows - 2, rows, 10 * rows):
        page = datasets.preview("t", offset=offset, limit=3)
        assert page["rows"] == [[i, i * i] for i in range(offset, min(offset + 3, rows))]
        assert (page["total"], page["offset"]) == (rows, offset)
    assert datasets.api.get(f"{datasets.url}/t/versions/1/preview", params={"limit": 1001}).status_code == 422


def test_downloads_as_uploaded_and_as_parquet(datasets: Datasets) -> None:
    datasets.upload("people", CSV, "Größen.csv")
    url = f"{datasets.url}/people/versions/1/content"
    original = datasets.api.get(url)
    assert original.content == CSV and original.headers["Content-Type"].startswith("text/csv")
    assert quote("Größen.csv") in original.headers["Content-Disposition"]
    assert original.headers["ETag"].strip('"') == hashlib.sha256(CSV).hexdigest()
    assert datasets.api.get(url, headers={"If-None-Match": original.headers["ETag"]}).status_code == 304
    table = datasets.api.get(url, params={"format": "parquet"})
    assert quote("Größen.parquet") in table.headers["Content-Disposition"]
    assert table.headers["ETag"].strip('"') == hashlib.sha256(table.content).hexdigest()
    assert pq.read_table(io.BytesIO(table.content)).to_pydict()["name"] == ["Ana", "Bo"]


def test_a_parquet_file_is_its_own_table(datasets: Datasets) -> None:
    content = parquet(a=[1, 2])
    datasets.upload("t", content)
    assert datasets.api.get(f"{datasets.url}/t/versions/1/content?format=parquet").content == content
    assert len(datasets.stored()) == 1


WORKBOOK = b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml" + b"\0" * 200 + b"xl/workbook.xml"


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "file_empty", "empty"),
        (b" \n\n\t\n", "file_empty", "blanks"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not_a_table", "PNG"),
        (gzip.compress(CSV, mtime=0), "not_a_table", "gzip"),
        (WORKBOOK, "not_a_table", "Excel"),
        (bytes(range(256)) * 10, "not_a_table", "binary"),
        (b"<!DOCTYPE html><title>Sign in</title>", "not_a_table", "web page"),
        (b"a,b,c\n1,2,3\n4,5\n", "ragged_rows", "line 3 has 2 columns, expected 3"),
        (b"a,b\n" + b"1,2\n" * 200_000 + b"1,2,3\n", "ragged_rows", "line 200,002 has 3 columns, expected 2"),
        (b'a,b\n1,2\n3,"open\n' + b"4,5\n" * 10, "unbalanced_quotes", "line 3"),
        ("a\nMünchen\n".encode("latin-1"), "not_utf8", "line 2"),
        (b"a,b\n" + b"x,y\n" * 400_000 + b"\xe4,z\n", "not_utf8", "line 400,002"),
        (b'[{"a": 1}, {"a" 2}]', "broken_json", "record"),
        (b'{"a": 1}\n{"a": \n', "broken_json", "line"),
        (b'[{"a": 1}, {"a": 2', "broken_json", "end of data"),
        (b"[1, 2, 3]", "not_a_table", "objects"),
        (b"[]", "not_a_table", "objects"),
        (b'{"a": {"0": 1, "1": 2}}', "not_a_table", "nested"),
        (parquet(a=[1, 2, 3])[:-20], "parquet_truncated", "incomplete"),
        (b"PAR1" + b"x" * 100 + b"\x10\0\0\0PAR1", "parquet_damaged", "damaged"),
    ],
)
def test_what_is_no_table_is_refused_in_words_and_leaves_nothing(
    datasets: Datasets, content: bytes, code: str, says: str
) -> None:
    datasets.upload("kept", CSV)
    before = datasets.stored()
    for name in ("kept", "new"):
        answer = datasets.upload(name, content, "data.csv")
        assert answer.status_code == 422, answer.text
        error = answer.json()
        assert error["code"] == code and says in error["message"] and error["hint"], error
        assert "/" not in error["message"].replace("CSV/", ""), "no path of the server"
    assert [item["name"] for item in datasets.api.get(datasets.url).json()["items"]] == ["kept"]
    assert datasets.api.get(f"{datasets.url}/kept").json()["versions"] == 1
    assert datasets.stored() == before and datasets.settles()


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a\\b", ".hidden", "tab\tbed", "nul\0", "line\nfeed", "x" * 101, " ", "\x7f"]
)
def test_names_that_cannot_be_are_refused_before_the_body(datasets: Datasets, name: str) -> None:
    answer = datasets.upload(name, CSV)
    assert answer.status_code == 422, answer.text
    assert answer.json()["hint"]
    assert datasets.settles()


def test_a_refusal_reaches_a_client_that_is_still_sending(datasets: Datasets, server: JupyterServer) -> None:
    """The answer comes after the header, before a byte of what was announced."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(
            f"POST {datasets.url}/..%2Fx/versions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Length: 2000000000\r\n\r\n".encode()
        )
        assert b" 422 " in line.recv(4096).split(b"\r\n")[0]


def test_names_of_people(datasets: Datasets) -> None:
    for name in ("Größe & Gewicht (2024) 100%", "データ", "a.b-c_d"):
        assert datasets.upload(name, CSV).json()["dataset"]["name"] == name
        assert datasets.api.get(f"{datasets.url}/{quote(name, safe='')}").json()["name"] == name


def test_what_is_not_there(datasets: Datasets) -> None:
    datasets.upload("t", CSV)
    for path in (
        "/nothing",
        "/nothing/versions/1/preview",
        "/t/versions/2/preview",
        "/t/versions/0/content",
        "/t/versions/99999999999999999999/preview",
    ):
        answer = datasets.api.get(datasets.url + path)
        assert answer.status_code == 404, (path, answer.text)
        assert answer.json()["message"]
    assert '"t"' in datasets.api.get(datasets.url + "/nothing").json()["hint"]
    assert datasets.api.delete(datasets.url + "/nothing").status_code == 404


def test_an_archived_project_does_not_change(datasets: Datasets, project: dict[str, Any]) -> None:
    datasets.upload("t", CSV)
    home = f"/insighter/api/projects/{project['id']}"
    datasets.api.patch(home, json={"archived": True})
    assert datasets.upload("t", b"a\n1\n").status_code == 409
    assert datasets.api.delete(f"{datasets.url}/t").status_code == 409
    assert datasets.preview("t")["total"] == 2


def test_an_upload_that_breaks_off_leaves_nothing(datasets: Datasets, server: JupyterServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(
            f"POST {datasets.url}/t/versions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Length: 50000000\r\n\r\n".encode()
        )
        line.sendall(b"a,b\n" + b"1,2\n" * 1_000_000)
        deadline = time.monotonic() + 20
        while not datasets.unfinished() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert datasets.unfinished()
    assert datasets.settles()
    assert datasets.api.get(f"{datasets.url}/t").status_code == 404 and datasets.stored() == set()


def workers(server: JupyterServer) -> list[psutil.Process]:
    """The inspections that run for a server."""
    assert server.process is not None
    return [
        child
        for child in psutil.Process(server.process.pid).children(recursive=True)
        if "insighter_ext.datahub.inspect" in child.cmdline()
    ]


def test_a_client_that_goes_away_ends_the_inspection(datasets: Datasets, server: JupyterServer) -> None:
    content = b"a,b,c\n" + b"1.5,some text,2024-01-01\n" * 4_000_000
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        line.sendall(
            f"POST {datasets.url}/t/versions HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        )
        line.sendall(content)
        deadline = time.monotonic() + 30
        while not (running := workers(server)) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert running
    psutil.wait_procs(running, timeout=20)
    assert not any(process.is_running() for process in running)
    assert datasets.settles()
    assert datasets.api.get(f"{datasets.url}/t").status_code == 404


def test_uploads_of_one_name_at_the_same_time_are_versions_of_their_own(datasets: Datasets) -> None:
    contents = [b"n\n%d\n" % number for number in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda content: datasets.upload("t", content), contents))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert sorted(answer.json()["version"]["version"] for answer in answers) == list(range(1, 9))
    for content, answer in zip(contents, answers, strict=True):
        version = answer.json()["version"]["version"]
        assert datasets.api.get(f"{datasets.url}/t/versions/{version}/content").content == content


def test_purging_removes_the_bytes_that_nothing_else_needs(datasets: Datasets) -> None:
    trash = datasets.url.replace("/datasets", "/trash")
    datasets.upload("one", CSV)
    datasets.upload("one", b"a\n1\n")
    datasets.upload("two", CSV)
    assert datasets.api.delete(f"{datasets.url}/one").status_code == 204
    assert datasets.api.get(f"{datasets.url}/one").status_code == 404
    assert datasets.preview("two")["total"] == 2
    assert hashlib.sha256(b"a\n1\n").hexdigest() in datasets.stored()
    assert datasets.api.delete(trash).json()["purged"] == 1
    assert hashlib.sha256(CSV).hexdigest() in datasets.stored()
    assert hashlib.sha256(b"a\n1\n").hexdigest() not in datasets.stored()
    assert datasets.api.delete(f"{datasets.url}/two").status_code == 204
    assert datasets.api.delete(trash).json()["purged"] == 1
    assert datasets.stored() == set()
    assert datasets.upload("one", CSV).json()["version"]["version"] == 1


def test_an_upload_larger_than_memory_allows_streams(datasets: Datasets, server: JupyterServer) -> None:
    size = 300 << 20
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    row = b"0123456789abcdef," * 15 + b"0123456789abcdef\n"
    header = ",".join(f"c{index}" for index in range(16)).encode() + b"\n"
    peak = start = process.memory_info().rss

    def body() -> Iterator[bytes]:
        nonlocal peak
        yield header
        piece = row * 4096
        for _ in range(size // len(piece)):
            peak = max(peak, process.memory_info().rss)
            yield piece

    answer = datasets.api.post(f"{datasets.url}/large/versions", content=body(), timeout=110)
    assert answer.status_code == 201, answer.text
    version = answer.json()["version"]
    assert version["size"] > size * 0.98 and version["rows"] == (version["size"] - len(header)) // len(row)
    received = 0
    with datasets.api.stream("GET", f"{datasets.url}/large/versions/1/content") as download:
        for chunk in download.iter_raw():
            received += len(chunk)
    peak = max(peak, process.memory_info().rss)
    assert received == version["size"]
    assert peak - start < 100 << 20
    datasets.api.delete(f"{datasets.url}/large")
    assert datasets.api.delete(datasets.url.replace("/datasets", "/trash")).json()["freed_bytes"] > received


def test_a_file_over_the_limit_is_refused_however_it_comes(own_server: JupyterServer) -> None:
    own_server.arguments = ("--InsighterApp.max_upload_bytes=1000000",)
    own_server.start()
    with own_server.client() as api:
        project = api.post("/insighter/api/projects", json={"name": "Small"}).json()
        datasets = Datasets(api, project, own_server)
        announced = datasets.upload("t", b"a\n" + b"1\n" * 1_000_000)
        assert announced.status_code == 413 and announced.json()["hint"]

        def pieces() -> Iterator[bytes]:
            for _ in range(20):
                yield b"1\n" * 50_000

        assert datasets.upload("t", pieces()).status_code == 413
        assert datasets.upload("t", b"a\n1\n").status_code == 201
        assert datasets.settles()


def test_too_little_memory_is_said_and_nothing_else_suffers(own_server: JupyterServer) -> None:
    own_server.arguments = ("--InsighterApp.inspect_memory_bytes=8000000",)
    own_server.start()
    with own_server.client() as api:
        project = api.post("/insighter/api/projects", json={"name": "Tight"}).json()
        datasets = Datasets(api, project, own_server)
        lines = b"\n".join(b",".join([os.urandom(8).hex().encode()] * 200) for _ in range(20_000))
        answer = datasets.upload("t", lines)
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] == "inspect_memory" and "inspect_memory_bytes" in answer.json()["hint"]
        assert datasets.settles() and datasets.stored() == set()


def test_what_a_killed_server_left_unfinished_is_gone_after_the_next_start(own_server: JupyterServer) -> None:
    own_server.start()
    with own_server.client() as api:
        project = api.post("/insighter/api/projects", json={"name": "Killed"}).json()
        datasets = Datasets(api, project, own_server)
        datasets.upload("t", CSV)
        with socket.create_connection(("127.0.0.1", own_server.port), timeout=20) as line:
            line.sendall(
                f"POST {datasets.url}/t/versions HTTP/1.1\r\nHost: 127.0.0.1:{own_server.port}\r\n"
                f"Authorization: Bearer {own_server.token}\r\nContent-Length: 50000000\r\n\r\n".encode()
            )
            line.sendall(b"a,b\n" + b"1,2\n" * 1_000_000)
            deadline = time.monotonic() + 20
            while not datasets.unfinished() and time.monotonic() < deadline:
                time.sleep(0.01)
            own_server.kill()
        assert datasets.unfinished()
    own_server.start()
    with own_server.client() as api:
        datasets = Datasets(api, project, own_server)
        assert datasets.unfinished() == []
        assert datasets.preview("t")["total"] == 2


def test_what_happened_is_told_by_events(datasets: Datasets, project: dict[str, Any]) -> None:
    home = f"/insighter/api/projects/{project['id']}"
    seen = [datasets.api.get(home).json()["last_event"]]
    for change in (
        lambda: datasets.upload("t", CSV),
        lambda: datasets.upload("t", b"a\n1\n"),
        lambda: datasets.api.delete(f"{datasets.url}/t"),
    ):
        change()
        seen.append(datasets.api.get(home).json()["last_event"])
    assert seen == sorted(set(seen))


def test_lists_page_by_cursor(datasets: Datasets) -> None:
    for name in "bdaceB":
        datasets.upload(name, json.dumps([{"x": name}]).encode())
    names: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = datasets.api.get(datasets.url, params=query).json()
        names += [item["name"] for item in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert names == ["a", "b", "c", "d", "e"]


def test_pages_come_again_after_their_reader_was_killed(datasets: Datasets, server: JupyterServer) -> None:
    datasets.upload("t", CSV)
    datasets.preview("t")
    assert server.process is not None
    readers = [
        child
        for child in psutil.Process(server.process.pid).children(recursive=True)
        if "insighter_ext.datahub.pages" in child.cmdline()
    ]
    assert readers
    for reader in readers:
        reader.kill()
    assert datasets.preview("t")["total"] == 2
    assert len(datasets.preview("t")["rows"]) == 2
