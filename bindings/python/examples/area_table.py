# %% [markdown]
# # The visits of an area as a table
#
# A device of a staff member, enrolled once for the units of the area, holds what all officials wrote, merged. This pulls
# what is new and makes a table of it. Run it as a script or cell by cell:
#
#     pip install 'gandan[example]'
#     python area_table.py FOLDER [LINK]

# %%
import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import gandan


# %%
async def rows(folder: Path, key: bytes, link: str | None = None, *, sync: bool = True) -> list[dict[str, Any]]:
    """A dictionary for each visit, after an exchange with the server."""
    async with await gandan.open(folder, key=key) as client:
        if link is not None and await client.device() is None:
            await client.enrol(link)
        if sync:
            await client.sync()
        units = {unit.code: unit.name for unit in await client.units()}
        issues = Counter([issue.visit async for issue in client.issues()])
        return [
            {
                "id": visit.id,
                "day": visit.day,
                "unit": units.get(visit.unit, visit.unit),
                "place": visit.place_name,
                "status": visit.status,
                "residents": visit.residents,
                "issues": issues[visit.id],
                "to_review": visit.review,
            }
            async for visit in client.visits()
        ]


# %%
def main() -> None:
    import pandas as pd

    folder, link = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(asyncio.run(rows(folder / "device", gandan.key_file(folder / "key"), link)))
    if table.empty:
        print("no visits yet")
        return
    table["day"] = pd.to_datetime(table["day"])
    by_month = table.groupby([table["day"].dt.to_period("M"), "unit"]).agg(
        visits=("id", "count"), residents=("residents", "sum"), issues=("issues", "sum")
    )
    print(by_month)
    print(f"{int((table['to_review'] > 0).sum())} visits wait for a decision")


if __name__ == "__main__":
    main()
