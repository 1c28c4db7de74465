"""Pasted listings: what they say, what they do not show, and how they are compared."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from mixedmode.errors import MalformedError
from mixedmode.explain.values import Grade
from mixedmode.trustlist.diff import diff_descriptions
from mixedmode.trustlist.document import describe
from mixedmode.trustlist.listing import render_listing
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.pasted.described import from_json
from mixedmode.trustlist.pasted.reading import read_listings
from tests.explain.reading import DATA, TRANSCRIPTS, kinds, read

SEED = TrustList.parse((DATA / "tlv" / "50-seed-tokenless-4947.tlv").read_bytes())
MODIFIED = "Fri Mar 06 19:45:13 CET 2015"
LISTS = sorted(path for folder in ("tlv", "cucm") for path in (DATA / folder).glob("*.tlv"))


def parsed(path: object) -> TrustList | None:
    try:
        return TrustList.parse(path.read_bytes())  # type: ignore[attr-defined]
    except MalformedError:
        return None


def listing(trust_list: TrustList) -> list[str]:
    return render_listing(trust_list, trust_list.verify(), MODIFIED)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_what_is_printed_is_read_back(path: object) -> None:
    trust_list = parsed(path)
    if trust_list is None or trust_list.header.signer_serial is None:
        return
    (shown,) = read_listings(listing(trust_list))
    real = describe(trust_list, trust_list.verify(), ())
    assert (shown.md5, shown.sha1, shown.length) == (trust_list.md5, trust_list.sha1, trust_list.length)
    assert len(shown.records) == len(trust_list.records)
    assert not diff_descriptions(real, shown.document())
    assert not diff_descriptions(shown.document(), real)
    assert not diff_descriptions(from_json(json.dumps(shown.document()).encode()), real)


@pytest.mark.parametrize("width", [40, 60, 72, 100, 10_000])
def test_a_terminal_of_another_width(width: int) -> None:
    lines = [line[at : at + width] for line in listing(SEED) for at in range(0, max(len(line), 1), width)]
    (shown,) = read_listings(lines)
    assert [(each.subject, each.serial, each.certificate_sha1) for each in shown.records] == [
        (each.subject, each.serial.hex(":").upper(), each.certificate.sha1.hex())
        for each in SEED.records
        if each.serial is not None and each.certificate is not None
    ]


def test_lines_that_were_lost_altogether() -> None:
    (shown,) = read_listings([" ".join(line.strip() for line in listing(SEED) if line)])
    assert [each.role_label for each in shown.records] == [each.role_label for each in SEED.records]
    assert shown.records[0].serial == SEED.records[0].serial.hex(":").upper()  # type: ignore[union-attr]


def test_an_itl_and_a_ctl_after_one_another() -> None:
    itl = [line.replace("CTL", "ITL") for line in listing(SEED)]
    found = read("\n".join(["admin:show ctl", *listing(SEED), "admin:show itl", *itl, "admin:"]))
    assert [each.kind for each in found.listings] == ["CTL", "ITL"]
    assert found.unknown == 0
    assert not found.refused


def test_what_the_lengths_say() -> None:
    text = (TRANSCRIPTS / "118893-e-tokenless-full.txt").read_text()
    assert kinds(read(text)) == ["command", "listing", "small-keys"]
    assert "small-keys" not in kinds(read((TRANSCRIPTS / "118893-h-after-regen-2048.txt").read_text()))
    assert kinds(read(text.replace("file: 4947", "file: 70000")), Grade.WARNING) == ["too-large"]


def test_a_list_that_does_not_verify_is_a_refusal() -> None:
    text = "\n".join(listing(SEED)[:-1]) + "\nVerification of the CTL file failed: no\n"
    assert "list-unverified" in kinds(read(text), Grade.REFUSED)


def test_a_list_signed_by_another_is_a_warning_for_who_holds_the_older() -> None:
    before = (TRANSCRIPTS / "118893-g-before-regen.txt").read_text()
    after = (TRANSCRIPTS / "118893-h-after-regen-2048.txt").read_text()
    assert kinds(read(before + after), Grade.WARNING) == ["signer-new"]
    assert "signer-known" not in kinds(read(before + after))
    assert kinds(read(before + before), Grade.WARNING) == []


def test_what_a_listing_leaves_out_is_never_a_difference() -> None:
    (full,) = read_listings((TRANSCRIPTS / "118893-e-tokenless-full.txt").read_text().splitlines())
    (short,) = read_listings((TRANSCRIPTS / "118893-d-etoken-to-tokenless.txt").read_text().splitlines())
    assert (full.complete, short.complete, len(short.records)) == (True, False, 2)
    assert not diff_descriptions(full.document(), short.document())
    assert not diff_descriptions(short.document(), full.document())


def test_what_it_shows_is_compared() -> None:
    (shown,) = read_listings(listing(SEED))
    other = shown.document()
    other["records"][0]["certificate_sha1"] = "0" * 40
    other["records"][1]["serial"] = "00:01"
    found = diff_descriptions(describe(SEED, SEED.verify(), ()), other)
    assert [(each.new_number, [field.field for field in each.fields]) for each in found.records] == [
        (1, ["certificate_sha1"]), (2, ["serial"]),
    ]  # fmt: skip


def test_a_token_s_run_of_blanks_comes_back() -> None:
    (shown,) = read_listings((TRANSCRIPTS / "118893-c-etoken-signed.txt").read_text().splitlines())
    assert shown.records[0].subject == 'cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems'


@pytest.mark.parametrize(
    "data",
    [
        b"{", b"{}", b'{"kind": "CTL"}', b'{"kind": "CTL", "records": [1]}', b'{"kind": "XTL", "records": []}',
        b'{"kind": "CTL", "records": [{"serial": 7}]}', b'{"kind": "CTL", "records": [], "length": "x"}',
        b'{"kind": "CTL", "records": [], "length": true}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_json_of_something_else_is_said(data: bytes) -> None:
    with pytest.raises(MalformedError):
        from_json(data)


def test_the_moment_is_not_needed() -> None:
    assert datetime.now(UTC)
    (shown,) = read_listings(listing(SEED)[10:])
    assert (shown.md5, len(shown.records)) == (None, len(SEED.records))
