"""What every phone of an inventory would do by the end of a procedure on a cluster that is seen from outside.

Rules:

1. The lists that are yet to be made are those of :mod:`.lists_to_be`; phones decide by their own rules
   (:mod:`mixedmode.forecast`).
2. TVS is held to run, and to vouch for what stands in the served lists, for a new CallManager certificate once it is
   made, and for tokens that were uploaded. The document says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mixedmode.causes import file_error
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published, Step
from mixedmode.forecast.vouching import Upload, Vouched
from mixedmode.guides.live.planning.lists_to_be import ToBe, roles_of
from mixedmode.guides.live.seeing.situation import Situation
from mixedmode.guides.plugged import StandIns
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory
from mixedmode.phone.mind.fate.prospect import LOST, Fate
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.procedures.steps import Act, CtlClient, ImportToken, Prompt, ResetPhones
from mixedmode.procedures.steps import Step as ProcedureStep
from mixedmode.trustlist.model import TrustList

NAMED: Final = 2000
"""Phones of each outcome that are named."""
_TOLD: Final = (*LOST, Fate.BEHIND, Fate.UNKNOWN)
RESTS_ON: Final = (
    "TVS runs, and vouches for whatever stands in the served lists and for what the steps bring in",
    "the inventory is as fresh as its file",
)


def phones_in(path: Path, seen: Situation) -> list[tuple[str, PhoneKind]]:
    """Return the phones of an inventory, with the lists that the cluster serves in the place of their hashes.

    Raises:
        MixedModeError: It cannot be read.
    """
    library = Library()
    for each in seen.lists():
        library.add(each.data)
    found = Inventory(str(path), Cells(library, path.parent))
    try:
        with path.open("rb") as stream:
            phones = [(name, kind) for name, kind, _ in found.rows(stream)]
    except OSError as error:
        raise file_error(error) from error
    if not phones:
        raise UsageError("the inventory names no phone", where=str(path), next_step="collect it anew")
    return phones


def foresee(
    steps: Sequence[ProcedureStep], seen: Situation, choices: Mapping[str, str], phones: Iterable[tuple[str, PhoneKind]]
) -> dict[str, Any]:
    """Return a forecast: how many phones have which outcome, and who.

    Args:
        steps: That are yet to be done.
        seen: The cluster as it is.
        choices: What the run knows of tokens.
        phones: Of an inventory.
    """
    document: dict[str, Any] = {"made": seen.at.isoformat(), "lost": 0}
    try:
        plan = _plan(steps, seen, choices)
        if plan is None:
            return {}
        forecaster = Forecaster(plan)
        numbers: Counter[Fate] = Counter()
        names: dict[Fate, list[list[str]]] = {fate: [] for fate in _TOLD}
        for name, kind in phones:
            fate = forecaster.outcome(kind)
            numbers[fate] += 1
            if fate in names and len(names[fate]) < NAMED:
                names[fate].append([name, kind.model_name])
    except MixedModeError as error:
        return {**document, "problem": str(error)}
    return {
        **document,
        "numbers": {fate.value: numbers[fate] for fate in Fate},
        "names": {fate.value: found for fate, found in names.items() if found},
        "lost": sum(numbers[fate] for fate in LOST),
        "rests_on": list(RESTS_ON),
    }


def _plan(steps: Sequence[ProcedureStep], seen: Situation, choices: Mapping[str, str]) -> Plan | None:
    now = ToBe.of(seen)
    tokens = StandIns(choices, now.ctl, seen.at)
    vouched = roles_of(seen.lists(), {})
    found = tuple(_restarts(steps, now, tokens, vouched))
    if not found:
        return None
    present = _step("as it is", now, None, vouched, ())
    return Plan(found, present=present)


def _restarts(
    steps: Sequence[ProcedureStep], begin: ToBe, tokens: StandIns, vouched: dict[Certificate, frozenset[int]]
) -> Iterator[Step]:
    """Yield each restart of the phones with all that changed since the one before."""
    now, before = begin, begin
    uploads: list[Upload] = []
    labels: list[str] = []
    for step in steps:
        match step.act:
            case ResetPhones():
                vouched = roles_of((now.itl, *((now.ctl,) if now.ctl else ())), vouched)
                yield _step("; ".join(labels) or "phones restart", now, before, vouched, uploads)
                before, uploads, labels = now, [], []
            case ImportToken():
                uploads.append(Upload(tokens.certificate(step.act.token)))
                labels.append(step.act.line)
            case _:
                after = _after(step.act, now, begin, tokens)
                if after.own != now.own:
                    vouched = {**vouched, after.own: vouched.get(now.own, frozenset())}
                labels += [step.act.lines[0]] if after is not now and step.act.lines else []
                now = after


def _after(act: Act, now: ToBe, begin: ToBe, tokens: StandIns) -> ToBe:
    if isinstance(act, CtlClient) and act.finish:
        return now.by_tokens([tokens.certificate(each) for each in act.tokens], begin.ctl)
    made = _MADE.get(act.line) if isinstance(act, Prompt) else None
    return now if made is None else made(now, begin)


_MADE: Final[Mapping[str, Callable[[ToBe, ToBe], ToBe]]] = {
    "set cert regen CallManager": lambda now, _: now.regenerated(),
    "utils ctl update CTLFile": lambda now, begin: now.updated(begin.own if now.own != begin.own else None),
    "utils ctl set-cluster mixed-mode": lambda now, _: now.mixed(),
    "utils ctl set-cluster non-secure-mode": lambda now, _: now.non_secure(),
    "file delete tftp CTLFile.tlv": lambda now, _: now.deleted(),
}


def _step(
    label: str, now: ToBe, before: ToBe | None, vouched: Mapping[Certificate, frozenset[int]], uploads: Sequence[Upload]
) -> Step:
    lists: list[tuple[ListKind, TrustList]] = []
    if now.ctl is not None and (before is None or now.ctl is not before.ctl):
        lists.append((ListKind.CTL, now.ctl))
    if before is None or now.itl is not before.itl:
        lists.append((ListKind.ITL, now.itl))
    gone = before is not None and before.ctl is not None and now.ctl is None
    made = frozenset(each.data for _, each in lists) if before is not None else frozenset()
    return Step(
        label,
        tuple(Published(kind, each) for kind, each in lists),
        uploads=tuple(uploads),
        vouched=Vouched(tuple(vouched.items())).after(uploads),
        signed_by_stand_in=made,
        withdrawn=(ListKind.CTL,) if gone else (),
    )
