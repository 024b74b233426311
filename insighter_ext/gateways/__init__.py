"""The ports to the outside: data, objects. Adapters stand in the packages beside this file."""

from insighter_ext.gateways.data import DataGateway
from insighter_ext.gateways.objects import (
    ObjectStore,
    ObjectWriter,
    SealedObject,
    StoredObject,
    delete_released,
)

__all__ = ["DataGateway", "ObjectStore", "ObjectWriter", "SealedObject", "StoredObject", "delete_released"]
