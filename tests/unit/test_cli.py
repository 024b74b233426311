"""``insighter`` in a shell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.running import JupyterServer, isolated_environment

CSV = "name,grams\nanchovy,12.5\nherring,7\n"


class Shell:
    """Runs ``insighter`` as a user does who has this home."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home = home
        self.folder = folder

    def __call__(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "insighter_ext.cli", *words],
            cwd=self.folder,
            env=isolated_environment(self.home),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == code, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done

    def json(self, *words: str) -> Any:
        """The answer in JSON."""
        return json.loads(self(*words, "--json").stdout)


@pytest.fixture
def shell(server: JupyterServer, project: dict[str, Any]) -> Shell:
    """A shell in a project's folder, while a server runs."""
    return Shell(server.home, server.root / project["folder"])


@pytest.fixture
def alone(short_tmp: Path) -> Shell:
    """A shell of a user who has nothing running."""
    home = short_tmp / uuid4().hex[:6]
    (home / "work").mkdir(parents=True)
    return Shell(home, home / "work")


def test_help_is_quick_and_names_every_command(alone: Shell) -> None:
    said = alone("--help").stdout
    for command in ("lab", "quickstart", "project", "dataset", "model", "deploy", "undeploy", "doctor"):
        assert command in said
    heavy = ("httpx", "pydantic", "pandas", "mlflow", "jupyter_core", "psycopg")
    code = (
        "import sys, insighter_ext.cli as cli\n"
        "try: cli.main(['--help'])\n"
        f"except SystemExit: print('imported:', [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("imported: []\n")


def test_it_starts_jupyterlab_and_passes_arguments_on(alone: Shell) -> None:
    version = alone("lab", "--version").stdout.strip()
    assert version.split(".")[0] == "4"
    assert "--ServerApp.port" in alone("--port", "1", "--help").stdout


def test_projects_from_the_shell(shell: Shell, project: dict[str, Any], api: httpx.Client) -> None:
    assert project["id"] in [item["id"] for item in shell.json("project", "list")]
    name = f"Shell {project['slug']}"
    made = shell.json("project", "create", name, "--description", "made in a shell")
    assert api.get(f"/insighter/api/projects/{made['id']}").json()["description"] == "made in a shell"
    assert name in shell("project", "list").stdout
    assert "--yes" in shell("project", "delete", name, code=1).stderr
    shell("project", "delete", name, "--yes")
    assert api.get(f"/insighter/api/projects/{made['id']}").status_code == 404
    said = shell("project", "create", project["name"], code=1).stderr
    assert said.startswith("insighter: ") and "Traceback" not in said
    error = json.loads(shell("project", "create", project["name"], "--json", code=1).stderr)
    assert error["code"] == "project_exists" and error["hint"]


def test_data_and_models_of_the_current_folder_s_project(shell: Shell, project: dict[str, Any]) -> None:
    assert shell("dataset", "list").stdout.startswith("No dataset yet")
    (shell.folder / "fish.csv").write_text(CSV)
    assert "version 1, 2 rows × 2 columns" in shell("dataset", "upload", "fish", "fish.csv").stdout
    assert shell.json("dataset", "upload", "fish", "fish.csv")["unchanged"] is True
    [dataset] = shell.json("dataset", "list")
    assert (dataset["name"], dataset["latest"]["filename"]) == ("fish", "fish.csv")
    elsewhere = Shell(shell.home, shell.folder.parent)
    assert [item["name"] for item in elsewhere.json("dataset", "list", "--project", project["name"])] == [
        "fish"
    ]
    assert "there is no file" in shell("dataset", "upload", "fish", "nowhere.csv", code=1).stderr
    mark = project["id"][:8]
    shell("dataset", "upload", f"herring {mark}", "fish.csv")
    found = shell.json("search", mark, "gra", "--kind", "dataset")
    assert [(item["key"], item["why"]["text"]) for item in found] == [(f"herring {mark}", "grams")]
    assert f"herring {mark}" in shell("search", mark).stdout
    assert shell.json("search", mark, "--kind", "model") == []
    assert shell("search", mark, "nothing").stdout.startswith("Nothing has all of these words")
    assert shell.json("model", "list") == []
    assert 'no registered model "nothing"' in shell("deploy", "nothing@champion", code=1).stderr
    assert 'no endpoint "nothing"' in shell("undeploy", "nothing", code=1).stderr
    assert 'no project "Nowhere"' in shell("model", "list", "--project", "Nowhere", code=1).stderr


def test_the_quickstart_of_a_running_server(shell: Shell, server: JupyterServer) -> None:
    made = shell.json("quickstart")
    assert (server.root / made["notebook"]).is_file()


@pytest.mark.slow
def test_without_a_server_the_quickstart_is_made_in_this_folder(alone: Shell) -> None:
    assert "start it with: insighter" in alone("project", "list", code=1).stderr
    made = alone.json("quickstart")
    assert (alone.folder / made["notebook"]).is_file()
    assert (alone.folder / made["project"]["folder"] / ".insighter.json").is_file()


def test_the_doctor_finds_what_is_wrong(alone: Shell, shell: Shell) -> None:
    found = {item["check"]: item for item in json.loads(shell("doctor", "--json").stdout)["checks"]}
    assert all(item["ok"] for item in found.values()), found
    assert "answers" in found["running server"]["said"]
    assert "Everything is in order." in shell("doctor").stdout
    (alone.home / "data").mkdir()
    (alone.home / "data" / "insighter").write_text("a file where a folder belongs")
    said = alone("doctor", code=1).stdout
    assert "PROBLEM  storage" in said and "INSIGHTER_STORAGE_DIR" in said
