"""What a git repository says of a folder in it: by the program git, which is there where repositories are."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_PATIENCE = 3.0


def git(folder: Path) -> dict[str, str]:
    """The commit, branch and address of the repository that a folder is in, and whether files differ from the commit.

    Empty where it is in none, or git is not there, or takes longer than a few seconds. Files that the repository does
    not know, or ignores, do not count as a difference.
    """
    said = _run(
        folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=dirty"
    )
    if said is None:
        return {}
    head = dict(
        line[2:].split(" ", 1)
        for line in said.splitlines()
        if line.startswith("# branch.") and " " in line[2:]
    )
    commit, branch = head.get("branch.oid", ""), head.get("branch.head", "")
    if not commit or commit.startswith("("):
        return {}  # nothing is committed yet
    found = {
        "mlflow.source.git.commit": commit,
        "insighter.git.dirty": json.dumps(any(not line.startswith("#") for line in said.splitlines())),
    }
    if branch and not branch.startswith("("):
        found["mlflow.source.git.branch"] = branch
    address = _run(folder, "remote", "get-url", "origin")
    if address and address.strip():
        found["mlflow.source.git.repoURL"] = without_secrets(address.strip())
    return found


def without_secrets(address: str) -> str:
    """A repository's address without the password or token that it may carry.

    >>> without_secrets("https://ana:token@example.org/lab/wine.git")
    'https://example.org/lab/wine.git'
    """
    try:
        parts = urlsplit(address)
        if "://" not in address:
            # git@host:path has a user and no password; whatever has one is not shown.
            user, at, rest = address.rpartition("@")
            return f"{user.partition(':')[0]}@{rest}" if at else address
        user = "git@" if parts.scheme.endswith("ssh") and parts.username == "git" else ""
        return urlunsplit((parts.scheme, user + parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return ""


def _run(folder: Path, *words: str) -> str | None:
    """What git says; None where it fails. What a repository's settings would have it start is not started."""
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *words],
            env={**os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
