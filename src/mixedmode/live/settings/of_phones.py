"""What phones are set to: the keys of their LSCs, whether their pages may be seen; and the names of their models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mixedmode.errors import MixedModeError
from mixedmode.live.observed import Value
from mixedmode.live.phones import whole_query
from mixedmode.live.rows import row_values
from mixedmode.live.settings.of_cluster import web_access_alone
from mixedmode.live.sources import catalogue
from mixedmode.numbers import whole_number
from mixedmode.phone.mind.models import get_model

if TYPE_CHECKING:
    from mixedmode.live.phones import Book
    from mixedmode.live.provisioned import ModelSeen, ProfileSeen
    from mixedmode.live.sources.axl import Axl
    from mixedmode.live.sources.database import Database
    from mixedmode.live.sources.seeing import Seen


def settings_of_phones(database: Database, book: Book, profiles: Sequence[ProfileSeen]) -> Iterator[None]:
    """Add what phones are set to; yield behind each request.

    Args:
        database: Of the cluster.
        book: To be added to.
        profiles: Security profiles; where they do not tell the size of keys, it is asked for by phone.
    """
    sizes = {each.name: Value(each.key_bits, each.seen) for each in profiles if whole_number(each.key_bits) is not None}
    for name in book.names if sizes else ():
        size = sizes.get(book.newest(name, "security_profile"))
        if size is not None and book.newest(name, "lsc_until"):
            with book.lock:
                book.add(name, {"lsc_key_bits": size})
    if not sizes:
        yield from whole_query(database, catalogue.KEY_SIZES, book)
    for query in catalogue.WEB_ACCESS:
        yield from whole_query(database, query, book)


def lacks_web_access(seen: Seen) -> bool:
    """Return whether no table told the configured web access."""
    return {query.name for query in catalogue.WEB_ACCESS} <= {each.what for each in seen.not_seen}


def web_access_of_some(database: Database, axl: Axl, book: Book) -> None:
    """Ask for the web access of some phones of which RIS says whether they have it: those of unknown lists first."""
    known = [name for name in book.names if book.newest(name, "httpd")]
    unknown = [name for name in known if not book.newest(name, "itl")]
    for phone in web_access_alone(database, axl, unknown or known, book.seen):
        book.add(phone.name, {key: values[0] for key, values in phone.values.items()})


def add_models(book: Book, models: Sequence[ModelSeen]) -> None:
    """Add the model's name to the phones of which a number alone is known (live-cluster.md 2.3).

    Args:
        book: To be added to.
        models: What numbers mean in this cluster; what is not there is looked up in the table of known models.
    """
    names = {each.number: each.name for each in models}
    for phone in book.names:
        number = book.value(phone, "model_number")
        if number is None or book.newest(phone, "model"):
            continue
        name = names.get(number.text) or _known_model(number.text)
        if name:
            book.add(phone, {"model": Value(row_values({"model": name})["model"], number.seen)})


def _known_model(number: str) -> str:
    try:
        return get_model(number).cucm_name if whole_number(number) is not None else ""
    except MixedModeError:
        return ""
