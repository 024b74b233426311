"""Protected aliases, comparison and cards of models that the unmodified MLflow client logged, over HTTP."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.api.people import API, Person, team_server
from tests.running import JupyterServer

pytestmark = pytest.mark.filterwarnings("default")

GOLD = {"metric": "auc", "op": ">=", "value": 0.9, "dataset": "gold"}


@dataclass
class Rated:
    """A model of a project with two versions; the second is good enough for "gold"."""

    base: str
    name: str
    project: str
    token: str

    @property
    def model(self) -> str:
        return f"{self.base}/models/{quote(self.name)}"


@pytest.fixture
def rated(
    mlflow: Any,
    api: httpx.Client,
    project: dict[str, Any],
    kernel_token: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Rated:
    """Logged and registered as a kernel of the project does it."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", kernel_token)
    base, name = f"{API}/projects/{project['id']}", f"rating {uuid4().hex[:8]}"
    csv = b"a,b,good\n1,2,0\n2,3,1\n4,1,0\n5,9,1\n"
    answer = api.post(f"{base}/datasets/wine/versions", content=csv, params={"filename": "wine.csv"})
    assert answer.status_code == 201, answer.text
    frame = pd.DataFrame({"a": [1.0, 2, 4, 5], "b": [2.0, 3, 1, 9], "good": [0, 1, 0, 1]})
    mlflow.set_experiment(f"rating {uuid4().hex[:8]}")
    gold = mlflow.data.from_pandas(frame, name="gold")
    for number, (strength, auc) in enumerate([(1.0, 0.8), (0.5, 0.95)]):
        with mlflow.start_run(run_name=f"forest-{number}"):
            mlflow.log_params({"C": strength, "kind": "linear"})
            mlflow.log_input(gold, context="evaluation")
            model = LogisticRegression(C=strength).fit(frame[["a", "b"]], frame["good"])
            info = mlflow.sklearn.log_model(
                model,
                name="model",
                registered_model_name=name,
                input_example=frame[["a", "b"]].head(2) if number else None,
                pip_requirements=["scikit-learn", *(["pandas>=2"] if number else [])],
                serialization_format="cloudpickle",
            )
            mlflow.log_metric("auc", auc, model_id=info.model_id, dataset=gold)
            mlflow.log_metric("loss", 0.3)
    return Rated(base, name, project["id"], kernel_token)


def test_mlflow_is_told_what_to_do_about_a_protected_alias(
    api: httpx.Client, client: Any, rated: Rated, mlflow: Any
) -> None:
    rule = {"alias": "champion", "model": rated.name, "role": "editor", "gates": [GOLD]}
    made = api.put(f"{rated.base}/alias-rules", json=rule)
    assert made.status_code == 200, made.text
    with pytest.raises(mlflow.exceptions.MlflowException) as refusal:
        client.set_registered_model_alias(rated.name, "champion", 1)
    assert refusal.value.error_code == "PERMISSION_DENIED"
    assert "auc ≥ 0.9 on gold (auc of v1 is 0.8)" in str(refusal.value)
    client.set_registered_model_alias(rated.name, "champion", 2)
    assert client.get_model_version_by_alias(rated.name, "champion").version == "2"

    api.put(f"{rated.base}/alias-rules", json={**rule, "role": "owner"})
    for move in (
        lambda: client.set_registered_model_alias(rated.name, "champion", 1),
        lambda: client.delete_registered_model_alias(rated.name, "champion"),
        lambda: client.delete_model_version(rated.name, "2"),
        lambda: client.delete_registered_model(rated.name),
        lambda: client.rename_registered_model(rated.name, "other"),
    ):
        with pytest.raises(mlflow.exceptions.MlflowException) as refusal:
            move()
        assert refusal.value.error_code == "PERMISSION_DENIED"
        assert "champion" in str(refusal.value)
    with pytest.raises(mlflow.exceptions.MlflowException) as refusal:
        client.set_registered_model_alias(rated.name, "champion", 1)
    assert 'request("champion", 1' in str(refusal.value)
    client.set_registered_model_alias(rated.name, "open", 1)
    moves = api.get(f"{rated.model}/moves", params={"alias": "champion"}).json()["items"]
    assert [(move["before"], move["version"]) for move in moves] == [(None, 2)]
    assert moves[0]["gates"][0]["found"] == 0.95


def test_a_move_through_http(api: httpx.Client, rated: Rated) -> None:
    put = api.put(f"{rated.model}/aliases/best", json={"version": 1, "why": "the only one"})
    assert put.status_code == 200 and put.json()["aliases"] == {"best": 1}
    rule = api.put(
        f"{rated.base}/alias-rules", json={"alias": "best", "role": "admin", "approvals": 1, "gates": [GOLD]}
    ).json()
    assert rule["all_models"] and rule["model"] is None
    check = api.get(f"{rated.model}/aliases/best/check", params={"version": 1}).json()
    assert (check["way"], check["passed"], check["gates"][0]["found"]) == ("none", False, 0.8)
    kernel = httpx.Client(base_url=api.base_url, headers={"Authorization": f"Bearer {rated.token}"})
    asked = kernel.post(f"{rated.model}/requests", json={"alias": "best", "version": 2, "why": "better"})
    assert asked.status_code == 201 and asked.json()["state"] == "open", asked.text
    request = f"{rated.model}/requests/{asked.json()['id']}"
    assert asked.headers["Location"].endswith(asked.json()["id"])
    refusal = kernel.post(request, json={"decision": "approve"})
    assert (refusal.status_code, refusal.json()["code"]) == (403, "not_in_person")
    # The owner is alone in the project: what a program of theirs asked for, they approve themselves.
    assert api.post(request, json={"decision": "approve"}).json()["state"] == "moved"
    board = api.get(f"{rated.model}/aliases").json()
    assert [(item["alias"], item["version"], item["protected"]) for item in board["aliases"]] == [
        ("best", 2, True)
    ]
    assert board["aliases"][0]["why"] == "better" and board["rules"][0]["id"] == rule["id"]
    assert api.delete(f"{rated.model}/aliases/best", params={"why": "gone"}).status_code == 204
    moves = api.get(f"{rated.model}/moves", params={"limit": 2}).json()
    assert [move["why"] for move in moves["items"]] == ["gone", "better"]
    rest = api.get(f"{rated.model}/moves", params={"limit": 2, "cursor": moves["cursor"]}).json()
    assert [move["why"] for move in rest["items"]] == ["the only one"]
    assert api.delete(f"{rated.base}/alias-rules/{rule['id']}").status_code == 204
    kernel.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("alias-rules", {"alias": "a b"}),
        ("alias-rules", {"alias": "best", "role": "viewer"}),
        ("alias-rules", {"alias": "best", "gates": [{"metric": "auc", "op": "like", "value": 1}]}),
        (
            "alias-rules",
            {"alias": "best", "gates": [{"metric": "auc", "op": ">", "value": "x'; drop table"}]},
        ),
        ("alias-rules", {"alias": "best", "gates": [GOLD] * 21}),
        ("alias-rules", {"alias": "best", "approvals": 11}),
    ],
)
def test_what_is_no_rule_is_refused(
    api: httpx.Client, project: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    answer = api.put(f"{API}/projects/{project['id']}/{path}", json=body)
    assert answer.status_code == 422, answer.text


def test_what_is_known_of_a_version(api: httpx.Client, rated: Rated) -> None:
    found = api.get(f"{rated.model}/versions/2/detail").json()
    measured = {(item["key"], item["dataset"]): item["value"] for item in found["measured"]}
    assert measured[("auc", "gold")] == 0.95 and measured[("loss", None)] == 0.3
    assert found["params"]["C"] == "0.5" and found["run"]["name"] == "forest-1"
    assert [(item["name"], item["context"]) for item in found["datasets"]] == [("gold", "evaluation")]
    packed = found["packaging"]
    assert [flavor["name"] for flavor in packed["flavors"]] == ["python_function", "sklearn"]
    assert packed["mlflow_version"] and packed["python_version"] and "pandas>=2" in packed["requirements"]
    assert any("pickle" in reason for reason in packed["runs_code"])
    assert [field["name"] for field in packed["inputs"]] == ["a", "b"]
    assert found["file_count"] == len(found["files"]) >= 4
    assert found["size"] == sum(file["size"] for file in found["files"])
    assert api.get(f"{rated.model}/versions/9/detail").status_code == 404


def test_two_versions_side_by_side(api: httpx.Client, rated: Rated) -> None:
    found = api.get(f"{rated.model}/compare", params={"left": 1, "right": 2}).json()
    groups = {group["name"]: {row["key"]: row for row in group["rows"]} for group in found["groups"]}
    assert (groups["params"]["C"]["left"], groups["params"]["C"]["right"]) == ("1.0", "0.5")
    assert groups["params"]["C"]["differs"] and not groups["params"]["kind"]["differs"]
    auc = groups["metrics"]["auc"]
    assert (auc["left"], auc["right"], auc["dataset"], auc["differs"]) == (0.8, 0.95, "gold", True)
    assert not groups["metrics"]["loss"]["differs"]
    assert (groups["inputs"]["a"]["left"], groups["inputs"]["a"]["right"]) == (None, "double")
    assert groups["requirements"]["pandas"]["right"] == ">=2"
    assert groups["files"]["model.pkl"]["differs"] and groups["files"]["input_example.json"]["left"] is None
    for group in found["groups"]:
        assert group["differing"] == sum(row["differs"] for row in group["rows"])
    same = api.get(f"{rated.model}/compare", params={"left": 2, "right": 2}).json()
    assert all(group["differing"] == 0 for group in same["groups"])
    assert api.get(f"{rated.model}/compare", params={"left": 1}).status_code == 422
    assert api.get(f"{rated.model}/compare", params={"left": 1, "right": 9}).status_code == 404


def test_a_card_is_filled_from_what_is_known_and_written_by_people(api: httpx.Client, rated: Rated) -> None:
    card = api.get(f"{rated.model}/card").json()
    assert (card["source"], card["revision"], card["shows"]) == ("generated", 0, 2)
    assert "| auc | gold | 0.95 |" in card["markdown"] and "Intended use" not in card["markdown"]
    assert "runs code of whoever made it" in card["markdown"]
    assert "## Intended use" in card["body"] and "{{metrics}}" in card["body"]
    text = "# For tasters\n\n{{metrics}}\n\n{{nonsense}} {{metrics}} stays\n"
    written = api.put(f"{rated.model}/card", json={"body": text, "revision": 0}).json()
    assert (written["source"], written["revision"], written["body"]) == ("model", 1, text)
    assert "| auc | gold | 0.95 |" in written["markdown"]
    assert "{{nonsense}} {{metrics}} stays" in written["markdown"]
    # Another version is in use: the same words, other facts.
    api.put(f"{rated.model}/aliases/champion", json={"version": 1})
    card = api.get(f"{rated.model}/card").json()
    assert card["shows"] == 1 and "| auc | gold | 0.8 |" in card["markdown"]
    late = api.put(f"{rated.model}/card", json={"body": "mine", "revision": 0})
    assert late.status_code == 409 and late.json()["code"] == "changed_meanwhile"
    assert late.json()["details"]["theirs"] == text
    own = api.put(f"{rated.model}/card", json={"body": "just v2", "revision": 0, "version": 2}).json()
    assert (own["source"], own["markdown"]) == ("version", "just v2")
    assert api.get(f"{rated.model}/card", params={"version": 1}).json()["source"] == "model"
    history = api.get(f"{rated.model}/card/history").json()["items"]
    assert [item["body"] for item in history] == [text]


def test_names_in_a_card_are_no_markup(api: httpx.Client, rated: Rated, mlflow: Any) -> None:
    client = mlflow.MlflowClient()
    run = client.get_model_version(rated.name, "2").run_id
    client.log_param(run, "note", "<img src=x onerror=alert(1)> [click](javascript:alert(1)) | `a`\n# b")
    markdown = api.get(f"{rated.model}/card").json()["markdown"]
    row = next(line for line in markdown.splitlines() if "onerror" in line)
    assert "<" not in row and "\\[click\\]\\(" in row
    assert row.replace("\\|", "").count("|") == 3


class Trap:
    """An object that makes a file when it is read back from its pickle."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_a_strangers_pickle_is_not_loaded(api: httpx.Client, project: dict[str, Any], tmp_path: Path) -> None:
    """Whatever the server tells of a model, it tells from its description: unpickling runs its maker's code."""
    trap = tmp_path / "was-run"
    rest, headers = "/insighter/mlflow/api/2.0", {"X-MLFLOW-WORKSPACE": project["id"]}

    def ask(method: str, path: str, **more: Any) -> Any:
        answer = api.request(method, path, headers=headers, **more)
        assert answer.status_code < 300, answer.text
        return answer

    def do(path: str, **fields: Any) -> Any:
        return ask("POST", f"{rest}/mlflow/{path}", json=fields).json()

    experiment = do("experiments/create", name=f"trap {uuid4().hex[:8]}")["experiment_id"]
    name = f"trap {uuid4().hex[:8]}"
    do("registered-models/create", name=name)
    bytes_ = pickle.dumps(Trap(trap))
    description = {
        "flavors": {
            "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"},
            "sklearn": {"pickled_model": "model.pkl", "serialization_format": "pickle"},
        },
        "signature": {"inputs": '[{"name": "a", "type": "double", "required": true}]'},
    }
    for _ in range(2):
        model = do("logged-models", experiment_id=experiment, name="m")["model"]["info"]["model_id"]
        files = f"{rest}/mlflow-artifacts/artifacts/models/{model}/artifacts"
        ask("PUT", f"{files}/MLmodel", content=json.dumps(description).encode())
        ask("PUT", f"{files}/model.pkl", content=bytes_)
        ready = {"model_id": model, "status": "LOGGED_MODEL_READY"}
        ask("PATCH", f"{rest}/mlflow/logged-models/{model}", json=ready)
        do("model-versions/create", name=name, source=f"models:/{model}")

    at = f"{API}/projects/{project['id']}/models/{quote(name)}"
    found = ask("GET", f"{at}/versions/1/detail").json()
    assert [field["name"] for field in found["packaging"]["inputs"]] == ["a"]
    assert found["packaging"]["runs_code"]
    version = {"name": name, "version": "1"}
    for path, params in (
        (at, {}),
        (f"{at}/compare", {"left": 1, "right": 2}),
        (f"{at}/card", {"version": 1}),
        (f"{rest}/mlflow/model-versions/get", version),
        (f"{rest}/mlflow/model-versions/get-download-uri", version),
        (f"{rest}/mlflow/logged-models/{model}", {}),
        (f"{rest}/mlflow/logged-models/{model}/artifacts/directories", {}),
        ("/insighter/mlflow/model-versions/get-artifact", {**version, "path": "MLmodel"}),
    ):
        ask("GET", path, params=params)
    ask("PUT", f"{at}/aliases/champion", json={"version": 1, "why": "to look at"})
    served = ask(
        "GET", "/insighter/mlflow/model-versions/get-artifact", params={**version, "path": "model.pkl"}
    )
    assert served.content == bytes_
    assert not trap.exists()
    pickle.loads(bytes_)
    assert trap.exists()


@pytest.fixture(scope="module")
def team() -> Iterator[JupyterServer]:
    """A server where people sign in."""
    with team_server() as running:
        yield running


def test_two_people_move_a_protected_alias(team: JupyterServer) -> None:
    with closing(Person(team, "Olga")) as owner, closing(Person(team, "Ed")) as editor:
        project = owner.do("POST", f"{API}/projects", {"name": "Together"}, expect=201)["id"]
        base = f"{API}/projects/{project}"
        code = owner.do("POST", f"{base}/invitations", {"email": editor.email, "role": "editor"}, expect=201)
        editor.do("POST", f"{API}/invitations/accept", {"code": code["code"]})
        from tests.api.people import a_token

        _, secret = a_token(editor, project, "editor")
        with httpx.Client(base_url=team.url, headers={"Authorization": f"Bearer {secret}"}) as program:
            rest = "/insighter/mlflow/api/2.0/mlflow"
            experiment = program.post(f"{rest}/experiments/create", json={"name": "e"}).json()[
                "experiment_id"
            ]
            logged = program.post(f"{rest}/logged-models", json={"experiment_id": experiment, "name": "m"})
            model = logged.json()["model"]["info"]["model_id"]
            program.put(
                f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/models/{model}/artifacts/MLmodel",
                content=b"flavors: {sklearn: {serialization_format: pickle}}\n",
            )
            program.post(f"{rest}/registered-models/create", json={"name": "rating"})
            program.post(
                f"{rest}/model-versions/create", json={"name": "rating", "source": f"models:/{model}"}
            )
        owner.do("PUT", f"{base}/alias-rules", {"alias": "champion", "role": "admin", "approvals": 1})
        at = f"{base}/models/rating"
        # Alone with the role, the owner moves it at once; the editor asks.
        owner.do("PUT", f"{at}/aliases/champion", {"version": 1})
        owner.do("DELETE", f"{at}/aliases/champion", expect=204)
        refusal = editor.do("PUT", f"{at}/aliases/champion", {"version": 1}, expect=403)
        assert refusal["code"] == "alias_protected" and "ask for it" in refusal["hint"]
        asked = editor.do(
            "POST", f"{at}/requests", {"alias": "champion", "version": 1, "why": "it is good"}, expect=201
        )
        editor.do("POST", f"{at}/requests/{asked['id']}", {"decision": "approve"}, expect=403)
        done = owner.do("POST", f"{at}/requests/{asked['id']}", {"decision": "approve", "why": "so it is"})
        assert done["state"] == "moved"
        detail = editor.do("GET", f"{at}/versions/1/detail")
        assert detail["packaging"]["runs_code"] == ["the flavor sklearn is written with pickle"]
        said = editor.do("GET", f"{API}/notifications")["items"][0]
        assert (said["kind"], said["data"]["state"]) == ("alias_decided", "moved")
