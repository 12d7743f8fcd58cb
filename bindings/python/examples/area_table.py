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
import pandas as pd


# %%
async def rows(folder: Path, key: bytes, link: str | None = None) -> list[dict[str, Any]]:
    """A dictionary for each visit, after an exchange with the server."""
    async with await gandan.open(folder, key=key) as client:
        if link is not None and await client.device() is None:
            await client.enrol(link)
        # A new device of a large area has more to fetch than one exchange carries.
        while (await client.sync()).more:
            pass
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
def by_month(visits: list[dict[str, Any]]) -> pd.DataFrame:
    """Visits, residents met and issues raised, by month and unit. Visits without a day are left out."""
    table = pd.DataFrame(visits).dropna(subset="day")
    month = pd.to_datetime(table["day"]).dt.to_period("M").rename("month")
    return table.groupby([month, "unit"]).agg(
        visits=("id", "count"), residents=("residents", "sum"), issues=("issues", "sum")
    )


# %%
def main() -> None:
    folder, link = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    folder.mkdir(parents=True, exist_ok=True)
    visits = asyncio.run(rows(folder / "device", gandan.key_file(folder / "key"), link))
    if not visits:
        print("no visits yet")
        return
    print(by_month(visits).astype(int))
    print(f"{sum(visit['to_review'] > 0 for visit in visits)} visits wait for a decision")


if __name__ == "__main__":
    main()
