"""The server extension: mounts the routes, starts the platform on first use, stops it with the server."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from jupyter_server.extension.application import ExtensionApp
from traitlets import Any as AnyTrait
from traitlets import HasTraits, MetaHasTraits

from insighter_ext.config import Settings
from server_handlers.environment import take_secrets
from server_handlers.kernels import KernelEnvironment
from server_handlers.mounting import RoutesOnDemand
from server_handlers.principals import hub_signs_in, insighter_signs_in

if TYPE_CHECKING:
    from insighter_ext.platform import Platform


# One trait for every row of the settings table, so that ``c.InsighterApp.<name>`` and ``--help-all`` know them.
_SettingTraits = MetaHasTraits(
    "_SettingTraits",
    (HasTraits,),
    {
        setting.name: AnyTrait(None, allow_none=True, help=setting.metadata["help"]).tag(config=True)
        for setting in fields(Settings)
    },
)


class InsighterApp(ExtensionApp, _SettingTraits):  # type: ignore[misc, valid-type]
    """Insighter inside Jupyter Server."""

    name = "insighter"
    app_name = "Insighter"
    description = "Data science and MLOps inside JupyterLab."
    load_other_extensions = True
    extension_url = "/lab"

    _platform: Platform | None = None
    _starting: asyncio.Lock | None = None
    _kernels: KernelEnvironment | None = None
    _settings: Settings | None = None

    async def platform(self) -> Platform:
        """The platform, started by whoever asks first; a failed start is tried again by the next."""
        if self._platform is None:
            if self._starting is None:
                self._starting = asyncio.Lock()
            async with self._starting:
                if self._platform is None:
                    self._platform = await self._open()
        return self._platform

    async def _open(self) -> Platform:
        from insighter_ext.platform import Platform

        assert self._settings is not None
        return await Platform.open(self._settings)

    def _read_settings(self) -> Settings:
        """The settings. After this their secrets are in this object's memory and nowhere else that can be looked at."""
        environ = {**os.environ, **take_secrets()}
        values = {setting.name: getattr(self, setting.name) for setting in fields(Settings)}
        for setting in fields(Settings):
            if setting.metadata["secret"]:
                self._hide(setting.name)
        settings = Settings.load(values, environ)
        provider = getattr(self.serverapp, "identity_provider", None)
        if insighter_signs_in(provider) or hub_signs_in(provider):
            settings = replace(settings, accounts=True)
        return settings

    def _hide(self, name: str) -> None:
        """Take a secret out of Jupyter's configuration, which ``--show-config`` prints."""
        setattr(self, name, None)
        for config in (self.config, self.serverapp.config if self.serverapp else {}):
            for section in type(self).section_names():
                if section in config:
                    config[section].pop(name, None)

    def initialize_settings(self) -> None:
        """Handlers find the platform here."""
        self._log_with_the_server()
        self._settings = self._read_settings()
        self.settings["insighter_platform"] = self.platform
        if self._settings.kernel_environment:
            self._kernels = KernelEnvironment(self.serverapp, self.platform)
            self._kernels.install()

    def _log_with_the_server(self) -> None:
        """What the platform logs appears in the server's log, in its form and from its level."""
        log = logging.getLogger("insighter")
        log.handlers = list(self.log.handlers) or list(self.serverapp.log.handlers if self.serverapp else [])
        log.setLevel(self.log.getEffectiveLevel())
        log.propagate = not log.handlers

    def initialize_handlers(self) -> None:
        """Mount the routes, on demand."""
        assert self.serverapp is not None
        RoutesOnDemand(self.serverapp.web_app, self.name)

    async def stop_extension(self) -> None:
        """Called when the server stops."""
        if self._kernels is not None:
            await self._kernels.remove()
        platform, self._platform = self._platform, None
        if platform is not None:
            await platform.close()
