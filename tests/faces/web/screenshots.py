"""``make screenshots``: a picture of every declared page, of a lab, into docs/screenshots."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from mixedmode.faces.web.pages import PAGES
from mixedmode.rehearsal.lab.lab import ADMINISTRATOR, Lab
from mixedmode.rehearsal.lab.spec import LabSpec

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "screenshots"
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


async def _started(folder: Path) -> Lab:
    lab = Lab(folder / "lab", LabSpec())
    await lab.start()
    await lab.phones.boot_all(lab.phone_server)
    await lab.phones.register_all(lab.phone_server)
    return lab


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
                name = re.sub(r"[^a-z0-9]+", "-", page.path.lower()).strip("-") or "overview"
                tab.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
