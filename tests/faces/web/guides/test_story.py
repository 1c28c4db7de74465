"""A cluster through the guided procedures, one after the other: each carried to its end, each loss named before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mixedmode.guides.hands import Hands, Inserted
from mixedmode.guides.words import lead_of, lost_names
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.facts import Token
from mixedmode.procedures.guided.run import StepState
from mixedmode.procedures.steps import ClientAction, CtlClient, ImportToken, Prompt, ResetPhones
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.rehearsal.lab.tokens import LabTokens
from tests.faces.web.guides.guiding import GuideLab, guide_lab
from tests.softhsm import MODULE

PASSWORD = "Cisco123"
BOTH = (Token.FIRST, Token.SECOND)
FOLLOWERS = ("SEP001122334401", "SEP001122334402")
OLD = "SEP001122334403"
"""A 7960, which cannot ask TVS about a signer that it does not know."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideLab]:
    place = tmp_path_factory.mktemp("story")
    with guide_lab(place, LabSpec(nodes=1, models=("7975", "7965", "7960"))) as lab:
        yield lab


class Story:
    """Somebody with tokens, in front of a cluster.

    Args:
        lab: The cluster.
        tokens: At hand.
    """

    def __init__(self, lab: GuideLab, tokens: LabTokens) -> None:
        self.lab = lab
        numbers = {Token.FIRST: "ADN0054f509", Token.SECOND: "ADN008580ef", Token.NEW: "ADN0077c0de"}
        self.tokens = {token: tokens.make(number) for token, number in numbers.items()}
        self.certificates = {token: each.certificate for token, each in self.tokens.items()}

    def insert(self, *tokens: Token) -> Inserted:
        return Inserted(tuple(self.tokens[each] for each in tokens), PASSWORD)

    def carried(self, name: str, *, lost: tuple[str, ...] = ()) -> list[Finding]:
        """Have a procedure carried to its end; each step is verified, and those are lost who were named before."""
        lab, guide, who = self.lab, self.lab.guide, self.lab.lab.principal
        lab.read_screens()
        opened = guide.foresee(guide.plan(who, name).number)
        assert [each.what for each in opened.run.judged if each.held is False] == []
        forecast = opened.run.forecast
        assert [(fate.value, phone, model) for fate, phone, model in lost_names(forecast)] == [
            ("frozen", each, "7960") for each in lost
        ], (name, forecast)
        assert forecast["numbers"]["unknown"] == 0
        opened = guide.begin(who, opened.number, len(lost))
        for at, step in enumerate(opened.steps):
            boots = lab.boots()
            inserted = self.insert(*step.act.tokens) if isinstance(step.act, CtlClient) else None
            named = {
                token: self.certificates[token]
                for token in Token
                if (isinstance(step.act, CtlClient) and token in step.act.tokens)
                or (isinstance(step.act, ImportToken) and token is step.act.token)
            }
            ticket = guide.start(who, opened.number, at, inserted=inserted, tokens=named)
            opened = lab.do(guide.carry(ticket))
            record = opened.run.steps[at]
            assert record.state is StepState.DONE, (name, at + 1, record.problem, record.findings)
            if isinstance(step.act, ResetPhones):
                assert record.said[-1] == "3 of 3 phones told to reset"
                lab.wait_for_boots(boots)
                lab.read_screens()
        assert lead_of(opened) == ("All steps are done.", "Each was verified.")
        for phone in (*FOLLOWERS, OLD):
            assert (lab.phone(phone).document()["outcome"] == "frozen") is (phone in lost), (name, phone)
        findings = [each for record in opened.run.steps for each in record.findings]
        assert [each.what for each in findings if each.held is False] == []
        assert findings[-1].detail == f"{3 - len(lost)} of 3", findings[-1]
        return findings

    def save(self) -> None:
        """Delete the CTL of the lost phone on its menu, as the remedy says: it takes the published one."""
        self.lab.restart(OLD, erase=True)
        assert self.lab.phone(OLD).document()["outcome"] == "follows"

    def mixed_with_tokens(self) -> None:
        """Have the CTL Client set mixed mode anew, without a guide."""
        hands = Hands(self.lab.lab.cluster, self.lab.lab.principal, self.lab.lab.control)
        self.lab.do(hands.do(Prompt("file delete tftp CTLFile.tlv", ("y",)), {}))
        boots = self.lab.boots()
        self.lab.do(hands.do(CtlClient(ClientAction.MIXED, BOTH), {}, self.insert(*BOTH)))
        self.lab.do(hands.reset(None))
        self.lab.wait_for_boots(boots)
        self.save()


def said(findings: list[Finding]) -> str:
    return "\n".join(each.what for each in findings if each.held)


@pytest.mark.timeout(300)
def test_all_guided_procedures_one_after_the_other(running: GuideLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIXEDMODE_PKCS11_MODULE", str(MODULE))
    lab = running
    story = Story(lab, LabTokens(lab.lab.directory / "reader"))
    story.carried("non-secure-to-mixed")
    assert lab.mode == 1
    found = said(story.carried("regenerate-callmanager", lost=(OLD,)))
    assert "TVS vouched for the new signer" in found
    assert "the CTL file is signed with the new certificate" in found
    assert "follows-by-tvs" in {lab.phone(each).document()["outcome"] for each in FOLLOWERS}
    story.save()
    assert "is signed by SAST-ADN008580ef" in said(story.carried("tokenless-to-etokens", lost=(OLD,)))
    story.save()
    found = said(story.carried("one-token-lost"))
    assert "SAST-ADN0077c0de is in the CTL file" in found
    assert "the CTL file is signed by SAST-ADN0054f509" in found
    found = said(story.carried("etokens-to-tokenless", lost=(OLD,)))
    assert "the certificates of the eTokens are removed from the CTL file" in found
    story.save()
    assert "ClusterSecurityMode is 0" in said(story.carried("mixed-to-non-secure"))
    assert lab.mode == 0
    story.mixed_with_tokens()
    assert lab.mode == 1
    assert "signed by the publisher's CallManager" in said(story.carried("lost-tokens"))
    assert lab.mode == 0
    assert PASSWORD not in str([each.document for each in lab.guide.latest()])
