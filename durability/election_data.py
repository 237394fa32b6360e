"""What was known of an election at a cutoff, as arrays for ``models/election.py``."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from durability.election_settings import Election
from durability.elections import Result
from durability.errors import InputError, Problem
from durability.polls import WITH_UNDECIDED, Poll

if TYPE_CHECKING:
    import xarray as xr

REMAINDER: Final = "remainder"
"""All lists that are not followed by name, and those not yet formed."""

UNDECIDED: Final = "undecided"

UNMEASURED: Final = "it does not tell how many named no list: no miss can be measured on it"
"""Why a past poll is left out whose shares among those who named a list are not known."""

CAPACITY: Final = 8
"""Polls are padded to a multiple of this, so that one compilation serves several cutoffs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectionData:
    """An election as of a cutoff.

    Parameters
    ----------
    election : Election
    cutoff : datetime.date
    lists : tuple of str
        Followed by name, the governing list first; then :data:`REMAINDER`.
    polls : tuple of Poll
        Known at the cutoff and used, in the order of their field work.
    left_out : tuple of (Poll, str)
        Known at the cutoff and not used, and why; of past ones the last of a house where it cannot
        serve as a miss.
    misses : tuple of Poll
        The last poll of each house before each past election that tells who named no list.
    weeks_left : float
        From the last poll used, else from the previous election, to election day.
    arrays, dims : mapping
        By the names that the model uses.
    coords : mapping of str to tuple of str
    """

    election: Election
    cutoff: dt.date
    lists: tuple[str, ...]
    polls: tuple[Poll, ...]
    left_out: tuple[tuple[Poll, str], ...]
    misses: tuple[Poll, ...]
    weeks_left: float
    arrays: Mapping[str, np.ndarray]
    dims: Mapping[str, tuple[str, ...]]
    coords: Mapping[str, tuple[str, ...]]

    after: None = None
    """No posterior goes before this model."""

    def hash(self) -> str:
        """SHA-256 over every array and label."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[name])
            digest.update(f"{name}|{array.dtype}|{array.shape}|".encode())
            digest.update(array.tobytes())
        digest.update(repr(sorted(self.coords.items())).encode())
        return digest.hexdigest()

    def to_dataset(self) -> xr.Dataset:
        """Give the arrays as one xarray dataset."""
        import xarray as xr

        return xr.Dataset(
            {name: (self.dims[name], array) for name, array in self.arrays.items()},
            coords={name: list(labels) for name, labels in self.coords.items()},
        )


def assemble_election(election: Election, *, cutoff: dt.date) -> ElectionData:
    """Gather what was known of an election at a cutoff.

    Parameters
    ----------
    election : Election
    cutoff : datetime.date
        Polls published later, and results known later, do not enter.

    Returns
    -------
    ElectionData
        Nothing in it depends on what became known after the cutoff.

    Raises
    ------
    InputError
        The previous election's result was not known at the cutoff.
    """
    previous = election.results[election.previous]
    if cutoff < previous.known:
        found = f"the result of {previous.id} was known on {previous.known}"
        allowed = f"support starts from it: the cutoff {cutoff} must not be earlier"
        raise InputError([Problem(where=str(election.folder), found=found, allowed=allowed)])
    known = [p for p in election.polls if p.published <= cutoff]
    ours = [p for p in known if p.election == election.id]
    used = sorted((p for p in ours if not p.left_out), key=lambda p: (p.middle, p.id))
    left_out = tuple((p, p.left_out) for p in ours if p.left_out)
    lists = _followed(election, used, cutoff)
    misses, unmeasured = _misses(election, known, cutoff)
    houses = tuple(dict.fromkeys([p.house for p in misses] + [p.house for p in used])) or ("none",)
    past = tuple(dict.fromkeys(p.election for p in misses))
    days = [previous.date, *(p.middle for p in used)]
    arrays = {
        **_starts(election, lists, previous),
        **_polls(used, lists, houses),
        "steps": _steps(days, lists, previous, padded(len(used))),
        "years": _filled(
            [(election.date - p.middle).days / 365.25 for p in used], padded(len(used)), 0.0
        ),
        "house_wide": np.array([int(house in election.wide) for house in houses]),
        **_miss_arrays(election, misses, houses, past),
    }
    coords = {
        "poll": tuple(p.id for p in used)
        + tuple(f"pad{i}" for i in range(padded(len(used)) - len(used))),
        "list": lists,
        "category": (*lists, UNDECIDED),
        "house": houses,
        "past_poll": tuple(p.id for p in misses),
        "past": past,
    }
    return ElectionData(
        election=election,
        cutoff=cutoff,
        lists=lists,
        polls=tuple(used),
        left_out=left_out + tuple((p, UNMEASURED) for p in unmeasured),
        misses=misses,
        weeks_left=max((election.date - days[-1]).days, 0) / 7.0,
        arrays=arrays,
        dims=_DIMS,
        coords=coords,
    )


_DIMS: Final[Mapping[str, tuple[str, ...]]] = {
    "start": ("list",),
    "is_new": ("list",),
    "steps": ("poll", "list"),
    "years": ("poll",),
    "share": ("poll", "category"),
    "collect": ("poll", "asked", "category"),
    "active": ("poll", "category"),
    "respondents": ("poll",),
    "respondents_known": ("poll",),
    "with_undecided": ("poll",),
    "counts": ("poll",),
    "house_of": ("poll",),
    "house_wide": ("house",),
    "miss": ("past_poll",),
    "miss_variance": ("past_poll",),
    "miss_weeks": ("past_poll",),
    "miss_unnamed": ("past_poll",),
    "miss_house": ("past_poll",),
    "miss_past": ("past_poll",),
}


def padded(count: int) -> int:
    """Round a number of polls up to the capacity that holds it."""
    return max(CAPACITY, -(-count // CAPACITY) * CAPACITY)


def _followed(election: Election, polls: Sequence[Poll], cutoff: dt.date) -> tuple[str, ...]:
    """Lists followed by name: of some size in a poll, or seated at the previous election."""
    previous = election.results[election.previous].lists
    found = [key for key, result in previous.items() if result.seats]
    found += [
        key for p in polls for key, share in p.shares.items() if share >= election.followed_from
    ]
    here = [key for key in dict.fromkeys(found) if key != election.incumbent]
    return (election.incumbent, *(k for k in here if not _gone(election, k, cutoff)), REMAINDER)


def _gone(election: Election, key: str, cutoff: dt.date) -> bool:
    contender = election.contenders.get(key)
    return contender is not None and contender.left is not None and contender.left <= cutoff


def _misses(
    election: Election, known: Sequence[Poll], cutoff: dt.date
) -> tuple[tuple[Poll, ...], tuple[Poll, ...]]:
    """Find the last poll of each house before each past election whose result was known.

    One that does not tell who named no list cannot serve, and comes second: an earlier poll of
    the house stands in.
    """
    places: dict[tuple[str, str], list[Poll]] = {}
    for poll in known:
        incumbent = election.past.get(poll.election)
        if incumbent is None or poll.left_out or poll.exit or incumbent not in poll.shares:
            continue
        if election.results[poll.election].known <= cutoff:
            places.setdefault((poll.election, poll.house), []).append(poll)
    misses: list[Poll] = []
    unmeasured: list[Poll] = []
    for polls in places.values():
        in_order = sorted(polls, key=lambda p: p.middle)
        misses += [p for p in in_order if p.unnamed is not None][-1:]
        unmeasured += [p for p in in_order[-1:] if p.unnamed is None]
    return tuple(misses), tuple(unmeasured)


def _starts(election: Election, lists: Sequence[str], previous: Result) -> dict[str, np.ndarray]:
    """Levels at the previous election: log-odds of the governing list, log shares of the others."""
    shares = {key: result.share for key, result in previous.lists.items()}
    governing = shares[election.incumbent]
    others = [shares.get(key, 0.0) for key in lists[1:-1]]
    others.append(max(1.0 - governing - sum(others), 0.001))
    start = [np.log(share / (1.0 - governing)) if share > 0.0 else 0.0 for share in others]
    return {
        "start": np.array([np.log(governing / (1.0 - governing)), *start]),
        "is_new": np.array([0.0, *(float(share == 0.0) for share in others)]),
    }


def _steps(
    days: Sequence[dt.date], lists: Sequence[str], previous: Result, capacity: int
) -> np.ndarray:
    """Square roots of the weeks between polls, for each list; zero where it only starts."""
    weeks = np.diff([day.toordinal() for day in days]) / 7.0
    steps = np.zeros((capacity, len(lists)))
    steps[: len(weeks)] = np.sqrt(np.maximum(weeks, 0.0))[:, None]
    new = [i for i, key in enumerate(lists[:-1]) if key not in previous.lists]
    steps[0, new] = 0.0
    return steps


def _polls(
    polls: Sequence[Poll], lists: Sequence[str], houses: Sequence[str]
) -> dict[str, np.ndarray]:
    """Shares by category, and which answers each category collects."""
    capacity, width = padded(len(polls)), len(lists) + 1
    remainder, undecided = width - 2, width - 1
    share, active = np.zeros((capacity, width)), np.zeros((capacity, width))
    collect = np.zeros((capacity, width, width))
    collect[:, range(width), remainder] = 1.0
    for i, poll in enumerate(polls):
        told = {lists.index(key): value for key, value in poll.shares.items() if key in lists}
        asked = poll.basis in WITH_UNDECIDED
        if poll.whole and asked:
            told[undecided] = sum(poll.undecided.values())
        for place, value in told.items():
            share[i, place] = value / 100.0
            collect[i, place] = np.eye(width)[place]
        active[i, [*told, remainder]] = 1.0
        share[i, remainder] = max(1.0 - share[i].sum(), 0.0)
    padding = np.arange(capacity) >= len(polls)
    share[padding, remainder], active[padding, remainder] = 1.0, 1.0
    counts = [p.respondents or 0 for p in polls]
    return {
        "share": share / share.sum(-1, keepdims=True),
        "collect": collect,
        "active": active,
        "respondents": _filled([float(n) for n in counts], capacity, 1.0),
        "respondents_known": _filled([float(n > 0) for n in counts], capacity, 1.0),
        "with_undecided": _filled([float(p.basis in WITH_UNDECIDED) for p in polls], capacity, 0.0),
        "counts": _filled([1.0] * len(polls), capacity, 0.0),
        "house_of": _filled([float(houses.index(p.house)) for p in polls], capacity, 0.0).astype(
            int
        ),
    }


def _filled(values: Sequence[float], capacity: int, padding: float) -> np.ndarray:
    return np.array([*values, *[padding] * (capacity - len(values))])


def _miss_arrays(
    election: Election, misses: Sequence[Poll], houses: Sequence[str], past: Sequence[str]
) -> dict[str, np.ndarray]:
    """Past misses of the governing list, in log-odds, and what scatters them."""
    rows: list[tuple[float, ...]] = []
    for poll in misses:
        key = election.past[poll.election]
        result = election.results[poll.election]
        said, got = poll.among_named(key), result.lists[key].share
        aside = poll.unnamed or 0.0
        named = (poll.respondents or _USUAL_RESPONDENTS) * (1.0 - aside)
        rows.append(
            (
                _logit(said) - _logit(got),
                1.0 / (named * said * (1.0 - said)),
                max((result.date - poll.middle).days, 0) / 7.0,
                aside,
                houses.index(poll.house),
                past.index(poll.election),
            )
        )
    table = np.array(rows).reshape((-1, 6))
    names = ("miss", "miss_variance", "miss_weeks", "miss_unnamed")
    arrays: dict[str, Any] = {name: table[:, i] for i, name in enumerate(names)}
    return {
        **arrays,
        "miss_house": table[:, 4].astype(int),
        "miss_past": table[:, 5].astype(int),
    }


_USUAL_RESPONDENTS: Final = 1100
"""Of a past poll that does not say; what its house usually asks. It moves a miss's sd by a tenth
where the house's own scatter is several times larger."""


def _logit(share: float) -> float:
    return float(np.log(share / (1.0 - share)))
