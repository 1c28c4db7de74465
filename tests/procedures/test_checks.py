"""Checks over facts: what holds, what does not and why, and what could not be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixedmode.procedures import checks
from mixedmode.procedures.checks import Check, Finding
from mixedmode.procedures.facts import Facts, ListFacts, PhoneFacts, PhoneKind, Token, TokenFacts, Topic, TvsFacts
from mixedmode.procedures.phones import Ending, ended_so
from mixedmode.procedures.reading import shown_list, shown_mode, traced

EVERYTHING = frozenset(Topic)
OLD = ListFacts("a" * 32, "a" * 40, 4947, "70CA", "old", frozenset({"old"}), 2)
NEW = ListFacts("b" * 32, "b" * 40, 6113, "6B1D", "new", frozenset({"new", "token"}), 2)
ABLE = PhoneFacts("SEP1", "7975", True, NEW.md5, NEW.sha1, "c" * 32)
LEGACY = PhoneFacts("SEP2", "7940", False, OLD.md5, OLD.sha1, None, True, True, "TL_FAILED_OLD_CTL")
BEFORE = Facts(nodes=("pub", "sub"), mode=1, ctl=OLD, callmanager_serial="70CA", looked=EVERYTHING)
NOW = Facts(
    nodes=("pub", "sub"),
    said=("The CTL file was verified successfully.", f"{NEW.md5}(MD5)", f"{NEW.sha1}(SHA1)"),
    mode=1,
    ctl=NEW,
    differing=frozenset(),
    callmanager_serial="6B1D",
    awaiting_restart=frozenset(),
    phones=(ABLE, LEGACY),
    tvs={
        "pub": TvsFacts(frozenset({"6B1D"}), frozenset({("6B1D", "DB", 2)})),
        "sub": TvsFacts(frozenset(), frozenset()),
    },
    tokens={Token.SECOND: TokenFacts("SAST-2", "token")},
    looked=EVERYTHING,
)


def found(check: Check, now: Facts = NOW) -> list[Finding]:
    return list(check.find(BEFORE, now))


@pytest.mark.parametrize(
    ("check", "held", "detail"),
    [
        (checks.mode_is(1), True, ""),
        (checks.mode_is(0), False, ""),
        (checks.SIGNER_IS_NEW, True, ""),
        (checks.SERIAL_CHANGES, True, ""),
        (checks.SAME_CTL, False, ""),
        (checks.NO_CTL, False, ""),
        (checks.SIGNED_BY_CALLMANAGER, True, ""),
        (checks.WITHOUT_CALLMANAGERS, False, ""),
        (checks.WITHOUT_TOKENS, False, ""),
        (checks.LISTING_VERIFIED, True, ""),
        (checks.SERVICES_RESTARTED, True, ""),
        (checks.TVS_CACHES, False, "sub"),
        (checks.vouched("DB", 2), True, ""),
        (checks.vouched("CTL", 1), False, ""),
        (checks.EVERY_PHONE_HOLDS_PUBLISHED, False, "SEP2"),
        (checks.NO_PHONE_HOLDS_CTL, False, "SEP1, SEP2"),
        (checks.lists_token(Token.SECOND), True, ""),
        (checks.signed_by(Token.SECOND), False, ""),
        (checks.signed_by(Token.FIRST), None, ""),
    ],
    ids=lambda each: each.name if isinstance(each, Check) else "",
)
def test_a_statement_is_judged(check: Check, held: bool | None, detail: str) -> None:
    [finding] = found(check)
    assert (finding.held, finding.detail) == (held, detail)


def test_what_was_not_looked_at_is_not_judged() -> None:
    blind = replace(NOW, looked=frozenset())
    for check in (checks.mode_is(1), checks.NO_CTL, checks.TVS_CACHES, checks.SAME_ON_EVERY_NODE):
        assert {each.held for each in found(check, blind)} == {None}
    by_hand = replace(NOW, said=None, failed=None)
    for check in (checks.LISTING_VERIFIED, checks.LISTING_SAYS_NONE, checks.refused("it is refused")):
        assert found(check, by_hand)[0].held is None
    unseen = replace(NOW, tvs=None, phones=None, awaiting_restart=None, mode=None)
    for check in (checks.mode_is(1), checks.TVS_CACHES, checks.vouched("DB", 2), checks.SERVICES_RESTARTED):
        assert found(check, unseen)[0].held is None


def test_each_node_and_each_token_has_its_own_finding() -> None:
    late = replace(NOW, differing=frozenset({"sub"}))
    assert [(each.what, each.held) for each in found(checks.SAME_ON_EVERY_NODE, late)] == [
        ("pub has the same CTL", True), ("sub has the same CTL", False),
    ]  # fmt: skip
    assert found(checks.lists_token(Token.SECOND))[0].what == "SAST-2 is in the CTL file"
    assert checks.lists_token(Token.SECOND).for_people == "the second eToken is in the CTL file"
    waiting = replace(NOW, awaiting_restart=frozenset({("sub", "Cisco Tftp")}))
    assert found(checks.SERVICES_RESTARTED, waiting)[0].detail == "Cisco Tftp of sub"


def test_nobody_has_to_vouch_where_no_phone_asks() -> None:
    assert found(checks.vouched("CTL", 1), replace(NOW, phones=(LEGACY,)))[0].held is True


def test_a_phone_ends_as_its_kind_does() -> None:
    assert [each.kind for each in (ABLE, LEGACY, replace(ABLE, itl_md5=None))] == [
        PhoneKind.WITH_ITL, PhoneKind.LEGACY, PhoneKind.WITHOUT_ITL,
    ]  # fmt: skip
    shown = shown_list(NOW.said or ())
    assert ended_so(Ending.FOLLOWS_BY_TVS, ABLE, OLD, NOW, shown)
    assert ended_so(Ending.FROZEN, LEGACY, OLD, NOW, shown)
    assert not ended_so(Ending.FOLLOWS, LEGACY, OLD, NOW, shown)
    assert not ended_so(Ending.FROZEN, ABLE, OLD, NOW, shown)
    assert not ended_so(Ending.FOLLOWS, replace(ABLE, refused=True), OLD, NOW, shown)
    assert not ended_so(Ending.FOLLOWS, ABLE, OLD, NOW, shown_list(["CTL File not found."]))
    itl = replace(NOW, itl=OLD)
    assert not ended_so(Ending.FOLLOWS, ABLE, OLD, itl, shown)


def test_what_the_seed_prints_is_read() -> None:
    query = ["paramname           paramvalue", "=================== ==========", "ClusterSecurityMode 0", ""]
    assert shown_mode(query) == 0
    assert shown_mode(["ClusterSecurityMode"]) is shown_mode([]) is None
    listing = ["The checksum value of the CTL file:", "0c05655de63fe2a042cf252d96c6d609(MD5)"]
    assert (shown_list(listing).md5, shown_list(listing).verified) == ("0c05655de63fe2a042cf252d96c6d609", False)
    seed = """
debug tvs_sql_get_all_CTL - Unique Key used for Caching :: 6B1D357B6841740B078FEE4A1813D5D6CN=cucm-1051-a-pub
17:21:51.832 |   debug tvsHandleQueryCertReq : Serial Number is: 6B1D357B6841740B078FEE4A1813D5D6
17:21:51.832 |   debug CertificateDBCache::getCertificateInformation - Found entry {rolecount : 2}
23:00:22.052 | debug tvsHandleQueryCertReq : Serial Number is: 83E9080000005545AF31
23:00:22.052 | debug ERROR:CertificateDBCache::getCertificateInformation - Cannot find the certificate in the cache
23:00:22.052 | debug CertificateCTLCache::getCertificateInformation - Found entry {rolecount : 1}
"""
    assert traced(seed.splitlines()) == TvsFacts(
        frozenset({"6B1D357B6841740B078FEE4A1813D5D6"}),
        frozenset({("6B1D357B6841740B078FEE4A1813D5D6", "DB", 2), ("83E9080000005545AF31", "CTL", 1)}),
    )
