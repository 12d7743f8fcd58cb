"""Field visits of officials: record without a network, merge afterwards.

A :class:`Client` is one field device. Everything that touches the disk or the network is a coroutine and holds up
nothing; when a save returns, it is on disk.

    import asyncio, gandan

    async def main():
        async with await gandan.open("device", key=gandan.key_file("device.key")) as client:
            await client.enrol("https://gandan.example/enrol#CODE")
            saved = await client.create_visit(note="Bà con nêu hai việc.", planned_on="2026-11-29", residents=46)
            report = await client.sync()
            print(saved.id, report.pushed)

    asyncio.run(main())

Errors are :class:`GandanError`; its variants say what can be done: ``RetryLater``, ``EnrolAgain``, ``UpdateApp``,
``FixInput``, ``FreeSpace``, ``Bug``.
"""

from ._client import Background, Client, key_file, open, set_log
from .native.gandan import (
    AdminUnit,
    Assignment,
    Attached,
    Budget,
    CodeLabel,
    Content,
    Device,
    Draft,
    Edit,
    EnrolmentLink,
    Exported,
    FieldValue,
    FilesMoved,
    FilesProgress,
    GandanError,
    HistoryEntry,
    ImportReport,
    Issue,
    IssuePage,
    IssueRow,
    LogLevel,
    LogLine,
    PhotoState,
    PhotoView,
    Progress,
    RecordKind,
    RecordState,
    RecordView,
    Rescued,
    ReviewItem,
    ReviewLine,
    Saved,
    Standing,
    SyncPhase,
    SyncReport,
    Visit,
    VisitPage,
    VisitRow,
    Warning,
    build_id,
    check_text,
    code_list,
    code_lists,
    read_link,
)

__all__ = [
    "AdminUnit",
    "Assignment",
    "Attached",
    "Background",
    "Budget",
    "Client",
    "CodeLabel",
    "Content",
    "Device",
    "Draft",
    "Edit",
    "EnrolmentLink",
    "Exported",
    "FieldValue",
    "FilesMoved",
    "FilesProgress",
    "GandanError",
    "HistoryEntry",
    "ImportReport",
    "Issue",
    "IssuePage",
    "IssueRow",
    "LogLevel",
    "LogLine",
    "PhotoState",
    "PhotoView",
    "Progress",
    "RecordKind",
    "RecordState",
    "RecordView",
    "Rescued",
    "ReviewItem",
    "ReviewLine",
    "Saved",
    "Standing",
    "SyncPhase",
    "SyncReport",
    "Visit",
    "VisitPage",
    "VisitRow",
    "Warning",
    "build_id",
    "check_text",
    "code_list",
    "code_lists",
    "key_file",
    "open",
    "read_link",
    "set_log",
]
