"""MLflow's tracking API: each endpoint is a method from the request's fields to the answer's JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from insighter_ext.errors import Invalid
from insighter_ext.gateways import DataGateway
from insighter_ext.models import Ready
from insighter_ext.principal import Principal
from insighter_ext.tracking import protocol
from insighter_ext.tracking.artifacts import artifact_path
from insighter_ext.tracking.histories import Histories
from insighter_ext.tracking.logging import Logging
from insighter_ext.tracking.names import random_name
from insighter_ext.tracking.protocol import Fields, Json
from insighter_ext.tracking.searching import SearchEndpoints

_LOCATION = "insighter.artifact_location"
_MODEL_HISTORY = "mlflow.log-model.history"

Endpoint = Callable[[Principal, Fields], Awaitable[Json | Ready]]


class TrackingEndpoints:
    """See the module. The database knows in which project: the credential's, else the account's personal one.

    Attributes:
        logging: the endpoints that write runs.
        histories: those of metrics over time.
    """

    def __init__(self, data: DataGateway) -> None:
        self._data = data
        self.logging = Logging(data)
        self.histories = Histories(data)

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """(method, path below ``mlflow/``) → endpoint; ``{name}`` in a path becomes a field."""
        return {
            **SearchEndpoints(self._data).table(),
            ("POST", "experiments/create"): self.create_experiment,
            ("GET", "experiments/get"): self.get_experiment,
            ("GET", "experiments/get-by-name"): self.get_experiment_by_name,
            ("POST", "experiments/search-datasets"): self.search_datasets,
            ("POST", "experiments/update"): self.update_experiment,
            ("POST", "experiments/delete"): self.delete_experiment,
            ("POST", "experiments/restore"): self.restore_experiment,
            ("POST", "experiments/set-experiment-tag"): self.set_experiment_tag,
            ("POST", "experiments/delete-experiment-tag"): self.delete_experiment_tag,
            ("POST", "runs/delete"): self.delete_run,
            ("POST", "runs/restore"): self.restore_run,
            ("POST", "runs/delete-tag"): self.delete_tag,
            ("POST", "runs/log-inputs"): self.log_inputs,
            ("POST", "runs/outputs"): self.log_outputs,
            ("POST", "runs/log-model"): self.log_model,
            **self.logging.table(),
            **self.histories.table(),
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
        """Make an experiment. Where else its artifacts were to be is noted: this server keeps them itself."""
        name = _experiment_name(fields.required("name"))
        tags = protocol.pairs(fields.objects("tags"), "tags", protocol.MAX_EXPERIMENT_TAG_VALUE)
        if location := fields.text("artifact_location"):
            tags[_LOCATION] = protocol.text_value(location, "artifact_location", 2000)
        made = await self._data.call(principal, "experiments_create", name=name, tags=tags)
        return {"experiment_id": made["id"]}

    async def get_experiment(self, principal: Principal, fields: Fields) -> Json:
        """One experiment; "0" is the project's default."""
        found = await self._data.call(principal, "experiments_get", id=protocol.experiment_id(fields))
        return {"experiment": protocol.experiment(found)}

    async def get_experiment_by_name(self, principal: Principal, fields: Fields) -> Json:
        """One experiment of the caller's project."""
        found = await self._data.call(
            principal, "experiments_get_by_name", name=fields.required("experiment_name")
        )
        return {"experiment": protocol.experiment(found)}

    async def search_datasets(self, principal: Principal, fields: Fields) -> Json:
        """Which datasets the runs of some experiments read."""
        experiment_ids = fields.strings("experiment_ids")
        if not experiment_ids:
            raise Invalid("SearchDatasets request must specify at least one experiment_id.")
        if len(experiment_ids) > 20:
            raise Invalid(
                "SearchDatasets request cannot specify more than 20 experiment_ids. "
                f"Received {len(experiment_ids)} experiment_ids."
            )
        found = await self._data.call(principal, "experiments_datasets", experiment_ids=experiment_ids)
        summaries = [{name: value for name, value in row.items() if value is not None} for row in found]
        return {"dataset_summaries": summaries} if summaries else {}

    async def update_experiment(self, principal: Principal, fields: Fields) -> Json:
        """Rename."""
        name = _experiment_name(fields.required("new_name"))
        await self._data.call(principal, "experiments_rename", id=protocol.experiment_id(fields), name=name)
        return {}

    async def delete_experiment(self, principal: Principal, fields: Fields) -> Json:
        """Delete, so that it can be restored."""
        await self._data.call(
            principal, "experiments_set_deleted", id=protocol.experiment_id(fields), deleted=True
        )
        return {}

    async def restore_experiment(self, principal: Principal, fields: Fields) -> Json:
        """Undo a deletion."""
        await self._data.call(
            principal, "experiments_set_deleted", id=protocol.experiment_id(fields), deleted=False
        )
        return {}

    async def set_experiment_tag(self, principal: Principal, fields: Fields) -> Json:
        """Set a tag."""
        value = protocol.text_value(fields.text("value"), "value", protocol.MAX_EXPERIMENT_TAG_VALUE)
        tags = {protocol.key(fields.required("key")): value}
        await self._data.call(principal, "experiments_set_tags", id=protocol.experiment_id(fields), tags=tags)
        return {}

    async def delete_experiment_tag(self, principal: Principal, fields: Fields) -> Json:
        """Take a tag off."""
        tags = {fields.required("key"): None}
        await self._data.call(principal, "experiments_set_tags", id=protocol.experiment_id(fields), tags=tags)
        return {}

    # ---- runs ----

    async def delete_run(self, principal: Principal, fields: Fields) -> Json:
        """Delete, so that it can be restored."""
        await self._data.call(principal, "runs_set_deleted", run_id=fields.required("run_id"), deleted=True)
        return {}

    async def restore_run(self, principal: Principal, fields: Fields) -> Json:
        """Undo a deletion."""
        await self._data.call(principal, "runs_set_deleted", run_id=fields.required("run_id"), deleted=False)
        return {}

    async def delete_tag(self, principal: Principal, fields: Fields) -> Json:
        """Take a tag off a run."""
        await self._data.call(
            principal, "runs_delete_tag", run_id=fields.required("run_id"), key=fields.required("key")
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
        return await self.logging.log(principal, fields, {"tags": tags})

    async def list_artifacts(self, principal: Principal, fields: Fields) -> Json:
        """Files and folders in a folder of a run's artifacts."""
        run_id = fields.required("run_id", "run_uuid")
        files = await self._files(principal, f"runs/{run_id}", fields.text("path"))
        return {"root_uri": protocol.run_uri(run_id), "files": files}

    async def _files(self, principal: Principal, root: str, path: str) -> list[Json]:
        path = artifact_path(path.rstrip("/") or path, folder=True)
        found = await self._data.call(principal, "artifacts_list", root=root, path=path)
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
            experiment_id=protocol.experiment_id(fields),
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
        return await self._change_model(principal, fields, {"status": protocol.model_status(fields)})

    async def delete_model(self, principal: Principal, fields: Fields) -> Json:
        """Delete a logged model."""
        await self._data.call(principal, "logged_models_delete", id=fields.required("model_id"))
        return {}

    async def set_model_tags(self, principal: Principal, fields: Fields) -> Json:
        """Set tags of a logged model."""
        tags = protocol.pairs(fields.objects("tags"), "tags", protocol.MAX_TAG_VALUE)
        await self._change_model(principal, fields, {"tags": tags})
        return {}

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
