"""The user that PostgreSQL runs as where Insighter runs as root."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from insighter_ext.gateways.embedded import postgres


def test_of_servers_that_start_at_once_one_makes_the_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[str] = []
    inside = threading.Lock()

    def ensure_user_exists(name: str) -> None:
        assert inside.acquire(blocking=False), "two at once"
        if not made:
            time.sleep(0.05)  # as long as useradd takes
            made.append(name)
        inside.release()

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres, "_package", lambda: SimpleNamespace(ensure_user_exists=ensure_user_exists))
    clusters = [postgres.EmbeddedPostgres(tmp_path / str(number)) for number in range(4)]
    answers: list[bool] = []
    threads = [
        threading.Thread(target=lambda each=each: answers.append(each._as_other_user())) for each in clusters
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 4
    assert made == ["pgserver"]
