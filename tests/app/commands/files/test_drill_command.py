"""drill, as a user runs it: on the documents' example, on a cluster."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mixedmode.app.tree import app
from mixedmode.cluster.engine.principal import Principal
from mixedmode.errors import MixedModeError
from mixedmode.live.document import write_document
from mixedmode.live.observed import FileSeen, Observation, PhoneSeen, Sighting, Source, Value
from mixedmode.trustlist.model import TrustList
from tests.cluster.building import MIXED, PUB, make
from tests.docs.pages import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "forecast"
PUBLISH = f"{EXAMPLE}/publish/CTLFile.tlv,{EXAMPLE}/publish/ITLFile.tlv"
PHONES = ("--inventory", EXAMPLE / "inventory.csv", "--lists", EXAMPLE / "lists")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["drill", *map(str, words)])


@pytest.fixture(scope="module")
def old_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate that signed the CTL that the example's phones hold."""
    held = TrustList.parse((EXAMPLE / "lists" / "ctl-in-use.tlv").read_bytes())
    certificate = next(record.certificate for record in held.records if record.is_sast())
    assert certificate is not None
    path = tmp_path_factory.mktemp("key") / "old.pem"
    path.write_bytes(certificate.pem())
    return path


def test_the_key_of_the_lists_that_phones_hold(old_key: Path) -> None:
    done = run("--key", old_key, *PHONES, "--publish", PUBLISH, "--json")
    assert done.exit_code == 1, done.output
    document = json.loads(done.stdout)
    assert document["phones"] == 8
    assert document["cured"] == sum(each["count"] for each in document["groups"] if each["cured"])
    assert document["cured"] >= 5
    assert all(each["why"] for each in document["groups"])
    text = run("--key", old_key, *PHONES).stdout
    assert "cures" in text.splitlines()[0]
    assert "NOT cured" in text or "not known" in text


def test_of_a_cluster_without_phones_and_its_own_key(tmp_path: Path) -> None:
    cluster = make(tmp_path / "lab")
    cluster.run(MIXED, Principal("anna", 4))
    key = tmp_path / "callmanager.pem"
    key.write_bytes(cluster.own_certificate(PUB, "CallManager").pem())
    cluster.close()
    error = run("--key", key, "--directory", tmp_path / "lab").exception
    if error is not None and isinstance(error, MixedModeError):
        assert "names no phone" in error.what
    phones = tmp_path / "phones.csv"
    phones.write_text("name,model,ctl,itl\nSEP001122334455,8845,none,none\n")
    done = run("--key", key, "--directory", tmp_path / "lab", "--inventory", phones)
    assert done.exit_code == 0, (done.output, done.exception)


def test_the_lists_that_came_with_a_collected_inventory(old_key: Path, tmp_path: Path) -> None:
    held = (EXAMPLE / "lists" / "ctl-in-use.tlv").read_bytes()
    now = datetime(2026, 11, 26, tzinfo=UTC)
    seen = Sighting(Source.HTTP, now, "http://pub:6970")
    phone = PhoneSeen(
        "SEP001122334455",
        {
            name: (Value(text, seen),)
            for name, text in (("model", "8845"), ("itl", "none"), ("ctl", sha1(held).hexdigest()))
        },
    )
    observation = Observation("lab", now, now, files=(FileSeen("pub", "CTLFile.tlv", held, seen),), phones=(phone,))
    path = tmp_path / "seen.json"
    path.write_text("".join(write_document(observation)))
    done = run("--key", old_key, "--inventory", path, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    assert json.loads(done.stdout)["cured"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--key", "/nowhere", *PHONES),
        ("--key", ROOT / "README.md", *PHONES),
        ("--key", EXAMPLE / "tvs" / "cucm-pub-2026.pem"),
        ("--key", EXAMPLE / "tvs" / "cucm-pub-2026.pem", *PHONES, "--tvs", "perhaps"),
        ("--key", EXAMPLE / "tvs" / "cucm-pub-2026.pem", "--inventory", EXAMPLE / "inventory.csv"),
    ],
)
def test_what_cannot_be_tried_ends_with_2(words: tuple[str | Path, ...]) -> None:
    error = run(*words).exception
    assert isinstance(error, MixedModeError), error
    assert error.exit_code == 2
