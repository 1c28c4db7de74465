"""The command against a lab over real sockets: a node's AXL, RIS, Control Center and files, and phones' own pages."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from mixedmode.audit.live.judging import judge
from mixedmode.cluster.model.sightings import Reported, Seen
from mixedmode.live.cluster_file import read_cluster_file
from mixedmode.live.document import read_document
from mixedmode.live.observed import Observation, PhoneSeen, Source
from mixedmode.live.page_reader import PageReader
from mixedmode.live.provisioned import Feature
from mixedmode.live.sources import catalogue
from mixedmode.live.wire.clock import SYSTEM
from mixedmode.live.wire.https import Web
from mixedmode.node.units.traces import NodeTraces
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from tests.live.test_pages import book_of
from tests.support import run_mixedmode

MODELS = ("8841",)


async def typed(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run_mixedmode, *words)


def test_a_lab(tmp_path: Path) -> None:
    asyncio.run(_lab(tmp_path))


async def _lab(folder: Path) -> None:
    lab = Lab(folder / "lab", LabSpec(nodes=1, models=MODELS))
    await lab.start()
    try:
        lab.write_document()
        await lab.phones.boot_all(lab.phone_server)
        await _say_no_more(lab)
        await _collected(lab, folder)
        for name in lab.phones.names:
            await _page(lab, name)
    finally:
        await lab.stop()


async def _say_no_more(lab: Lab) -> None:
    """Have phones tell of their lists no more by themselves: what stands in the trace last is the test's."""
    for name in lab.phones.names:
        phone = lab.phones.find(name)
        if phone is not None and phone.alarm is not None:
            await phone.alarm.dropped()


async def _collected(lab: Lab, folder: Path) -> None:
    toml, output = folder / "lab" / "cluster.toml", folder / "site.json"
    _trace(lab)
    words = ("inventory", "collect", "--cluster", toml, "--output", output, "--no-pages")
    done = await typed(*words, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["nodes"], said["phones"], said["complete"]) == (1, 1, True)
    _judge(lab, output)
    nodes = read_cluster_file(toml).nodes
    url = f"http://{nodes[0].address}:{nodes[0].ports['http']}/ITLFile.tlv"
    forecast = await typed("forecast", "--inventory", output, "--publish", url, "--json")
    assert json.loads(forecast.stdout)["phones"], forecast.stderr
    await _refused(folder, toml)


def _trace(lab: Lab) -> None:
    """Write what a phone said of its lists as CallManager does."""
    traces = NodeTraces(lab.cluster.folder(lab.cluster.nodes()[0].name))
    seen = Seen()
    seen.report(Reported(time.time(), "none", "ab" * 20))
    traces.seen({lab.phones.names[0]: seen})
    traces.close()


async def _refused(folder: Path, toml: Path) -> None:
    """A wrong password: the rest is there, the file says what is missing, and the run can go on."""
    (folder / "wrong").write_text("not it\n")
    path = folder / "wrong.toml"
    _with_password(toml, path, folder / "wrong")
    done = await typed("inventory", "collect", "--cluster", path, "--output", folder / "w.json")
    assert done.returncode == 3
    assert "refused" in done.stderr
    _judge_refused(folder)


def _with_password(toml: Path, path: Path, password: Path) -> None:
    lines = toml.read_text().splitlines()
    path.write_text(
        "\n".join(f'password_file = "{password}"' if line.startswith("password_file") else line for line in lines)
    )


def _judge_refused(folder: Path) -> None:
    seen = read_document((folder / "w.json").read_text())
    assert (len(seen.phones), len(seen.nodes)) == (0, 1)
    assert any(each.data for each in seen.files)
    assert "not it" not in (folder / "w.json.partial").read_text()


def _judge(lab: Lab, output: Path) -> None:
    assert sorted(each.name for each in output.parent.iterdir()) == ["lab", "site.json"]
    assert output.stat().st_mode & 0o777 == 0o600
    text = output.read_text()
    assert lab.password_file.read_text().strip() not in text
    seen = read_document(text)
    assert {each.name for each in seen.phones} == set(lab.phones.names)
    phone = next(each for each in seen.phones if each.newest("model") == "8841")
    assert phone.newest("security_mode") == "non-secure"
    assert not [each for each in seen.not_seen if each.what in {"AXL", "registrations", "phones", "services"}]
    assert all(value.seen.at and value.seen.where for values in phone.values.values() for value in values)
    assert {each.node for each in seen.files if each.name == "ITLFile.tlv" and each.data} == {
        each.name for each in lab.cluster.nodes()
    }
    assert any(each.name == "Cisco Tftp" and each.started for each in seen.services)
    assert {"CallManager", "TVS", "CAPF"} <= {each.unit for each in seen.certificates}
    assert any(each.roles for each in seen.certificates)
    assert any(each.name == "ClusterSecurityMode" for each in seen.parameters)
    (held,) = phone.values["itl"]
    assert (held.text, held.seen.source, phone.newest("ctl")) == ("ab" * 20, Source.TRACE, "none")
    assert not [each for each in seen.not_seen if each.what == "counters" or "trace" in each.what]
    assert any((each.name, each.value) == ("EncryptedRegisteredPhones", 0) for each in seen.counters)
    _judge_settings(seen, phone)


def _judge_settings(seen: Observation, phone: PhoneSeen) -> None:
    """What the cluster is set to, by the read-only tables of a node's AXL."""
    assert {(each.number, each.name) for each in seen.models} >= {("683", "Cisco 8841")}
    assert [(each.name, each.nodes) for each in seen.groups] == [("Default", tuple(each.name for each in seen.nodes))]
    assert (phone.newest("pool"), "Default") in {(each.name, each.group) for each in seen.pools}
    assert phone.newest("security_profile") in {each.name for each in seen.profiles}
    assert any(each.model == "683" and each.feature == Feature.SECURITY_BY_DEFAULT for each in seen.features)
    assert [(each.model, each.protocol) for each in seen.default_loads] == [("Cisco 8841", "SIP")]
    assert phone.newest("web_access_configured") == "yes"
    assert {"SAST"} <= {role for each in seen.vouched for role in each.roles}
    settings = {*(each.name for each in catalogue.CATALOGUE), "settings", "roles of TVS", "what TVS vouches for"}
    assert not [each for each in seen.not_seen if each.what in settings]
    assert not {each.rule for each in judge(seen).findings} & {"S2", "S3", "P3", "P6", "C14"}


async def _page(lab: Lab, name: str) -> None:
    """What a phone's page shows is what it holds."""
    where = urlsplit(lab.pages.addresses[name])
    book = book_of(name, address=str(where.hostname))
    found = await asyncio.to_thread(PageReader(book, where.port or 80, (), Web, SYSTEM), name)
    phone = lab.phones.find(name)
    assert phone is not None
    held = phone.phone.state.trust.itl
    assert held is not None
    assert found["itl"].text == held.sha1
    assert "ITL installed".lower() in found["messages"].text.lower()


def test_ports_that_close_at_once_are_no_answer_and_leave_what_was_collected_before(tmp_path: Path) -> None:
    before = tmp_path / "site.json"
    before.write_text("collected before")
    with closing_at_once() as port:
        closed = ("tftp", "http", "https", "web", "tvs", "capf", "sccp_tls", "ctl_provider")
        ports = ", ".join((*(f"{name} = 9" for name in closed), f"sip_tls = {port}"))
        (tmp_path / "CLUSTER.toml").write_text(
            f'[[node]]\nname = "pub"\naddress = "127.0.0.1"\nrole = "publisher"\nports = {{ {ports} }}\n'
        )
        done = run_mixedmode("inventory", "collect", "--cluster", tmp_path / "CLUSTER.toml", "--output", before)
    assert done.returncode == 3
    assert "no node answered" in done.stderr
    assert before.read_text() == "collected before"


@contextmanager
def closing_at_once() -> Iterator[int]:
    """A port that takes connections and closes them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def close() -> None:
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()

        Thread(target=close, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
