"""The device, as one would write it in Python."""

from __future__ import annotations

import asyncio
import datetime
import functools
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from . import native as _package
from ._values import to_edits, to_value
from .native import gandan as native
from .native._build import GENERATED_FOR

T = TypeVar("T")

# Rows fetched at a time when all of a list is wanted.
PAGE = 200


class _Keys(native.KeyProvider):
    def __init__(self, key: bytes) -> None:
        self._key = key

    def database_key(self) -> bytes:
        return self._key


class _Progress(native.ProgressListener):
    def __init__(self, told: Callable[[native.Progress], object]) -> None:
        self._told = told

    def progress(self, progress: native.Progress) -> None:
        self._told(progress)


class _FilesProgress(native.FilesListener):
    def __init__(self, told: Callable[[native.FilesProgress], object]) -> None:
        self._told = told

    def progress(self, progress: native.FilesProgress) -> None:
        self._told(progress)


class _Log(native.LogSink):
    def __init__(self, told: Callable[[native.LogLine], object]) -> None:
        self._told = told

    def log(self, line: native.LogLine) -> None:
        self._told(line)


def key_file(path: str | os.PathLike[str]) -> bytes:
    """The key in this file, 32 bytes; made at random and readable for its owner alone if the file is not there.

    For scripts and tests. Whoever can read the file can read the records: on a phone the key belongs into its key store.
    """
    path = Path(path)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        key = secrets.token_bytes(32)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


def set_log(told: Callable[[native.LogLine], object] | None, level: native.LogLevel = native.LogLevel.INFO) -> bool:
    """Sends what the library logs to ``told``, called from threads of the library; ``None`` ends it."""
    return native.set_log(level, None if told is None else _Log(told))


async def open(
    folder: str | os.PathLike[str], *, key: bytes, trusted_certificates: bytes | None = None
) -> Client:
    """Opens a device's folder, which is made if it is not there. ``key``: the 32 bytes that its database is encrypted with.

    ``trusted_certificates``: certificates in PEM form; only servers certified by one of these are trusted then.
    """
    if native.build_id() != GENERATED_FOR:
        raise ImportError(
            f"the library in {Path(_package.__file__).parent} is build {native.build_id()} and the package around it"
            f" {GENERATED_FOR}: install both from one wheel"
        )
    options = native.OpenOptions(trusted_certificates=trusted_certificates)
    return Client(await native.Client.open(os.fspath(folder), _Keys(key), options))


class Client:
    """A field device. Made by :func:`open`; an asynchronous context manager that closes it.

    Fields are given as a mapping of their names (``{"counts.residents": 46}``) or as keywords, of which some are short
    for those with a dot: ``residents``, ``households``, ``businesses``, ``place_kind``, ``place_name``. ``None`` empties a
    field; dates, times, lists, sets and mappings are taken as they are.
    """

    def __init__(self, inner: native.Client) -> None:
        #: The object as it was generated, for what has no better form in Python.
        self.inner = inner

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> bool:
        """Ends what is under way and closes the database. ``False`` if it was closed before."""
        return await self.inner.shutdown()

    # Enrolment

    async def enrol(self, link: str, *, allow_insecure: bool = False) -> native.Device:
        """Makes this a device of the official that the link was made for."""
        return await self.inner.enrol(link, allow_insecure)

    async def device(self) -> native.Device | None:
        """Whose device this is; ``None`` before enrolment."""
        return await self.inner.device()

    async def units(self) -> list[native.AdminUnit]:
        """Communes, wards and special zones of this device."""
        return await self.inner.units()

    def assignments(self) -> AsyncIterator[native.Assignment]:
        """Who is sent where, one after the other."""
        return _pages(self.inner.assignments)

    # Saving

    async def create_visit(
        self, fields: Mapping[str, Any] | None = None, /, *, id: str | None = None, **short: Any
    ) -> native.Saved:
        """Creates a visit; ``id`` if it was made elsewhere."""
        return await self.inner.create(native.RecordKind.VISIT, id, to_edits(fields, short))

    async def create_issue(
        self, fields: Mapping[str, Any] | None = None, /, *, id: str | None = None, **short: Any
    ) -> native.Saved:
        """Creates an issue; its ``visit`` says where it belongs."""
        return await self.inner.create(native.RecordKind.ISSUE, id, to_edits(fields, short))

    async def edit(self, id: str, fields: Mapping[str, Any] | None = None, /, **short: Any) -> native.Saved:
        """Changes fields of a record, as one change."""
        return await self.inner.edit(id, to_edits(fields, short))

    async def submit(self, id: str) -> native.Saved:
        """Hands a visit in."""
        return await self.inner.submit(id)

    async def add_card(self, visit: str, answer: str) -> native.Saved:
        """Enters one satisfaction card."""
        return await self.inner.add_card(visit, answer)

    async def resolve(self, id: str, item: native.ReviewItem, value: Any = None) -> native.Saved:
        """Decides a review item; ``None`` accepts what is shown."""
        return await self.inner.resolve(id, item.field, item.basis, to_value(value))

    async def save_draft(
        self,
        fields: Mapping[str, Any] | None = None,
        /,
        *,
        kind: native.RecordKind = native.RecordKind.VISIT,
        id: str | None = None,
        **short: Any,
    ) -> str:
        """Begins a draft or goes on with it, and gives its id."""
        return await self.inner.save_draft(kind, id, to_edits(fields, short))

    def drafts(self) -> AsyncIterator[native.Draft]:
        """All drafts, the oldest first."""
        return _pages(self.inner.drafts)

    async def submit_draft(self, id: str) -> native.Saved:
        """Hands a draft in."""
        return await self.inner.submit_draft(id)

    async def discard_draft(self, id: str) -> bool:
        """Throws a draft away. ``False`` if there was none."""
        return await self.inner.discard_draft(id)

    async def attach(
        self,
        visit: str,
        photo: bytes | str | os.PathLike[str],
        *,
        caption: str | None = None,
        people_visible: str = "none",
        consent: str = "not_needed",
        longest_side: int = 2048,
    ) -> native.Attached:
        """Attaches a photograph, a PDF or a sound, as bytes or by its path; a larger picture is made smaller."""
        note = native.PhotoNote(
            caption=caption, people_visible=people_visible, consent=consent, longest_side=longest_side
        )
        if isinstance(photo, bytes):
            return await self.inner.attach(visit, photo, note)
        return await self.inner.attach_file(visit, os.fspath(photo), note)

    async def photo(self, visit: str, photo: str, *, thumbnail: bool = False) -> bytes | None:
        """A photograph's bytes as they lie here; ``None`` if only the server has them."""
        return await self.inner.photo(visit, photo, thumbnail)

    async def fetch_photo(self, visit: str, photo: str, *, thumbnail: bool = False) -> bytes | None:
        """As :meth:`photo`, but gets from the server what is not here; ``None`` if the server does not have it yet."""
        return await self.inner.fetch_photo(visit, photo, thumbnail, None)

    async def photos(self, visit: str) -> list[native.PhotoView]:
        """The photographs of a visit, those of its draft included, and where each stands."""
        return await self.inner.photos(visit)

    async def remove_photo(self, visit: str, photo: str) -> None:
        """Takes a photograph away on privacy grounds, for good and everywhere."""
        await self.inner.remove_photo(visit, photo)

    # Looking

    def visits(self, **wanted: Any) -> AsyncIterator[native.VisitRow]:
        """Every visit that fits, the latest day first: ``unit``, ``status``, ``programme``, ``from_day``, ``to_day``,
        ``words``, ``state``, ``deleted``."""
        query = native.VisitQuery(**_days(wanted))
        return _pages(lambda page: self.inner.visits(query, page))

    def issues(self, **wanted: Any) -> AsyncIterator[native.IssueRow]:
        """Every issue that fits, the latest reception first: as :meth:`visits`, and ``kind``, ``field``, ``agency``,
        ``visit``."""
        query = native.IssueQuery(**_days(wanted))
        return _pages(lambda page: self.inner.issues(query, page))

    async def record(self, id: str, *, steps: int = 50) -> native.RecordView:
        """One record in full, with the last steps of its history."""
        return await self.inner.record(id, steps)

    def review(self) -> AsyncIterator[native.ReviewLine]:
        """What a person must look at."""
        return _pages(self.inner.review)

    async def standing(self) -> native.Standing:
        """Where the device stands."""
        return await self.inner.standing()

    def live_visits(self, *, limit: int = 50, **wanted: Any) -> AsyncIterator[native.VisitPage]:
        """The first page of these visits, and again whenever it differs; ends when the client is closed."""
        return _live(self.inner.live_visits(native.VisitQuery(**_days(wanted)), native.Paging(limit=limit)).next)

    def live_issues(self, *, limit: int = 50, **wanted: Any) -> AsyncIterator[native.IssuePage]:
        """The first page of these issues, and again whenever it differs."""
        return _live(self.inner.live_issues(native.IssueQuery(**_days(wanted)), native.Paging(limit=limit)).next)

    def live_record(self, id: str, *, steps: int = 50) -> AsyncIterator[native.RecordView]:
        """One record, and again whenever it reads differently."""
        return _live(self.inner.live_record(id, steps).next)

    def live_photos(self, visit: str) -> AsyncIterator[list[native.PhotoView]]:
        """The photographs of a visit and where each stands, and again with every piece of them that moves."""
        return _live(self.inner.live_photos(visit).next)

    def live_standing(self) -> AsyncIterator[native.Standing]:
        """Where the device stands, and again whenever that changes."""
        return _live(self.inner.live_standing().next)

    def on_change(self, told: Callable[[list[str]], object]) -> native.Subscription:
        """Calls ``told`` with the ids of records that changed, from a thread of the library, until the subscription is
        cancelled or let go of."""

        class Listener(native.ChangeListener):
            def changed(self, ids: list[str]) -> None:
                told(ids)

        return self.inner.on_change(Listener())

    # Exchanging

    async def sync(self, progress: Callable[[native.Progress], object] | None = None) -> native.SyncReport:
        """Exchanges everything with the server now. Cancelling the task gives it up; what was exchanged stays."""
        return await self.inner.sync(None if progress is None else _Progress(progress), None)

    async def sync_files(
        self, progress: Callable[[native.FilesProgress], object] | None = None, *, originals: bool = True
    ) -> native.FilesMoved:
        """Sends photographs that wait and gets thumbnails, after :meth:`sync`. Cancelling the task gives it up; what has
        arrived is not sent again. ``progress`` is called from threads of the library."""
        listener = None if progress is None else _FilesProgress(progress)
        return await self.inner.sync_files(originals, listener, None)

    async def sending_files(self, *, originals: bool = True) -> AsyncIterator[native.FilesProgress]:
        """As :meth:`sync_files`, while it is iterated: gives how far it has come, ends when there is nothing left to move.
        Leaving the loop early gives it up once the iterator is closed (``contextlib.aclosing``)."""
        loop, steps = asyncio.get_running_loop(), asyncio.Queue[native.FilesProgress | None]()
        tell = functools.partial(loop.call_soon_threadsafe, steps.put_nowait)
        moving = asyncio.ensure_future(self.sync_files(tell, originals=originals))
        moving.add_done_callback(lambda _: steps.put_nowait(None))
        try:
            while (step := await steps.get()) is not None:
                yield step
            await moving
        finally:
            moving.cancel()

    def background_sync(self, *, live: bool = False) -> Background:
        """Exchanges in the background inside ``async with``."""
        return Background(self.inner, live)

    def set_conditions(self, *, online: bool = True, metered: bool = False, battery_saver: bool = False) -> None:
        """Says how the device stands now."""
        self.inner.set_conditions(
            native.Conditions(online=online, metered=metered, battery_saver=battery_saver)
        )

    async def set_daily_budget(self, limit: int | None) -> None:
        """How many bytes a day the background may cost on metered networks; ``None``: no bound."""
        await self.inner.set_daily_budget(limit)

    async def budget(self) -> native.Budget:
        """The budget of today."""
        return await self.inner.budget()

    # Files

    async def export_unsent(self, path: str | os.PathLike[str]) -> native.Exported:
        """Writes everything that the server has not confirmed into a new file, **not encrypted**."""
        return await self.inner.export_unsent(os.fspath(path))

    async def import_unsent(self, path: str | os.PathLike[str]) -> native.Rescued:
        """Takes over what another phone of this official exported."""
        return await self.inner.import_unsent(os.fspath(path))

    async def import_visits(self, path: str | os.PathLike[str]) -> native.ImportReport:
        """Takes in visits from a file of JSON lines."""
        return await self.inner.import_visits(os.fspath(path))


class Background:
    """A background exchange: an asynchronous context manager, and an iterator over what it is doing."""

    def __init__(self, inner: native.Client, live: bool) -> None:
        self._client = inner
        self._live = live
        self._sync: native.BackgroundSync | None = None

    async def __aenter__(self) -> Self:
        self._sync = await self._client.background_sync(self._live)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sync is not None:
            await self._sync.stop()

    def __aiter__(self) -> AsyncIterator[native.SyncPhase]:
        if self._sync is None:
            raise RuntimeError("use it inside `async with`")
        return _live(self._sync.next_phase)


async def _live(ask: Callable[[], Awaitable[T | None]]) -> AsyncIterator[T]:
    while (answer := await ask()) is not None:
        yield answer


async def _pages(ask: Callable[[native.Paging], Awaitable[Any]]) -> AsyncIterator[Any]:
    after: str | None = None
    while True:
        page = await ask(native.Paging(limit=PAGE, after=after))
        for item in page.items:
            yield item
        if (after := page.next) is None:
            return


def _days(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime.date) else value for name, value in wanted.items()}
