"""A model's page in a real Chromium: a protected alias from the rule to the approval, comparison, the card."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.api.people import a_token
from tests.browser.pages import shoot, use_theme
from tests.browser.people import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

Meet = Callable[[str], Person]

MLMODEL = """\
flavors:
  python_function: {{loader_module: mlflow.sklearn, model_path: model.pkl, python_version: 3.11.7}}
  sklearn: {{pickled_model: model.pkl, serialization_format: cloudpickle, sklearn_version: 1.7.0}}
mlflow_version: 3.17.2
signature:
  inputs: '[{{"type": "double", "name": "alcohol", "required": true}},
    {{"type": "double", "name": "acidity", "required": {required}}}]'
  outputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "int64", "shape": [-1]}}}}]'
"""


def log_models(person: Person, project: dict[str, Any], scores: list[float]) -> None:
    """A version of the model "rating" for each AUC on the dataset "gold", as MLflow's client logs it."""
    _, secret = a_token(person.api, project["id"], "editor")
    rest = "/insighter/mlflow/api/2.0/mlflow"
    with httpx.Client(
        base_url=person.api.base_url, headers={"Authorization": f"Bearer {secret}"}, timeout=60
    ) as program:

        def post(path: str, **body: Any) -> Any:
            answer = program.post(f"{rest}/{path}", json=body)
            assert answer.status_code == 200, (path, answer.text)
            return answer.json()

        experiment = post("experiments/create", name="ratings")["experiment_id"]
        post("registered-models/create", name="rating", description="How good a wine is, from what is in it.")
        for number, auc in enumerate(scores, 1):
            run = post("runs/create", experiment_id=experiment, run_name=f"forest-{number}")["run"]["info"][
                "run_id"
            ]
            post(
                "runs/log-batch", run_id=run,
                params=[{"key": "depth", "value": str(4 * number)}, {"key": "kind", "value": "forest"}],
                metrics=[{"key": "loss", "value": round(0.5 / number, 3), "timestamp": 1, "step": 1}],
            )  # fmt: skip
            post(
                "runs/log-inputs", run_id=run,
                datasets=[{
                    "dataset": {"name": "gold", "digest": "1a2b3c4d", "source_type": "local", "source": "{}"},
                    "tags": [{"key": "mlflow.data.context", "value": "evaluation"}],
                }],
            )  # fmt: skip
            model = post("logged-models", experiment_id=experiment, name="m", source_run_id=run)["model"][
                "info"
            ]["model_id"]
            for name, content in {
                "MLmodel": MLMODEL.format(required="true" if number < 3 else "false"),
                "model.pkl": "x" * 900 * number,
                "requirements.txt": f"mlflow==3.17.2\nscikit-learn==1.{number + 4}.0\npandas>=2\n",
            }.items():
                put = program.put(
                    f"/insighter/mlflow/api/2.0/mlflow-artifacts/artifacts/models/{model}/artifacts/{name}",
                    content=content.encode(),
                )
                assert put.status_code == 200, put.text
            measured = {
                "timestamp": 1,
                "step": 1,
                "model_id": model,
                "dataset_name": "gold",
                "dataset_digest": "1a2b3c4d",
            }
            post(
                "runs/log-batch", run_id=run,
                metrics=[{"key": "auc", "value": auc, **measured}, {"key": "f1", "value": auc - 0.1, **measured}],
            )  # fmt: skip
            post("model-versions/create", name="rating", source=f"models:/{model}", run_id=run)


def test_a_protected_alias_from_the_rule_to_the_approval(meet: Meet) -> None:
    ana, ben = meet("Ana"), meet("Ben")
    project = ana.new_project("Wine ratings")
    log_models(ana, project, [0.81, 0.85, 0.94])
    ana.let_in(project, ben, "editor")
    model = {"project": project["id"], "name": "rating"}
    ana.run("insighter:open-model", model)
    page = ana.panel
    expect(page.get_by_role("tab", name="Versions")).to_have_text("Versions3")

    # Nothing protects it yet: set at once, and taken back.
    page.get_by_role("tab", name="Aliases").click()
    expect(page).to_contain_text("No alias yet.")
    shoot(ana.page, "120 no alias")
    page.get_by_role("button", name="Set an alias…").click()
    dialog = ana.dialog
    dialog.get_by_label("Alias").fill("champion")
    dialog.get_by_label("Version").select_option("1")
    dialog.get_by_label("Why").fill("the first that works")
    dialog.get_by_role("button", name="Set", exact=True).click()
    expect(ana.news("@champion is at v1 now")).to_be_visible()
    ana.news("@champion is at v1 now").get_by_role("button", name="Undo").click()
    expect(page).to_contain_text("No alias yet.")
    page.get_by_role("button", name="Set an alias…").click()
    dialog.get_by_label("Alias").fill("@champion")
    dialog.get_by_label("Version").select_option("1")
    dialog.get_by_label("Why").fill("the first that works")
    dialog.get_by_role("button", name="Set", exact=True).click()
    row = page.get_by_role("row", name=re.compile("@champion"))
    expect(row.first).to_contain_text("the first that works")

    # The rule.
    page.get_by_role("button", name="Protect…").click()
    expect(dialog.get_by_label("Alias")).to_have_value("champion")
    dialog.get_by_role("button", name="Add a gate").click()
    dialog.get_by_label("Metric").fill("auc")
    dialog.get_by_label("Value").fill("0.9")
    dialog.get_by_label("On which dataset").fill("gold")
    shoot(ana.page, "121 protect")
    dialog.get_by_role("button", name="Protect", exact=True).click()
    expect(row.first).to_contain_text("1 approval by the role admin · auc ≥ 0.9 on gold")
    shoot(ana.page, "122 protected")

    # Somebody else sees why one version cannot have it, and asks for another.
    ben.open_project(project)
    ben.run("insighter:open-model", model)
    his = ben.panel
    his.get_by_role("tab", name="Aliases").click()
    expect(his.get_by_role("button", name="Protect…")).to_have_count(0)
    his.get_by_role("button", name="Move…").click()
    asking = ben.dialog
    asking.get_by_label("Version").select_option("2")
    expect(asking).to_contain_text("auc of v2 is 0.85")
    expect(asking).to_contain_text("A gate does not hold")
    shoot(ben.page, "123 gate fails")
    asking.get_by_label("Why").fill("trying")
    asking.get_by_role("button", name="Move", exact=True).click()
    expect(asking.get_by_role("alert")).to_contain_text("auc ≥ 0.9 on gold")
    asking.get_by_label("Version").select_option("3")
    expect(asking).to_contain_text("It moves when 1 person has approved it.")
    asking.get_by_label("Why").fill(" ")
    asking.get_by_role("button", name="Ask for it").click()
    expect(asking.get_by_role("alert")).to_contain_text("Say why the alias shall move")
    asking.get_by_label("Why").fill("AUC 0.94 on gold, a third of the loss")
    shoot(ben.page, "124 ask")
    asking.get_by_role("button", name="Ask for it").click()
    expect(ben.news("Asked.")).to_be_visible()
    expect(his.get_by_role("button", name="Withdraw")).to_be_visible()
    expect(his.get_by_role("button", name="Approve")).to_have_count(0)

    # The other one hears of it, and approves.
    expect(ana.news("Ben asks for your approval of @champion of rating")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="Approve")).to_be_visible(timeout=30_000)
    expect(page).to_contain_text("AUC 0.94 on gold, a third of the loss")
    shoot(ana.page, "125 to decide")
    use_theme(ana.page, "JupyterLab Dark")
    shoot(ana.page, "125 to decide dark")
    use_theme(ana.page, "JupyterLab Light")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("row", name=re.compile("@champion")).first).to_contain_text("v3")
    expect(page).to_contain_text("asked by Ben")
    expect(ben.news("Ana approved your move of @champion of rating")).to_be_visible(timeout=30_000)
    expect(his.get_by_role("row", name=re.compile("@champion")).first).to_contain_text("v3", timeout=30_000)
    shoot(ana.page, "126 approved")

    # What is known of a version, and two side by side.
    page.get_by_role("tab", name="Versions").click()
    shoot(ana.page, "127 versions")
    page.get_by_role("button", name="v3", exact=True).click()
    expect(page).to_contain_text("Loading it runs code of whoever made it: model.pkl is a pickle.")
    expect(page.get_by_role("row", name=re.compile("^auc"))).to_contain_text("0.94")
    expect(page).to_contain_text("scikit-learn==1.7.0")
    shoot(ana.page, "128 version")
    ana.page.set_viewport_size({"width": 1024, "height": 700})
    use_theme(ana.page, "JupyterLab Dark")
    shoot(ana.page, "128 version dark narrow")
    page.get_by_role("button", name="← All versions").click()
    shoot(ana.page, "127 versions dark narrow")
    use_theme(ana.page, "JupyterLab Light")
    ana.page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_label("Compare version 1").check()
    page.get_by_label("Compare version 3").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    params = page.get_by_role("region", name="Parameters")
    expect(params.get_by_role("row", name=re.compile("depth"))).to_contain_text("4")
    expect(params.get_by_role("row", name=re.compile("kind"))).to_have_count(0)
    expect(
        page.get_by_role("region", name="Metrics").get_by_role("row", name=re.compile("auc"))
    ).to_contain_text("+0.13")
    expect(page.get_by_role("region", name="Inputs")).to_contain_text("double, optional")
    shoot(ana.page, "129 compare")
    page.get_by_label("What is the same too").check()
    expect(params.get_by_role("row", name=re.compile("kind"))).to_be_visible()
    use_theme(ana.page, "JupyterLab Dark")
    shoot(ana.page, "129 compare dark")
    use_theme(ana.page, "JupyterLab Light")

    # The card: filled from what is known; two write it at once.
    page.get_by_role("tab", name="Card").click()
    expect(page.get_by_role("heading", name="Metrics")).to_be_visible()
    expect(page.get_by_role("cell", name="0.94")).to_be_visible()
    shoot(ana.page, "130 card")
    his.get_by_role("tab", name="Card").click()
    his.get_by_role("button", name="Write it").click()
    page.get_by_role("button", name="Write it").click()
    text = page.get_by_label("The model’s card")
    expect(text).to_have_value(re.compile("## Intended use"))
    text.fill("For **tasters**.\n\n")
    page.get_by_role("button", name="metrics", exact=True).click()
    expect(text).to_have_value("For **tasters**.\n\n{{metrics}}\n")
    shoot(ana.page, "131 writing the card")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("strong", has_text="tasters")).to_be_visible()
    expect(page.get_by_role("cell", name="0.94")).to_be_visible()
    his.get_by_label("The model’s card").fill("For sellers.\n")
    his.get_by_role("button", name="Save").click()
    expect(his.get_by_role("alert")).to_contain_text("Ana changed this while you edited it.")
    shoot(ben.page, "132 changed meanwhile")
    his.get_by_role("button", name="Put both together").click()
    his.get_by_role("button", name="Save").click()
    expect(his).to_contain_text("For sellers.")
    his.get_by_role("button", name="History").click()
    expect(his.get_by_role("listitem").filter(has_text="1. by Ana")).to_be_visible()
    shoot(ben.page, "133 card history")
