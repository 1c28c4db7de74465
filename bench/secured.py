"""A lab of 500 phones: into mixed mode with LSCs and encrypted profiles, calls, and the way back.

The lab is a real one. What is done is what the procedures ``secure-phones`` and ``back-to-non-secure`` say: at the
``admin:`` prompt, by CAPF with each phone's MIC, by resets through CallManager, 25 at a time. Then 50 calls are there
at once, and their sound goes from phone to phone. What is judged about the wire was taken from the loopback interface
(:mod:`bench.wire`).

Goals: each phone has an LSC and is registered encrypted; every call is SRTP with a lock at both ends, each end
recognises the other; no packet of media is in the clear, none of signalling goes without TLS. After the way back each
phone is registered non-secure, and the same calls are RTP, heard on the wire and without a lock.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.hall import Hall, Talked, talk
from bench.peers import all_files
from bench.timing import Effort, Found, Report
from bench.wire import Seen, judge, watched
from mixedmode.errors import RemoteError
from mixedmode.phone.body.calling.rtp import RtpMedia
from mixedmode.phone.body.calling.telephone import Telephone
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.facts import StationFacts
from mixedmode.procedures.secure import BACK_TO_NON_SECURE, SECURE_PHONES
from mixedmode.procedures.steps import CallEachOther, Part, ResetPhones, Step
from mixedmode.protocols.rtp.tones import tone_of
from mixedmode.protocols.sccp.calls.codes import Protection
from mixedmode.protocols.sccp.registration.admission import SecurityMode
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.phone_control import resetting
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.rehearsal.observer import observe
from mixedmode.rehearsal.report import Report as Rehearsed
from mixedmode.rehearsal.stage import Stage

_MODELS = ("7965", "7975", "7945", "7962")
_GROUP = 25
"""Phones that are reset in the same moment."""
_ATTEMPTS = 3
_SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_SHOWN = 200


def run(effort: Effort) -> Report:
    """Measure."""
    all_files()
    found = Found()
    phones, calls = effort.of(500, 12), effort.of(50, 4)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary:
        asyncio.run(_measure(effort, found, Path(temporary), phones, calls))
    return Report(f"{phones} secure phones, and the way back", found.lines, found.goals)


async def _measure(effort: Effort, found: Found, folder: Path, phones: int, calls: int) -> None:
    models = tuple(_MODELS[number % len(_MODELS)] for number in range(phones))
    lab = Lab(folder / "lab", LabSpec(nodes=1, models=models))
    stage = Stage(lab, Rehearsed("secured"))
    stage.registers = True
    await lab.start()
    try:
        for procedure, mode in ((SECURE_PHONES, SecurityMode.ENCRYPTED), (BACK_TO_NON_SECURE, SecurityMode.NON_SECURE)):
            begun, used = time.monotonic(), spent_here()
            await _play(effort, found, stage, procedure)
            stations = stage.stations.facts()
            took, used = time.monotonic() - begun, spent_here() - used
            found.lines.append(f"{procedure.name}: {_how(stations)}; {took:,.0f} s, {used:,.0f} s of processor time")
            as_wanted = sum(each.security == mode.label for each in stations)
            found.goal(f"phones registered {mode.label}", as_wanted, phones, at_most=False)
            if mode is SecurityMode.ENCRYPTED:
                by_lsc = sum(each.security == mode.label and each.certificate == "LSC" for each in stations)
                found.goal("phones registered by an LSC", by_lsc, phones, at_most=False)
            effort.say(f"{calls} calls at once, {mode.label}")
            talked, seen = await _call(lab, folder / "calls.pcap", calls)
            _judge(found, mode, calls, talked, seen)
    finally:
        await lab.stop()


def spent_here() -> float:
    """Return the seconds of processor time of this process: nodes and phones are in it."""
    return time.process_time()


def _how(stations: Sequence[StationFacts]) -> str:
    """Say how phones are registered."""
    counts = Counter(
        f"registered {each.security} by {each.certificate}" if each.certificate else f"registered {each.security}"
        if each.security else f"not registered ({each.told or 'not told why'})"
        for each in stations
    )  # fmt: skip
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


async def _play(effort: Effort, found: Found, stage: Stage, procedure: Procedure) -> None:
    """Do what a procedure says up to its calls; what comes before it has been done by the one before."""
    for step in procedure.steps:
        if isinstance(step.act, CallEachOther):
            break
        if step.part is Part.BEFORE and procedure is not SECURE_PHONES:
            continue
        effort.say(step.what)
        if isinstance(step.act, ResetPhones):
            await _reset(effort, found, stage, step)
        else:
            await stage.do(step.act)
        found.lines += [f"does not hold: {wrong}" for wrong in _wrong(step, stage)]
    found.lines += [f"does not hold: {each.what} ({each.detail})" for each in stage.report.checks if not each.held]


async def _reset(effort: Effort, found: Found, stage: Stage, step: Step) -> None:
    """Reset phones by groups, as somebody does who has hundreds, and once more those that are not as they shall be."""
    lab = stage.lab
    if all(phone is None or phone.registration is None for phone in map(lab.phones.find, lab.phones.names)):
        await stage.do(step.act)
        await _settled(stage, lab.phones.names)
        return
    reset = resetting(lab.nodes, lab.phones, lambda: lab.phone_server)
    names = lab.phones.names
    for attempt in range(_ATTEMPTS):
        if attempt:
            found.lines.append(f"reset once more: {len(names)} phones")
        for begin in range(0, len(names), _GROUP):
            group = names[begin : begin + _GROUP]
            await reset({"kind": "reset", "devices": group})
            await _settled(stage, group)
            effort.count(f"{step.what} ({attempt + 1})", begin + len(group), len(names))
        stage.boots |= {name: phone.last for name in names if (phone := lab.phones.find(name)) and phone.last}
        names = _behind(step, stage)
        if not names:
            return


def _behind(step: Step, stage: Stage) -> list[str]:
    """Return the phones for which what must hold after a step does not."""
    behind = set()
    for check in step.after:
        now = observe(stage, check.needs)
        for each in now.stations or ():
            if any(not finding.held for finding in check.find(now, replace(now, stations=(each,)))):
                behind.add(each.name)
    return sorted(behind)


def _wrong(step: Step, stage: Stage) -> list[str]:
    """Return what does not hold after a step."""
    facts = ((check, observe(stage, check.needs)) for check in step.after)
    findings = [finding for check, now in facts for finding in check.find(now, now) if not finding.held]
    return [f"{finding.what} ({finding.detail[:_SHOWN]})" for finding in findings]


async def _settled(stage: Stage, names: Sequence[str]) -> None:
    """Wait until phones are registered again: on a busy machine that takes longer than a rehearsal waits."""
    end = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < end:
        # Asked of CallManager alone: to look at every phone's keys and files costs more than its registration.
        manager = stage.lab.publisher.callmanager
        if manager is not None and all(manager.phone(name) is not None for name in names):
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _call(lab: Lab, file: Path, calls: int) -> tuple[Talked, Seen]:
    """Have calls at once, and look at the wire meanwhile."""
    manager = lab.publisher.callmanager
    if manager is None:
        raise RemoteError("the lab has no CallManager")
    here = Hall(manager)
    for number, name in enumerate(lab.phones.names[: 2 * calls]):
        phone = lab.phones.find(name)
        if phone is not None and phone.registration is not None:
            media = RtpMedia(tone_of(name))
            here.phones.append(Telephone(phone.registration, media, answers=number % 2 == 1))
    parts = {f"{address.rsplit('.', 2)[0]}." for address in (_phone_address(lab), manager.address[0])}
    try:
        with watched(file, parts) as ended:
            talked = await talk(here, calls)
            await asyncio.sleep(_LOOK_SECONDS)
    finally:
        for telephone in here.phones:
            telephone.hush()
    seen = judge(file, manager.port, manager.tls_port)
    seen.missed = ended["missed"]
    return talked, seen


def _phone_address(lab: Lab) -> str:
    phone = lab.phones.find(lab.phones.names[0])
    if phone is None or phone.registration is None:
        raise RemoteError("the lab has no phones that register")
    return phone.registration.address


def _judge(found: Found, mode: SecurityMode, calls: int, talked: Talked, seen: Seen) -> None:
    secret = mode is SecurityMode.ENCRYPTED
    icons = ", ".join(sorted(each.words for each in talked.statuses))
    kinds = ", ".join(sorted(talked.kinds))
    found.lines.append(
        f"{talked.connected} calls at once, {mode.label}: {talked.recognised} of {2 * calls} tones recognised,"
        f" status {icons}, {kinds}, {talked.dropped} packets dropped by phones"
    )
    found.lines.append(
        f"on the wire: {seen.media:,} packets of media, {seen.clear:,} in the clear, {seen.tagged:,} with a tag of"
        f" 32 bits; {seen.plain:,} segments of SCCP without TLS, {seen.secure:,} with it; {seen.missed:,} not seen"
    )
    found.goal(f"calls connected, {mode.label}", talked.connected, calls, at_most=False)
    found.goal(f"tones recognised, {mode.label}", talked.recognised, 2 * calls, at_most=False)
    wanted = Protection.ENCRYPTED if secret else Protection.NOT_AUTHENTICATED
    shown = talked.statuses == {wanted} and talked.kinds == {"SRTP" if secret else "RTP"}
    found.goal(f"{mode.label} calls shown as what they are", float(shown), 1, at_most=False)
    # Every end sends fifty packets a second; a capture without them would prove nothing.
    found.goal(f"packets of media in the capture, {mode.label}", seen.media, 20 * calls, at_most=False)
    if secret:
        found.goal("packets of media in the clear", seen.clear, 0, at_most=True)
        found.goal("packets of media without a tag", seen.media - seen.tagged, 0, at_most=True)
        found.goal("segments of SCCP without TLS", seen.plain + seen.strange, 0, at_most=True)
        found.goal("packets that the capture missed", seen.missed, 0, at_most=True)
    else:
        found.goal("packets of media that cannot be heard", seen.media - seen.clear, 0, at_most=True)
        found.goal("segments of SCCP with TLS", seen.secure, 0, at_most=True)
