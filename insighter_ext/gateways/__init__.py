"""The ports to the outside: data, objects. Adapters stand in the packages beside this file."""

from insighter_ext.gateways.data import DataGateway
from insighter_ext.gateways.objects import ObjectStore, ObjectWriter, StoredObject

__all__ = ["DataGateway", "ObjectStore", "ObjectWriter", "StoredObject"]
