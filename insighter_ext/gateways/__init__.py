"""The ports to the outside: data, objects, auth. Adapters stand in the packages beside this file."""

from insighter_ext.gateways.auth import Account, AuthGateway, LocalAccounts, Session
from insighter_ext.gateways.data import DataGateway
from insighter_ext.gateways.objects import (
    Freed,
    ObjectStore,
    ObjectWriter,
    SealedObject,
    StoredObject,
    delete_released,
    delete_released_projects,
)

__all__ = [
    "Account",
    "AuthGateway",
    "DataGateway",
    "Freed",
    "LocalAccounts",
    "ObjectStore",
    "ObjectWriter",
    "SealedObject",
    "Session",
    "StoredObject",
    "delete_released",
    "delete_released_projects",
]
