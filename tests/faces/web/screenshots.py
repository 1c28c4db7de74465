"""``make screenshots``: pictures of every page of a lab into docs/screenshots, and the page of the docs with them.

The lab has been through something: it went into mixed mode and its CallManager certificate was made again while a phone
was off, so that pages have lists to compare and phones that are not in step.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.control.door import Control
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.pages import PAGES
from mixedmode.rehearsal.lab.lab import ADMINISTRATOR, Lab
from mixedmode.rehearsal.lab.names import models_of
from mixedmode.rehearsal.lab.spec import LabSpec

DOCS = Path(__file__).resolve().parents[3] / "docs"
FOLDER = DOCS / "screenshots"
PAGE = DOCS / "reference" / "pages.md"
CHROMIUM = "/usr/bin/chromium"


def main() -> None:
    """Start a lab, sign in, and take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="mixedmode-") as folder:
        lab = asyncio.run_coroutine_threadsafe(_started(Path(folder)), loop).result()
        try:
            _take(f"https://{lab.publisher.info.address}:{lab.publisher.ports['web']}", lab.password_file.read_text())
        finally:
            asyncio.run_coroutine_threadsafe(lab.stop(), loop).result()
    PAGE.write_text(gallery())


async def _started(folder: Path) -> Lab:
    lab = Lab(folder / "lab", LabSpec(models=models_of(12)))
    await lab.start()
    await lab.phones.boot_all(lab.phone_server)
    await lab.phones.register_all(lab.phone_server)
    door, publisher = Control(lab.cluster), lab.publisher.info.name
    changes = (SetMixedMode(), RegenerateCertificate(node=publisher, unit="CallManager"))
    for change in changes:
        await asyncio.to_thread(door.run, Principal(ADMINISTRATOR, 4, "console", publisher), change)
        await lab.phones.boot_all(lab.phone_server, without=[next(iter(lab.cluster.devices)).name])
    return lab


def name_of(page: Page) -> str:
    """Return the name of a page's picture."""
    return re.sub(r"[^a-z0-9]+", "-", page.path.lower()).strip("-") or "overview"


def gallery() -> str:
    """Return the page of the docs that shows them all."""
    shown = [page for page in PAGES if page.example is not None]
    parts = [_HEAD, "\n## Signing in, `/signin`\n\n![Signing in](../screenshots/signin.png)\n"]
    for page in shown:
        path = " > ".join((*page.crumbs, page.title))
        parts.append(f"\n## {path}, `{page.path}`\n\n![{page.title}](../screenshots/{name_of(page)}.png)\n")
    return "".join(parts)


_HEAD = """# The pages of the administration

What a browser shows at port 8443 of a node (a lab prints its address; `mixedmode web` opens it signed in). Each view
has an address that holds its state, and works without scripts for reading and plain forms. How a page is added:
[add a page](../how-to/add-a-page.md). This page and its pictures are made by `make screenshots`.
"""


def _take(url: str, password: str) -> None:
    with sync_playwright() as playwright:
        # Letters without coloured edges make files of half the size.
        arguments = ["--disable-lcd-text", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        context = browser.new_context(
            ignore_https_errors=True, base_url=url, viewport={"width": 1120, "height": 720}, color_scheme="light"
        )
        tab = context.new_page()
        tab.goto("/signin")
        tab.screenshot(path=FOLDER / "signin.png")
        tab.fill("#u", ADMINISTRATOR)
        tab.fill("#p", password.strip())
        tab.press("#p", "Enter")
        tab.wait_for_url("**/")
        for page in PAGES:
            if page.example is not None:
                tab.goto(page.example)
                tab.screenshot(path=FOLDER / f"{name_of(page)}.png")
        browser.close()


if __name__ == "__main__":
    main()
