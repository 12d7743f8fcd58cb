"""A real server, and devices of it."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import gandan
import pytest

ROOT = Path(__file__).resolve().parents[3]
UNIT = "24781"
KEY = bytes([7]) * 32


class Server:
    """`gandan-server` with a data folder of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.program = os.environ.get("GANDAN_SERVER_BIN", str(ROOT / "target/debug/gandan-server"))
        self.run("init", "--units", str(ROOT / "crates/model/data/lam-dong-units.csv"))
        command = [self.program, "serve", "--json", "--data", str(data), "--listen", "127.0.0.1:0"]
        self.log = open(data.with_suffix(".log"), "wb")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.address = json.loads(self.process.stdout.readline())["listening"]

    def run(self, command: str, *args: str) -> dict[str, Any]:
        call = [self.program, command, "--data", str(self.data), *args, "--json"]
        return json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def link(self, name: str, unit: str = UNIT) -> str:
        """A link for a new device of this official."""
        args = ["--name", name, "--role", "field_official", "--unit", unit, "--base-url", f"http://{self.address}"]
        return self.run("enrol", *args)["link"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with contextlib.closing(Server(tmp_path_factory.mktemp("server") / "data")) as server:
        yield server


@contextlib.asynccontextmanager
async def device(server: Server, folder: Path, name: str):
    """An enrolled device."""
    async with await gandan.open(folder, key=KEY) as client:
        if await client.device() is None:
            await client.enrol(server.link(name))
        yield client


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs a test that is a coroutine."""
    return asyncio.run(work)
