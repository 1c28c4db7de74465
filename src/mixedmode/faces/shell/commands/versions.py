"""``show version active|inactive``, ``utils system switch-version`` and ``utils system upgrade``.

An upgrade installs a version by its number: there is no image to fetch, so the sources that CUCM offers (SFTP, FTP,
DVD) are not asked for.
"""

from __future__ import annotations

from mixedmode.cluster.engine.results import DONE, UNDONE, Entry
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.model import Argument, Command, Question


async def show_active(call: Call) -> None:
    """Print the version that runs."""
    version = await call.blocking(lambda: call.cluster.version)
    await call.say(texts.ACTIVE_VERSION, version=version)
    await call.say(texts.NO_OPTIONS)


async def show_inactive(call: Call) -> None:
    """Print the version on the other partition."""
    installed = await call.blocking(call.cluster.versions)
    if len(installed) < 2:
        await call.say(texts.NO_INACTIVE)
        return
    await call.say(texts.INACTIVE_VERSION, version=installed[1].version)
    await call.say(texts.NO_OPTIONS)


async def ask_switch(call: Call) -> Question | None:
    """Ask before the partitions are switched; without an inactive version there is nothing to ask."""
    installed = await call.blocking(call.cluster.versions)
    if len(installed) < 2:
        return None
    active, inactive = installed[0].version, installed[1].version
    plan = await call.plan(SwitchVersion())
    before = texts.SWITCH_VERSIONS.lines(active=active, inactive=inactive)
    before += [line for warning in plan.warnings for line in texts.WARNING.lines(text=warning)]
    return Question(texts.ASK_SWITCH.line(inactive=inactive), tuple(before))


async def switch(call: Call) -> None:
    """Switch every node to the inactive version."""
    await call.operate(SwitchVersion())
    await call.say(texts.SWITCHED, version=await call.blocking(lambda: call.cluster.version))


async def initiate(call: Call) -> None:
    """Install a version into the inactive partition; nothing that runs changes before the versions are switched."""
    await call.say(texts.UPGRADE_WARNING)
    wanted = call.value("version") or await call.ask(texts.ASK_UPGRADE_VERSION)
    if wanted.lower() in {"", "q"}:
        await call.say(texts.CANCELLED)
        return
    version = Version.parse(wanted).text
    plan = await call.plan(Upgrade(version))
    if plan.refusal is not None:
        raise plan.refusal
    active = await call.blocking(lambda: call.cluster.version)
    await call.say(texts.UPGRADE_PLAN, version=version, active=active)
    await call.write(*(f"  {number}) {step}" for number, step in enumerate(plan.steps, start=1)))
    if Version.parse(version) < active:
        await call.say(texts.WARNING, text=f"{version} is older than the active version {active}.")
    switches = await call.agrees(texts.ASK_AUTO_SWITCH)
    if not await call.agrees(texts.ASK_START_UPGRADE):
        await call.say(texts.CANCELLED)
        return
    await call.say(texts.UPGRADING)
    await call.operate(Upgrade(version))
    await call.say(texts.UPGRADED, version=version)
    if switches:
        await switch(call)


async def upgrade_status(call: Call) -> None:
    """Print how far an upgrade is, or how the last one ended."""
    found = await call.blocking(lambda: _last_upgrade(call))
    if found is None or found.state in {DONE, UNDONE}:
        await call.say(texts.NO_UPGRADE)
    if found is None:
        return
    version = found.arguments.get("version", "")
    if found.ended is not None:
        state = texts.UPGRADE_DONE if found.state == DONE else texts.UPGRADE_UNDONE
        await call.say(state, version=version, moment=call.session.date(found.ended), why=found.error or "cancelled")
        return
    at = next((at for at, (_, state) in enumerate(found.steps) if state != DONE), len(found.steps) - 1)
    step = found.steps[at][0]
    await call.say(texts.UPGRADE_RUNS, version=version, step=step, number=at + 1, total=len(found.steps))


async def cancel(call: Call) -> None:
    """Take back an upgrade whose process has ended; one that runs is left alone until it is done."""
    found = await call.blocking(lambda: _last_upgrade(call))
    if found is None or found.ended is not None:
        await call.say(texts.NO_UPGRADE)
        return
    # The journal decides whether it can still be taken back: past its commit it is finished instead.
    control, principal = call.session.control, call.session.principal
    result = await call.blocking(lambda: control.end_what_was_left(principal))
    undone = result is not None and result.outcome == UNDONE
    version = found.arguments.get("version", "")
    await call.say(texts.UPGRADE_CANCELLED if undone else texts.UPGRADE_TOO_LATE, version=version)


def _last_upgrade(call: Call) -> Entry | None:
    history = call.session.control.history()
    return next((entry for entry in reversed(history) if entry.name == Upgrade.title), None)


COMMANDS = (
    Command(("show", "version", "active"), "Shows the version that runs.", show_active, privilege=0),
    Command(
        ("show", "version", "inactive"), "Shows the version on the inactive partition.", show_inactive, privilege=0
    ),
    Command.of(
        SwitchVersion,
        "Makes the inactive version the active one on every node.",
        switch,
        confirm=ask_switch,
    ),
    Command(
        ("utils", "system", "upgrade", "initiate"),
        "Installs a version into the inactive partition.",
        initiate,
        (Argument.of(Upgrade, "version", required=False),),
        publisher_only=True,
    ),
    Command(
        ("utils", "system", "upgrade", "status"), "Shows how far an upgrade is, or how the last ended.", upgrade_status
    ),
    Command(
        ("utils", "system", "upgrade", "cancel"),
        "Takes back an upgrade that did not come to its end.",
        cancel,
        publisher_only=True,
    ),
)
