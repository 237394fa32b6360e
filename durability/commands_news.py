"""The commands ``durability news …``: adding, correcting, retracting, listing and showing news."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from durability.command_types import CASE, DAY

if TYPE_CHECKING:
    from durability.news import NewsItem
    from durability.news_entries import NewsEntry
    from durability.news_placing import Look
    from durability.news_writing import Change


@click.group()
def news() -> None:
    """Add, correct, retract, list and show the news of a case.

    Nothing in news.csv is ever rewritten: corrections and retractions are new rows.
    """


RATING_HELP = (
    "How it changed the pressure toward breakdown: -3 (calms) to 3 (alarms), for trust too. "
    "Of several coders: a=2;b=-1."
)


def _item_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what an item is."""
    options = (
        click.option("--date", metavar="DATE", help="When it happened: 2026-07-01, 2026-07, 2026."),
        click.option("--date-end", metavar="DATE", help="Last day of something that lasted."),
        click.option("--driver", metavar="WORD", help="The driver that it speaks of."),
        click.option("--rating", "ratings", metavar="N", help=RATING_HELP),
        click.option("--statement", metavar="TEXT", help="What is said to have happened."),
        click.option("--source", metavar="TEXT", help="Title of the page."),
        click.option("--grade", metavar="A|B|C", help="How good the source is."),
        click.option("--salience", metavar="1|2|3", help="1 routine, 2 notable, 3 landmark."),
        click.option("--status", metavar="WORD", help="occurred, claimed, scheduled or unknown."),
        click.option("--event", metavar="NAME", help="Reports of one event share its name."),
        click.option("--actor", metavar="TEXT", help="An outside power that acted."),
        click.option("--publisher", metavar="TEXT", help="Who published the page."),
        click.option("--address", metavar="URL", help="Web address of the page."),
        click.option("--note", metavar="TEXT", help="A remark, for people."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@news.command()
@click.argument("case", type=CASE)
@_item_options
@click.option("--known", metavar="DATE", help="The day it was known.  [default: end of the date]")
@click.option("--id", "id_", metavar="ID", help="Its id.  [default: the next of N001, N002, …]")
@click.option("--same-event", metavar="EVENT|ID", help="It is another report of that event.")
@click.option("--new-event", is_flag=True, help="It is an event of its own, whatever it is like.")
@click.option(
    "--from",
    "batch",
    metavar="FILE",
    help="Add every item of a TOML or CSV file; - is standard input.",
)
def add(
    case: str,
    batch: str | None,
    id_: str | None,
    same_event: str | None,
    new_event: bool,
    **said: Any,
) -> None:
    """Add a news item to CASE, or a whole batch with --from: all of it or nothing.

    An item that looks like one that is there is asked about. A shipped case is copied to ./cases.
    """
    from durability.news_changes import DuplicateNewsError, record_news

    given = {key: value for key, value in said.items() if value is not None}
    own = {"id": id_, "same_event": same_event}
    given |= {key: value for key, value in own.items() if value is not None}
    if batch is None:
        entries = _single({**given, "new_event": new_event})
    else:
        entries = _batch(batch, {k: v for k, v in given.items() if k != "same_event"})
        entries = [_with_policy(entry, same_event, new_event) for entry in entries]
    while True:
        try:
            change = record_news(case, entries)
        except DuplicateNewsError as error:
            if not _is_asked(batch):
                raise
            entries = _answered(entries, error.found)
            if not entries:
                click.echo("Nothing was added.")
                return
        else:
            _tell(change, "Added")
            return


def _single(given: dict[str, Any]) -> list[NewsEntry]:
    from durability.errors import Problems
    from durability.news_entries import entry_of

    problems = Problems()
    entry = entry_of(given, "the new item", problems)
    problems.raise_any()
    return [] if entry is None else [entry]


def _batch(name: str, given: dict[str, Any]) -> list[NewsEntry]:
    from durability.files import MAX_BYTES
    from durability.news_batches import STANDARD_INPUT, batch_of, read_batch

    if given:
        told = ", ".join(f"--{key.replace('_', '-')}" for key in given)
        raise click.UsageError(f"--from brings whole items; leave out {told}")
    if name != "-":
        return list(read_batch(Path(name)))
    return list(batch_of(STANDARD_INPUT, sys.stdin.buffer.read(MAX_BYTES + 1)))


def _with_policy(entry: NewsEntry, same_event: str | None, new_event: bool) -> NewsEntry:
    """Let an item of a batch that does not say follow what was said of all."""
    if entry.same_event or entry.new_event or entry.event:
        return entry
    return replace(entry, same_event=same_event or "", new_event=new_event)


def _is_asked(batch: str | None) -> bool:
    return batch != "-" and sys.stdin.isatty() and sys.stdout.isatty()


def _answered(entries: Sequence[NewsEntry], found: Sequence[Look]) -> list[NewsEntry]:
    """Ask of each look-alike what it is; give the entries that are to be added."""
    answers = {id(look.entry): _ask(look) for look in found}
    asked = [answers.get(id(entry), entry) for entry in entries]
    return [entry for entry in asked if entry is not None]


def _ask(look: Look) -> NewsEntry | None:
    from durability.errors import quoted

    said = look.draft.statement
    click.echo(f"{look.entry.place}: {quoted(said, limit=200)} looks like")
    shown = look.likes[:9]
    for number, item in enumerate(shown, start=1):
        click.echo(f"  {number}. {_described(item)}")
    click.echo("skip: leave it out; same: another report of that event; new: an event of its own")
    answer = click.prompt("What is it?", type=click.Choice(["skip", "same", "new"]))
    if answer == "skip":
        return None
    if answer == "new":
        clash = look.entry.event in {item.event for item in look.likes}
        return replace(look.entry, new_event=True, event="" if clash else look.entry.event)
    number = 1
    if len({item.event for item in shown}) > 1:
        number = click.prompt("Of which?", type=click.IntRange(1, len(shown)))
    return replace(look.entry, same_event=shown[number - 1].id, event="")


def _described(item: NewsItem) -> str:
    from durability.errors import quoted

    told = f"{item.id}, {item.date}, {item.driver}, event {quoted(item.event)}"
    return f"{told}: {quoted(item.statement, limit=200)}"


@news.command()
@click.argument("case", type=CASE)
@click.argument("item", metavar="ID")
@_item_options
@click.option("--why", required=True, metavar="TEXT", help="The reason; it stays with the row.")
@click.option(
    "--known",
    metavar="DATE",
    help="When the world learned of it; earlier cutoffs see the old row.  [default: its own day]",
)
def correct(case: str, item: str, why: str, known: str | None, **said: Any) -> None:
    """Correct the item ID of CASE: a new row takes its place, with what the options say."""
    from durability.news_changes import record_correction

    changes = {key: value for key, value in said.items() if value is not None}
    _tell(record_correction(case, item, changes, why=why, known=known), "Corrected")


@news.command()
@click.argument("case", type=CASE)
@click.argument("item", metavar="ID")
@click.option("--why", required=True, metavar="TEXT", help="The reason; it stays with the row.")
@click.option(
    "--known",
    metavar="DATE",
    help="When the world learned of it; earlier cutoffs see the item.  [default: its own day]",
)
def retract(case: str, item: str, why: str, known: str | None) -> None:
    """Take the item ID of CASE back; taking back a retraction lets it stand again."""
    from durability.news_changes import record_retraction

    _tell(record_retraction(case, item, why=why, known=known), "Retracted")


@news.command("list")
@click.argument("case", type=CASE)
@click.option("--all", "every", is_flag=True, help="Also what was corrected or retracted.")
@click.option("--driver", metavar="WORD", help="Only items on this driver.")
@click.option("--cutoff", type=DAY, help="As they stood on that day.  [default: all there are]")
def list_(case: str, every: bool, driver: str | None, cutoff: date | None) -> None:
    """List the news items of CASE that stand."""
    from durability.cases import read_case
    from durability.errors import InputError, Problem, one_of, quoted
    from durability.news_screen import list_lines
    from durability.vocabulary import DRIVERS

    if driver is not None and driver not in DRIVERS:
        allowed = one_of(DRIVERS, driver)
        raise InputError([Problem(where="--driver", found=quoted(driver), allowed=allowed)])
    for line in list_lines(read_case(case), driver=driver, cutoff=cutoff, every=every):
        click.echo(line)


@news.command()
@click.argument("case", type=CASE)
@click.argument("item", metavar="ID")
def show(case: str, item: str) -> None:
    """Show everything about the item ID of CASE, and what corrected or retracted it."""
    from durability.cases import read_case
    from durability.news_screen import show_lines

    for line in show_lines(read_case(case), item):
        click.echo(line)


def _tell(change: Change, what: str) -> None:
    from durability.cases import read_case
    from durability.news_screen import change_lines

    for line in change_lines(read_case(change.folder), change, what):
        click.echo(line)
