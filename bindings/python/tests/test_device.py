"""What a script does with a device, against a real server."""

import asyncio
import base64
import datetime
import inspect
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import gandan
import pytest
from conftest import KEY, ROOT, UNIT, Server, device, run


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


def test_a_photograph_reaches_the_server(server: Server, tmp_path: Path) -> None:
    # The smallest picture there is: one grey pixel.
    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
    )

    async def work() -> None:
        async with device(server, tmp_path / "a", "CB-471") as client:
            saved = await client.create_visit(note="Có ảnh")
            attached = await client.attach(saved.id, png, caption="Cống hỏng")
            assert attached.mime.startswith("image/")
            assert len(await client.photo(saved.id, attached.photo)) == attached.bytes
            await client.sync()
            moved = await client.sync_files()
            assert (moved.sent > 0, moved.waiting, moved.refused) == (True, 0, 0)
            with pytest.raises(gandan.GandanError.FixInput) as failed:
                await client.attach(saved.id, b"no picture")
            assert failed.value.code == "attachment_unknown_kind"

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


def test_the_example_makes_a_table(server: Server, tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT / "bindings/python/examples"))
    import area_table

    async def work() -> None:
        async with device(server, tmp_path / "a", "CB-461") as client:
            saved = await client.create_visit(planned_on="2026-10-11", residents=30, place_name="Thôn 5")
            await client.create_issue(visit=saved.id, title="Đèn đường")
        rows = await area_table.rows(tmp_path / "a", KEY)
        row = next(row for row in rows if row["id"] == saved.id)
        assert (row["residents"], row["place"], row["issues"]) == (30, "Thôn 5", 1)

    run(work())


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
