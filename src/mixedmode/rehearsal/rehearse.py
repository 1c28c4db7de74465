"""Play a procedure on a lab and report what it did and found."""

from __future__ import annotations

from collections.abc import Callable

from mixedmode.errors import CheckFailedError
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.player import play
from mixedmode.rehearsal.report import Report
from mixedmode.rehearsal.stage import Stage


async def rehearse(procedure: Procedure, lab: Lab, show: Callable[[str], None] = lambda _line: None) -> Report:
    """Play a procedure on a lab.

    Args:
        procedure: Its definition.
        lab: Not started yet; it is stopped at the end.
        show: Told each line of the transcript as it comes.
    """
    report = Report(procedure.name)
    stage = Stage(lab, report, show)
    await lab.start()
    try:
        await play(procedure, stage)
        ctl = stage.published_ctl()
        if ctl is not None:
            report.ctl = {"length": ctl.length, "md5": ctl.md5, "sha1": ctl.sha1, "signer": ctl.header.signer_name}
    except CheckFailedError as error:
        stage.note(Finding(f"{procedure.name} runs to its end", held=False, detail=str(error)))
    finally:
        await lab.stop()
    return report
