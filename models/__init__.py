"""The mathematics: one file a submodel, joined in :mod:`durability.models.breakdown`."""
