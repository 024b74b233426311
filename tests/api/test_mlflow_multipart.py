"""Large artifacts in parts: MLflow's client with small limits, and who tries to misuse the addresses of parts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running import JupyterServer

pytestmark = pytest.mark.filterwarnings("default")

ARTIFACTS = "/insighter/mlflow/api/2.0/mlflow-artifacts"
PASS = "X-Insighter-Pass"
MB = 1024**2


@pytest.fixture
def run_id(client: Any, experiment: str) -> str:
    """A fresh run."""
    return str(client.create_run(experiment).info.run_id)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes five gigabytes otherwise takes as many megabytes."""
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(MB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(MB))
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(MB))


def parts_left(server: JupyterServer) -> list[Path]:
    """Files that parts are written to."""
    return list((server.data_dir / "objects" / ".incoming").rglob("part-*"))


class Parts:
    """An upload spoken by hand."""

    def __init__(self, api: httpx.Client, run_id: str, count: int, name: str = "x.bin") -> None:
        self.api, self.name, self.where = api, name, f"runs/{run_id}/artifacts/folder"
        answer = api.post(
            f"{ARTIFACTS}/mpu/create/{self.where}", json={"path": f"/tmp/{name}", "num_parts": count}
        )
        assert answer.status_code == 200, answer.text
        self.upload_id = answer.json()["upload_id"]
        self.credentials = answer.json()["credentials"]
        self.tags: dict[int, str] = {}

    def put(self, number: int, content: bytes, **headers: str) -> httpx.Response:
        """Send a part as the client does: without its own credential."""
        one = self.credentials[number - 1]
        answer = httpx.put(one["url"], content=content, headers={**one["headers"], **headers})
        if answer.status_code == 200:
            self.tags[number] = answer.headers["ETag"]
        return answer

    def complete(self, api: httpx.Client | None = None, **changed: Any) -> httpx.Response:
        """All parts are sent."""
        parts = [{"part_number": number, "etag": tag} for number, tag in self.tags.items()]
        body = {"path": self.name, "upload_id": self.upload_id, "parts": parts, **changed}
        return (api or self.api).post(f"{ARTIFACTS}/mpu/complete/{self.where}", json=body)

    def got(self) -> httpx.Response:
        """The file."""
        return self.api.get(f"{ARTIFACTS}/artifacts/{self.where}/{self.name}")


def test_mlflows_client_uploads_and_downloads_in_parts(
    mlflow: Any, server: JupyterServer, client: Any, run_id: str, small_limits: None, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    file = tmp_path / "large.bin"
    file.write_bytes(os.urandom(5 * MB + 12_345))
    sent: list[str] = []
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    real = HttpArtifactRepository._upload_part
    monkeypatch.setattr(
        HttpArtifactRepository,
        "_upload_part",
        staticmethod(
            lambda credential, *args, **more: sent.append(credential.url) or real(credential, *args, **more)
        ),
    )
    client.log_artifact(run_id, str(file), "models/deep")
    assert len(sent) == 6
    for forced in ("false", "true"):
        monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", forced)
        folder = tmp_path / forced
        folder.mkdir()
        found = Path(client.download_artifacts(run_id, "models/deep/large.bin", str(folder)))
        assert found.read_bytes() == file.read_bytes()
    assert parts_left(server) == []


def test_parts_come_in_any_order_and_twice(server: JupyterServer, api: httpx.Client, run_id: str) -> None:
    upload = Parts(api, run_id, 4)
    assert upload.got().status_code == 404
    for number in (3, 1, 4, 3, 2, 1):
        assert upload.put(number, bytes([number]) * (number * 100_000)).status_code == 200
    assert upload.got().status_code == 404
    assert upload.complete().status_code == 200
    assert upload.got().content == b"".join(bytes([number]) * (number * 100_000) for number in (1, 2, 3, 4))
    assert upload.complete().status_code == 404  # it is done
    assert upload.put(1, b"late").status_code == 404
    assert parts_left(server) == []


def test_an_incomplete_upload_leaves_nothing(server: JupyterServer, api: httpx.Client, run_id: str) -> None:
    upload = Parts(api, run_id, 3)
    upload.put(1, b"a")
    upload.put(3, b"c")
    refused = upload.complete()
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "missing: [2]" in refused.json()["message"]
    upload.put(2, b"b")
    tags = dict(upload.tags)
    upload.tags[2] = tags[1]
    assert upload.complete().status_code == 400  # not what arrived
    upload.tags = {1: tags[1], 2: tags[2]}
    assert upload.complete().status_code == 400  # one is not named
    body = {"path": upload.name, "upload_id": upload.upload_id}
    for _ in range(2):
        assert api.post(f"{ARTIFACTS}/mpu/abort/{upload.where}", json=body).status_code == 200
    assert upload.complete().status_code == 404 and upload.got().status_code == 404
    assert parts_left(server) == []


def test_a_part_is_written_by_its_own_pass_alone(api: httpx.Client, run_id: str) -> None:
    upload, other = Parts(api, run_id, 2), Parts(api, run_id, 1, "y.bin")
    first, second = upload.credentials
    for url, proof in (
        (first["url"], ""),
        (first["url"], "0" * 64),
        (first["url"], second["headers"][PASS]),
        (first["url"], other.credentials[0]["headers"][PASS]),
        (first["url"].replace(upload.upload_id, other.upload_id), first["headers"][PASS]),
        (first["url"].rsplit("/", 1)[0] + "/3", first["headers"][PASS]),
        (first["url"].rsplit("/", 1)[0] + "/0", first["headers"][PASS]),
        (first["url"], "Ä" * 64),
    ):
        answer = httpx.put(url, content=b"x", headers={PASS: proof.encode()} if proof else {})
        assert answer.status_code in {401, 403, 404}, (url, proof)
    # A pass opens nothing else, and a credential no part.
    for method, path in (
        ("GET", f"/insighter/mlflow/api/2.0/mlflow/runs/get?run_id={run_id}"),
        ("PUT", f"{ARTIFACTS}/artifacts/{upload.where}/z"),
        ("POST", f"{ARTIFACTS}/mpu/complete/{upload.where}"),
    ):
        answer = httpx.request(
            method, f"{api.base_url}{path}".replace("//ins", "/ins"), headers=first["headers"]
        )
        assert answer.status_code in {401, 403}, path
    assert api.put(first["url"], content=b"x").status_code == 404


def test_an_upload_is_completed_by_who_began_it(
    server: JupyterServer, api: httpx.Client, run_id: str, kernel_token: str
) -> None:
    upload = Parts(api, run_id, 1)
    upload.put(1, b"x")
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {kernel_token}"}) as kernel:
        assert upload.complete(kernel).status_code == 404
        assert (
            kernel.post(
                f"{ARTIFACTS}/mpu/create/{upload.where}", json={"path": "x", "num_parts": 1}
            ).status_code
            == 404
        )
    assert upload.complete(path="other.bin").status_code == 404
    assert upload.complete().status_code == 200


@pytest.mark.parametrize(
    ("folder", "body"),
    [
        ("runs/{run}/artifacts", {"path": "x", "num_parts": 0}),
        ("runs/{run}/artifacts", {"path": "x", "num_parts": 10_001}),
        ("runs/{run}/artifacts", {"path": "x", "num_parts": "many"}),
        ("runs/{run}/artifacts", {"num_parts": 1}),
        ("runs/{run}/artifacts", {"path": "a/..", "num_parts": 1}),
        ("runs/{run}/artifacts/%2e%2e/x", {"path": "x", "num_parts": 1}),
    ],
)
def test_what_cannot_be_begun(api: httpx.Client, run_id: str, folder: str, body: Any) -> None:
    answer = api.post(f"{ARTIFACTS}/mpu/create/{folder.format(run=run_id)}", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text


def test_uploads_are_not_begun_without_end(api: httpx.Client, run_id: str) -> None:
    where = f"{ARTIFACTS}/mpu/create/runs/{run_id}/artifacts"
    begun = []
    for number in range(50):
        answer = api.post(where, json={"path": f"{number}.bin", "num_parts": 1})
        if answer.status_code != 200:
            break
        begun.append((f"{number}.bin", answer.json()["upload_id"]))
    assert len(begun) < 50
    assert (answer.status_code, answer.json()["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
    for name, upload_id in begun:
        body = {"path": name, "upload_id": upload_id}
        assert api.post(where.replace("create", "abort"), json=body).status_code == 200
    Parts(api, run_id, 1)


def test_all_parts_together_are_no_larger_than_a_file_may_be(own_server: JupyterServer) -> None:
    own_server.arguments = (f"--InsighterApp.max_upload_bytes={MB}",)
    with own_server.start().client() as api:
        run = api.post("/insighter/mlflow/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()[
            "run"
        ]
        upload = Parts(api, run["info"]["run_id"], 3)
        assert upload.put(1, b"x" * 600_000).status_code == 200
        refused = upload.put(2, b"x" * 600_000)
        assert refused.status_code == 400 and "the most this server takes" in refused.json()["message"]

        def unannounced() -> Any:
            for _ in range(60):
                yield b"x" * 10_000

        one = upload.credentials[1]
        refused = httpx.put(one["url"], content=unannounced(), headers=one["headers"])
        assert refused.status_code == 400
        assert upload.put(2, b"y" * 400_000).status_code == 200 and upload.put(3, b"").status_code == 200
        assert upload.complete().status_code == 200 and len(upload.got().content) == MB - MB % 1_000_000


def test_a_pass_for_a_download(server: JupyterServer, api: httpx.Client, client: Any, run_id: str) -> None:
    client.log_text(run_id, "0123456789", "a b/ten.txt")
    where = f"runs/{run_id}/artifacts/a b/ten.txt"
    offer = api.get(f"{ARTIFACTS}/presigned/{where}").json()
    assert offer["file_size"] == 10
    answer = httpx.get(offer["url"], headers={**offer["headers"], "Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    assert httpx.get(offer["url"]).status_code in {401, 403}
    assert httpx.get(offer["url"].replace("ten", "two"), headers=offer["headers"]).status_code == 404
    assert httpx.get(offer["url"], headers={PASS: "0" * 64}).status_code == 404
    assert api.get(f"{ARTIFACTS}/presigned/{where}x").status_code == 404
    behind = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "lab.example.org"}
    told = api.get(f"{ARTIFACTS}/presigned/{where}", headers=behind).json()["url"]
    assert told.startswith("https://lab.example.org/insighter/mlflow/api/2.0/mlflow-artifacts/")
