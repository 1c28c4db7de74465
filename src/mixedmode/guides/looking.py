"""Looks at the beginning of a run and at the end of each step, and judges what must hold there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.guide_runs import GuideRuns
from mixedmode.guides.lists import choices_of, tokens_in
from mixedmode.guides.observer import observe, published
from mixedmode.pki.certificates.purposes import Purpose
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.checks import SIGNED_BY_CALLMANAGER, SIGNER_IS_NEW, VOUCHED, Check, Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.facts import Facts, Token, Topic
from mixedmode.procedures.guided.run import Run
from mixedmode.procedures.steps import CtlClient, Prompt, ResetPhones, Step

_POLL_SECONDS: Final = 0.1
_PHONE_TIME: Final = timedelta(seconds=5)
"""How long after their reset phones that were not heard of are waited for, before it is said how many report."""
_NOT_IN_STEP: Final = frozenset({"every-phone-holds-published", "no-phone-holds-ctl"})
"""What is worth knowing before a run begins, and keeps nobody: the forecast says what comes of it."""


def before_it(
    cluster: Cluster, procedure: Procedure, choices: Mapping[str, str], refusal: Finding | None
) -> tuple[Facts, tuple[Finding, ...], dict[str, str]]:
    """Return what is so before a run, what was found of its preconditions, and the tokens that are known by it.

    Args:
        cluster: The cluster.
        procedure: That is planned.
        choices: What was chosen.
        refusal: Whether the cluster would take its first operation.
    """
    known = _known_tokens(cluster, procedure)
    topics = (procedure.needs - {Topic.PHONES, Topic.TVS}) | {Topic.MODE, Topic.LISTS, Topic.CERTIFICATES}
    before = observe(cluster, topics, choices={**known, **choices})
    found = []
    for check in procedure.checked_before():
        if Topic.PHONES not in check.needs:
            found += list(check.find(before, before))
        elif check.name in _NOT_IN_STEP:
            found.append(_phones(cluster, check))
    return before, (*found, *((refusal,) if refusal is not None else ())), known


def _known_tokens(cluster: Cluster, procedure: Procedure) -> dict[str, str]:
    """Return the tokens of the CTL file, where a procedure begins with them: the one that signed it is the second."""
    if not any(check.token is Token.SECOND for check in procedure.checked_before()):
        return {}
    return choices_of(dict(zip((Token.SECOND, Token.FIRST), tokens_in(published(cluster)), strict=False)))


def _phones(cluster: Cluster, check: Check) -> Finding:
    """Say how many phones report what is published, which is no reason not to begin."""
    ctl = published(cluster)
    holding, total = GuideRuns(cluster.database).phones_in_step("" if ctl is None else ctl.sha1)
    if ctl is None:
        return Finding(check.for_people, None, "what each phone holds shows in the forecast")
    held = True if holding == total else None
    return Finding(check.for_people, held, "" if held else f"{holding:,} of {total:,} report it")


async def after_step(cluster: Cluster, run: Run, step: Step, said: tuple[str, ...] | None) -> tuple[Finding, ...]:
    """Judge what must hold after a step, again and again while it may become true.

    Args:
        cluster: The cluster.
        run: That the step belongs to.
        step: That was done.
        said: What it printed; None if only somebody elsewhere saw it.
    """
    found: list[Finding] = []
    for check in step.after:
        found += await _judged(cluster, run, check, said)
    if isinstance(step.act, CtlClient) and step.act.finish:
        found += await asyncio.to_thread(_signer, cluster)
    if isinstance(step.act, Prompt) and step.act.line == "show ctl":
        found += await _in_step(cluster, run)
    return tuple(found)


async def _judged(cluster: Cluster, run: Run, check: Check, said: tuple[str, ...] | None) -> list[Finding]:
    check = await asyncio.to_thread(_in_version, cluster, check)
    loop = asyncio.get_running_loop()
    end = loop.time() + max(check.within, 1.0 if check.within else 0.0)
    while True:
        now = await asyncio.to_thread(lambda: observe(cluster, check.needs, said=said, choices=run.choices))
        found = list(check.find(run.before, now))
        if all(each.held is not False for each in found) or loop.time() >= end:
            return found
        await asyncio.sleep(_POLL_SECONDS)


def _in_version(cluster: Cluster, check: Check) -> Check:
    """Return a statement as it is judged where ITLRecovery signs the CTL, from 12.0 on (cucm-admin.md 1.2)."""
    if cluster.version.ctl_anchors[:1] != (Purpose.ITLRECOVERY,):
        return check
    publisher = cluster.publisher.name
    if check.name == SIGNED_BY_CALLMANAGER.name:
        recovery = cluster.own_certificate(publisher, Purpose.ITLRECOVERY.value).sha256.hex()

        def signed(_before: Facts, now: Facts) -> bool:
            return now.ctl is not None and now.ctl.signed_by == recovery

        return replace(check, text="the CTL file is signed by ITLRecovery", judge=signed)
    if check.name == SIGNER_IS_NEW.name:
        own = cluster.own_certificate(publisher, Purpose.CALLMANAGER.value).sha256.hex()

        def named(_before: Facts, now: Facts) -> bool:
            return now.ctl is not None and own in now.ctl.certificates

        return replace(check, text="the CTL file names the new CallManager certificate", judge=named)
    if check.name == VOUCHED:

        def known(before: Facts, now: Facts) -> bool | str | None:
            same = before.ctl is not None and now.ctl is not None and before.ctl.signed_by == now.ctl.signed_by
            return True if same else check.judge(before, now)

        return replace(check, text="phones know the signer, or TVS vouched for it", judge=known)
    return check


def _signer(cluster: Cluster) -> list[Finding]:
    ctl = published(cluster)
    signer = None if ctl is None else ctl.verify().signer
    if ctl is None or signer is None:
        return []
    return [Finding(f"the CTL file, SHA-1 {ctl.sha1}, is signed by {signer.common_name.strip()}", held=True)]


async def _in_step(cluster: Cluster, run: Run) -> list[Finding]:
    """Say how many phones report what is published, once those that were reset have, or had a moment for it."""
    ctl = await asyncio.to_thread(published, cluster)
    if ctl is None:
        return []
    runs, reset = GuideRuns(cluster.database), _last_reset(run)
    while reset is not None and cluster.now() < reset + _PHONE_TIME:
        if not await asyncio.to_thread(runs.phones_expected, ctl.sha1, reset, cluster.now()):
            break
        await asyncio.sleep(_POLL_SECONDS)
    holding, total = await asyncio.to_thread(runs.phones_in_step, ctl.sha1)
    untold = await asyncio.to_thread(runs.phones_untold)
    what = f"phones report SHA-1 {ctl.sha1[:8]}, as show ctl prints it"
    silent = f"; {untold:,} never told what they hold" if untold else ""
    return [Finding(what, True if holding == total else None, f"{holding:,} of {total:,}{silent}")]


def _last_reset(run: Run) -> datetime | None:
    """Return when phones were last reset in a run."""
    steps = zip(PROCEDURES[run.procedure].own_steps(), run.steps, strict=True)
    return max((done.began for step, done in steps if isinstance(step.act, ResetPhones) and done.began), default=None)
