"""Every endpoint keeps to its description, whatever comes: schemathesis, with a person of each level."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
import urllib3
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.faces.api.conftest import PHONE, PUB, SUB, token
from tests.faces.web.weblab import WebLab

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN = {
    "node": [PUB, SUB],
    "unit": ["CallManager", "CAPF", "TVS", "CallManager-trust"],
    "file": ["ITLFile.tlv", "CTLFile.tlv"],
    "service": ["Cisco Tftp", "Cisco CallManager"],
    "name": [PHONE, "CAPFPhonePort", "reader"],
    "number": ["1", "999999"],
    "act": ["start"],
}
ANY = st.booleans()
MANNERS = [
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
]


def document(lab: WebLab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.visitor().get("/api/openapi.json").body)
    return found


def operations(lab: WebLab, *methods: str) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(document(lab))
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]
        if operation.method.upper() in methods:
            yield operation


def session_of(lab: WebLab, user: str) -> requests.Session:
    session = requests.Session()
    session.verify, session.trust_env = False, False
    session.headers["Authorization"] = f"Bearer {token(lab, user)}"
    urllib3.disable_warnings()
    return session


def shake(
    lab: WebLab, session: requests.Session, operation: Any, examples: int, about_real: st.SearchStrategy[bool] = ANY
) -> None:
    """Send requests as the description has them, half of them about what there is; where nothing varies, one does."""
    if not (operation.path_parameters or operation.query or operation.body):
        examples = 1
    known = {name: st.sampled_from(values) for name, values in KNOWN.items() if f"{{{name}}}" in operation.path}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=MANNERS,
    )
    @given(case=operation.as_strategy(), real=about_real, values=st.fixed_dictionaries(known))
    def try_one(case: Any, real: bool, values: dict[str, str]) -> None:
        if real:
            case.path_parameters = {**(case.path_parameters or {}), **values}
        for header in ("If-Match", "If-None-Match", "Idempotency-Key"):
            case.headers.pop(header, None)
        response = case.call(base_url=lab.url, session=session, verify=False)
        case.validate_response(response, checks=CHECKS)

    try_one()


def test_the_document_is_one(lab: WebLab) -> None:
    found = document(lab)
    assert found["openapi"] == "3.1.0"
    names = [each["operationId"] for methods in found["paths"].values() for each in methods.values()]
    assert len(names) == len(set(names)) > 150
    for path, methods in found["paths"].items():
        for method, each in methods.items():
            assert each["summary"].endswith("."), (path, method)
            assert {"401", "403", "429"} <= each["responses"].keys()


def test_reading(lab: WebLab) -> None:
    session = session_of(lab, "administrator")
    for operation in operations(lab, "GET"):
        shake(lab, session, operation, 2)


@pytest.mark.parametrize("user", ["reader", "operator"])
def test_reading_with_less_than_every_right(lab: WebLab, user: str) -> None:
    session = session_of(lab, user)
    for operation in list(operations(lab, "GET"))[::2]:
        shake(lab, session, operation, 1)


def test_changing_without_the_right(lab: WebLab) -> None:
    session = session_of(lab, "reader")
    every = list(operations(lab, "POST", "PUT", "PATCH", "DELETE"))
    for operation in every[::6]:  # what refuses them is one line for all
        shake(lab, session, operation, 1)


def test_changing(own_lab: WebLab) -> None:
    """What this shakes is not put together again: an operator shakes everything, then an administrator does."""
    operator, administrator = session_of(own_lab, "operator"), session_of(own_lab, "administrator")
    every = list(operations(own_lab, "POST", "PUT", "PATCH", "DELETE"))
    for operation in every:
        shake(own_lab, operator, operation, 1, st.just(value=True))
    for operation in every:
        shake(own_lab, administrator, operation, 2 if operation.path.count("/operations/") == 0 else 1)
