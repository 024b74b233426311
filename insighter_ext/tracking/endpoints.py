"""MLflow's tracking API: each endpoint is a method from the request's fields to the answer's JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from insighter_ext.errors import Invalid
from insighter_ext.gateways import DataGateway
from insighter_ext.models import Ready
from insighter_ext.principal import Principal
from insighter_ext.tracking import protocol
from insighter_ext.tracking.histories import Histories
from insighter_ext.tracking.names import random_name
from insighter_ext.tracking.protocol import Fields, Json
from insighter_ext.tracking.searching import SearchEndpoints

_MODEL_HISTORY = "mlflow.log-model.history"

Endpoint = Callable[[Principal, Fields], Awaitable[Json | Ready]]


class TrackingEndpoints:
    """See the module. The database knows in which project: the credential's, else the account's personal one."""

    def __init__(self, data: DataGateway, histories: Histories) -> None:
        self._data = data
        self._histories = histories

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """(method, path below ``mlflow/``) → endpoint; ``{name}`` in a path becomes a field."""
        return {
            **SearchEndpoints(self._data).table(),
            ("POST", "experiments/create"): self.create_experiment,
            ("GET", "experiments/get"): self.get_experiment,
            ("GET", "experiments/get-by-name"): self.get_experiment_by_name,
            ("POST", "experiments/update"): self.update_experiment,
            ("POST", "experiments/delete"): self.delete_experiment,
            ("POST", "experiments/restore"): self.restore_experiment,
            ("POST", "experiments/set-experiment-tag"): self.set_experiment_tag,
            ("POST", "experiments/delete-experiment-tag"): self.delete_experiment_tag,
            ("POST", "runs/create"): self.create_run,
            ("POST", "runs/update"): self.update_run,
            ("POST", "runs/delete"): self.delete_run,
            ("POST", "runs/restore"): self.restore_run,
            ("POST", "runs/set-tag"): self.set_tag,
            ("POST", "runs/delete-tag"): self.delete_tag,
            ("POST", "runs/log-metric"): self.log_metric,
            ("POST", "runs/log-parameter"): self.log_param,
            ("POST", "runs/log-batch"): self.log_batch,
            ("POST", "runs/log-inputs"): self.log_inputs,
            ("POST", "runs/outputs"): self.log_outputs,
            ("POST", "runs/log-model"): self.log_model,
            **self._histories.table(),
            ("GET", "artifacts/list"): self.list_artifacts,
            ("POST", "logged-models"): self.create_model,
            ("GET", "logged-models/{model_id}"): self.get_model,
            ("PATCH", "logged-models/{model_id}"): self.finalize_model,
            ("DELETE", "logged-models/{model_id}"): self.delete_model,
            ("PATCH", "logged-models/{model_id}/tags"): self.set_model_tags,
            ("DELETE", "logged-models/{model_id}/tags/{tag_key}"): self.delete_model_tag,
            ("POST", "logged-models/{model_id}/params"): self.log_model_params,
            ("GET", "logged-models/{model_id}/artifacts/directories"): self.list_model_artifacts,
        }

    # ---- experiments ----

    async def create_experiment(self, principal: Principal, fields: Fields) -> Json:
        """Make an experiment."""
        if fields.text("artifact_location"):
            raise Invalid(
                "this server keeps all artifacts itself and takes no artifact_location",
                hint="create the experiment without artifact_location",
            )
        name = _experiment_name(fields.required("name"))
        tags = protocol.pairs(fields.objects("tags"), "tags", protocol.MAX_EXPERIMENT_TAG_VALUE)
        made = await self._data.call(principal, "experiments_create", name=name, tags=tags)
        return {"experiment_id": made["id"]}

    async def get_experiment(self, principal: Principal, fields: Fields) -> Json:
        """One experiment; "0" is the project's default."""
        found = await self._data.call(principal, "experiments_get", id=fields.required("experiment_id"))
        return {"experiment": protocol.experiment(found)}

    async def get_experiment_by_name(self, principal: Principal, fields: Fields) -> Json:
        """One experiment of the caller's project."""
        found = await self._data.call(
            principal, "experiments_get_by_name", name=fields.required("experiment_name")
        )
        return {"experiment": protocol.experiment(found)}

    async def update_experiment(self, principal: Principal, fields: Fields) -> Json:
        """Rename."""
        name = _experiment_name(fields.required("new_name"))
        await self._data.call(principal, "experiments_rename", id=fields.required("experiment_id"), name=name)
        return {}

    async def delete_experiment(self, principal: Principal, fields: Fields) -> Json:
        """Delete, so that it can be restored."""
        await self._data.call(
            principal, "experiments_set_deleted", id=fields.required("experiment_id"), deleted=True
        )
        return {}

    async def restore_experiment(self, principal: Principal, fields: Fields) -> Json:
        """Undo a deletion."""
        await self._data.call(
            principal, "experiments_set_deleted", id=fields.required("experiment_id"), deleted=False
        )
        return {}

    async def set_experiment_tag(self, principal: Principal, fields: Fields) -> Json:
        """Set a tag."""
        value = protocol.text_value(fields.text("value"), "value", protocol.MAX_EXPERIMENT_TAG_VALUE)
        tags = {protocol.key(fields.required("key")): value}
        await self._data.call(
            principal, "experiments_set_tags", id=fields.required("experiment_id"), tags=tags
        )
        return {}

    async def delete_experiment_tag(self, principal: Principal, fields: Fields) -> Json:
        """Take a tag off."""
        tags = {fields.required("key"): None}
        await self._data.call(
            principal, "experiments_set_tags", id=fields.required("experiment_id"), tags=tags
        )
        return {}

    # ---- runs ----

    async def create_run(self, principal: Principal, fields: Fields) -> Json:
        """Start a run."""
        made = await self._data.call(
            principal,
            "runs_create",
            experiment_id=fields.text("experiment_id", "0"),
            name=fields.text("run_name") or random_name(),
            user_name=fields.text("user_id"),
            start_time=fields.integer("start_time"),
            tags=protocol.pairs(fields.objects("tags"), "tags", protocol.MAX_TAG_VALUE),
        )
        return {"run": protocol.run(made)}

    async def update_run(self, principal: Principal, fields: Fields) -> Json:
        """Change status, end or name."""
        status = fields.text("status") or None
        if status is not None and status not in protocol.RUN_STATUSES:
            raise Invalid(
                f"Invalid value {status!r} for parameter 'status' supplied: one of {sorted(protocol.RUN_STATUSES)}"
            )
        changed = await self._data.call(
            principal,
            "runs_update",
            run_id=fields.required("run_id", "run_uuid"),
            status=status,
            end_time=fields.integer("end_time"),
            name=fields.text("run_name") or None,
        )
        return {"run_info": protocol.run_info(changed)}

    async def delete_run(self, principal: Principal, fields: Fields) -> Json:
        """Delete, so that it can be restored."""
        await self._data.call(principal, "runs_set_deleted", run_id=fields.required("run_id"), deleted=True)
        return {}

    async def restore_run(self, principal: Principal, fields: Fields) -> Json:
        """Undo a deletion."""
        await self._data.call(principal, "runs_set_deleted", run_id=fields.required("run_id"), deleted=False)
        return {}

    async def set_tag(self, principal: Principal, fields: Fields) -> Json:
        """Set a tag of a run."""
        value = protocol.text_value(fields.text("value"), "value", protocol.MAX_TAG_VALUE)
        tags = {protocol.key(fields.required("key")): value}
        return await self._log(principal, fields, {"tags": tags})

    async def delete_tag(self, principal: Principal, fields: Fields) -> Json:
        """Take a tag off a run."""
        await self._data.call(
            principal, "runs_delete_tag", run_id=fields.required("run_id"), key=fields.required("key")
        )
        return {}

    async def log_metric(self, principal: Principal, fields: Fields) -> Json:
        """One value of a metric."""
        names = ("key", "value", "timestamp", "step", "model_id", "dataset_name", "dataset_digest")
        metrics, of_models = protocol.metrics(
            [{name: fields.raw(name) for name in names if fields.has(name)}]
        )
        return await self._log(
            principal, fields, {"metrics": metrics, **({"model_metrics": of_models} if of_models else {})}
        )

    async def log_param(self, principal: Principal, fields: Fields) -> Json:
        """One parameter."""
        item = {"key": fields.text("key"), "value": fields.text("value")}
        return await self._log(principal, fields, {"params": protocol.params([item])})

    async def log_batch(self, principal: Principal, fields: Fields) -> Json:
        """Metrics, parameters and tags: all of them or none."""
        return await self._log(principal, fields, protocol.batch(fields))

    async def _log(self, principal: Principal, fields: Fields, arguments: Json) -> Json:
        await self._data.call(
            principal, "runs_log_batch", run_id=fields.required("run_id", "run_uuid"), **arguments
        )
        return {}

    async def log_inputs(self, principal: Principal, fields: Fields) -> Json:
        """Datasets and models that a run read."""
        await self._data.call(
            principal,
            "runs_log_inputs",
            run_id=fields.required("run_id"),
            datasets=[protocol.dataset_input(item) for item in fields.objects("datasets")],
            models=[protocol.identifier(item.get("model_id")) for item in fields.objects("models")],
        )
        return {}

    async def log_outputs(self, principal: Principal, fields: Fields) -> Json:
        """Models that a run made."""
        models = [
            {
                "model_id": protocol.identifier(item.get("model_id")),
                "step": protocol.integer(item.get("step") or 0, "step"),
            }
            for item in fields.objects("models")
        ]
        await self._data.call(principal, "runs_log_outputs", run_id=fields.required("run_id"), models=models)
        return {}

    async def log_model(self, principal: Principal, fields: Fields) -> Json:
        """What older clients say of a model among a run's artifacts: kept in a tag, as MLflow does."""
        run_id = fields.required("run_id")
        try:
            model = json.loads(fields.required("model_json"))
        except (ValueError, RecursionError) as error:
            raise Invalid(f"Malformed model info. \n {error}\n not a valid JSON.") from None
        if not isinstance(model, dict) or not {"artifact_path", "flavors", "run_id"} <= set(model):
            raise Invalid("Model json is missing mandatory fields: artifact_path, flavors, run_id")
        found = await self._data.call(principal, "runs_get", run_id=run_id)
        tags = {_MODEL_HISTORY: json.dumps([*_history(found["tags"].get(_MODEL_HISTORY, "[]")), model])}
        return await self._log(principal, fields, {"tags": tags})

    async def list_artifacts(self, principal: Principal, fields: Fields) -> Json:
        """Files and folders in a folder of a run's artifacts."""
        run_id = fields.required("run_id", "run_uuid")
        files = await self._files(principal, f"runs/{run_id}", fields.text("path"))
        return {"root_uri": protocol.run_uri(run_id), "files": files}

    async def _files(self, principal: Principal, root: str, path: str) -> list[Json]:
        found = await self._data.call(principal, "artifacts_list", root=root, path=path.strip("/"))
        return [
            {
                "path": item["path"],
                "is_dir": item["is_dir"],
                **({} if item["size"] is None else {"file_size": item["size"]}),
            }
            for item in found
        ]

    # ---- logged models ----

    async def create_model(self, principal: Principal, fields: Fields) -> Json:
        """A logged model that is to be uploaded."""
        name = fields.text("name") or random_name()
        if any(character in name for character in "/:.%\"'"):
            raise Invalid(
                f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and cannot contain the "
                "following characters: ('/', ':', '.', '%', '\"', \"'\")"
            )
        made = await self._data.call(
            principal,
            "logged_models_create",
            experiment_id=fields.text("experiment_id", "0"),
            name=name,
            model_type=fields.text("model_type"),
            source_run_id=fields.text("source_run_id") or None,
            params=protocol.params(fields.objects("params")),
            tags=protocol.pairs(fields.objects("tags"), "tags", protocol.MAX_TAG_VALUE),
        )
        return {"model": protocol.logged_model(made)}

    async def get_model(self, principal: Principal, fields: Fields) -> Json:
        """One logged model."""
        found = await self._data.call(
            principal,
            "logged_models_get",
            id=fields.required("model_id"),
            deleted=fields.flag("allow_deleted"),
        )
        return {"model": protocol.logged_model(found)}

    async def finalize_model(self, principal: Principal, fields: Fields) -> Json:
        """Say that the upload is done, or has failed."""
        status = fields.required("status")
        if status not in {"LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"}:
            raise Invalid(f"Invalid model status: {status!r}")
        return await self._change_model(principal, fields, {"status": status})

    async def delete_model(self, principal: Principal, fields: Fields) -> Json:
        """Delete a logged model."""
        await self._data.call(principal, "logged_models_delete", id=fields.required("model_id"))
        return {}

    async def set_model_tags(self, principal: Principal, fields: Fields) -> Json:
        """Set tags of a logged model."""
        tags = protocol.pairs(fields.objects("tags"), "tags", protocol.MAX_TAG_VALUE)
        return await self._change_model(principal, fields, {"tags": tags})

    async def delete_model_tag(self, principal: Principal, fields: Fields) -> Json:
        """Take a tag off a logged model."""
        await self._change_model(principal, fields, {"tags": {fields.required("tag_key"): None}})
        return {}

    async def log_model_params(self, principal: Principal, fields: Fields) -> Json:
        """Add parameters to a logged model."""
        await self._change_model(principal, fields, {"params": protocol.params(fields.objects("params"))})
        return {}

    async def _change_model(self, principal: Principal, fields: Fields, arguments: Json) -> Json:
        found = await self._data.call(
            principal, "logged_models_update", id=fields.required("model_id"), **arguments
        )
        return {"model": protocol.logged_model(found)}

    async def list_model_artifacts(self, principal: Principal, fields: Fields) -> Json:
        """Files and folders in a folder of a logged model."""
        model_id = fields.required("model_id")
        files = await self._files(principal, f"models/{model_id}", fields.text("artifact_directory_path"))
        return {"root_uri": protocol.model_uri(model_id), "files": files}


def _history(tag: str) -> list[Json]:
    """The models that older clients have named so far; none where somebody set the tag to something else."""
    try:
        found = json.loads(tag)
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def _experiment_name(name: str) -> str:
    if len(name) > 500:
        raise Invalid("'name' exceeds the maximum length of 500 characters")
    if name.strip() == "" or "\x00" in name:
        raise Invalid(f"Invalid experiment name: {name!r}")
    return name
