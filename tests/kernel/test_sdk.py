"""The SDK and the magics in a kernel: data in and out, endpoints, and errors that say what to do."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

CSV = "name,grams,when\nanchovy,12.5,2024-05-01\n<b>bold</b>,7,2024-05-02\nmissing,,2024-05-03\n"


def test_datasets_from_upload_to_frame(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    (server.root / project["folder"] / "fish.csv").write_text(CSV)
    with kernel(server, project["folder"], session=True) as running:
        running.run("import insighter_ext as ix")
        assert running.run("ix.datasets").value.startswith("No dataset yet")

        # A file, the same file again, a changed frame.
        uploaded = running.run('first = ix.datasets.upload("fish", "fish.csv")')
        assert "version 1, 3 rows × 3" in uploaded.value
        assert "unchanged" in running.run('again = ix.datasets.upload("fish", "fish.csv")').value
        running.run('frame = ix.datasets.load("fish")')
        assert running.run("frame.shape, frame['grams'].tolist()[:2]").value == "((3, 3), [12.5, 7.0])"
        assert running.run(
            "frame['grams'].isna().sum() == 1, frame['when'].dt.year.tolist()"
        ).value.startswith("(")
        assert running.run("frame.attrs['insighter']['version']").value == "1"
        running.run("frame['twice'] = frame['grams'] * 2; second = ix.datasets.upload('fish', frame)")
        assert (
            running.run("second.version, list(second.columns)").value
            == "(2, ['name', 'grams', 'when', 'twice'])"
        )

        # What was uploaded comes back, each version as it was.
        assert running.run("ix.datasets.load('fish').equals(frame)").value == "True"
        assert running.run("ix.datasets.load('fish', version=1).shape").value == "(3, 3)"
        fish = running.run("fish = ix.datasets['fish']; fish")
        assert "fish · version 2 · 3 rows × 4 columns" in fish.value
        assert running.run("[v.version for v in fish.versions]").value == "[2, 1]"
        assert running.run("fish.arrow().num_rows").value == "3"
        assert running.run("fish.sql('select sum(grams) as total from fish')['total'][0]").value.endswith(
            "19.5)"
        )
        preview = running.run("fish.preview(2)").data[-1]
        assert "anchovy" in preview["text/plain"] and "missing" not in preview["text/plain"]
        assert "&lt;b&gt;bold" in preview["text/html"] and "<b>" not in preview["text/html"]
        assert "wine" not in running.run("'fish' in ix.datasets, 'wine' in ix.datasets").value
        assert running.run("ix.datasets._ipython_key_completions_()").value == "['fish']"
        assert running.run("ix.datasets.list().to_pandas()['rows'].tolist()").value == "[3]"

        for code, said in (
            ("ix.datasets.load('fihs')", 'DatasetNotFound: no dataset "fihs" in project'),
            (
                "ix.datasets.load('fish', 9)",
                'DatasetVersionNotFound: dataset "fish" has no version 9. It has 1 to 2.',
            ),
            ("ix.datasets.upload('x', 'nowhere.csv')", "FileNotFoundError: there is no file nowhere.csv"),
            (
                "ix.datasets.upload('x', 5)",
                "TypeError: upload takes a path, a DataFrame or an Arrow table, not int",
            ),
        ):
            error = running.try_run(code).error
            assert error is not None and error.startswith(said), error
        assert 'Did you mean "fish"?' in str(running.try_run("ix.datasets['fihs']").error)

    listed = api.get(f"/insighter/api/projects/{project['id']}/datasets/fish").json()
    assert [(item["version"], item["format"]) for item in listed["history"]] == [(2, "parquet"), (1, "csv")]


@pytest.mark.timeout(180)
def test_a_run_knows_which_version_it_read(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    base = f"/insighter/api/projects/{project['id']}"
    uploaded = api.post(f"{base}/datasets/fish/versions", content=CSV.encode()).json()
    with kernel(server, project["folder"]) as running:
        running.run("import mlflow, insighter_ext as ix\nix.datasets.load('fish')")
        run_id = (
            running.run(
                "with mlflow.start_run() as run:\n    ix.datasets.load('fish')\nprint('=>' + run.info.run_id)"
            )
            .text.rpartition("=>")[2]
            .strip()
        )
    [read] = api.get(f"{base}/runs/{run_id}").json()["inputs"]
    assert read["name"] == "fish" and uploaded["version"]["sha256"].startswith(read["digest"])


def test_magics(server: JupyterServer, api: httpx.Client, project: dict[str, Any]) -> None:
    api.post(f"/insighter/api/projects/{project['id']}/datasets/fish/versions", content=CSV.encode())
    with kernel(server, project["folder"]) as running:
        running.run("%load_ext insighter_ext")
        status = running.run("%insighter").value
        assert project["name"] in status and server.url in status and "PostgreSQL" in status
        assert "fish" in running.run("%datasets").value
        shown = running.run("%dataset fish --rows 1").data
        assert "3 rows × 3 columns" in shown[0]["text/plain"] and "anchovy" in shown[1]["text/plain"]
        assert running.run("%models").value.startswith("No registered model yet")
        assert running.run("%deployments").value.startswith("No endpoint yet")
        for line, said in (
            ("%dataset", "which dataset?"),
            ("%dataset fish --rows many", "whole numbers"),
            ("%dataset fish --color red", "unknown option --color"),
            ("%dataset nothing", 'DatasetNotFound: no dataset "nothing"'),
            ("%deploy", "which model?"),
            ("%deploy nothing@champion", "ModelNotFound"),
            ("%insighter now", "Usage: %insighter"),
        ):
            outputs = running.try_run(line)
            assert said in f"{outputs.error} {outputs.text}", outputs


def test_the_project_shows_itself(server: JupyterServer, api: httpx.Client, project: dict[str, Any]) -> None:
    api.patch(f"/insighter/api/projects/{project['id']}", json={"name": f"<i>{project['slug']}"})
    with kernel(server, project["folder"]) as running:
        shown = running.run("import insighter_ext as ix; ix.project").data[-1]
        assert shown["text/plain"].startswith(f"<i>{project['slug']} · 1 member · editor")
        assert "0 datasets" in shown["text/plain"]
        assert "&lt;i&gt;" in shown["text/html"] and "<i>" not in shown["text/html"]
        # A kernel may no more than an editor, whatever its person is.
        assert running.run("ix.project.id, ix.project.role").value == f"('{project['id']}', 'editor')"
        assert running.run("[member.role for member in ix.project.members]").value == "['owner']"
        assert "<table" in running.run("ix.project.members").data[-1]["text/html"]
        error = running.try_run(
            "import os; os.environ['INSIGHTER_TOKEN'] = 'ixk_x'\n"
            "import insighter_ext.kernel.client as c; c._connected = None\nix.project.name"
        ).error
        assert error is not None and error.startswith("CredentialExpired") and "estart the kernel" in error


def test_a_python_of_its_own_connects(server: JupyterServer, project: dict[str, Any]) -> None:
    with kernel(server) as running:
        running.run(
            "import os\n"
            "for name in [n for n in os.environ if n.startswith(('INSIGHTER', 'MLFLOW'))]: del os.environ[name]\n"
            "import insighter_ext as ix"
        )
        error = str(running.try_run("ix.datasets.list()").error)
        assert error.startswith("NotConnected") and "connect(" in error
        assert "not connected" in running.run("ix.project").value
        running.run(f"ix.connect({server.url!r}, {server.token!r}, project={project['name']!r})")
        assert running.run("ix.project.id").value == repr(project["id"])
        # MLflow's protocol would reach the account's own project: it is not pointed there unasked.
        assert running.run("'MLFLOW_TRACKING_URI' in os.environ").value == "False"
        assert running.run(f"ix.projects[{project['slug']!r}].datasets.list()").value.startswith(
            "No dataset yet"
        )
        error = str(running.try_run(f"ix.connect({server.url!r}, {server.token!r}, project='Nowhere')").error)
        assert error.startswith("ProjectNotFound")
        error = str(running.try_run("ix.connect('http://127.0.0.1:9', 'x')").error)
        assert error.startswith("ServerUnreachable") and "check that Jupyter still runs" in error.replace(
            "Check", "check"
        )
