"""The schemas that ship, joined: what they say of each other is found."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from referencing import Registry, Resource

import durability

DATA = Path(durability.__file__).parent / "data"


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """The schema of that name: ``forecast``, ``ledger``, ``scenarios``, ``update`` or ``watch``."""
    schemas: dict[str, Any] = {
        path.name.partition(".")[0]: json.loads(path.read_text(encoding="utf-8"))
        for path in DATA.glob("*.schema.json")
    }
    jsonschema.Draft202012Validator.check_schema(schemas[name])
    known: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()
    )
    return jsonschema.Draft202012Validator(schemas[name], registry=known)


def part(name: str) -> jsonschema.Draft202012Validator:
    """The schema of a definition in that of ``forecast``."""
    schema = validator("forecast").schema
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})
