"""``python -m tests.faces.web.guides.seven``: every guided procedure in Chromium, on a lab with many phones.

In each the browser is closed while phones are being reset, and another one opened, which finds the run. What the pages
say of the phones at the end is compared with what the phones hold. With ``--report`` the figures are kept.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

from mixedmode.pki.tokens.token_find import MODULE_VARIABLE
from mixedmode.rehearsal.lab.names import models_of
from mixedmode.rehearsal.lab.spec import LabSpec
from tests.faces.web.conftest import CHROMIUM
from tests.faces.web.guides.guiding import guide_lab
from tests.faces.web.guides.hands import InChromium, made_tokens
from tests.faces.web.guides.tour import ORDER, Carried, Tour
from tests.softhsm import MODULE

REPORT = Path(__file__).resolve().parents[4] / "bench" / "reports" / "guides.txt"
_ROW: Final = "{:<22}{:>6}{:>9}{:>16}{:>7}{:>6}{:>9}{:>8}{:>9}"


def report_of(phones: int, nodes: int, carried: Iterable[Carried], registered: int) -> str:
    """Return the report."""
    lines = [
        f"made by: python -m tests.faces.web.guides.seven --phones {phones} --nodes {nodes} --report",
        "",
        "Guided procedures in Chromium",
        "=============================",
        "",
        f"{nodes} nodes, {phones} phones, of which {registered} register",
        "The browser is closed while phones are being reset, and another one goes on.",
        "",
        _ROW.format("procedure", "steps", "seconds", "closed at step", "again", "lost", "in step", "behind", "unknown"),
    ]
    for each in carried:
        shown = each.shown
        counts = each.again.total(), len(each.lost), shown.in_step, shown.behind, shown.unknown
        lines.append(_ROW.format(each.name, each.steps, round(each.seconds), each.left, *counts))
    return "\n".join([
        *lines,
        "",
        "Each step was done and verified. Those were lost whom the forecast had named; they are saved before the next.",
        "Again are those that were reset once more, since TVS answered too late for them.",
        "In step, behind and unknown are what the page said in the end, and what the phones hold.",
        "",
    ])  # fmt: skip


def main() -> None:
    """Go through them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--report", action="store_true", help=f"write {REPORT.name}")
    asked = parser.parse_args()
    os.environ[MODULE_VARIABLE] = str(MODULE)
    done: list[Carried] = []
    began = time.monotonic()

    def told(carried: Carried) -> None:
        done.append(carried)
        print(f"{time.monotonic() - began:6.0f} s  {len(done)} of {len(ORDER)}  {carried}", flush=True)

    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with (
        tempfile.TemporaryDirectory(prefix="mixedmode-") as folder,
        guide_lab(Path(folder), LabSpec(nodes=asked.nodes, models=models_of(asked.phones))) as lab,
        sync_playwright() as playwright,
    ):
        print(f"{time.monotonic() - began:6.0f} s  a lab with {asked.phones} phones at {lab.url}", flush=True)
        tour = Tour(lab, made_tokens(lab))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        somebody = InChromium(browser, lab)
        tour.whole(lambda _name: somebody, told)
        browser.close()
        report = report_of(asked.phones, asked.nodes, done, tour.registered)
    print(report)
    if asked.report:
        REPORT.write_text(report)


if __name__ == "__main__":
    main()
