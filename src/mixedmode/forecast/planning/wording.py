"""Changes of a plan in words, as commands."""

from __future__ import annotations

from collections.abc import Iterator

from mixedmode.forecast.plan import Plan, Tvs
from mixedmode.forecast.planning.drafts import ONCE_MORE, RESETS, Draft, signing_key, upload_key
from mixedmode.forecast.vouching import Upload
from mixedmode.pki.certificates.certificates import Certificate


def name(certificate: Certificate) -> str:
    """Return a certificate as people know it."""
    return f"{certificate.subject} (serial {certificate.serial.hex().upper()})"


def upload_text(upload: Upload) -> str:
    """Return the command that puts a certificate into a store."""
    return f"upload {name(upload.certificate)} as {upload.store.value}"


def draft_text(plan: Plan, draft: Draft, absences: tuple[bool, ...] = ()) -> str:
    """Return what a draft changes; steps are numbered as the plan has them, from 1.

    Args:
        plan: The plan that is changed.
        draft: The changes.
        absences: In which steps the phone is off that it is for.
    """
    return "; ".join(_texts(plan, draft, absences))


def _texts(plan: Plan, draft: Draft, absences: tuple[bool, ...]) -> Iterator[str]:
    count = len(plan.steps)
    left_out = sorted(set(range(count)) - set(draft.order))
    if left_out:
        yield f"leave out step {', '.join(str(place + 1) for place in left_out)}"
    if draft.order != tuple(sorted(draft.order)):
        yield f"take the steps in the order {', '.join(str(place + 1) for place in draft.order)}"
    if draft.restarts:
        missed = [
            number
            for number, step in enumerate(plan.steps, 1)
            if not step.reset or (number <= len(absences) and absences[number - 1])
        ]
        first = missed[0] if missed else count
        yield f"let the phone restart {_between(first, count)}"
    if draft.answering:
        silent = [number for number, step in enumerate(plan.steps, 1) if (step.tvs or plan.tvs) is Tvs.DOWN]
        yield f"have TVS answer in step {', '.join(map(str, silent))}"
    for place, upload in sorted(draft.uploads, key=upload_key):
        yield f"{upload_text(upload)} before step {place + 1}"
    for place, kind, by in sorted(draft.signings, key=signing_key):
        yield (
            f"{RESETS[kind]} before step {place + 1}: publish its {kind.value} signed by {name(by)} first, and let the "
            "phone restart"
        )
    for place in sorted(draft.apart):
        yield f"publish the ITL of step {place + 1} first, let the phone restart, then the CTL"
    for place, text in sorted(draft.operations):
        yield f"{text} {f'before step {place + 1}' if place < count else f'after step {count}'}, and let it restart"
    if draft.again:
        yield f"{ONCE_MORE} after step {count}"


def _between(step: int, count: int) -> str:
    return f"between step {step} and step {step + 1}" if step < count else "after the last step"
