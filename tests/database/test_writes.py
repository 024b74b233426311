"""Writes of one caller that come together: one transaction, each answered by itself, nobody suffers for another."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from insighter_ext.errors import Forbidden, InsighterError, Invalid, NotFound
from insighter_ext.principal import Principal
from insighter_ext.tracking import points
from insighter_ext.tracking.logging import Logging
from insighter_ext.tracking.protocol import Fields

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Watched:
    """The gateway, with a note of what went to it in one call."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self.calls: list[list[Any]] = []

    async def call(self, principal: Principal | None, function: str, **arguments: Any) -> Any:
        if function == "runs_write":
            self.calls.append(arguments["writes"])
        return await self._data.call(principal, function, **arguments)


@pytest.fixture
def watched(platform: Any) -> Watched:
    return Watched(platform.data)


@pytest.fixture
def logging(watched: Watched) -> Logging:
    return Logging(watched)


async def a_run(logging: Logging, principal: Principal, name: str = "r") -> str:
    made = await logging.create_run(principal, Fields({"experiment_id": "0", "run_name": name}))
    return str(made["run"]["info"]["run_id"])


async def history(platform: Any, run: str, key: str) -> list[tuple[int, float | str]]:
    found = await platform.data.call(platform.owner, "runs_metric_history", run_id=run, key=key)
    values = [value if isinstance(value, str) else float(value) for value in found["values"]]
    return list(zip(found["steps"], values, strict=True))


def a_metric(run: str, step: int, **more: Any) -> Fields:
    return Fields({"run_id": run, "key": "m", "value": step, "timestamp": 1, "step": step, **more})


async def test_what_comes_together_goes_together(platform: Any, watched: Watched, logging: Logging) -> None:
    run, other = await a_run(logging, platform.owner), await a_run(logging, platform.owner)
    watched.calls.clear()
    await asyncio.gather(
        *(logging.log_metric(platform.owner, a_metric(run, step)) for step in range(50)),
        logging.log_metric(platform.owner, a_metric(other, 7)),
        logging.log_param(platform.owner, Fields({"run_id": run, "key": "a", "value": "1"})),
        logging.set_tag(platform.owner, Fields({"run_id": run, "key": "b", "value": "2"})),
        logging.update_run(platform.owner, Fields({"run_id": other, "status": "FINISHED"})),
    )
    # What one run logs is one write.
    assert [len(call) for call in watched.calls] == [3]
    assert await history(platform, run, "m") == [(step, step) for step in range(50)]
    assert await history(platform, other, "m") == [(7, 7)]
    found = await platform.data.call(platform.owner, "runs_get", run_id=run)
    assert (found["params"], found["tags"]["b"]) == ({"a": "1"}, "2")
    assert found["metrics"] == [{"key": "m", "value": 49, "step": 49, "timestamp": 1}]


async def test_one_that_is_refused_takes_no_other_along(platform: Any, logging: Logging) -> None:
    run = await a_run(logging, platform.owner)
    await logging.log_param(platform.owner, Fields({"run_id": run, "key": "lr", "value": "1"}))
    answers = await asyncio.gather(
        logging.log_metric(platform.owner, a_metric(run, 0)),
        logging.log_metric(platform.owner, a_metric("0" * 32, 1)),
        logging.log_metric(platform.owner, a_metric(run, 1)),
        logging.log_param(platform.owner, Fields({"run_id": run, "key": "lr", "value": "2"})),
        logging.log_batch(
            platform.owner,
            Fields(
                {
                    "run_id": run,
                    "metrics": [{"key": "m", "value": 5, "timestamp": 1, "step": 5}],
                    "params": [{"key": "lr", "value": "3"}],
                }
            ),
        ),
        logging.log_metric(platform.owner, a_metric(run, 2)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [dict, NotFound, dict, Invalid, Invalid, dict]
    assert "'lr'" in str(answers[3]) and "'2'" in str(answers[3]) and "'3'" in str(answers[4])
    # All or nothing: the metric of the batch whose parameter is refused is not there.
    assert await history(platform, run, "m") == [(0, 0), (1, 1), (2, 2)]


async def test_of_two_values_of_a_parameter_the_first_counts(platform: Any, logging: Logging) -> None:
    run = await a_run(logging, platform.owner)
    answers = await asyncio.gather(
        *(
            logging.log_param(platform.owner, Fields({"run_id": run, "key": "p", "value": str(i // 2)}))
            for i in range(6)
        ),
        return_exceptions=True,
    )
    assert [isinstance(answer, Invalid) for answer in answers] == [False, False, True, True, True, True]
    found = await platform.data.call(platform.owner, "runs_get", run_id=run)
    assert found["params"] == {"p": "0"}


async def test_callers_are_not_mixed(platform: Any, watched: Watched, logging: Logging) -> None:
    run = await a_run(logging, platform.owner)
    stranger = Principal(uuid4())
    confined = Principal(platform.owner.user_id, "kernel", project_id=uuid4(), ceiling="editor")
    viewer = Principal(platform.owner.user_id, "token", ceiling="viewer")
    watched.calls.clear()
    callers = [platform.owner, stranger, confined, viewer] * 3
    answers = await asyncio.gather(
        *(logging.log_metric(caller, a_metric(run, step)) for step, caller in enumerate(callers)),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [dict, NotFound, NotFound, Forbidden] * 3
    assert await history(platform, run, "m") == [(0, 0), (4, 4), (8, 8)]


async def test_runs_that_begin_together(platform: Any, watched: Watched, logging: Logging) -> None:
    names = [f"run {i}" for i in range(20)]
    fields = [Fields({"experiment_id": "0", "run_name": name}) for name in names]
    fields.append(Fields({"experiment_id": "999999999", "run_name": "nowhere"}))
    made = await asyncio.gather(
        *(logging.create_run(platform.owner, one) for one in fields), return_exceptions=True
    )
    assert isinstance(made[-1], NotFound)
    answers: list[Any] = made[:-1]
    assert [one["run"]["info"]["run_name"] for one in answers] == names
    ids = {one["run"]["info"]["run_id"] for one in answers}
    assert len(ids) == 20
    for run in ids:
        assert (await platform.data.call(platform.owner, "runs_get", run_id=run))["status"] == "RUNNING"


async def test_the_order_of_one_client_stays(platform: Any, logging: Logging) -> None:
    run = await a_run(logging, platform.owner)
    await asyncio.gather(
        logging.set_tag(platform.owner, Fields({"run_id": run, "key": "x", "value": "0"})),
        logging.set_tag(platform.owner, Fields({"run_id": run, "key": "mlflow.runName", "value": "by tag"})),
        logging.update_run(platform.owner, Fields({"run_id": run, "run_name": "by update"})),
        logging.set_tag(platform.owner, Fields({"run_id": run, "key": "mlflow.runName", "value": "last"})),
        logging.set_tag(platform.owner, Fields({"run_id": run, "key": "x", "value": "1"})),
    )
    found = await platform.data.call(platform.owner, "runs_get", run_id=run)
    assert (found["name"], found["tags"]["mlflow.runName"], found["tags"]["x"]) == ("last", "last", "1")


async def test_a_lost_database_is_told_to_all(platform: Any) -> None:
    class Lost:
        async def call(self, *_: Any, **__: Any) -> Any:
            await asyncio.sleep(0)
            raise InsighterError("gone")

    logging = Logging(Lost())
    answers = await asyncio.gather(
        *(logging.log_metric(platform.owner, a_metric("0" * 32, step)) for step in range(5)),
        return_exceptions=True,
    )
    assert [str(answer) for answer in answers] == ["gone"] * 5


async def test_numbers_arrive_as_they_were_sent(platform: Any, logging: Logging) -> None:
    run = await a_run(logging, platform.owner)
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 1e16, 123456789.123456789, 2**53 + 1.0]
    body = b'{"run_id":"%s","metrics":[%s]}' % (
        run.encode(),
        b",".join(b'{"key":"m","value":%s,"timestamp":%d,"step":%d}' % (repr(v).encode(), 2**62, -(2**62) + i)
                  for i, v in enumerate(values)),
    )  # fmt: skip
    await logging.log_batch_body(platform.owner, body)
    assert await history(platform, run, "m") == [(-(2**62) + i, v) for i, v in enumerate(values)]
    specials = ["NaN", "Infinity", "-Infinity", 1.5]
    metrics = [{"key": "s", "value": v, "timestamp": 1, "step": 3} for v in specials]
    await logging.log_batch(platform.owner, Fields({"run_id": run, "metrics": metrics}))
    assert await history(platform, run, "s") == [(3, "-Infinity"), (3, 1.5), (3, "Infinity"), (3, "NaN")]
    found = await platform.data.call(platform.owner, "runs_get", run_id=run)
    assert {item["key"]: item["value"] for item in found["metrics"]}["s"] == "NaN"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"run_id":""}',
        b'{"run_id":"r","metrics":[{"key":"m","value":"NaN","timestamp":1}]}',
        b'{"run_id":"r","metrics":[{"key":"m","value":NaN,"timestamp":1}]}',
        b'{"run_id":"r","metrics":[{"key":"m","value":1e999,"timestamp":1}]}',
        b'{"run_id":"r","metrics":[{"key":"m","value":true,"timestamp":1}]}',
        b'{"run_id":"r","metrics":[{"key":"m","value":1,"timestamp":-1}]}',
        b'{"run_id":"r","metrics":[{"key":"m","value":1,"timestamp":9223372036854775808}]}',
        b'{"run_id":"r","metrics":[{"key":"m","value":1,"timestamp":1,"step":1.5}]}',
        b'{"run_id":"r","metrics":[{"key":"m","value":1,"timestamp":1,"model_id":"m"}]}',
        b'{"run_id":"r","metrics":[{"key":"../m","value":1,"timestamp":1}]}',
        b'{"run_id":"r","metrics":[{"key":"","value":1,"timestamp":1}]}',
        b'{"run_id":"r","params":[{"key":"a","value":"1"},{"key":"a","value":"1"}]}',
        b'{"run_id":"r","params":[{"key":"a","value":"%s"}]}' % (b"x" * 6001),
        b'{"run_id":"r","tags":[{"key":"a\\u0000","value":"1"}]}',
        b'{"run_id":"r","metrics":[%s]}' % b",".join([b'{"key":"m","value":1,"timestamp":1}'] * 1001),
        b'{"run_id":"r","tags":[%s]}' % b",".join([b'{"key":"t","value":"1"}'] * 101),
        b"[" * 100_000,
    ],
)
async def test_what_is_unusual_takes_the_long_way(body: bytes) -> None:
    with pytest.raises(points.Unusual):
        points.read_batch(body)
