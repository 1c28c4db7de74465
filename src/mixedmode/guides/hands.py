"""Does what a procedure's steps say, on a live cluster, in the name of the person who asks.

Rules:

1. What is typed at the ``admin:`` prompt is run by the same interpreter, so it has the same level, questions, refusals
   and audit entries, and prints the same. Only who would be lost is not asked again: the run has its forecast, and
   asked for the word.
2. Phones are reset by an order that every node follows; what it told is the evidence.
3. A token's password is used and forgotten: it is in no state, log or message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.store.phone_orders import PhoneOrders
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.control.door import Control
from mixedmode.control.following import Following
from mixedmode.control.phone_orders import order_phones
from mixedmode.control.services import OperationServices, ServiceControl
from mixedmode.errors import UsageError
from mixedmode.faces.ctlclient.draft import MISSING_CTL
from mixedmode.faces.ctlclient.lists import lacks_ctl
from mixedmode.faces.ctlclient.wizard import RESTART, install_scripted
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.guides.lists import chosen_certificate
from mixedmode.guides.outlooks import ACTIONS
from mixedmode.guides.restarts import NotDoneError, Restart, restarted
from mixedmode.procedures.steps import Act, CtlClient, ImportToken, Prompt, ResetPhones, RestartServices
from mixedmode.protocols.ctlprovider import Action, Description, Install, Installed, Progress
from mixedmode.services.ctlprovider.ports import Administrator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mixedmode.faces.ctlclient.wizard import Token as Plugged

_POLL_SECONDS: Final = 0.2
_LATELY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Inserted:
    """The tokens for a step of the CTL Client, and the password of the one that signs.

    Attributes:
        tokens: In the order in which they are added.
        password: A secret.
    """

    tokens: tuple[Plugged, ...]
    password: str = field(repr=False)


class Hands:
    """The hands of one person.

    Args:
        cluster: The cluster, as administrators change it.
        principal: Who asks.
        services: The hands on services; by default orders in the database.
        patience: Seconds that nodes may take to follow an order.
    """

    def __init__(
        self, cluster: Cluster, principal: Principal, services: ServiceControl | None = None, *, patience: float = 30.0
    ) -> None:
        self._cluster, self._principal = cluster, principal
        self._services = services or OperationServices(cluster)
        self._control = Control(cluster)
        self._orders = PhoneOrders(cluster.database)
        self._patience = patience

    async def do(self, act: Act, choices: Mapping[str, str], inserted: Inserted | None = None) -> tuple[str, ...]:
        """Do it; return what it printed.

        Args:
            act: What.
            choices: What the run knows of tokens.
            inserted: Tokens of this host, for the CTL Client.

        Raises:
            NotDoneError: It was refused or failed at the prompt.
            MixedModeError: It was refused or failed elsewhere.
        """
        match act:
            case Prompt():
                return await self.type(act.line, act.answers)
            case RestartServices():
                return await self._restart(act)
            case ImportToken():
                certificate = await asyncio.to_thread(chosen_certificate, choices, act.token)
                if certificate is None:
                    raise UsageError(f"the certificate of {act.token} is not known", next_step="choose it")
                return await self.type(act.line, certificate.pem().decode().strip().splitlines())
            case ResetPhones():
                return await self.reset(None)
            case CtlClient() if inserted is not None:
                return await self._sign(act, inserted)
        return ()

    async def type(self, line: str, answers: Sequence[str] = ()) -> tuple[str, ...]:
        """Run a line at the prompt; return what was printed.

        Raises:
            NotDoneError: It was refused, or failed.
        """
        who = self._principal
        node = who.node or self._cluster.publisher.name
        session = AdminSession(
            self._cluster, node, who.user, privilege=who.level, source=who.source, services=self._services, warns=False
        )
        io = ScriptedIO(answers)
        outcome = await session.run(line, io)
        said = (f"admin:{line}", *io.lines)
        if outcome.exit_code:
            raise NotDoneError(str(outcome.error or f"{line} ended with exit code {outcome.exit_code}"), said)
        return said

    async def reset(self, names: Sequence[str] | None) -> tuple[str, ...]:
        """Have phones reset: these, or all that are registered (rule 2).

        Raises:
            NotDoneError: No node took the order.
            PrivilegeError: The person may not.
        """
        expected = await asyncio.to_thread(self._expected, names)
        number = await asyncio.to_thread(order_phones, self._cluster, self._control, self._principal, names)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        while True:
            told = await asyncio.to_thread(self._orders.told, number)
            count = sum(each.told for each in told)
            if count >= expected or loop.time() > end:
                break
            await asyncio.sleep(_POLL_SECONDS)
        lines = [f"{each.node}: {each.told} phones told to reset" for each in told]
        if not told and expected:
            raise NotDoneError("no node took the order to reset phones", lines)
        left = max(expected - count, 0)
        more = f"; {left} were seen in the last hour and are not registered now" if left else ""
        return (*lines, f"{count} of {max(expected, count)} phones told to reset{more}")

    def _expected(self, names: Sequence[str] | None) -> int:
        """Return how many phones there are to be told: those that are named, or were seen in the last hour."""
        if names is not None:
            return len(names)
        return self._orders.seen_since(self._cluster.now() - _LATELY)

    async def _restart(self, act: RestartServices) -> tuple[str, ...]:
        """Restart services; wait for the nodes that do it by themselves.

        Raises:
            NotDoneError: A node that is up could not do it, or did not tell in time that it has.
        """
        wanted = {Service(name) for name in act.services}
        states = await asyncio.to_thread(self._cluster.services)
        following = Following(self._cluster, self._principal)
        await asyncio.to_thread(following.begin)
        restarts = []
        for each in states:
            if each.service in wanted and each.activated:
                last = ""
                async for status in self._services.restart(each.node, each.service, self._principal):
                    last = status.value
                restarts.append(Restart(each.node, each.service, last))
        return await restarted(restarts, following, self._services, self._patience)

    async def _sign(self, act: CtlClient, inserted: Inserted) -> tuple[str, ...]:
        provider = _HereProvider(self._cluster, self._principal)
        before = await provider.describe()
        lines = list(MISSING_CTL) if lacks_ctl(before) else []
        lines += [f"Token: {each.label}" for each in inserted.tokens]
        done = await install_scripted(
            provider, ACTIONS[act.action], inserted.tokens, lambda _token: inserted.password, phones_cleared=False
        )
        lines += [f"{each.node}  {'Good' if each.installed else f'Not yet: {each.reason}'}" for each in done.results]
        return (*lines, *done.changes, *done.warnings, RESTART)


class _HereProvider:
    """The CTL Provider of this process, for a person who has passed the door already."""

    def __init__(self, cluster: Cluster, principal: Principal) -> None:
        self._desk = CtlDesk(cluster, principal.node or cluster.publisher.name)
        self._who = Administrator(principal.user, principal.source, principal.level)

    async def describe(self) -> Description:
        """Return what the cluster is."""
        return await asyncio.to_thread(self._desk.describe)

    async def install(
        self,
        ctl: bytes,
        action: Action,
        *,
        phones_cleared: bool = False,
        told: Callable[[Progress], None] = lambda _progress: None,
    ) -> Installed:
        """Install a signed list."""
        wanted = Install(action, ctl, phones_cleared)
        return await asyncio.to_thread(self._desk.install, wanted, self._who, told)
