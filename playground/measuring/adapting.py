"""What the consistency student is worth as a LoRA of its teacher, by rank."""

import functools
from pathlib import Path
from tempfile import TemporaryDirectory

from playground.measuring import batches, report
from playground.measuring.scores import Drawer, mean_right
from playground.training import adapter, export
from playground.world import oracle

RANKS, STEPS, COUNT = (4, 8, 16, 32, 64), (4, 2, 1), 40  # pictures of each of the thirteen cells


def measure(count: int = COUNT) -> None:
    """Draw with the student, then with each adapter, and write all into the student's card."""
    student = right(batches.drawer("emoji-world-lcm"), adapter.GUIDANCE, count)
    files = (export.student_folder() / "unet").glob("*.safetensors")
    whole = sum(file.stat().st_size for file in files)
    rows = [{"rank": 0, "bytes": whole, "right": student}]  # the student itself
    found = adapter.changes(export.load_unet(), export.load_student(), adapter.GUIDANCE)
    with TemporaryDirectory() as folder:
        for rank in RANKS:
            file = Path(folder) / f"rank-{rank}.safetensors"
            adapter.write(adapter.low_rank(found, rank), file)
            shares = right(batches.drawer("emoji-world", lora=str(file)), 1.0, count)
            rows.append({"rank": rank, "bytes": file.stat().st_size, "right": shares})
    kept = {"rows": rows, "count": count, "guidance": adapter.GUIDANCE, "shipped": adapter.RANK}
    export.update_card(export.student_folder(), adapter=kept | report.environment())


def right(drawer: Drawer, guidance: float, count: int) -> dict[str, float]:
    """By steps, the mean over the thirteen cells of what is right."""
    judge, found = oracle.load(), {}
    for steps in STEPS:
        settings = {"sampler": "lcm", "steps": steps, "guidance": guidance}
        found[str(steps)] = mean_right(functools.partial(drawer, settings=settings), judge, count)
    return found
