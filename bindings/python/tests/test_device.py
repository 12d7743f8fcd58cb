"""What a script does with a device, against a real server."""

import asyncio
import contextlib
import datetime
import importlib.metadata
import inspect
import json
import os
import random
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import gandan
import pytest
from conftest import KEY, ROOT, UNIT, Server, device, run

T = TypeVar("T")


def picture(width: int, height: int) -> bytes:
    """A PNG of noise: as many bytes as pixels."""
    dice = random.Random(width)
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    lines = b"".join(b"\0" + dice.randbytes(width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


async def eventually(ask: Callable[[], Awaitable[T | None]]) -> T:
    """The server gives a file once its lists know the record: asks until it does."""
    async with asyncio.timeout(120):
        while (answer := await ask()) is None:
            await asyncio.sleep(0.05)
        return answer


def test_a_visit_goes_from_one_device_to_another(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with device(server, tmp_path / "a", "CB-401") as a, device(server, tmp_path / "b", "CB-402") as b:
            saved = await a.create_visit(
                {"team.CB-401": "lead"},
                note="Bà con nêu hai việc. Gọi 0912 345 678.",
                planned_on=datetime.date(2026, 9, 13),
                started_at=datetime.datetime(2026, 9, 13, 8, 0),
                residents=46,
                activities={"listen"},
            )
            assert [warning.kind for warning in saved.warnings] == ["phone_number"]
            issue = await a.create_issue(visit=saved.id, title="Cống hỏng", kind="petition")
            await a.add_card(saved.id, "very_satisfied")
            told: list[gandan.Progress] = []
            report = await a.sync(told.append)
            assert report.waiting == 0 and told[-1].pushed == report.pushed
            await b.sync()
            view = await b.record(saved.id)
            visit = view.content.visit
            assert (visit.residents.effective, visit.satisfaction.very_satisfied) == (46, 1)
            assert visit.started_at == "2026-09-13T08:00:00+07:00"
            assert view.state == gandan.RecordState.SYNCED
            assert json.loads(view.json)["note"] == visit.note
            assert [row.id async for row in b.issues(visit=saved.id)] == [issue.id]
            assert [row.id async for row in b.visits(words="bà con", from_day=datetime.date(2026, 9, 1))] == [saved.id]
            assert UNIT in {unit.code for unit in await b.units()}

    run(work())


def test_a_photograph_goes_by_bytes_and_by_path(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with device(server, tmp_path / "a", "CB-471") as a, device(server, tmp_path / "b", "CB-472") as b:
            visit = (await a.create_visit(note="Có ảnh")).id
            assert await a.photos(visit) == []
            by_bytes = await a.attach(visit, picture(40, 30), caption="Cống hỏng")
            (tmp_path / "cau.png").write_bytes(picture(500, 300))
            by_path = await a.attach(visit, tmp_path / "cau.png", longest_side=250)
            assert {photo.caption for photo in await a.photos(visit)} == {"Cống hỏng", None}
            assert all(photo.state.is_WAITING() and photo.original_here for photo in await a.photos(visit))
            await a.sync()
            told: list[gandan.FilesProgress] = []
            moved = await a.sync_files(told.append)
            assert (moved.sent, moved.waiting, moved.refused) == (4, 0, 0)
            assert told[-1].bytes_sent == told[-1].bytes_to_send > 0
            assert all(photo.state.is_SENT() for photo in await a.photos(visit))

            await b.sync()
            assert all(photo.state.is_ELSEWHERE() for photo in await b.photos(visit))
            original = await a.photo(visit, by_path.photo)
            assert await eventually(lambda: b.fetch_photo(visit, by_path.photo)) == original
            await eventually(lambda: b.fetch_photo(visit, by_bytes.photo, thumbnail=True))

            await a.remove_photo(visit, by_path.photo)
            await a.sync()
            await b.sync()
            assert [photo.photo for photo in await b.photos(visit)] == [by_bytes.photo]
            with pytest.raises(gandan.GandanError.FixInput) as failed:
                await b.photo(visit, by_path.photo)
            assert failed.value.code == "not_found"
            with pytest.raises(gandan.GandanError.FixInput) as failed:
                await a.attach(visit, b"no picture")
            assert failed.value.code == "attachment_unknown_kind"

    run(work())


def test_photographs_are_shown_while_they_go(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with device(server, tmp_path / "a", "CB-481") as client:
            client.set_conditions(metered=True)
            visit = (await client.create_visit(note="Ngoài đồng")).id
            attached = await client.attach(visit, picture(700, 700), longest_side=0)
            async with client.background_sync():
                async for photos in client.live_photos(visit):
                    if photos[0].state.is_THUMBNAIL_SENT():
                        break
            assert (await client.budget()).used > 0, "the thumbnail counts"

            # Given up in the middle of the original: what has arrived is not sent again.
            client.set_conditions(metered=False)
            async with contextlib.aclosing(client.sending_files()) as steps:
                async for step in steps:
                    if step.bytes_sent > 0:
                        break
            steps = [step async for step in client.sending_files()]
            assert steps[-1].bytes_sent == steps[-1].bytes_to_send == attached.bytes
            assert (await client.photos(visit))[0].state.is_SENT()

    run(work())


def test_live_queries_are_asynchronous_iterators(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with device(server, tmp_path / "a", "CB-411") as client:
            pages = client.live_visits()
            first = await anext(pages)
            saved = await client.create_visit(note="Mới")
            second = await asyncio.wait_for(anext(pages), 60)
            assert len(second.items) == len(first.items) + 1
            assert saved.id in {row.id for row in second.items}
            standings = client.live_standing()
            assert (await anext(standings)).unsent_changes == 1
            waiting = asyncio.create_task(anext(pages))
            await client.close()
            with pytest.raises(StopAsyncIteration):
                await asyncio.wait_for(waiting, 60)

    run(work())


def test_errors_are_sorted_by_what_can_be_done(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with await gandan.open(tmp_path / "a", key=KEY) as client:
            with pytest.raises(gandan.GandanError.EnrolAgain) as failed:
                await client.create_visit(note="x")
            assert failed.value.code == "not_enrolled"
            with pytest.raises(gandan.GandanError.RetryLater) as failed:
                await gandan.open(tmp_path / "a", key=KEY)
            assert failed.value.code == "busy"
            with pytest.raises(gandan.GandanError.FixInput) as failed:
                await client.enrol("https://nowhere.example")
            assert failed.value.code == "bad_link"
            with pytest.raises(TypeError):
                await client.create_visit(note=object())
        with pytest.raises(gandan.GandanError.FixInput) as failed:
            await gandan.open(tmp_path / "a", key=bytes(32))
        assert failed.value.code == "wrong_key"
        async with device(server, tmp_path / "a", "CB-421") as client:
            with pytest.raises(gandan.GandanError.FixInput) as failed:
                await client.create_visit(residents=-1)
            assert (failed.value.field, failed.value.code) == ("counts.residents", "out_of_range")

    run(work())


def test_a_cancelled_exchange_ends_and_the_background_goes_on(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with device(server, tmp_path / "a", "CB-431") as client:
            saved = await client.create_visit(note="Một")
            exchange = asyncio.create_task(client.sync())
            await asyncio.sleep(0)
            exchange.cancel()
            with pytest.raises(asyncio.CancelledError):
                await exchange
            async with client.background_sync() as background:
                async for phase in background:
                    if phase.is_IDLE():
                        break
            assert (await client.record(saved.id)).state == gandan.RecordState.SYNCED

    run(work())


def test_two_counts_are_decided_by_a_person(server: Server, tmp_path: Path) -> None:
    async def work() -> None:
        async with device(server, tmp_path / "a", "CB-441") as a, device(server, tmp_path / "b", "CB-442") as b:
            saved = await a.create_visit(residents=40)
            await a.sync()
            await b.sync()
            await b.edit(saved.id, residents=55)
            await b.sync()
            await a.sync()
            line = next(line for line in [line async for line in a.review()] if line.id == saved.id)
            assert sorted(value.value.value for value in line.item.values) == [40, 55]
            await a.resolve(saved.id, line.item, 55)
            assert (await a.record(saved.id)).content.visit.residents.effective == 55

    run(work())


def test_a_killed_process_loses_nothing_it_was_told_is_saved(server: Server, tmp_path: Path) -> None:
    async def enrol() -> None:
        async with device(server, tmp_path / "a", "CB-451"):
            pass

    async def ids() -> set[str]:
        async with device(server, tmp_path / "a", "CB-451") as client:
            return {row.id async for row in client.visits()}

    run(enrol())
    script = (
        "import asyncio, sys, gandan\n"
        "async def main():\n"
        "    client = await gandan.open(sys.argv[1], key=bytes([7]) * 32)\n"
        "    while True:\n"
        "        print((await client.create_visit(note='Giữa chừng')).id + '.', flush=True)\n"
        "asyncio.run(main())\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "a")], stdout=subprocess.PIPE, text=True)
    lines = [worker.stdout.readline() for _ in range(7)]
    os.kill(worker.pid, signal.SIGKILL)
    lines += worker.stdout.readlines()
    worker.wait()
    saved = {line[:-2] for line in lines if line.endswith(".\n")}
    assert len(saved) >= 7 and saved <= run(ids())


def test_the_example_makes_a_table_of_what_all_wrote(tmp_path: Path) -> None:
    example = ROOT / "bindings/python/examples/area_table.py"

    async def work(server: Server) -> None:
        async with device(server, tmp_path / "a", "CB-461") as a, device(server, tmp_path / "b", "CB-462") as b:
            october = await a.create_visit(planned_on="2026-10-11", residents=30, place_name="Thôn 5")
            await a.create_issue(visit=october.id, title="Đèn đường")
            await a.create_visit(planned_on="2026-10-18", residents=12)
            await a.sync()
            await b.create_visit(planned_on="2026-11-01", residents=7)
            await b.sync()

    # A server of its own: every visit of the area is in the table.
    with contextlib.closing(Server(tmp_path / "server")) as server:
        run(work(server))
        desk = [sys.executable, str(example), str(tmp_path / "desk"), server.link("CB-463")]
        said = subprocess.run(desk, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    figures = [line.split()[-3:] for line in said if line.startswith("2026-")]
    assert figures == [["2", "42", "1"], ["1", "7", "0"]], said
    assert said[-1] == "0 visits wait for a decision"


def test_what_is_tested_is_the_wheel() -> None:
    files = {str(file) for file in importlib.metadata.files("gandan") or []}
    assert {"gandan/__init__.py", "gandan/py.typed", "gandan/native/_build.py", "gandan/native/gandan.py"} <= files
    assert any(name.startswith("gandan/native/libgandan_ffi.") for name in files), files
    assert Path(gandan.__file__).samefile(importlib.metadata.distribution("gandan").locate_file("gandan/__init__.py"))


def test_the_surface_is_the_one_that_was_agreed() -> None:
    lines: list[str] = []
    for name in sorted(gandan.__all__):
        item = getattr(gandan, name)
        if inspect.isclass(item):
            lines.append(f"class {name}")
            for member, value in sorted(vars(item).items()):
                if member.startswith("_") and member != "__init__":
                    continue
                if inspect.isfunction(value):
                    lines.append(f"  {member}{inspect.signature(value)}")
                elif inspect.isclass(value):
                    lines.append(f"  class {member}")
                elif not callable(value):
                    lines.append(f"  {member}")
        else:
            lines.append(f"{name}{inspect.signature(item)}")
    golden = Path(__file__).parent.parent / "api.txt"
    now = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(now)
    assert golden.read_text() == now, "if the change is meant: UPDATE_GOLDEN=1, and say in CHANGELOG.md what scripts must do"


def test_every_name_has_documentation() -> None:
    undocumented = [
        f"{name}.{member}"
        for name in gandan.__all__
        for member, value in vars(getattr(gandan, name)).items()
        if inspect.isfunction(value) and not member.startswith("_") and not member.startswith("is_") and not value.__doc__
    ]
    assert undocumented == []
