"""Phones of a node: added, imported all or none, listed, removed, and served at once."""

from __future__ import annotations

import json
import shutil
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from mixedmode.app.commands.cluster import device
from mixedmode.app.device_csv import FIELDS, checked, read_devices
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.errors import MixedModeError
from tests.support import run_mixedmode


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a publisher without phones."""
    folder = tmp_path_factory.mktemp("publisher")
    path = folder / "mixedmode.toml"
    made = run_mixedmode(
        "node", "init", "--name=pub1", "--address=127.0.0.1", "--directory", folder / "data", "--config", path
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def config(template: Path, tmp_path: Path) -> Path:
    """The settings of a copy of it."""
    shutil.copytree(template / "data", tmp_path / "data")
    path = tmp_path / "mixedmode.toml"
    path.write_text((template / path.name).read_text().replace(str(template), str(tmp_path)))
    return path


def names(config: Path) -> list[str]:
    return [each["name"] for each in json.loads(run_mixedmode("device", "list", "--json", "--config", config).stdout)]


def test_phones_come_and_go(config: Path, tmp_path: Path) -> None:
    added = run_mixedmode("device", "add", "SEP001122334455", "--model", "8861", "--config", config)
    assert added.returncode == 0, added.stderr
    again = run_mixedmode("device", "add", "SEP001122334455", "--config", config)
    assert (again.returncode, "there already" in again.stderr) == (2, True)
    (tmp_path / "phones.csv").write_text("name,model,device_pool\nSEP0011223344AA,7975,Krakow\nSEP0011223344AB,7940,\n")
    assert run_mixedmode("device", "import", tmp_path / "phones.csv", "--config", config).returncode == 0
    assert names(config) == ["SEP001122334455", "SEP0011223344AA", "SEP0011223344AB"]
    assert run_mixedmode("device", "remove", "SEP001122334455", "--config", config).returncode == 0
    assert run_mixedmode("device", "remove", "SEP001122334455", "--config", config).returncode != 0
    assert names(config) == ["SEP0011223344AA", "SEP0011223344AB"]
    assert "Krakow" in run_mixedmode("device", "list", "--config", config).stdout


def listed(config: Path) -> dict[str, dict[str, Any]]:
    done = run_mixedmode("device", "list", "--json", "--config", config)
    return {each["name"]: each for each in json.loads(done.stdout)}


def test_devices_have_the_names_that_cucm_gives_them(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "phones.csv"
    file.write_text(
        "name,model\nCSFJDOE,JABBER\nbotjdoe,JABBER\nTCTJ.DOE,TCT\nTAB_JDOE,Cisco Jabber for Tablet\n"
        "ATA001122334455,ATA191-K9\n00:11:22:33:44:cc,CP-8845-K9\n0011.2233.44cd,Cisco 7941G-GE\n"
    )
    assert run_mixedmode("device", "import", file, "--config", config).returncode == 0
    assert run_mixedmode("device", "add", "sep0011223344ab", "--config", config).returncode == 0
    changed = run_mixedmode("device", "change", "0011223344CD", "--model", "8861", "--config", config)
    assert changed.returncode == 0, changed.stderr
    assert run_mixedmode("device", "remove", "tctj.doe", "--config", config).returncode == 0
    found = {each["name"]: (each["model"], each["protocol"]) for each in listed(config).values()}
    assert found == {
        "CSFJDOE": ("JABBER", "SIP"),
        "BOTJDOE": ("JABBER", "SIP"),
        "TAB_JDOE": ("Jabber for Tablet", "SIP"),
        "ATA001122334455": ("ATA 191", "SIP"),
        "SEP0011223344AB": ("7975", "SCCP"),
        "SEP0011223344CC": ("8845", "SIP"),
        "SEP0011223344CD": ("8861", "SIP"),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,model\nSEP0011223344AA,7975\nnonsense,7975\n", "nonsense"),
        ("name,colour\nSEP0011223344AA,red\n", "colour"),
        ("model\n7975\n", "no column"),
        ("name,model\nSEP0011223344AA,9999999\n", "9999999"),
        ("name\n", "no phone"),
        ("name,security_mode\nSEP0011223344AA,high\n", ":2"),
    ],
)
def test_a_bad_file_adds_nothing(config: Path, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "phones.csv").write_text(text)
    done = run_mixedmode("device", "import", tmp_path / "phones.csv", "--config", config)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert names(config) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,model\nSEP0011223344AA,7975\nnonsense,7975\n", "phones.csv:3: column name: 'nonsense'"),
        ("name,model\nSEP0011223344AA,9999999\n", "phones.csv:2: column model: '9999999'"),
        ("name,protocol\nSEP0011223344AA,H323\n", "phones.csv:2: column protocol"),
        ("name,model,protocol\nSEP0011223344AA,8861,SCCP\n", "phones.csv:2: column protocol: an 8861 speaks SIP only"),
        ("name,security_mode\nSEP0011223344AA,4\n", "phones.csv:2: column security_mode"),
        ("name\nSEP0011223344AA\n\nsep0011223344aa\n", "phones.csv:4: column name: SEP0011223344AA is on line 2"),
        ("name,model\nSEP0011223344AA\n", "phones.csv:2: this line has fewer fields"),
        ("name\nSEP0011223344AA,7975\n", "phones.csv:2: this line has more fields"),
        ("name,name\nSEP0011223344AA,x\n", "phones.csv:1: a column is there twice"),
        ('name,description\nSEP0011223344AA,"a\nb"\nnonsense,c\n', "phones.csv:4: column name"),
        ('name\n"SEP0011223344AA\n', "no CSV"),
    ],
)
def test_an_error_in_a_file_names_line_and_column(text: str, said: str) -> None:
    with pytest.raises(MixedModeError) as caught:
        read_devices(Path("phones.csv"), text.encode())
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("given", "where", "said"),
    [
        ({"name": "SEP00112233445"}, "name", "no device name"),
        ({"name": "CSF"}, "name", "no device name"),
        ({"name": "CSF1234567890123"}, "name", "no device name"),
        ({"name": "CSF JDOE/.."}, "name", "no device name"),
        ({"name": "SEP001122334455", "model": "CP-9999-K9"}, "model", "no known phone model"),
        ({"name": "SEP001122334455", "model": "Route List"}, "model", "is no phone"),
        ({"name": "SEP001122334455", "model": "8861", "protocol": "SCCP"}, "protocol", "speaks SIP only"),
        ({"name": "SEP001122334455", "protocol": "H323"}, "protocol", "no protocol"),
        ({"name": "SEP001122334455", "security_mode": "4"}, "security_mode", "no security mode"),
        ({"name": "SEP001122334455", "secure_tone": "maybe"}, "secure_tone", "no setting of a tone"),
    ],
)
def test_what_is_no_device_is_refused(given: dict[str, str], where: str, said: str) -> None:
    with pytest.raises(MixedModeError, match=said) as caught:
        checked(given)
    assert caught.value.where == where


def test_a_phone_that_is_there_already_and_bytes_that_are_no_text_are_found_in_the_file(
    config: Path, tmp_path: Path
) -> None:
    file = tmp_path / "phones.csv"
    assert run_mixedmode("device", "add", "SEP0011223344AB", "--config", config).returncode == 0
    file.write_text("name\nSEP0011223344AA\nSEP0011223344AB\n")
    done = run_mixedmode("device", "import", file, "--config", config)
    assert (done.returncode, "phones.csv:3: column name: device SEP0011223344AB is there" in done.stderr) == (2, True)
    file.write_bytes(b"name,description\nSEP0011223344AA,ok\nSEP0011223344AC,M\xfcller\n")
    done = run_mixedmode("device", "import", file, "--config", config)
    assert (done.returncode, "phones.csv:3: this line is not UTF-8" in done.stderr) == (2, True)
    assert names(config) == ["SEP0011223344AB"]


def test_models_are_listed_with_what_is_unsure() -> None:
    text = run_mixedmode("models", "7975", "CP-9871-K9", "36247").stdout
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["7975", "9871", "7832"]
    found = {each["name"]: each for each in json.loads(run_mixedmode("models", "--json").stdout)}
    assert len(found) > 190
    assert all(each["phone"] for each in found.values())
    seed = found["7975"]
    assert (seed["device_type"], seed["security_by_default"], seed["hash_shown"], seed["protocol"]) == (
        437, True, "MD5", "SCCP",
    )  # fmt: skip
    assert seed["digests"] == {"SHA1": True, "SHA512": None}
    assert "digests" in seed["unsure"]
    later = found["9841"]
    assert (later["device_type"], later["security_by_default"], later["hash_shown"]) == (36345, None, None)
    assert {"security_by_default", "hash_shown", "digests"} <= set(later["unsure"])
    unknown = run_mixedmode("models", "CP-9999-K9")
    assert (unknown.returncode, "no known phone model" in unknown.stderr) == (2, True)


def test_the_commands_take_each_field_of_a_device_and_nothing_else() -> None:
    places = {"directory", "config"}
    added = {name: each.default for name, each in signature(device.add).parameters.items() if name not in places}
    spec = DeviceSpec("SEP001122334455")
    assert tuple(added) == FIELDS
    assert {name: value for name, value in added.items() if name not in {"name", "protocol"}} == {
        name: getattr(spec, name) for name in FIELDS if name not in {"name", "protocol"}
    }
    changed = tuple(name for name in signature(device.change).parameters if name not in places)
    assert changed == FIELDS
