"""Goes through a run with somebody at a terminal: the same state as the pages, so that either goes on with the other's.

Rules:

1. Nothing is done without an answer. Who leaves, by q, Ctrl-C or the end of the input, leaves the run as it is.
2. A step that has begun comes to its end, also when Ctrl-C is typed meanwhile.
3. A step that somebody else does is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.shell.talk import AdminIO
from mixedmode.guides.guide import Guide
from mixedmode.guides.hands import Inserted
from mixedmode.guides.kept import Opened
from mixedmode.guides.words import WORD, gate_text, kind_of, lead_of, lost_names
from mixedmode.numbers import whole_number
from mixedmode.pki.certificates.load import load_certificate
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.facts import Token
from mixedmode.procedures.guided.machine import changes_trust, gate_of, taken_back_next
from mixedmode.procedures.guided.run import RunState, StepState
from mixedmode.procedures.steps import CtlClient, ImportToken, ResetPhones

if TYPE_CHECKING:
    from mixedmode.faces.ctlclient.wizard import Token as Plugged
    from mixedmode.guides.carrying import Ticket
    from mixedmode.pki.certificates.certificates import Certificate

_POLL_SECONDS: Final = 1.0
_NAMED: Final = 10
_MARKS: Final = {True: "yes", False: "NO", None: "not seen from here"}


class LeftError(UsageError):
    """Whoever was asked left the run as it is."""

    default_code = "guide-left"


class Walk:
    """One person's way through a run.

    Args:
        io: The person.
        guide: The runs of the cluster.
        principal: Who it is.
        number: Of the run.
        plugged: Returns the tokens of this host.
        publisher: Where the CTL Client is told to go.
        canary: Seconds that one phone of each kind has to show the new list before the others are reset; None resets
            all at once.
    """

    def __init__(
        self,
        io: AdminIO,
        guide: Guide,
        principal: Principal,
        number: int,
        *,
        plugged: Callable[[], Sequence[Plugged]],
        publisher: str,
        canary: float | None = None,
    ) -> None:
        self._io, self._guide, self._principal, self._number = io, guide, principal, number
        self._plugged, self._publisher, self._canary = plugged, publisher, canary

    async def run(self) -> Opened:
        """Go through it; return it as it is when it has ended, or the person has left.

        Raises:
            TalkError: There is nobody to ask any more.
            MixedModeError: It cannot go on.
        """
        opened = await self._guide.look(self._number)
        await self._say(f"Run {opened.number}: {opened.procedure.title}")
        if opened.run.state is RunState.PLANNED and not await self._begin(opened):
            return await asyncio.to_thread(self._guide.open, self._number)
        while True:
            opened = await self._rested()
            at = opened.run.current
            if at is None:
                await self._say("", *filter(None, lead_of(opened)))
                return opened
            if not await self._step(opened, at):
                again = f"mixedmode guide --run {opened.number}"
                await self._say(f"The run stays at step {at + 1}. Go on with it here ({again}) or in a browser.")
                return opened

    async def _rested(self) -> Opened:
        """Return the run once nobody is doing a step (rule 3)."""
        told = ""
        while True:
            opened = await self._guide.look(self._number)
            doing = opened.run.doing
            if doing is None:
                return opened
            if doing.attempt != told:
                told = doing.attempt
                await self._say(f"{doing.who.name} does step {opened.run.steps.index(doing) + 1}; waiting.")
            await asyncio.sleep(_POLL_SECONDS)

    async def _begin(self, opened: Opened) -> bool:
        if not opened.run.forecast:
            opened = await asyncio.to_thread(self._guide.foresee, self._number)
        await self._say("", "What must be so before:", *_lines(opened.run.judged), "", "Plan:")
        gate = gate_of(opened.procedure)
        for at, step in enumerate(opened.steps):
            if at == gate:
                await self._say(f"  ---- {gate_text(step)}")
            await self._say(f"  {at + 1:>2}. {step.what}")
        await self._forecast(opened)
        lost = int(opened.run.forecast.get("lost", 0))
        if not await self._agreed(lost, "Begin? Nothing is changed before the first step. (y/n): "):
            await asyncio.to_thread(self._guide.stop, self._principal, self._number)
            await self._say("Dropped: nothing was changed.")
            return False
        await asyncio.to_thread(self._guide.begin, self._principal, self._number, lost)
        return True

    async def _forecast(self, opened: Opened) -> None:
        forecast = opened.run.forecast
        if "problem" in forecast:
            await self._say("", f"What phones would do cannot be foreseen: {forecast['problem']}")
        numbers = forecast.get("numbers", {})
        if numbers:
            await self._say("", "Forecast: " + ", ".join(f"{fate} {count:,}" for fate, count in numbers.items()))
        names = lost_names(forecast)
        for fate, name, model in names[:_NAMED]:
            await self._say(f"  {fate.value}: {name} ({model})")
        if len(names) > _NAMED:
            await self._say(f"  and {len(names) - _NAMED:,} more: mixedmode guide --status --json names them")

    async def _agreed(self, lost: int, question: str) -> bool:
        if not lost:
            return (await self._io.ask(question)).strip().lower() in {"y", "yes"}
        phones = "1 phone" if lost == 1 else f"{lost:,} phones"
        return (await self._io.ask(f"Type {WORD} to go on and lose {phones}: ")).strip() == WORD

    async def _step(self, opened: Opened, at: int) -> bool:
        """Do a step with the person; return whether to go on."""
        step, record = opened.steps[at], opened.run.steps[at]
        kind, button = kind_of(step)
        await self._say("", f"{at + 1}. {step.what}")
        await self._say(*(f"     {line}" for line in step.act.lines))
        if record.state is StepState.FAILED:
            await self._say("  It does not hold:", *([f"  {record.problem}"] if record.problem else []))
            await self._say(*_lines(record.findings))
        elif record.problem:
            await self._say(f"  {record.problem}")
        back = taken_back_next(opened.procedure, opened.run)
        more = f", b takes step {back + 1} back" if back is not None else ""
        leave = "s goes on all the same" if record.state is StepState.FAILED else "s leaves it out"
        answer = (await self._io.ask(f"[Enter] {button}; {leave}{more}, q leaves: ")).strip().lower()
        try:
            if answer in {"q", "quit", "n", "no"}:
                return False
            if answer == "s":
                await asyncio.to_thread(self._guide.leave_out, self._principal, self._number, at, "")
            elif answer == "b" and back is not None:
                await self._carried(
                    await asyncio.to_thread(self._guide.take_back, self._principal, self._number, back), back
                )
            elif answer in {"", "y", "yes", "r"}:
                await self._do(opened, at, kind)
            else:
                await self._say("Answer with Enter, s or q.")
        except LeftError as left:
            await self._say(left.what)
        except MixedModeError as error:
            await self._say(*error.diagnostics().split("\n"))
        return True

    async def _do(self, opened: Opened, at: int, kind: str) -> None:
        step = opened.steps[at]
        if changes_trust(step):
            # What somebody agreed to before may not be so any more: phones come and go.
            opened = await asyncio.to_thread(self._guide.foresee, self._number)
            lost = int(opened.run.forecast.get("lost", 0))
            if lost > opened.run.accepted:
                await self._forecast(opened)
                if not await self._agreed(lost, ""):
                    raise LeftError("Not done: nothing was changed.")
        inserted: Inserted | None = None
        tokens: dict[Token, Certificate] = {}
        if kind == "client" and isinstance(step.act, CtlClient):
            inserted, tokens = await self._tokens(step.act)
            if inserted is None:
                await self._elsewhere(at)
                return
        elif isinstance(step.act, ImportToken):
            tokens = {step.act.token: await self._certificate(step.act.token)}
        canary = self._canary if isinstance(step.act, ResetPhones) else None
        if canary is not None:
            await self._say("  One phone of each kind goes first:")
        ticket = await asyncio.to_thread(
            lambda: self._guide.start(
                self._principal, self._number, at, inserted=inserted, tokens=tokens, canary=canary
            )
        )
        await self._carried(ticket, at)

    async def _carried(self, ticket: Ticket, at: int) -> None:
        """Carry a step to its end, and say how that goes and how it ended (rule 2)."""
        work = asyncio.ensure_future(self._guide.carry(ticket))
        told: list[str] = []
        try:
            while not (await asyncio.wait({work}, timeout=_POLL_SECONDS))[0]:
                with contextlib.suppress(DatabaseError):
                    await self._new_lines(await asyncio.to_thread(self._guide.open, self._number), at, told)
            opened = await work
        except asyncio.CancelledError:
            await self._say("", "interrupted: what has begun comes to its end first")
            await work
            raise
        await self._new_lines(opened, at, told)
        await self._say(*_lines(opened.run.steps[at].findings))

    async def _new_lines(self, opened: Opened, at: int, told: list[str]) -> None:
        """Say what a step printed, from the first line that was not told so: canaries show more and more."""
        said = opened.run.steps[at].said
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(said, told, strict=False)))
        told[:] = said
        await self._say(*(f"  | {line}" for line in said[same:]))

    async def _elsewhere(self, at: int) -> None:
        await self._say(
            f"On the PC with the tokens: mixedmode ctl-client {self._publisher}",
            "Waiting for its list; Ctrl-C leaves, and the run stays.",
        )
        while True:
            opened = await self._guide.look(self._number)
            record = opened.run.steps[at]
            if opened.run.current != at or record.state is not StepState.OPEN:
                await self._say(f"  installed by {record.who.name}", *_lines(record.findings))
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _tokens(self, act: CtlClient) -> tuple[Inserted | None, dict[Token, Certificate]]:
        """Have tokens of this host chosen; none means that another PC has them."""
        there = await asyncio.to_thread(self._plugged)
        if not there:
            return None, {}
        await self._listed(there)
        chosen: list[Plugged] = []
        for token in act.tokens:
            answer = (await self._io.ask(f"Number of {token} (empty: another PC has them): ")).strip()
            if not answer:
                return None, {}
            chosen.append(_numbered(there, answer))
        password = await self._io.ask("Password of the token that signs: ", secret=True)
        if not password:
            raise LeftError("Not done: nothing was changed.")
        certificates = {token: each.certificate for token, each in zip(act.tokens, chosen, strict=True)}
        return Inserted(tuple(chosen), password), certificates

    async def _certificate(self, token: Token) -> Certificate:
        there = await asyncio.to_thread(self._plugged)
        await self._listed(there)
        question = f"File with the certificate of {token}{', or its number' if there else ''}: "
        answer = (await self._io.ask(question)).strip()
        if not answer:
            raise LeftError("Not done: nothing was changed.")
        if there and whole_number(answer) is not None:
            return _numbered(there, answer).certificate
        return await asyncio.to_thread(lambda: load_certificate(Path(answer).expanduser()))

    async def _listed(self, there: Sequence[Plugged]) -> None:
        await self._say(*(f"  {at}. {each.label}" for at, each in enumerate(there, 1)))

    async def _say(self, *lines: str) -> None:
        for line in lines:
            await self._io.write(line)


def _numbered(there: Sequence[Plugged], answer: str) -> Plugged:
    number = whole_number(answer)
    if number is None or not 0 < number <= len(there):
        raise UsageError(f"{answer!r} is no number of a token", next_step=f"1 to {len(there)}")
    return there[number - 1]


def _lines(findings: Sequence[Finding]) -> list[str]:
    return [f"  {each.what}: {_MARKS[each.held]}{f' ({each.detail})' if each.detail else ''}" for each in findings]
