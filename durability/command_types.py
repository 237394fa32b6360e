"""What an argument of a command may be: a day, and what has a name that the shell completes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from durability.errors import quoted

DIAGNOSTICS_FAILED = 3


class _Day(click.ParamType[date]):
    """A day, as 2026-06-30 and no other way."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        with contextlib.suppress(ValueError):
            if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                return date.fromisoformat(value)
        return self.fail(f"{quoted(value)} is not a day; write it like 2026-06-30", param, ctx)


class _Named(click.ParamType[str]):
    """Something with a name, or the path of one; names complete in the shell."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self._kind = kind

    def _names(self) -> Sequence[str]:
        if self._kind == "case":
            from durability.cases import list_cases

            return tuple(list_cases())
        if self._kind == "priors":
            from durability.prior_sets import list_priors

            return tuple(list_priors())
        from durability.catalogue import list_models

        return list_models()

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        named = [CompletionItem(n) for n in self._names() if n.startswith(incomplete)]
        if named or self._kind == "model":
            return named
        return [CompletionItem(incomplete, type="dir" if self._kind == "case" else "file")]


DAY = _Day()
CASE = _Named("case", "case")
PRIORS = _Named("name|path", "priors")
MODEL = _Named("name", "model")
FOLDER = click.Path(file_okay=False, path_type=Path)
