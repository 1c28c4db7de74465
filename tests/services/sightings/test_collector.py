"""What services note of phones: what was delivered to whom, who asked, and nothing of strangers."""

from __future__ import annotations

import asyncio
import hashlib
import urllib.request

import pytest

from mixedmode.cluster.model.sightings import LOST, MOST, Asked, Delivery, Registered, Reported, Seen
from mixedmode.phone.body.download import fetch_tftp
from mixedmode.services.files.store import MappingStore
from mixedmode.services.http.service import HttpService
from mixedmode.services.sightings import collector
from mixedmode.services.sightings.collector import Sightings, host_of
from mixedmode.services.tftp.mmsg import pack_address
from mixedmode.services.tftp.service import TftpService
from tests.support import eventually

PHONE = "SEP001122334455"
CTL, ITL, CONFIG = b"c" * 3000, b"i" * 700, b"<device/>"
FILES = {"CTLFile.tlv": CTL, "ITLFile.tlv": ITL, f"{PHONE}.cnf.xml": CONFIG, "ringlist.xml": b"<x/>"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of(seen: Seen, kind: str) -> list[tuple[str, str, bool]]:
    return [(each.sha256, each.address, each.whole) for each in seen.deliveries.get(kind, [])]


@pytest.mark.parametrize("protocol", ["tftp", "http"])
def test_files_that_were_delivered_by_a_phones_own_names(protocol: str) -> None:
    seen = Sightings()
    store = MappingStore(FILES)

    def fetched(port: int, name: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}") as answer:
            data: bytes = answer.read()
        return data

    async def procedure() -> None:
        service = TftpService(store, seen=seen) if protocol == "tftp" else HttpService(store, port=0, seen=seen)
        await service.start()
        try:
            for name in (f"CTL{PHONE}.tlv", f"ITL{PHONE}.tlv", f"/{PHONE}.cnf.xml", "ringlist.xml", "ITLFile.tlv"):
                if protocol == "tftp":
                    data = await fetch_tftp("127.0.0.1", service.port, name)
                else:
                    data = await asyncio.to_thread(fetched, service.port, name)
                assert data == FILES[name.lstrip("/").replace(PHONE + ".tlv", "File.tlv")]
            if protocol == "http":
                part = urllib.request.Request(
                    f"http://127.0.0.1:{service.port}/CTLSEP00112233AAAA.tlv", headers={"Range": "bytes=0-9"}
                )
                head = urllib.request.Request(part.full_url, method="HEAD")
                for request in (part, head):
                    await asyncio.to_thread(lambda asked: urllib.request.urlopen(asked).close(), request)
        finally:
            await service.stop()

    asyncio.run(procedure())
    found = seen.take()
    assert set(found) == {PHONE}
    assert of(found[PHONE], "CTL") == [(sha256(CTL), "127.0.0.1", True)]
    assert of(found[PHONE], "ITL") == [(sha256(ITL), "127.0.0.1", True)]
    fetch = found[PHONE].fetched
    assert fetch is not None
    assert (fetch.name, fetch.address) == (f"{PHONE}.cnf.xml", "127.0.0.1")


def test_a_transfer_that_broke_off_before_its_end_is_none() -> None:
    seen = Sightings()

    async def procedure() -> None:
        service = TftpService(MappingStore(FILES), seen=seen)
        await service.start()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        transport.sendto(b"\0\1" + f"CTL{PHONE}.tlv".encode() + b"\0octet\0", ("127.0.0.1", service.port))
        await eventually(lambda: service.metrics["active"])
        transport.close()
        await service.stop()

    asyncio.run(procedure())
    assert not seen.take()


def test_addresses_in_every_form_that_services_have_them() -> None:
    assert host_of(pack_address(("10.1.2.3", 5000))) == host_of(("10.1.2.3", 69)) == host_of("10.1.2.3") == "10.1.2.3"


def test_strangers_get_no_entry() -> None:
    seen = Sightings()
    seen.known = frozenset({PHONE})
    for number in range(1000):
        seen.delivered(f"CTLSEP{number:012X}.tlv", CTL, "10.0.0.9")
        seen.asked(f"CP-7975-SEP{number:012X}", "10.0.0.9", "01", known=False)
    for name in ("CTLnobody.tlv", "CTLSEP00.tlv", "../CTLFile.tlv", "\udcff", ""):
        seen.delivered(name, CTL, "10.0.0.9")
    seen.asked("\0", "10.0.0.9", "01", known=False)
    assert len(seen) == 0
    assert seen.refused == 2000
    seen.delivered(f"CTL{PHONE.lower()}.tlv", CTL, "10.0.0.9")
    assert len(seen) == 1


def test_where_names_are_not_known_the_number_of_devices_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "MOST", 10)
    seen = Sightings()
    for number in range(100):
        seen.delivered(f"ITLSEP{number:012X}.tlv", ITL, "10.0.0.9")
    assert (len(seen), seen.refused) == (10, 90)


def test_what_could_not_be_written_is_older_than_what_came_since() -> None:
    clock = iter(range(1, 100))
    seen = Sightings(clock=lambda: float(next(clock)))
    seen.delivered(f"CTL{PHONE}.tlv", CTL, "10.0.0.1")
    seen.registered(PHONE, "10.0.0.1", "encrypted")
    taken = {name: Seen.of(each.document()) for name, each in seen.take().items()}
    seen.delivered(f"CTL{PHONE}.tlv", ITL, "10.0.0.1")
    seen.registered(PHONE, "10.0.0.2", "encrypted")
    seen.reported(PHONE, None, "")
    seen.add(taken)
    found = seen.take()[PHONE]
    assert [each.sha256 for each in found.deliveries["CTL"]] == [sha256(CTL), sha256(ITL)]
    assert found.registered is not None
    assert found.registered.address == "10.0.0.2"
    assert {kind: held for kind, (_, held) in found.reported.items()} == {"ITL": "none"}


def test_a_report_ends_what_was_delivered_before_but_the_last() -> None:
    found = Seen()
    for moment in range(3):
        found.deliver("CTL", Delivery(float(moment), "a", str(moment)))
        found.deliver("ITL", Delivery(float(moment), "a", str(moment)))
    found.report(Reported(5.0, "1" * 40, None))
    assert [each.sha256 for each in found.deliveries["CTL"]] == ["2"]
    assert [each.sha256 for each in found.deliveries["ITL"]] == ["0", "1", "2"]


def test_more_deliveries_than_are_kept_say_so() -> None:
    found = Seen()
    for number in range(50):
        found.deliver("CTL", Delivery(float(number), "a", str(number % 49)))
    kept = found.deliveries["CTL"]
    assert len(kept) <= MOST
    assert kept[0].sha256 == LOST
    assert kept[-1].sha256 == "0"


def test_the_same_list_again_is_the_same_delivery_later() -> None:
    found = Seen(asked=Asked(1.0, "a", "01", known=True), registered=Registered(1.0, "a", "encrypted"))
    found.deliver("CTL", Delivery(1.0, "a", "x"))
    found.deliver("CTL", Delivery(2.0, "b", "x", whole=False))
    assert found.deliveries["CTL"] == [Delivery(2.0, "b", "x", whole=False)]
    assert Seen.of(found.document()) == found
