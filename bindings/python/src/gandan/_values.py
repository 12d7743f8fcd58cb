"""Python values as values of fields, and back."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from typing import Any

from .native.gandan import Edit, FieldValue

# Fields that people write all the time, under names that Python takes as keywords.
SHORT = {
    "residents": "counts.residents",
    "households": "counts.households",
    "businesses": "counts.businesses",
    "place_kind": "place.kind",
    "place_name": "place.name",
}

# The offset in which days and times are written: Vietnam has no summer time.
VIETNAM = datetime.timezone(datetime.timedelta(hours=7))


def to_value(value: Any) -> FieldValue:
    """The form in which a value crosses: None empties, dates and times become text, anything else becomes JSON.

    A time without a zone counts as Vietnam's.
    """
    match value:
        case FieldValue():
            return value
        case None:
            return FieldValue.EMPTY()
        case bool():
            return FieldValue.FLAG(value=value)
        case int():
            return FieldValue.NUMBER(value=value)
        case float():
            return FieldValue.DECIMAL(value=value)
        case str():
            return FieldValue.TEXT(value=value)
        case datetime.datetime():
            aware = value if value.tzinfo else value.replace(tzinfo=VIETNAM)
            return FieldValue.TEXT(value=aware.isoformat(timespec="seconds"))
        case datetime.date():
            return FieldValue.TEXT(value=value.isoformat())
        case Mapping():
            return FieldValue.JSON(json=json.dumps(value, ensure_ascii=False))
        case Iterable():
            items = sorted(value) if isinstance(value, (set, frozenset)) else list(value)
            if all(isinstance(item, str) for item in items):
                return FieldValue.WORDS(values=items)
            return FieldValue.JSON(json=json.dumps(items, ensure_ascii=False))
    raise TypeError(f"no field takes a {type(value).__name__}")


def from_value(value: FieldValue) -> Any:
    """What a value that crossed says in Python."""
    if value.is_EMPTY():
        return None
    if value.is_WORDS():
        return list(value.values)
    if value.is_JSON():
        return json.loads(value.json)
    return value.value


def to_edits(fields: Mapping[str, Any] | None, short: Mapping[str, Any]) -> list[Edit]:
    """Edits from field names and from keywords; a keyword may be a short name, or the name itself."""
    named = dict(fields or {}) | {SHORT.get(name, name): value for name, value in short.items()}
    return [Edit(field=field, value=to_value(value)) for field, value in named.items()]
