"""Play a procedure on a lab and report what it did and found."""

from __future__ import annotations

from collections.abc import Callable

from mixedmode.errors import CheckFailedError
from mixedmode.rehearsal import procedures
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.stage import Report, Stage
from mixedmode.rehearsal.token_procedures import TOKEN_PROCEDURES

PROCEDURES = {**procedures.PROCEDURES, **TOKEN_PROCEDURES}
"""By the name that ``mixedmode rehearse`` knows."""

__all__ = ["PROCEDURES", "Report", "Stage", "rehearse"]


async def rehearse(name: str, lab: Lab, show: Callable[[str], None] = lambda _line: None) -> Report:
    """Play a procedure on a lab.

    Args:
        name: Of :data:`PROCEDURES`.
        lab: Not started yet; it is stopped at the end.
        show: Told each line of the transcript as it comes.
    """
    report = Report(name)
    stage = Stage(lab, report, show)
    await lab.start()
    try:
        await PROCEDURES[name](stage)
        ctl = stage.published_ctl()
        if ctl is not None:
            report.ctl = {"length": ctl.length, "md5": ctl.md5, "sha1": ctl.sha1, "signer": ctl.header.signer_name}
    except CheckFailedError as error:
        stage.check(f"{name} runs to its end", held=False, detail=str(error))
    finally:
        await lab.stop()
    return report
