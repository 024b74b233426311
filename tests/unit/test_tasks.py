"""Background tasks end when they are told to."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from insighter_ext.deployments.run_dir import to_end
from insighter_ext.gateways import tasks
from insighter_ext.gateways.tasks import end


async def test_a_task_that_lost_its_cancellation_is_asked_again() -> None:
    asked = 0

    async def goes_round() -> None:
        nonlocal asked
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                asked += 1
                if asked == 2:
                    raise

    task = asyncio.ensure_future(goes_round())
    await asyncio.sleep(0)
    await end(task, None)
    assert task.cancelled() and asked == 2


async def test_what_a_task_raised_is_its_own() -> None:
    async def fails() -> None:
        raise ValueError

    task = asyncio.ensure_future(fails())
    with contextlib.suppress(ValueError):
        await asyncio.shield(task)
    await end(task)
    await end()


async def test_what_works_in_a_thread_is_waited_for_however_often_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "_PATIENCE", 0.02)
    begun, finish = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert finish.wait(10)

    task = asyncio.ensure_future(to_end(work))
    await asyncio.to_thread(begun.wait)
    ending = asyncio.ensure_future(end(task))
    await asyncio.sleep(0.2)  # asked many times
    assert not task.done()
    finish.set()
    await ending
    assert task.cancelled()
