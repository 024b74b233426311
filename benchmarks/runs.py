"""The run table's questions over 10,000 runs with 1,000 metrics each: ten million newest values.

Pages sorted by a metric, filtered, and from far down; the keys that there are; groups. All through the gateway, under
row-level security, beside what MLflow's client would have to do where the server could not sort: read all runs.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psycopg

from insighter_ext.gateways.embedded.data import EmbeddedDataGateway
from insighter_ext.gateways.embedded.migrate import create_database, migrate
from insighter_ext.gateways.embedded.postgres import API_ROLE, AUTH_ROLE, EmbeddedPostgres
from insighter_ext.principal import Principal
from insighter_ext.tracking.models import GroupQuery, RunTableQuery
from insighter_ext.tracking.searching import Searches

RUNS = int(os.environ.get("INSIGHTER_BENCH_RUNS", "10000"))
METRICS = int(os.environ.get("INSIGHTER_BENCH_METRICS", "1000"))
ROUNDS = 15
DATABASE = "benchmark"
PROJECT = UUID("00000000-0000-4000-8000-000000000001")
USER = UUID("00000000-0000-4000-8000-000000000002")
EXPERIMENT = "1"

FILL = f"""
set session_replication_role = replica;
insert into auth.users (id, email) values ('{USER}', 'someone@example.org');
insert into insighter.profiles (user_id, email, display_name) values ('{USER}', 'someone@example.org', 'Someone')
  on conflict do nothing;
insert into insighter.projects (id, slug, name, created_by) values ('{PROJECT}', 'project', 'Project', '{USER}');
insert into insighter.members (project_id, user_id, role) values ('{PROJECT}', '{USER}', 'owner');
insert into insighter.experiments (id, project_id, name, created_by) overriding system value
  values ({EXPERIMENT}, '{PROJECT}', 'Many runs', '{USER}');
insert into insighter.runs (id, project_id, experiment_id, name, status, user_name, start_time, end_time, params, tags,
    created_by)
  select md5('run' || i)::uuid, '{PROJECT}', {EXPERIMENT}, 'run ' || i, 'FINISHED', 'someone', 1.7e12 + i * 1000,
    1.7e12 + i * 1000 + 900,
    jsonb_build_object('model', (array['forest', 'boosting', 'linear'])[i % 3 + 1], 'lr', (i % 50 / 1000.0)::text)
      || (select jsonb_object_agg('param_' || n, (i * n % 17)::text) from generate_series(1, 20) n),
    jsonb_build_object('mlflow.runName', 'run ' || i, 'team', 'team ' || i % 7), '{USER}'
  from generate_series(1, {RUNS}) i;
insert into insighter.run_metrics_latest (project_id, run_id, key, value, step, time)
  select '{PROJECT}', md5('run' || i)::uuid, case n when 1 then 'auc' else 'metric_' || n end,
    hashint8(i::bigint * 1000003 + n) / 4294967296.0 + 0.5, 10, 1.7e12 + i * 1000
  from generate_series(1, {RUNS}) i, generate_series(1, {METRICS}) n;
insert into insighter.run_datasets (project_id, run_id, name, digest, source_type, source)
  select '{PROJECT}', md5('run' || i)::uuid, 'wine', 'v' || i % 4, 'local', '' from generate_series(1, {RUNS}) i;
set session_replication_role = origin;
"""
