"""Months on a calendar."""

from __future__ import annotations

import calendar
from datetime import date


def first_of_month(day: date) -> date:
    """Give the first day of the month of `day`."""
    return day.replace(day=1)


def add_months(day: date, months: int) -> date:
    """Move a day by whole months; a day that the month lacks becomes its last one.

    >>> add_months(date(2026, 1, 31), 1)
    datetime.date(2026, 2, 28)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def months_between(first: date, last: date) -> int:
    """Count the calendar months from the month of `first` to the month of `last`."""
    return (last.year - first.year) * 12 + last.month - first.month


def month_label(day: date) -> str:
    """Write a month as ``2026-06``."""
    return f"{day.year:04d}-{day.month:02d}"
