"""A file that a phone would drop is signed all the same, and the place of the fault is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.pki.certificates.load import save_signer
from mixedmode.signedfile.wellformed import xml_problem
from tests.signedfile.material import PHONE, tftp_signer
from tests.support import run_mixedmode

FAULTS = [
    (b"<device>\n <u>http://x/?a=1&b=2</u>\n</device>", 2, 20, "&amp;"),
    (b"<device>\n <a></b>\n</device>", 2, 7, "end tag"),
    (b"<device>", 1, 9, "ends before"),
    (b"", 1, 1, "empty"),
    (b"   \n", 2, 1, "ends before"),
    (b"<device>&nbsp;</device>", 1, 9, "entity"),
    (b"<device/>\n<device/>", 2, 1, "after the end"),
    (b'<device a="1" a="2"/>', 1, 15, "attribute"),
    (b"<device>\n<authPassword[x</authPassword>\n</device>", 2, 14, "cannot stand"),
    (b"<device>a < b</device>", 1, 12, "cannot stand"),
    (b"<device>\x0b</device>", 1, 9, "cannot stand"),
    (b"<device>\xfc</device>", 1, 9, "cannot stand"),
    (b'\n<?xml version="1.0"?><device/>', 2, 1, "very start"),
    (b'<?xml version="1.0" encoding="x-none"?><device/>', 1, 1, "encoding"),
    (b"<device><![CDATA[x</device>", 1, 28, "CDATA"),
    (b'<!DOCTYPE device [<!ENTITY a "b">]>\n<device>&a;</device>', 1, 18, "DOCTYPE"),
    (b"<device>&#0;</device>", 1, 9, "character"),
]


@pytest.mark.parametrize(("content", "line", "column", "words"), FAULTS)
def test_the_place_and_the_fault_are_told(content: bytes, line: int, column: int, words: str) -> None:
    problem = xml_problem(content)
    assert problem is not None
    assert (problem.line, problem.column) == (line, column)
    assert words in problem.text


@pytest.mark.parametrize("content", [b"<device/>", b"\xef\xbb\xbf<device/>", "<device>ü</device>".encode(),
                                     '<?xml version="1.0" encoding="iso-8859-1"?><d>ü</d>'.encode("latin-1"),
                                     "<device/>".encode("utf-16")])  # fmt: skip
def test_what_phones_read_has_no_problem(content: bytes) -> None:
    assert xml_problem(content) is None


def test_the_first_element_of_a_configuration_is_looked_at() -> None:
    roots = frozenset({"device", "Default"})
    assert xml_problem(b"<Default/>", roots=roots) is None
    assert "<flat-profile>" in str(xml_problem(b"\n<flat-profile/>", roots=roots))


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert xml_problem(b"<device>" + data) is None or xml_problem(b"<device>" + data)


def test_sign_config_warns_and_signs(tmp_path: Path) -> None:
    save_signer(tmp_path / "tftp.pem", tftp_signer())
    path = tmp_path / PHONE
    path.write_bytes(FAULTS[0][0])
    done = run_mixedmode("sign-config", path, "--signer", tmp_path / "tftp.pem")
    assert done.returncode == 0
    assert "warning" in done.stderr
    assert "line 2, column 20" in done.stderr
    assert (tmp_path / f"{PHONE}.sgn").is_file()
    as_json = run_mixedmode("sign-config", path, "--signer", tmp_path / "tftp.pem", "--json")
    assert as_json.stderr == ""
    assert "line 2, column 20" in json.loads(as_json.stdout)["warnings"][0]
    path.write_bytes(b"<device>\n</device>")
    assert run_mixedmode("sign-config", path, "--signer", tmp_path / "tftp.pem").stderr == ""
    binary = tmp_path / "ring.raw"
    binary.write_bytes(b"&<\0")
    assert run_mixedmode("sign-config", binary, "--signer", tmp_path / "tftp.pem").stderr == ""
