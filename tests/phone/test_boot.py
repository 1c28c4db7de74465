"""The order of files, and what phones make of servers that lie, truncate, replay and go silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mixedmode.errors import UsageError
from mixedmode.phone.mind.boot import Boot
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.console import Console
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.requests import AskTvs, BootFile
from mixedmode.phone.mind.trust.decisions import ListKind, Outcome, Reason, TvsAnswer, TvsOutcome, TvsQuestion
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import BootSettings
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.signedfile.encrypted import Secrets, decrypt, encrypt_config
from mixedmode.signedfile.signed import SignedFile
from tests.phone.site import CONFIG, DEVICE, NOW, TVS_SERVER, Simulator, Tvs, ctl, holding, identity, itl, signed_config

CTL_NAME, ITL_NAME, CONFIG_NAME = f"CTL{DEVICE}.tlv", f"ITL{DEVICE}.tlv", f"{DEVICE}.cnf.xml"
CTL, ITL = ctl("callmanager"), itl("callmanager")
PLAIN = PhoneState()
SECURED = PhoneState(trust=holding(CTL, ITL))


def site() -> Simulator:
    """A mixed-mode cluster with everything in place."""
    server = Simulator({f"{CONFIG_NAME}.sgn": signed_config("callmanager", CONFIG), CONFIG_NAME: CONFIG})
    server.publish(CTL, ITL)
    return server


def test_a_fresh_phone_in_a_mixed_cluster() -> None:
    server = site()
    result, state = server.boot(PLAIN)
    assert server.asked == [CTL_NAME, ITL_NAME, f"{CONFIG_NAME}.sgn"]
    assert (state.trust.ctl, state.trust.itl) == (CTL, ITL)
    assert state.trust.tvs_servers == (TvsServer("127.0.0.1", 2445, 0), TvsServer("127.0.0.2", 2445, 1))
    assert result.config is not None
    assert result.config.load == "SCCP75.9-3-1SR4-1S"
    assert not result.refused


def test_a_phone_without_lists_asks_for_plain_files() -> None:
    server = Simulator()
    result, _ = server.boot(PLAIN)
    assert server.asked == [CTL_NAME, ITL_NAME, "ITLFile.tlv", CONFIG_NAME, "XMLDefault.cnf.xml"]
    assert "File not found <Cfg File>" in result.messages


def test_a_phone_with_lists_asks_for_signed_files() -> None:
    server = Simulator()
    server.boot(SECURED)
    assert server.asked[3:] == [
        *(f"{CONFIG_NAME}.sgn", CONFIG_NAME),
        *("XMLDefault.cnf.xml.sgn", "XMLDefault.cnf.xml"),
    ]


def test_a_list_without_a_tftp_certificate_asks_for_no_signed_files() -> None:
    server = Simulator({CONFIG_NAME: CONFIG})
    server.publish(ctl("callmanager", empty=True))
    result, _ = server.boot(PLAIN, model="7960")
    assert server.asked == [CTL_NAME, CONFIG_NAME]
    assert not result.refused


@pytest.mark.parametrize("model", ["7940", "6911", "7921"])
def test_legacy_models_never_ask_for_an_itl(model: str) -> None:
    server = site()
    _, state = server.boot(PLAIN, model=model)
    assert ITL_NAME not in server.asked
    assert state.trust.itl is None


def test_the_shared_ctl_is_asked_for_by_setting() -> None:
    server = Simulator({"CTLFile.tlv": CTL.data})
    _, state = server.boot(PLAIN, settings=BootSettings(ask_shared_ctl=True, default_config=False))
    assert server.asked[:2] == [CTL_NAME, "CTLFile.tlv"]
    assert state.trust.ctl == CTL


def test_accepted_lists_leave_a_backup_and_refused_ones_leave_nothing() -> None:
    server = site()
    newer = ctl("callmanager", timestamp=1_600_000_000)
    server.publish(newer)
    _, state = server.boot(SECURED)
    assert (state.trust.ctl, state.ctl_backup) == (newer, CTL.data)
    server.publish(ctl("stranger"))
    _, after = server.boot(state)
    assert after.trust == state.trust
    assert after.ctl_backup == CTL.data


def test_regenerated_callmanager_the_phone_asks_tvs_and_follows() -> None:
    new_ctl, new_itl = ctl("new-callmanager"), itl("new-callmanager")
    server = Simulator()
    server.publish(new_ctl, new_itl)
    tvs = Tvs("new-callmanager")
    result, state = server.boot(SECURED, tvs=tvs)
    assert (state.trust.ctl, state.trust.itl) == (new_ctl, new_itl)
    assert len(tvs.questions) == 1, "the ITL's signer stands in the new CTL"
    assert result.alarm == 1


def test_regenerated_callmanager_without_tvs_locks_phones_out_until_the_lists_are_deleted_by_hand() -> None:
    server = Simulator()
    server.publish(ctl("new-callmanager"), itl("new-callmanager"))
    for model in ("7975", "7960"):
        start = SECURED if model == "7975" else PhoneState(trust=holding(CTL))
        result, state = server.boot(start, model=model)
        assert result.refused
        assert state.trust.ctl == CTL
        erased = state.without(ListKind.CTL).without(ListKind.ITL)
        result, state = server.boot(erased, model=model)
        assert not result.refused
        assert state.trust.ctl == ctl("new-callmanager")


def test_a_refused_configuration_leaves_the_old_one_and_nothing_else_is_tried() -> None:
    server = site()
    _, state = server.boot(PLAIN)
    server.lie(f"{CONFIG_NAME}.sgn")
    server.asked.clear()
    result, after = server.boot(state)
    assert server.asked[-1] == f"{CONFIG_NAME}.sgn"
    assert after.config == CONFIG
    decision = result.decisions[BootFile.CONFIG]
    assert decision is not None
    assert decision.reason is Reason.BAD_SIGNATURE
    assert result.config is not None, "the stored configuration stays in force"


def test_a_signed_configuration_that_is_no_xml_is_refused() -> None:
    server = site()
    for content in (b"not XML", b"<!DOCTYPE x><device/>", b"<other/>"):
        server.files[f"{CONFIG_NAME}.sgn"] = signed_config("callmanager", content)
        result, state = server.boot(SECURED)
        assert result.decisions[BootFile.CONFIG].outcome is Outcome.REJECT  # type: ignore[union-attr]
        assert state.config is None


def test_truncated_lists_are_never_installed() -> None:
    for size in (0, 1, 5, 100, 340, len(CTL.data) - 1):
        server = site()
        server.truncate(CTL_NAME, size)
        server.truncate(ITL_NAME, size)
        for start in (PLAIN, SECURED):
            result, state = server.boot(start)
            assert state.trust.ctl == start.trust.ctl
            assert result.alarm is not None
            assert result.alarm.failed


def test_a_replayed_list_of_an_untrusted_time_is_refused() -> None:
    moved = PhoneState(trust=holding(ctl("new-callmanager"), itl("new-callmanager")))
    server = Simulator()
    server.publish(CTL, ITL)
    result, state = server.boot(moved, tvs=Tvs())
    assert state.trust == moved.trust
    assert result.alarm == 9


def test_lies_of_tvs_do_not_help_a_stranger() -> None:
    server = Simulator()
    server.publish(ctl("stranger"))

    class Liar(Tvs):
        def __call__(self, question: TvsQuestion) -> TvsAnswer:
            return TvsAnswer(TvsOutcome.KNOWN, identity("callmanager").certificate, frozenset({0}), 60)

    _, state = server.boot(SECURED, tvs=Liar())
    assert state.trust == SECURED.trust


def test_answers_are_cached_for_their_time_and_forgotten_when_a_list_changes() -> None:
    server = site()
    server.files[f"{CONFIG_NAME}.sgn"] = signed_config("new-callmanager", CONFIG)
    tvs = Tvs("new-callmanager", roles=(2,), ttl=3600)
    _, state = server.boot(SECURED, tvs=tvs)
    _, state = server.boot(state, tvs=tvs)
    assert len(tvs.questions) == 1
    _, state = server.boot(state, tvs=tvs, now=NOW + timedelta(hours=2))
    assert len(tvs.questions) == 2
    assert len(state.tvs_cache) == 1
    server.publish(ctl("callmanager", timestamp=1_600_000_000))
    server.boot(state, tvs=tvs, now=NOW + timedelta(hours=2))
    assert len(tvs.questions) == 3


def test_a_new_list_is_judged_with_the_tvs_servers_of_the_old_configuration() -> None:
    server = site()
    server.publish(ctl("new-callmanager"))
    boot = Boot(DEVICE, TrustPolicy(get_model("7975")), SECURED)
    boot.received(server.files[CTL_NAME], NOW)
    assert isinstance(boot.request, AskTvs)
    assert [each.server for each in boot.request.requests] == [TVS_SERVER]
    with pytest.raises(UsageError):
        boot.received(b"", NOW)


def test_an_encrypted_configuration_is_asked_for_when_its_stub_says_so() -> None:
    key = generate_key(KeyKind.RSA_1024)
    device = self_signed(Purpose.CALLMANAGER, subject=Subject(DEVICE), key=key, now=NOW, serial=5)
    made = encrypt_config(
        CONFIG,
        identity("callmanager"),
        name=CONFIG_NAME,
        device=device,
        secrets=Secrets(b"k" * 16, b"i" * 16),
        digest=DigestAlgorithm.SHA1,
        timestamp=1_500_000_000,
    )
    server = Simulator({f"{CONFIG_NAME}.sgn": made.stub, f"{CONFIG_NAME}.enc.sgn": made.encrypted})
    server.publish(CTL, ITL)

    def open_it(file: SignedFile) -> bytes:
        return decrypt(file, key)

    _, state = server.boot(SECURED, decrypt=open_it)
    assert server.asked[-2:] == [f"{CONFIG_NAME}.sgn", f"{CONFIG_NAME}.enc.sgn"]
    assert state.config == CONFIG
    server.asked.clear()
    server.boot(replace(state, ask_encrypted=True), decrypt=open_it)
    assert server.asked[-1] == f"{CONFIG_NAME}.enc.sgn"
    _, keyless = server.boot(SECURED)
    assert keyless.config is None, "a stub is no configuration"


def test_the_console_uses_the_seeds_wording() -> None:
    server = Simulator()
    server.publish(ctl("new-callmanager"))
    console = Console(get_model("7975"))
    server.boot(SECURED, tvs=Tvs("new-callmanager"), console=console)
    lines = [note.line(number, NOW) for number, note in enumerate(console.take(), 2782)]
    seed = [
        "setupSocketToTvsProxy: Connected to TVS proxy server",
        "tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: 3708",
        "clpTvsInit: Client message received on TVS proxy socket",
        "processTvsClntReq: Success reading the client TVS request, len : 3708",
        "processTvsClntReq: TVS Certificate cache flush request received",
        "tvsFlushCertCache: Completed TVS Certificate cache flush request",
    ]
    found = [line.partition("NOT 12:00:00.000000 SECD: ")[2] for line in lines]
    assert [text for text in found if text in seed] == seed
    assert lines[0].startswith("2782: NOT ")


def test_the_console_of_a_phone_without_lists() -> None:
    server = Simulator({CONFIG_NAME: CONFIG})
    console = Console(get_model("7975"))
    server.boot(PLAIN, console=console)
    text = "\n".join(note.text for note in console.take())
    assert "lookupCTL: ** no CTL, assume TFTP NONSECURE" in text
    assert f"Non secure file approved -- <{CONFIG_NAME}>" in text


def test_the_console_of_the_later_family() -> None:
    server = site()
    console = Console(get_model("8861"))
    server.boot(PLAIN, model="8861", console=console)
    text = "\n".join(note.text for note in console.take())
    assert "Using leap of faith to accept TL file" in text
    assert "updateFromFile: TL parse to table: CTL_SUCCESS" in text


def test_a_7940_with_a_ctl_does_not_say_that_it_has_none() -> None:
    server = Simulator({CONFIG_NAME: CONFIG})
    server.publish(ctl("callmanager"))
    for model, words in (("7940", "this model checks no signed files"), ("7975", "")):
        console = Console(get_model(model))
        server.boot(PLAIN, model=model, console=console)
        text = "\n".join(note.text for note in console.take())
        assert "no CTL" not in text
        assert words in text
        assert ("NONSECURE" in text) is bool(words)


def test_a_phone_with_the_ctl_of_a_non_secure_cluster_says_what_it_lacks() -> None:
    server = Simulator({CONFIG_NAME: CONFIG})
    server.publish(ctl("callmanager", empty=True))
    console = Console(get_model("7975"))
    server.boot(PLAIN, console=console)
    text = "\n".join(note.text for note in console.take())
    assert "lookupCTL: no TFTP certificate in the CTL, assume TFTP NONSECURE" in text


def test_a_ctl_offered_as_itl_opens_no_door() -> None:
    """The CTL of a non-secure cluster in the place of the ITL, then an unsigned configuration and any ITL."""
    held = site()
    _, state = held.boot(PLAIN)
    server = Simulator({CONFIG_NAME: CONFIG})
    server.publish(itl_file=ctl("callmanager", empty=True))
    finished, after = server.boot(state)
    decision = finished.decisions[BootFile.ITL]
    assert decision is not None
    assert decision.reason is Reason.WRONG_KIND
    assert finished.alarm is not None
    assert finished.alarm.failed
    assert after.trust == state.trust
    server.publish(itl_file=itl("stranger"))
    finished, after = server.boot(after)
    assert after.trust == state.trust
    assert after.config == state.config
