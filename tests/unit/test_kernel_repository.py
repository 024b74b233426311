"""What a run knows of the repository that its notebook is in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from insighter_ext.kernel.repository import git, without_secrets


def run(folder: Path, *words: str) -> str:
    """Git, as nobody in particular."""
    who = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "Ana")
    who |= dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "ana@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert git(tmp_path) == {}
    run(tmp_path, "init", "--initial-branch", "main")
    assert git(tmp_path) == {}, "nothing is committed yet"
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.py").write_text("1")
    run(tmp_path, "add", "a.py")
    run(tmp_path, "commit", "-m", "first")
    run(tmp_path, "remote", "add", "origin", "https://ana:secret@example.org/lab/wine.git?token=secret")
    commit = run(tmp_path, "rev-parse", "HEAD")
    clean = {
        "mlflow.source.git.commit": commit,
        "mlflow.source.git.branch": "main",
        "mlflow.source.git.repoURL": "https://example.org/lab/wine.git",
        "insighter.git.dirty": "false",
    }
    assert git(tmp_path / "deep") == clean
    (tmp_path / "unknown.txt").write_text("git does not know it")
    assert git(tmp_path) == clean
    (tmp_path / "a.py").write_text("2")
    assert git(tmp_path) == {**clean, "insighter.git.dirty": "true"}
    run(tmp_path, "checkout", "--detach", "--force")
    assert "mlflow.source.git.branch" not in git(tmp_path)


def test_what_a_repository_would_have_started_is_not(tmp_path: Path) -> None:
    run(tmp_path, "init")
    (tmp_path / "a").write_text("1")
    run(tmp_path, "add", "a")
    run(tmp_path, "commit", "-m", "first")
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    run(tmp_path, "config", "core.fsmonitor", str(trap))
    assert git(tmp_path)["mlflow.source.git.commit"]
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ana:token@example.org:8443/a.git", "https://example.org:8443/a.git"),
        ("https://token@example.org/a.git", "https://example.org/a.git"),
        ("ssh://git@example.org/a.git", "ssh://git@example.org/a.git"),
        ("ssh://ana:secret@example.org/a.git", "ssh://example.org/a.git"),
        ("git@example.org:a.git", "git@example.org:a.git"),
        ("ana:secret@example.org:a.git", "ana@example.org:a.git"),
        ("https://a:b@c:secret@example.org/a.git#x", "https://example.org/a.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("https://[broken/a.git", ""),
    ],
)
def test_an_address_tells_no_password(address: str, shown: str) -> None:
    assert without_secrets(address) == shown
