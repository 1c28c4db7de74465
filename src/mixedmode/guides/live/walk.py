"""Goes with a person through a procedure on a cluster from outside: types after a yes, looks after each step.

Rules:

1. Nothing is typed without a yes, and no command twice unless somebody who was told what is so asks for it.
2. A command whose end was not seen is judged by its effect; where that is not there, or cannot be seen, the person
   decides.
3. Who leaves, at any question or by Ctrl-C, leaves the run as it is; it goes on from its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from mixedmode.errors import CheckFailedError, MixedModeError
from mixedmode.faces.shell.talk import AdminIO
from mixedmode.guides.live.book import OPEN, Book
from mixedmode.guides.live.canary import LiveCanary
from mixedmode.guides.live.doing import DONE, TYPED, Doer, part_name, problem_in
from mixedmode.guides.live.follow import Follow
from mixedmode.guides.live.kept import check_cluster, with_part
from mixedmode.guides.live.planning.plan import plan_of
from mixedmode.guides.live.seeing.effects import effect
from mixedmode.guides.live.seeing.looking import Looker
from mixedmode.guides.live.seeing.situation import Situation, node_findings
from mixedmode.guides.live.sessions import Sessions
from mixedmode.guides.live.token_files import missing_tokens, token_choice
from mixedmode.guides.live.words import done_by, finding_lines, plan_text, question_of
from mixedmode.guides.words import WORD, gate_text
from mixedmode.live.shell.questions import Question
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.guided.machine import changes_trust, gate_of, taken_back_next
from mixedmode.procedures.guided.run import RunState, StepState
from mixedmode.procedures.steps import Act, ImportToken, Prompt, ResetPhones, RestartServices

_YES: Final = frozenset({"y", "yes"})
_QUIT: Final = frozenset({"q", "quit"})


class LiveWalk:
    """One person's way through a run.

    Args:
        io: The person.
        book: The run.
        looker: Looks at the cluster.
        sessions: The nodes' prompts.
        inventory: Of the phones, if there is one.
        follow: Follows the phones after their reset, if it can.
        canary: Has one phone of each kind reset first; None has all reset at once.
    """

    def __init__(
        self,
        io: AdminIO,
        book: Book,
        looker: Looker,
        sessions: Sessions,
        *,
        inventory: Path | None = None,
        follow: Follow | None = None,
        canary: LiveCanary | None = None,
    ) -> None:
        self._io, self._book = io, book
        self._doer = Doer(book.file, looker, sessions, book.nodes, self._decide)
        self._inventory, self._follow, self._canary = inventory, follow, canary
        self._publisher = book.nodes[0]

    async def run(self) -> bool:
        """Go through it; return whether it has ended.

        Raises:
            TalkError: There is nobody to ask any more.
            MixedModeError: It cannot begin or go on.
        """
        kept = self._book.file.read()
        if kept is not None and kept.run.state not in OPEN:
            self._book.file.put_aside(kept)
            kept = None
        if kept is not None:
            check_cluster(kept, self._book.nodes, self._book.file.path)
            await self._say(f"Going on with {self._book.procedure.title}, begun by {kept.run.who.name}.")
        if (kept is None or kept.run.state is RunState.PLANNED) and not await self._begin():
            return False
        while (at := self._book.run.current) is not None:
            if self._book.run.doing is not None:
                on = await self._settle(at)
            else:
                on = await self._step(at)
            if not on:
                await self._say(f"The run stays at step {at + 1}; go on with the same command.")
                return False
        await self._ended()
        return True

    # -- before ---------------------------------------------------------------------------------------------------

    async def _begin(self) -> bool:
        book = self._book
        seen = await self._doer.look()
        plan = plan_of(book.procedure, seen, self._inventory)
        await self._say(*plan_text(book.procedure, self._publisher, plan.judged, plan.asked, plan.forecast))
        if (broken := plan.broken) is not None:
            raise CheckFailedError(
                f"it cannot begin: not so: {broken.what}", why=broken.detail or None, next_step="put that right first"
            )
        book.plan(seen, plan.facts, plan.judged, plan.choices, plan.forecast)
        lost = int(plan.forecast.get("lost", 0))
        if lost:
            phones = "1 phone" if lost == 1 else f"{lost:,} phones"
            agreed = (await self._io.ask(f"Type {WORD} to go on and lose {phones}: ")).strip() == WORD
        else:
            agreed = await self._yes("Begin? Nothing is typed before the first step's own yes. (y/n): ")
        if not agreed:
            book.stop()
            await self._say("Dropped: nothing was changed.")
            return False
        book.begin(lost)
        return True

    # -- a step ---------------------------------------------------------------------------------------------------

    async def _step(self, at: int) -> bool:
        """Have a step done; return whether to go on."""
        book, step = self._book, self._book.steps[at]
        await self._show(at)
        back = taken_back_next(book.procedure, book.run)
        answer = (
            (
                await self._io.ask(
                    question_of(step, back=None if back is None else back + 1, canary=self._canary is not None)
                )
            )
            .strip()
            .lower()
        )
        typed = isinstance(step.act, Prompt | ImportToken | RestartServices)
        try:
            if answer in _QUIT:
                return False
            if answer == "s":
                book.leave_out(at)
            elif answer == "b" and back is not None:
                await self._take_back(back)
            elif answer in {"h", "d"}:
                await self._by_hand(at)
            elif answer == "c" and self._canary is not None and isinstance(step.act, ResetPhones):
                await self._tried(self._canary)
            elif answer in _YES and typed:
                await self._type(at)
            else:
                await self._say("Answer with one of the letters.")
        except MixedModeError as error:
            if error.default_code == "end-of-input":
                raise
            await self._say(*error.diagnostics().split("\n"))
        return True

    async def _show(self, at: int) -> None:
        """Say what a step is, how it is done, and what is known of it already."""
        step, record = self._book.steps[at], self._book.record(at)
        if at == gate_of(self._book.procedure):
            await self._say("", f"---- {gate_text(step)}")
        await self._say("", f"{at + 1}. {step.what}", *(f"     {line}" for line in done_by(step, self._publisher)))
        if record.state is StepState.FAILED:
            await self._say("  It does not hold:", *filter(None, [f"  {record.problem}".rstrip()]))
            await self._say(*finding_lines(record.findings))
        elif record.problem:
            await self._say(f"  {record.problem}")
        failed = self._book.kept.canary.get("failed")
        if failed and isinstance(step.act, ResetPhones):
            await self._say(f"  {failed}: reset no other phone.")

    async def _type(self, at: int, *, once_more: bool = False) -> None:
        """Type a step at the prompt, and judge its end."""
        book, act = self._book, self._book.steps[at].act
        if not await self._tokens(act):
            return
        if isinstance(act, RestartServices):
            await self._restart(at, act)
            return
        seen = await self._doer.look(act)
        if changes_trust(book.steps[at]) and not once_more and not await self._fit(act, seen):
            return
        attempt = book.start(at, seen.marks)
        said = await self._typed(act, attempt)
        if said is not None:
            await self._end(at, attempt, said, problem_in(said))

    async def _typed(self, act: Act, attempt: str) -> tuple[str, ...] | None:
        """Type an act and show what was answered; None if that failed, which is written down then."""
        try:
            said = await self._doer.type(self._book.kept, act, attempt)
        except MixedModeError as error:
            await self._stopped(attempt, error)
            return None
        await self._say(*(f"  | {line}" for line in said))
        return said

    async def _fit(self, act: Act, seen: Situation) -> bool:
        """Return whether something may be typed now: every node answers, and nobody did it already."""
        down = [each for each in node_findings(seen, frozenset(self._book.kept.serving)) if each.held is False]
        if down:
            await self._say("Not typed: a node would be left behind.", *finding_lines(down))
            return False
        if effect(act, self._book.kept.marks, seen.marks, self._book.run.choices) is True:
            await self._say("It seems to be done already, elsewhere: its effect is there.")
            return await self._yes("Type it all the same? (y/n; n, then h counts it as done): ")
        return True

    async def _stopped(self, attempt: str, error: MixedModeError) -> None:
        """Say why a command did not come to its end here; one that went out is left for :meth:`_settle`."""
        await self._say(*error.diagnostics().split("\n"))
        if self._book.again().typed != attempt:
            self._book.finish(attempt, (), (), f"not typed: {error.what}")

    async def _end(self, at: int, attempt: str, said: Sequence[str] | None, problem: str = "") -> None:
        """Judge the end of a step, and keep it."""
        book, step = self._book, self._book.steps[at]
        seen = await self._doer.look(step.act)
        findings = self._doer.judged(book.run, step, book.again().marks, seen, said)
        if isinstance(step.act, ResetPhones):
            findings += await self._followed(seen)
        book.finish(attempt, said or (), findings, problem, seen.marks)
        await self._say(*filter(None, [f"  {problem}" if problem else ""]), *finding_lines(findings))

    async def _by_hand(self, at: int) -> None:
        if await self._tokens(self._book.steps[at].act):
            await self._end(at, self._book.start(at, by_hand=True), None)

    async def _tried(self, canary: LiveCanary) -> None:
        """Have the list tried on one phone of each kind (:mod:`.canary`)."""
        published = (await self._doer.look()).published()
        if published is None:
            await self._say("No node serves a CTL file: there is nothing to try.")
            return
        changed = (each.undo for each in reversed(self._book.steps) if each.undo.possible is not None)
        back = next((each.how for each in changed), "there is no step that goes back")
        book = self._book
        await canary.run(
            published, back, self._io, book.kept.canary, lambda found: book.keep(replace(book.kept, canary=found))
        )
        await self._say("  Every canary shows the new list: reset the others.")

    async def _restart(self, at: int, act: RestartServices) -> None:
        book = self._book
        wanted, others = await self._doer.services(act, book.kept.serving)
        left = [each for each in wanted if book.kept.parts.get(part_name(at, *each)) != DONE]
        await self._say(*(f"  {line}" for line in others))
        if wanted and not left:
            await self._say("  All of them were restarted.")
            if await self._yes("  Restart them once more? (y/n): "):
                book.keep(replace(book.kept, parts={}))
        for node, service in left:
            if book.kept.parts.get(part_name(at, node, service)) == TYPED:
                await self._say(f"  {service} of {node}: its restart was typed, and its end was not seen; it runs now.")
                if not await self._yes("  Restart it once more? (y/n; n counts it as done): "):
                    book.keep(with_part(book.kept, part_name(at, node, service), DONE))
        attempt = book.start(at)
        kept, said, wrong = await self._doer.restart(book.kept, at, wanted)
        book.keep(kept)
        await self._say(*(f"  | {line}" for line in said))
        await self._end(at, attempt, said, "; ".join([wrong, *others]) if wrong else "")

    async def _take_back(self, at: int) -> None:
        book, act = self._book, self._book.steps[at].undo.act
        if act is None or not await self._yes(f"Type {act.line} at {self._publisher}? (y/n): "):
            return
        attempt = book.take_back(at, (await self._doer.look(act)).marks)
        said = await self._typed(act, attempt)
        if said is not None:
            book.finish(attempt, said, (), problem_in(said), (await self._doer.look(act)).marks)

    # -- what was cut off -----------------------------------------------------------------------------------------

    async def _settle(self, at: int) -> bool:
        """Find out what became of a step whose end nobody saw (rule 2); return whether to go on."""
        book, step, record = self._book, self._book.steps[at], self._book.record(at)
        act: Act = step.undo.act if record.taking_back and step.undo.act is not None else step.act
        harmless = isinstance(act, Prompt) and act.reads
        if book.kept.typed != record.attempt or harmless or not isinstance(act, Prompt | ImportToken):
            book.settle(at, done=False)
            return True
        line = act.line
        await self._say("", f"{at + 1}. {step.what}", f"  {line!r} was typed, and its end was not seen.")
        while True:
            there: bool | None = None
            try:
                seen = await self._doer.look(act)
            except MixedModeError as error:
                await self._say(*error.diagnostics().split("\n"))
            else:
                there = effect(act, book.kept.marks, seen.marks, book.run.choices)
                if there is True:
                    await self._say("  Its effect is there: it was done.")
                    self._settled(at, seen)
                    await self._say(*finding_lines(book.record(at).findings))
                    return True
                what = "cannot be seen from here" if there is None else "is not there; the node may still be at it"
                await self._say(f"  Its effect {what}.")
            answer = (await self._io.ask("Enter looks again, d it was done, t types it once more, q leaves: ")).strip()
            match answer.lower():
                case "q" | "quit":
                    return False
                case "d":
                    self._settled(at, await self._doer.look(act))
                    return True
                case "t":
                    book.settle(at, done=False)
                    if not record.taking_back:
                        await self._type(at, once_more=True)
                    return True

    def _settled(self, at: int, seen: Situation) -> None:
        book = self._book
        taking_back = book.record(at).taking_back
        findings = [] if taking_back else self._doer.judged(book.run, book.steps[at], book.kept.marks, seen, None)
        book.settle(at, done=True, findings=findings, marks=seen.marks)

    # -- phones and the end ---------------------------------------------------------------------------------------

    async def _followed(self, seen: Situation) -> list[Finding]:
        """Follow the phones, and say who stays behind."""
        published = seen.published()
        if self._follow is None or published is None:
            return [Finding("which phones hold the published CTL file", None, "no inventory: --inventory FILE")]
        found = await self._follow.until_they_hold(published, seen, self._book.procedure.phones, self._io)
        return [] if found is None else [found.finding(published.sha1)]

    async def _ended(self) -> None:
        book = self._book
        left = sum(each.state is StepState.LEFT_OUT for each in book.run.steps)
        await self._say("", "All steps are done." + (f" {left} were left out." if left else " Each was verified."))
        for remedy in book.procedure.remedies:
            await self._say(f"  If {remedy.sign[0].lower()}{remedy.sign[1:]}: {remedy.do}")

    # -- the person -----------------------------------------------------------------------------------------------

    async def _tokens(self, act: Act) -> bool:
        """Have the certificates of an act's tokens named; return whether it can be done."""
        for token in missing_tokens(act, self._book.run.choices):
            may = "" if isinstance(act, ImportToken) else " (empty: it is not checked who signed)"
            answer = (await self._io.ask(f"File with the certificate of {token}{may}: ")).strip()
            if answer:
                self._book.choose(token_choice(token, answer))
            elif isinstance(act, ImportToken):
                return False
        return True

    async def _decide(self, question: Question, text: str) -> str | None:
        """Have a question of a node answered that nobody foresaw."""
        await self._say("", f"{self._publisher} asks ({question.name}):", *(f"  | {line}" for line in text.split("\n")))
        answer = (await self._io.ask("What shall be typed? (empty: nothing, and the prompt is left): ")).strip()
        return answer or None

    async def _yes(self, question: str) -> bool:
        return (await self._io.ask(question)).strip().lower() in _YES

    async def _say(self, *lines: str) -> None:
        for line in lines:
            await self._io.write(line)
