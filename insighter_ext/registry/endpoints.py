"""MLflow's model registry API: each endpoint is a method from the request's fields to the answer's JSON."""

from __future__ import annotations

from typing import Any

from insighter_ext.errors import Invalid
from insighter_ext.gateways import DataGateway
from insighter_ext.principal import Principal
from insighter_ext.registry import protocol
from insighter_ext.registry.searching import SearchEndpoints
from insighter_ext.tracking.endpoints import Endpoint
from insighter_ext.tracking.protocol import MAX_REGISTRY_TAG_VALUE, Fields, Json, key, pairs, text_value

_PROMPT = "mlflow.prompt.is_prompt"


class RegistryEndpoints:
    """See the module. Names are those of the caller's project."""

    def __init__(self, data: DataGateway) -> None:
        self._data = data

    def table(self) -> dict[tuple[str, str], Endpoint]:
        """(method, path below ``mlflow/``) → endpoint."""
        return {
            **SearchEndpoints(self._data).table(),
            ("POST", "registered-models/create"): self.create,
            ("GET", "registered-models/get"): self.get,
            ("POST", "registered-models/rename"): self.rename,
            ("PATCH", "registered-models/update"): self.update,
            ("DELETE", "registered-models/delete"): self.delete,
            ("POST", "registered-models/set-tag"): self.set_tag,
            ("DELETE", "registered-models/delete-tag"): self.delete_tag,
            ("POST", "registered-models/alias"): self.set_alias,
            ("GET", "registered-models/alias"): self.get_by_alias,
            ("DELETE", "registered-models/alias"): self.delete_alias,
            ("POST", "registered-models/get-latest-versions"): self.latest_versions,
            ("GET", "registered-models/get-latest-versions"): self.latest_versions,
            ("POST", "model-versions/create"): self.create_version,
            ("GET", "model-versions/get"): self.get_version,
            ("GET", "model-versions/get-download-uri"): self.download_uri,
            ("PATCH", "model-versions/update"): self.update_version,
            ("DELETE", "model-versions/delete"): self.delete_version,
            ("POST", "model-versions/transition-stage"): self.transition_stage,
            ("POST", "model-versions/set-tag"): self.set_version_tag,
            ("DELETE", "model-versions/delete-tag"): self.delete_version_tag,
        }

    async def _model(self, principal: Principal, function: str, **arguments: Any) -> Json:
        found = await self._data.call(principal, function, **arguments)
        return {"registered_model": protocol.registered_model(found)}

    async def _version(self, principal: Principal, function: str, **arguments: Any) -> Json:
        found = await self._data.call(principal, function, **arguments)
        return {"model_version": protocol.model_version(found)}

    # ---- registered models ----

    async def create(self, principal: Principal, fields: Fields) -> Json:
        """Make a registered model."""
        tags = _tags(fields)
        if _PROMPT in tags:
            raise Invalid("this server keeps no prompts", hint="register models, or keep prompts in files")
        name = protocol.model_name(fields.required("name"))
        description = fields.text("description")
        return await self._model(principal, "models_create", name=name, description=description, tags=tags)

    async def get(self, principal: Principal, fields: Fields) -> Json:
        """One registered model."""
        return await self._model(principal, "models_get", name=fields.required("name"))

    async def rename(self, principal: Principal, fields: Fields) -> Json:
        """Give a registered model another name."""
        new_name = protocol.model_name(fields.required("new_name"))
        return await self._model(principal, "models_update", name=fields.required("name"), new_name=new_name)

    async def update(self, principal: Principal, fields: Fields) -> Json:
        """Describe a registered model."""
        description = fields.text("description")
        return await self._model(
            principal, "models_update", name=fields.required("name"), description=description
        )

    async def delete(self, principal: Principal, fields: Fields) -> Json:
        """Delete a registered model with its versions; logged models and runs stay."""
        await self._data.call(principal, "models_delete", name=fields.required("name"))
        return {}

    async def set_tag(self, principal: Principal, fields: Fields) -> Json:
        """Set a tag."""
        await self._data.call(principal, "models_update", name=fields.required("name"), tags=_tag(fields))
        return {}

    async def delete_tag(self, principal: Principal, fields: Fields) -> Json:
        """Take a tag off."""
        tags = {fields.required("key"): None}
        await self._data.call(principal, "models_update", name=fields.required("name"), tags=tags)
        return {}

    # ---- aliases ----

    async def set_alias(self, principal: Principal, fields: Fields) -> Json:
        """Point an alias to a version."""
        await self._data.call(
            principal,
            "models_set_alias",
            name=fields.required("name"),
            alias=protocol.alias_name(fields.required("alias")),
            version=fields.required("version"),
        )
        return {}

    async def get_by_alias(self, principal: Principal, fields: Fields) -> Json:
        """The version that an alias points to."""
        name, alias = fields.required("name"), fields.required("alias")
        return await self._version(principal, "model_versions_get", name=name, alias=alias)

    async def delete_alias(self, principal: Principal, fields: Fields) -> Json:
        """Remove an alias."""
        name, alias = fields.required("name"), fields.required("alias")
        await self._data.call(principal, "models_delete_alias", name=name, alias=alias)
        return {}

    # ---- versions ----

    async def latest_versions(self, principal: Principal, fields: Fields) -> Json:
        """The newest version in each stage, or in the stages named."""
        found = await self._data.call(principal, "models_get", name=fields.required("name"))
        stages = {protocol.stage(name) for name in fields.strings("stages")} or set(protocol.STAGES.values())
        rows = [row for row in found["latest_versions"] if row["stage"] in stages]
        return {"model_versions": [protocol.model_version(row) for row in rows]}

    async def create_version(self, principal: Principal, fields: Fields) -> Json:
        """Register the files at a source as the next version."""
        return await self._version(
            principal,
            "model_versions_create",
            name=fields.required("name"),
            source=fields.required("source"),
            run_id=fields.text("run_id") or None,
            model_id=fields.text("model_id") or None,
            run_link=fields.text("run_link"),
            description=fields.text("description"),
            tags=_tags(fields),
        )

    async def get_version(self, principal: Principal, fields: Fields) -> Json:
        """One version."""
        name, version = fields.required("name"), fields.required("version")
        return await self._version(principal, "model_versions_get", name=name, version=version)

    async def download_uri(self, principal: Principal, fields: Fields) -> Json:
        """Where a version's files are."""
        name, version = fields.required("name"), fields.required("version")
        found = await self._data.call(principal, "model_versions_get", name=name, version=version)
        return {"artifact_uri": protocol.download_uri(found)}

    async def update_version(self, principal: Principal, fields: Fields) -> Json:
        """Describe a version."""
        return await self._version(
            principal,
            "model_versions_update",
            name=fields.required("name"),
            version=fields.required("version"),
            description=fields.text("description"),
        )

    async def delete_version(self, principal: Principal, fields: Fields) -> Json:
        """Delete a version; its files stay where they were logged."""
        name, version = fields.required("name"), fields.required("version")
        await self._data.call(principal, "model_versions_delete", name=name, version=version)
        return {}

    async def transition_stage(self, principal: Principal, fields: Fields) -> Json:
        """Move a version to a stage; aliases are what took the place of stages."""
        return await self._version(
            principal,
            "model_versions_update",
            name=fields.required("name"),
            version=fields.required("version"),
            stage=protocol.stage(fields.required("stage")),
            archive=fields.flag("archive_existing_versions"),
        )

    async def set_version_tag(self, principal: Principal, fields: Fields) -> Json:
        """Set a tag of a version."""
        name, version = fields.required("name"), fields.required("version")
        await self._data.call(
            principal, "model_versions_update", name=name, version=version, tags=_tag(fields)
        )
        return {}

    async def delete_version_tag(self, principal: Principal, fields: Fields) -> Json:
        """Take a tag off a version."""
        name, version = fields.required("name"), fields.required("version")
        tags = {fields.required("key"): None}
        await self._data.call(principal, "model_versions_update", name=name, version=version, tags=tags)
        return {}


def _tags(fields: Fields) -> dict[str, str]:
    return pairs(fields.objects("tags"), "tags", MAX_REGISTRY_TAG_VALUE)


def _tag(fields: Fields) -> dict[str, str]:
    return {key(fields.required("key")): text_value(fields.text("value"), "value", MAX_REGISTRY_TAG_VALUE)}
