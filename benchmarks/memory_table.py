"""What the finisher needs of a card's memory, as a table for people."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table

from benchmarks.memory import Memory


def of_memory(found: Memory) -> Group:
    """Return every network with what it takes, what else there is, and whether all of it fits."""
    table = Table(
        title=f"The finisher in {found['precision']} on {found['device']} [MiB]",
        caption="In turns: workspace that only one of them has at a time.",
    )
    for column in ("network", "rows", "weights", "workspace", ""):
        table.add_column(column, justify="left" if column in {"network", ""} else "right")
    for each in found["networks"]:
        notes = ["in turns"] * each["takes_turns"] + ["measured"] * (each["workspace_from"] == "measured")
        table.add_row(
            each["name"],
            str(each["rows"]),
            f"{each['weights']:,}",
            f"{each['workspace']:,}",
            ", ".join(notes),
        )
    table.add_section()
    rows = {
        "weights": found["weights"],
        "workspaces, always": found["workspace_resident"],
        "workspace, the largest in turns": found["workspace_shared"],
        **found["others"],
    }
    for name, size in rows.items():
        table.add_row(name, "", f"{size:,}")
    table.add_section()
    table.add_row("needed", "", f"{found['needed']:,}")
    table.add_row("the card has", "", f"{found['usable']:,}")
    return Group(table, *_verdict(found))


def _verdict(found: Memory) -> list[str]:
    room = found["usable"] - found["needed"]
    further = f"Each further size of picture takes {found['further_bucket']:,} MiB more."
    if found["fits"]:
        return [f"[green]It fits, with {room:,} MiB to spare.[/] {further}"]
    turns = "; from ONNX (--target onnx) or packages (aoti) the networks' workspaces can take turns"
    advice = "Load fewer sizes (--bucket), or leave out adapters or the refiner"
    return [
        f"[red]It does not fit: {-room:,} MiB are missing.[/] {further}",
        f"{advice}{turns if found['target'] == 'tensorrt' else ''}.",
    ]
