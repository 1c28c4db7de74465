"""``show ctl``, ``show itl`` and ``utils ctl ...``."""

from __future__ import annotations

from functools import partial

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import ResetCtl, SetMixedMode, SetNonSecureMode, UpdateCtl
from mixedmode.cluster.operations.preconditions import AUTO_REGISTRATION_WARNING
from mixedmode.cluster.publishing.published import TrustFile
from mixedmode.errors import MalformedError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.foresight import losses
from mixedmode.faces.shell.model import Command, Question
from mixedmode.faces.shell.texts import Text
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.listing import missing_file_listing, render_listing


async def show_ctl(call: Call) -> None:
    """Print the CTL file of this node."""
    await _show(call, await call.blocking(lambda: call.cluster.show_ctl(call.node)), "CTL")


async def show_itl(call: Call) -> None:
    """Print the ITL file of this node."""
    await _show(call, await call.blocking(lambda: call.cluster.show_itl(call.node)), "ITL")


async def _show(call: Call, file: TrustFile, kind: str) -> None:
    if file.data is None:
        await call.write(*missing_file_listing(kind))
    else:
        data = file.data
        try:
            trust_list = TrustList.parse(data)
        except MalformedError as error:
            await call.say(texts.UNREADABLE, kind=kind, length=len(data))
            await call.write(*error.diagnostics().split("\n"))
            raise
        modified = call.session.date(file.modified or 0.0)
        await call.write(*render_listing(trust_list, trust_list.verify(), modified))
    if file.differs:
        await call.say(texts.DIFFERS, kind=kind, node=call.node)
    if file.pending:
        await call.say(texts.PENDING, why=file.pending)


def has_utils_ctl(version: Version) -> bool:
    """Return whether a version has the ``utils ctl`` commands."""
    return version.has_tokenless_ctl


async def ask_mixed(call: Call) -> Question:
    """Ask before mixed mode; auto-registration and a cluster in mixed mode already are told first."""
    plan = await call.plan(SetMixedMode())
    mode, version = await call.blocking(lambda: (call.cluster.mode, call.cluster.version))
    before = texts.ALREADY_MIXED.lines() if mode is SecurityMode.MIXED else []
    before += await losses(call, SetMixedMode())
    if AUTO_REGISTRATION_WARNING in plan.warnings:
        return Question(texts.ASK_MIXED_AUTO.line(), tuple(before))
    # Two wordings are known: that of 10.5(1), and that of 10.0 and 11.6.
    prompt = texts.ASK_MIXED if version.release[:2] == (10, 5) else texts.ASK_MIXED_WILL
    return Question(prompt.line(), tuple(before))


async def ask_non_secure(call: Call) -> Question:
    """Ask before non-secure mode."""
    mode = await call.blocking(lambda: call.cluster.mode)
    before = texts.ALREADY_NON_SECURE.lines() if mode is SecurityMode.NON_SECURE else []
    before += await losses(call, SetNonSecureMode())
    return Question(texts.ASK_NON_SECURE.line(), tuple(before))


async def ask_update(call: Call) -> Question:
    """Ask before the CTL file is made anew."""
    return Question(texts.ASK_UPDATE.line(), await losses(call, UpdateCtl()))


async def ask_reset(call: Call) -> Question:
    """Ask before the CTL file is signed by the other key."""
    plan = await call.plan(ResetCtl())
    before = [line for warning in plan.warnings for line in texts.WARNING.lines(text=warning)]
    before += await losses(call, ResetCtl())
    return Question(texts.ASK_RESET_CTL.line(), tuple(before))


async def change(call: Call, *, operation: Operation, begun: Text, done: Text) -> None:
    """Run a ``utils ctl`` operation and say what to do next."""
    await call.say(begun)
    result = await call.operate(operation)
    await call.say(done)
    version = await call.blocking(lambda: call.cluster.version)
    await call.say(texts.RESET_PHONES if version.release >= (11, 6) else texts.RESTART_SERVICES)
    await call.tell_undelivered(result)


COMMANDS = (
    Command(
        ("show", "ctl"), "Shows the CTL file of this node, and whether its signature holds.", show_ctl, privilege=0
    ),
    Command(
        ("show", "itl"), "Shows the ITL file of this node, and whether its signature holds.", show_itl, privilege=0
    ),
    Command.of(
        SetMixedMode,
        "Makes the CTL file and sets the cluster to mixed mode.",
        partial(change, operation=SetMixedMode(), begun=texts.MOVING_MIXED, done=texts.SET_MIXED),
        confirm=ask_mixed,
        exists=has_utils_ctl,
    ),
    Command.of(
        SetNonSecureMode,
        "Sets the cluster to non-secure mode; the CTL file stays, without server certificates.",
        partial(change, operation=SetNonSecureMode(), begun=texts.MOVING_NON_SECURE, done=texts.SET_NON_SECURE),
        confirm=ask_non_secure,
        exists=has_utils_ctl,
    ),
    Command.of(
        UpdateCtl,
        "Makes the CTL file anew with the present certificates, signed without security tokens.",
        partial(change, operation=UpdateCtl(), begun=texts.UPDATING, done=texts.UPDATED),
        confirm=ask_update,
        exists=has_utils_ctl,
    ),
    Command.of(
        ResetCtl,
        "Makes the CTL file anew, signed by its second key, after the first was lost.",
        partial(change, operation=ResetCtl(), begun=texts.RESETTING_CTL, done=texts.CTL_RESET),
        confirm=ask_reset,
        exists=has_utils_ctl,
    ),
)
