"""Prior sets: one TOML file each, read by :mod:`durability.prior_sets`."""
