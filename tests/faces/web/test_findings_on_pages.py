"""Findings as cards: told on the overview, checked again, gone when they do not hold any more."""

from __future__ import annotations

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.services import StartService, StopService
from tests.faces.web.weblab import WebLab


def test_a_finding_says_what_its_remedy_does_and_is_checked_again(own_lab: WebLab) -> None:
    visitor, node = own_lab.visitor("reader"), "cucm-1051-a-sub1"
    assert "Nothing waits for anybody." in visitor.get("/").text
    own_lab.cluster.run(StopService(node, Service.TVS.value))
    name = f"service-stopped/{node}/Cisco-Trust-Verification-Service"
    page = visitor.get(f"/?check={name}").text
    assert f"Cisco Trust Verification Service on {node} is stopped." in page
    assert "4 phones have it in their list." in page
    assert "Start it: phones can ask again; nothing else changes." in page
    assert "It still holds." in page
    assert f'<input type="hidden" name="check" value="{name}">' in page
    own_lab.cluster.run(StartService(node, Service.TVS.value))
    page = visitor.get(f"/?check={name}").text
    assert "It does not hold any more." in page
    assert "is stopped." not in page
    assert "<script>x" not in visitor.get("/?check=<script>x").text
