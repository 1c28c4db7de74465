"""Has a step done at the prompts, and judges its end: what is typed, what its effect must be, what nodes then have.

Rules:

1. That a command goes out is written down before it does (:mod:`.kept`).
2. What a person did by hand is judged in the same way.
3. A step on several nodes remembers each of them: whoever comes again goes on with those that are left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.guides.lists import chosen_certificate
from mixedmode.guides.live.kept import Kept, RunFile, with_part
from mixedmode.guides.live.seeing.effects import QUESTIONS, adapted, changes_ctl, effect
from mixedmode.guides.live.seeing.looking import Looker
from mixedmode.guides.live.seeing.situation import (
    Marks,
    Situation,
    copied_findings,
    facts_of,
    node_findings,
    served_findings,
)
from mixedmode.guides.live.sessions import Sessions
from mixedmode.live.shell.session import Decide
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.guided.run import Run
from mixedmode.procedures.steps import Act, CtlClient, ImportToken, Prompt, RestartServices, Step

FAILED: Final = ("Executed command unsuccessfully", "Command cancelled", "Error parsing")
TYPED, DONE = "typed", "done"


class Doer:
    """Has steps done.

    Args:
        file: Where the run is kept.
        looker: Looks at the cluster.
        sessions: The nodes' prompts.
        nodes: Their names, the publisher first.
        decide: Answers what a node asks and nobody foresaw.
    """

    def __init__(self, file: RunFile, looker: Looker, sessions: Sessions, nodes: Sequence[str], decide: Decide) -> None:
        self._file, self._looker, self._sessions = file, looker, sessions
        self._nodes, self._decide = tuple(nodes), decide

    async def type(self, kept: Kept, act: Act, attempt: str) -> tuple[str, ...]:
        """Type what an act is at the publisher; return what it printed.

        Raises:
            MixedModeError: It was not typed, or its end was not seen; the file tells which.
        """
        line, answers = typed_for(act, kept.run.choices)
        return await self._sessions.run(
            self._nodes[0], line, answers, decide=self._decide, typing=lambda: self._note_typed(attempt)
        )

    def _note_typed(self, attempt: str) -> None:
        kept = self._file.read()
        if kept is not None:
            self._file.write(_typed(kept, attempt))

    async def services(self, act: RestartServices, serving: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
        """Return the services to restart by node, and what to say of the others.

        Args:
            act: Names the services.
            serving: The nodes whose file service answers.
        """
        found: list[tuple[str, str]] = []
        said: list[str] = []
        for node in self._nodes:
            try:
                rows = await self._sessions.look(node, "utils service list")
            except MixedModeError as error:
                said.append(f"{node}: nobody can log in ({error.what}): restart there by hand")
                continue
            for service in act.services:
                row = next((line.strip() for line in rows if line.strip().startswith(f"{service}[")), "")
                if "STARTED" in row or "STARTING" in row:
                    found.append((node, service))
                elif service == "Cisco Tftp" and node in serving:
                    said.append(f"{node}: {service} serves files, and is not listed as started: {row or 'no row'}")
        return found, said

    async def restart(self, kept: Kept, step: int, wanted: Sequence[tuple[str, str]]) -> tuple[Kept, list[str], str]:
        """Restart services one after another, but those that are done (rule 3).

        Returns:
            The run, what was printed, and what went wrong.
        """
        said: list[str] = []
        wrong: list[str] = []
        for node, service in wanted:
            name = part_name(step, node, service)
            if kept.parts.get(name) == DONE:
                continue

            def typing(name: str = name) -> None:
                now = self._file.read()
                if now is not None:
                    self._file.write(with_part(_typed(now, _attempt(now)), name, TYPED))

            try:
                lines = await self._sessions.run(
                    node, f"utils service restart {service}", decide=self._decide, typing=typing
                )
            except MixedModeError as error:
                wrong.append(f"{service} of {node}: {error.what}")
                said.append(f"{node}: {error}")
                kept = self._file.read() or kept
                continue
            good = any(line.strip().startswith(f"{service}[STARTED]") for line in lines)
            said += [f"{node}: {line}" for line in lines if line.strip()]
            if not good:
                wrong.append(f"{service} of {node} is not started")
            kept = self._file.write(with_part(self._file.read() or kept, name, DONE if good else "not started"))
        return kept, said, "; ".join(wrong)

    async def look(self, act: Act | None = None) -> Situation:
        """Look at the cluster, as far as an act needs it."""
        return await self._looker.look(trust=isinstance(act, ImportToken))

    def judged(self, run: Run, step: Step, before: Marks, now: Situation, said: Sequence[str] | None) -> list[Finding]:
        """Judge the end of a step.

        Args:
            run: That it belongs to.
            step: That was done.
            before: What was so right before it.
            now: What is so now.
            said: What it printed; None if only somebody elsewhere saw it.
        """
        printed = None if said is None else tuple(line.strip() for line in said)
        facts = facts_of(now, run.choices, said=printed)
        found = [each for check in step.after for each in adapted(check, now).find(run.before, facts)]
        there = effect(step.act, before, now.marks, run.choices)
        if there is not None:
            found.append(Finding(effect_text(step.act), there))
        if changes_ctl(step.act):
            found += [*copied_findings(now), *served_findings(now, final=False)]
        elif isinstance(step.act, RestartServices) or _compares(step.act):
            found += served_findings(now, final=True)
        return [*(each for each in node_findings(now, frozenset()) if each.held is False), *_once(found)]


def typed_for(act: Act, choices: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """Return what is typed for an act, and the answers to its known questions."""
    if isinstance(act, ImportToken):
        certificate = chosen_certificate(choices, act.token)
        pem = "" if certificate is None else certificate.pem().decode().strip()
        return act.line, {"paste": pem}
    line = act.line if isinstance(act, Prompt) else ""
    return line, QUESTIONS.get(line, {})


def problem_in(said: Sequence[str]) -> str:
    """Return what a command's output says went wrong, empty if it does not."""
    at = next((at for at, line in enumerate(said) if line.strip().startswith(FAILED[:2])), None)
    return "" if at is None else " ".join(line.strip() for line in said[at:] if line.strip())


def effect_text(act: Act) -> str:
    """Return the effect of an act, as a statement."""
    if isinstance(act, ImportToken):
        return f"the certificate of {act.token} is in Phone-SAST-trust"
    if isinstance(act, CtlClient):
        return "the publisher has a CTL file of the CTL Client" if act.finish else "the CTL file is the same"
    line = act.line if isinstance(act, Prompt) else ""
    return {
        "set cert regen CallManager": "the publisher has another CallManager certificate",
        "utils ctl set-cluster mixed-mode": "the cluster is in mixed mode, and has a CTL file",
        "utils ctl set-cluster non-secure-mode": "the cluster is in non-secure mode",
        "file delete tftp CTLFile.tlv": "the publisher has no CTL file",
    }.get(line, "the publisher has a new CTL file")


def part_name(step: int, node: str, service: str) -> str:
    """Return the name of a part of a step."""
    return f"{step}/{node}/{service}"


def _compares(act: Act) -> bool:
    return isinstance(act, Prompt) and act.line == "show ctl"


def _typed(kept: Kept, attempt: str) -> Kept:
    return replace(kept, typed=attempt)


def _attempt(kept: Kept) -> str:
    doing = kept.run.doing
    return "" if doing is None else doing.attempt


def _once(findings: Sequence[Finding]) -> list[Finding]:
    return list({each.what: each for each in findings}.values())
