"""``show version active|inactive`` and ``utils system switch-version``."""

from __future__ import annotations

from mixedmode.admin import texts
from mixedmode.admin.shell.call import Call
from mixedmode.admin.shell.model import Command, Question
from mixedmode.cluster.operations import versions


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
    plan = await call.plan(versions.SWITCH)
    before = texts.SWITCH_VERSIONS.lines(active=active, inactive=inactive)
    before += [line for warning in plan.warnings for line in texts.WARNING.lines(text=warning)]
    return Question(texts.ASK_SWITCH.line(inactive=inactive), tuple(before))


async def switch(call: Call) -> None:
    """Switch every node to the inactive version."""
    await call.operate(versions.SWITCH)
    await call.say(texts.SWITCHED, version=await call.blocking(lambda: call.cluster.version))


COMMANDS = (
    Command(("show", "version", "active"), "Shows the version that runs.", show_active, privilege=0),
    Command(
        ("show", "version", "inactive"), "Shows the version on the inactive partition.", show_inactive, privilege=0
    ),
    Command(
        ("utils", "system", "switch-version"),
        "Makes the inactive version the active one on every node.",
        switch,
        publisher_only=True,
        confirm=ask_switch,
    ),
)
