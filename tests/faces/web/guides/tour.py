"""A cluster through the seven guided procedures, one after the other, on the pages: each loss is named before."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from mixedmode.guides.hands import Hands, Inserted
from mixedmode.guides.kept import guided
from mixedmode.guides.observer import published_sha1
from mixedmode.guides.plugged import plugged_tokens, tokens_labelled
from mixedmode.guides.words import lead_of, lost_names
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.facts import Token
from mixedmode.procedures.guided.run import StepState
from mixedmode.procedures.steps import ClientAction, CtlClient, Prompt, ResetPhones
from tests.faces.web.guides.guiding import GuideLab
from tests.faces.web.guides.hands import PASSWORD, Hand, fields_of, record_of, until, wait_for_step

BOTH: Final = (Token.FIRST, Token.SECOND)
ORDER: Final = {
    "non-secure-to-mixed": False,
    "regenerate-callmanager": True,
    "tokenless-to-etokens": True,
    "one-token-lost": False,
    "etokens-to-tokenless": True,
    "mixed-to-non-secure": False,
    "lost-tokens": False,
}
"""The procedures as one leads to the next, and whether each loses the phones that cannot ask TVS."""
_CONVERGED: Final = re.compile(r"([\d,]+) of ([\d,]+) phones report the published CTL")
_BEHIND: Final = re.compile(r"([\d,]+) (?:is|are) behind")
_UNKNOWN: Final = re.compile(r"([\d,]+) (?:is|are) unknown")


@dataclass(frozen=True, slots=True)
class Convergence:
    """How many phones are in step, behind and unknown."""

    in_step: int
    behind: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Carried:
    """A procedure that was carried to its end.

    Attributes:
        name: Which.
        steps: How many it has.
        seconds: How long it took.
        lost: Who was lost, as the forecast had named them.
        left: At which step the browser was closed, from 1; what that step was at then.
        again: Who had to be reset once more, by what it said: TVS of a busy machine answers late.
        shown: What its page says of the phones at the end.
        findings: Of all steps.
    """

    name: str
    steps: int
    seconds: float
    lost: tuple[str, ...]
    left: str
    again: Counter[str]
    shown: Convergence
    findings: list[Finding] = field(repr=False)

    @property
    def said(self) -> str:
        """What was found to hold."""
        return "\n".join(each.what for each in self.findings if each.held)


class Tour:
    """Somebody with tokens, in front of a cluster with phones.

    Args:
        lab: The cluster.
        labels: Of the tokens that are plugged into its host.
    """

    def __init__(self, lab: GuideLab, labels: dict[Token, str]) -> None:
        self.lab, self.labels = lab, labels
        self.followers = [name for name in lab.lab.phones.names if lab.registers(name) and lab.reports(name)]
        self.old = [name for name in lab.lab.phones.names if lab.registers(name) and not lab.reports(name)]
        self.registered = len(self.followers) + len(self.old)

    def carried(self, hand: Hand, name: str, *, close_at: type | None = None, canary: bool = False) -> Carried:
        """Have a procedure carried to its end; each step is verified, and those are lost who were named before.

        Args:
            hand: Who does it.
            name: Which.
            close_at: The kind of the step in the middle of which the browser is closed.
            canary: Whether one phone of each kind is reset first.
        """
        lab, began = self.lab, time.monotonic()
        lab.read_screens()
        lost = tuple(self.old) if ORDER[name] else ()
        number = hand.plan(name, guided(name).title)
        opened = lab.guide.open(number)
        assert [each.what for each in opened.run.judged if each.held is False] == []
        named = [(fate.value, phone) for fate, phone, _ in lost_names(opened.run.forecast)]
        assert sorted(named) == [("frozen", each) for each in sorted(lost)], (name, opened.run.forecast)
        hand.begin(number, len(lost))
        left, again = "", Counter[str]()
        for at, step in enumerate(opened.steps):
            boots, fields = lab.boots(), fields_of(step, self.labels)
            meanwhile: Callable[[], None] | None = None
            if isinstance(step.act, ResetPhones):
                self._wait_until_registered()
                if canary:
                    fields, meanwhile = {"canary": "yes"}, partial(lab.read_screens, boots)
            hand.press(number, at, step, fields)
            if close_at is not None and isinstance(step.act, close_at) and not left:
                left = self._left(hand, number, at, meanwhile)
            record = wait_for_step(lab, number, at, meanwhile)
            assert record.state is StepState.DONE, (name, at + 1, record.problem, record.findings)
            if isinstance(step.act, ResetPhones):
                assert record.said[-1] == f"{self.registered} of {self.registered} phones told to reset"
                lab.wait_for_boots({each: boots[each] for each in (*self.followers, *self.old)})
                again += self._reset_again()
                lab.restart_the_others()
                lab.read_screens()
        shown = self._end(hand, number, lost)
        findings = [each for record in lab.guide.open(number).run.steps for each in record.findings]
        return Carried(name, len(opened.steps), time.monotonic() - began, lost, left, again, shown, findings)

    def _reset_again(self) -> Counter[str]:
        """Reset phones that could follow and did not, as the page of those that are behind says."""
        lab, said = self.lab, Counter[str]()
        hands = Hands(lab.lab.cluster, lab.lab.principal, lab.lab.control)
        for _ in range(3):
            sha1 = published_sha1(lab.lab.cluster)
            held = {each: lab.phone(each).phone.state.trust.held(ListKind.CTL) for each in self.followers}
            late = [name for name, ctl in held.items() if ctl is None or ctl.sha1 != sha1]
            if not late:
                break
            said.update(f"{lab.phone(each).document()['outcome']}: {lab.phone(each).messages}" for each in late)
            boots = lab.boots()
            lab.do(hands.reset(late), 300)
            lab.wait_for_boots({each: boots[each] for each in late})
        return said

    def _wait_until_registered(self) -> None:
        """Wait for phones that a restart of CallManager has disconnected: only who is registered can be reset."""
        until("phones register", lambda: all(map(self.lab.is_there, (*self.followers, *self.old))))

    def _left(self, hand: Hand, number: int, at: int, then: Callable[[], None] | None) -> str:
        """Close the browser once a step has begun, and open another when it has ended; return what it was at."""
        until("the step begins", lambda: record_of(self.lab, number, at).state is not StepState.OPEN)
        state = record_of(self.lab, number, at).state

        def meanwhile() -> None:
            wait_for_step(self.lab, number, at, then)

        hand.leave_and_come_back(number, meanwhile)
        return f"{at + 1}, {state.value}"

    def _end(self, hand: Hand, number: int, lost: tuple[str, ...]) -> Convergence:
        opened = self.lab.guide.open(number)
        assert lead_of(opened) == ("All steps are done.", "Each was verified.")
        for phone in (*self.followers, *self.old):
            frozen = self.lab.phone(phone).document()["outcome"] == "frozen"
            assert frozen is (phone in lost), (opened.procedure.name, phone)
        findings = [each for record in opened.run.steps for each in record.findings]
        assert [each.what for each in findings if each.held is False] == []
        wanted = self.truth()
        shown: list[Convergence] = []

        def there() -> bool:
            words = hand.words(number)
            assert "All steps are done." in words
            assert "Each was verified." in words
            shown.append(converged(words))
            return shown[-1] == wanted

        until(f"{wanted} on the page, not {shown[-1:]}", there, 30)
        return shown[-1]

    def truth(self) -> Convergence:
        """Return what phones hold, as far as they told or somebody read it on their screens."""
        sha1 = published_sha1(self.lab.lab.cluster)
        held = [self.lab.phone(each).phone.state.trust.held(ListKind.CTL) for each in (*self.followers, *self.old)]
        in_step = sum(each is not None and each.sha1 == sha1 for each in held)
        return Convergence(in_step, len(held) - in_step, len(self.lab.lab.phones) - len(held))

    def save(self, lost: tuple[str, ...]) -> None:
        """Delete the CTL of lost phones on their menu, as the remedy says: they take the published one."""
        for each in lost:
            self.lab.restart(each, erase=True)
            assert self.lab.phone(each).document()["outcome"] == "follows"

    def mixed_with_tokens(self) -> None:
        """Have the CTL Client set mixed mode anew, without a guide."""
        lab = self.lab
        there = tokens_labelled(plugged_tokens(lab.lab.cluster), [self.labels[each] for each in BOTH])
        hands = Hands(lab.lab.cluster, lab.lab.principal, lab.lab.control)
        lab.do(hands.do(Prompt("file delete tftp CTLFile.tlv", ("y",)), {}))
        boots = lab.boots()
        lab.do(hands.do(CtlClient(ClientAction.MIXED, BOTH), {}, Inserted(tuple(there), PASSWORD)))
        self._wait_until_registered()
        lab.do(hands.reset(None))
        lab.wait_for_boots({each: boots[each] for each in (*self.followers, *self.old)})
        lab.restart_the_others()
        self.save(tuple(self.old))

    def whole(
        self, hands: Callable[[str], Hand], told: Callable[[Carried], None], *, close_at: type | None = ResetPhones
    ) -> None:
        """Go through all procedures; the lost phones are saved after each.

        Args:
            hands: Who carries which.
            told: Told of each that was carried.
            close_at: The kind of the step in the middle of which the browser is closed.
        """
        for name in ORDER:
            if name == "lost-tokens":
                self.mixed_with_tokens()
            carried = self.carried(hands(name), name, close_at=close_at)
            told(carried)
            self.save(carried.lost)


def converged(words: str) -> Convergence:
    """Return what the page of a run says of the phones."""

    def number(found: re.Match[str] | None) -> int:
        return int(found[1].replace(",", "")) if found else 0

    report = _CONVERGED.search(words)
    assert report is not None, words[-1500:]
    return Convergence(number(report), number(_BEHIND.search(words)), number(_UNKNOWN.search(words)))
