"""Certificates and phones in Debian's Chromium: panels and forms for axe-core, a narrow screen, keyboard, no script."""

from __future__ import annotations

from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.lines import AddLines
from tests.faces.web.administration import uploads
from tests.faces.web.conftest import sign_in
from tests.faces.web.test_every_page import serious
from tests.faces.web.weblab import WebLab

LIST = "/cmplatform/certificates"
NAME = "SEP00AABBCCEE01"


def test_a_key_by_mistake_then_the_certificate_then_its_end_without_script_on_a_narrow_screen(
    chromium: Browser, lab: WebLab
) -> None:
    context = chromium.new_context(
        ignore_https_errors=True,
        base_url=lab.url,
        java_script_enabled=False,
        viewport={"width": 360, "height": 740},
    )
    tab = context.new_page()
    sign_in(tab)
    tab.goto(LIST)
    keys, good = uploads.private_keys(), uploads.pem(uploads.certificate("kowal token"))
    tab.set_input_files(
        "#f-file", {"name": "kowal.p12", "mimeType": "application/x-pkcs12", "buffer": keys["kowal.p12"]}
    )
    tab.get_by_role("button", name="Upload", exact=True).click()
    expect(tab.locator("#f-file-e")).to_contain_text("kowal.p12 holds a private key. Nothing was kept.")
    assert tab.locator("#f-file").get_attribute("aria-invalid") == "true"
    assert tab.locator("#f-unit").input_value() == "Phone-SAST-trust", "what was chosen stays"
    tab.set_input_files("#f-file", {"name": "kowal.pem", "mimeType": "text/plain", "buffer": good})
    tab.get_by_role("button", name="Upload", exact=True).click()
    expect(tab.get_by_role("status")).to_contain_text("into Phone-SAST-trust")
    tab.get_by_role("link", name="Phone-SAST-trust").first.click()
    tab.goto(f"{LIST}?cn=kowal")
    tab.locator("tbody").get_by_role("link", name="Phone-SAST-trust").click()
    expect(tab.get_by_text("TVS vouches for it as a signer of lists.").first).to_be_visible()
    with tab.expect_download() as saved:
        tab.get_by_role("link", name="Download PEM").click()
    assert saved.value.path().read_bytes() == good
    tab.get_by_role("link", name="Delete it from Phone-SAST-trust").click()
    tab.get_by_role("button", name="Delete kowal_token.pem from Phone-SAST-trust").click()
    expect(tab.get_by_role("status")).to_contain_text("kowal_token.pem is out of Phone-SAST-trust.")
    context.close()


def test_panels_and_forms_have_nothing_serious_and_fit_a_narrow_screen(signed_in: Tab, lab: WebLab) -> None:
    lab.cluster.devices.add([DeviceSpec(NAME, "7975")])
    lab.cluster.run(AddLines((LineSpec(NAME, "2001", label="Lobby"),)))
    trusted = lab.cluster.certificates.list_trust("CAPF-trust")[0].certificate.sha256.hex()
    problems: list[str] = []
    for path in (
        f"{LIST}/generate?unit=CallManager",
        f"{LIST}/trust/CAPF-trust/{trusted}",
        f"{LIST}/trust/CAPF-trust/{trusted}/delete",
        f"/ccmadmin/phone/{NAME}",
        f"/ccmadmin/phone/{NAME}/line/2001",
        f"/ccmadmin/phone/{NAME}/remove",
    ):
        signed_in.set_viewport_size({"width": 1280, "height": 900})
        signed_in.goto(path)
        problems += [f"{path} {each}" for each in serious(signed_in)]
        signed_in.set_viewport_size({"width": 360, "height": 740})
        width = signed_in.evaluate("document.documentElement.scrollWidth")
        problems += [f"{path} is {width} px wide"] if width > 360 else []
    assert problems == []
    # A phone is described, and deleted, with the keyboard alone.
    signed_in.set_viewport_size({"width": 1280, "height": 900})
    signed_in.goto(f"/ccmadmin/phone/{NAME}")
    signed_in.get_by_label("Description").focus()
    signed_in.keyboard.type("By the lift")
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_role("status").first).to_contain_text(f"Device {NAME} changed.")
    signed_in.get_by_role("link", name=f"Delete {NAME}").focus()
    signed_in.keyboard.press("Enter")
    signed_in.wait_for_url("**/remove")
    signed_in.get_by_role("button", name=f"Delete {NAME}").focus()
    signed_in.keyboard.press("Enter")
    signed_in.wait_for_url("**/ccmadmin/phones")
    assert lab.cluster.device(NAME) is None
