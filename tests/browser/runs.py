"""An experiment with very many runs, quicker than a client logs them."""

from __future__ import annotations

from typing import Any

from tests.api.people import superuser
from tests.running import JupyterServer

RUNS = """
insert into insighter.runs (project_id, experiment_id, name, status, user_name, start_time, end_time, params, tags,
    created_by)
  select %(project)s, %(experiment)s, 'forest-' || i,
    (array['FINISHED', 'FINISHED', 'FINISHED', 'FAILED', 'KILLED'])[1 + i %% 5],
    (array['ana', 'ben', 'cleo'])[1 + i %% 3], 1760000000000 + i * 60000, 1760000000000 + i * 60000 + 1000 * (i %% 900),
    jsonb_build_object('lr', (array['0.1', '0.01', '0.001'])[1 + i %% 3], 'depth', (2 + i %% 12)::text, 'seed', i::text,
      'model', 'forest'),
    jsonb_build_object('team', (array['vision', 'text'])[1 + i %% 2]),
    (select created_by from insighter.projects where id = %(project)s)
  from generate_series(1, %(runs)s) i
"""

# Of a thousand keys each run has some; all of them have auc and loss.
METRICS = """
insert into insighter.run_metrics_latest (project_id, run_id, key, value, step, time)
  select r.project_id, r.id, k.key, k.value, 100, r.start_time
  from (select *, substr(name, 8)::int as i from insighter.runs where experiment_id = %(experiment)s) r
  cross join lateral (
    select 'auc' as key, round((0.5 + 0.4999 * abs(sin(r.i)))::numeric, 6)::double precision as value
    union all select 'loss', round((1.5 * abs(cos(r.i)) + 0.01)::numeric, 6)::double precision
    union all select 'metric_' || lpad(((r.i * 7 + m) %% 998)::text, 3, '0'), r.i * 1000 + m
      from generate_series(1, %(metrics)s - 2) m
  ) k
"""


def fill(server: JupyterServer, project: str, experiment: str, *, runs: int, metrics: int) -> None:
    """Runs ``forest-1`` to ``forest-<runs>``, a minute apart, each with so many of 1,000 metrics."""
    values: dict[str, Any] = {"project": project, "experiment": experiment, "runs": runs, "metrics": metrics}
    with superuser(server) as database:
        database.execute(RUNS, values)
        # Without looking up each run of each value again.
        database.execute("set session_replication_role = replica")
        database.execute(METRICS, values)
        database.execute("set session_replication_role = origin")
        database.execute("analyze insighter.runs, insighter.run_metrics_latest")
