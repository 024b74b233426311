"""Model registry: named models in versions with aliases."""
