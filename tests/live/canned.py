"""Servers without a socket, time that does not pass, and what a cluster answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from mixedmode.live.allowed.requests import HttpRequest, Place
from mixedmode.live.wire.https import Response, Web
from tests.live.stub import Answer, Sent, xml


class Time:
    """A clock of its own."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 26, 8, tzinfo=UTC) + timedelta(seconds=int(self.seconds))

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds


class Canned(Web):
    """A server without a socket, behind the same allow-list; what it is sent is judged as the stub does."""

    def __init__(self, answer: Callable[[Sent], Answer]) -> None:
        super().__init__(Place.CLUSTER, "192.0.2.10", 8443)
        self._answer = answer
        self.sent: list[Sent] = []

    def _exchange(self, request: HttpRequest, limit: int) -> Response:
        sent = Sent(request.method, request.target, request.fields, request.body)
        sent.judge()
        self.sent.append(sent)
        return Response(*self._answer(sent))


def rows(*found: Mapping[str, str]) -> Answer:
    made = "".join("<row>" + "".join(f"<{k}>{v}</{k}>" for k, v in row.items()) + "</row>" for row in found)
    return xml(f"<executeSQLQueryResponse><return>{made}</return></executeSQLQueryResponse>")


def fault(text: str, status: int = 500, code: str = "-1") -> Answer:
    _, fields, body = xml(
        f"<e:Fault><faultcode>e:Server</faultcode><faultstring>{text}</faultstring><detail><axlError><axlcode>{code}"
        f"</axlcode><axlmessage>{text}</axlmessage></axlError></detail></e:Fault>"
    )
    return status, fields, body


def in_turn(*answers: Answer) -> Callable[[Sent], Answer]:
    left = list(answers)
    return lambda _sent: left.pop(0)


def device(name: str, stamp: int = 1764000000, status: str = "Registered") -> str:
    return (
        f"<item><Name>{name}</Name><DirNumber>1001-Registered</DirNumber><Model>683</Model><Httpd>Yes</Httpd><LoginUserId>joe"
        f"</LoginUserId><Status>{status}</Status><Description>Joe</Description><TimeStamp>{stamp}</TimeStamp><Protocol>SIP"
        "</Protocol><ActiveLoadID>sip88xx.14-3-1</ActiveLoadID><IPAddress><item><IP>192.0.2.51</IP></item></IPAddress></item>"
    )


def told(*devices: str, total: int | None = None, code: str = "Ok", node: str = "sub1", more: str = "") -> Answer:
    return xml(
        "<selectCmDeviceResponse><selectCmDeviceReturn><SelectCmDeviceResult><TotalDevicesFound>"
        f"{len(devices) if total is None else total}</TotalDevicesFound>"
        f"<CmNodes><item><ReturnCode>{code}</ReturnCode><Name>{node}</Name>"
        f"<CmDevices>{''.join(devices)}</CmDevices></item>{more}</CmNodes></SelectCmDeviceResult></selectCmDeviceReturn>"
        "</selectCmDeviceResponse>"
    )


SIGNATURE = "A9 02 5C 3E 81 F7 4D 16 B8 6A 0F 92 E3 57 CC 28 7D 41 05 9B "
ALARM = (
    '<x-cisco-alarm>\n<Alarm Name="DeviceTLInfo">\n<ParameterList>\n'
    '<String name="DeviceName">SEP00005E005302</String>\n'
    '<String name="CTL_Signature">Not Installed</String>\n<String name="CTL_TFTP_Server">N/A</String>\n'
    f'<String name="ITL_Signature">{SIGNATURE}</String>\n<String name="ITL_TFTP_Server">pub.example.net</String>\n'
    '<String name="StatusCode">3</String>\n</ParameterList>\n</Alarm>\n</x-cisco-alarm>\n'
)
SAID = {"ctl": "none", "itl": SIGNATURE.replace(" ", "").lower(), "itl_server": "pub.example.net", "tl_status": "3"}
