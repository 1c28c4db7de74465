"""A phone's state survives a restart, and half a state starts no phone."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from mixedmode.errors import RemoteError
from mixedmode.phone.body.storage import PhoneStateError, load_state, save_state
from mixedmode.phone.mind.trust.decisions import ListKind, TvsAnswer, TvsOutcome, TvsQuestion
from mixedmode.phone.mind.trust.state import CachedAnswer, PhoneState
from tests.phone.site import CONFIG, DEVICE, NOW, TVS_SERVER, ctl, holding, identity, itl

CERTIFICATE = identity("new-callmanager").certificate
QUESTION = TvsQuestion(CERTIFICATE.subject, CERTIFICATE.issuer, CERTIFICATE.serial)
ANSWER = TvsAnswer(TvsOutcome.KNOWN, CERTIFICATE, frozenset({0, 2}), 86400)
FULL = PhoneState(
    trust=holding(ctl("callmanager"), itl("callmanager")),
    ctl_backup=b"old",
    itl_backup=b"older",
    config=CONFIG,
    config_name=f"{DEVICE}.cnf.xml.sgn",
    ask_encrypted=True,
    tvs_cache=(CachedAnswer(QUESTION, ANSWER, NOW + timedelta(days=1)),),
)


@pytest.mark.parametrize("state", [PhoneState(), FULL])
def test_what_is_written_is_read_again(state: PhoneState, tmp_path: Path) -> None:
    path = tmp_path / "phone.json"
    assert load_state(path, DEVICE) is None
    save_state(path, DEVICE, state)
    assert load_state(path, DEVICE) == state
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_is_named_whatever_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "phone.json"
    save_state(path, DEVICE, FULL)
    good = json.loads(path.read_text())
    broken: list[object] = [[], None, 7, {}, {"format": "other"}]
    for key in good:
        broken += [{**good, key: value} for value in (7, "!", {"a": 1}, [1], "AAAA") if value != good[key]]
        broken.append({name: value for name, value in good.items() if name != key})
    for document in broken:
        path.write_text(json.dumps(document))
        try:
            load_state(path, DEVICE)
        except PhoneStateError as error:
            assert error.where == str(path)
    for data in (b"", b"{", b"\xff\xfe", b"[" * 100_000, path.read_bytes()[:200]):
        path.write_bytes(data)
        with pytest.raises(PhoneStateError) as caught:
            load_state(path, DEVICE)
        assert str(path) in caught.value.diagnostics()


def test_another_phones_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "phone.json"
    save_state(path, DEVICE, FULL)
    with pytest.raises(PhoneStateError, match=DEVICE):
        load_state(path, "SEPFFFFFFFFFFFF")


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RemoteError) as caught:
        save_state(tmp_path / "nowhere" / "phone.json", DEVICE, FULL)
    assert caught.value.exit_code == 2
    with pytest.raises(PhoneStateError):
        load_state(tmp_path, DEVICE)


def test_erasing_a_list_takes_its_backup_and_the_cache_along() -> None:
    state = FULL.without(ListKind.CTL)
    assert (state.trust.ctl, state.ctl_backup, state.tvs_cache) == (None, None, ())
    assert state.trust.itl == FULL.trust.itl
    assert state.trust.tvs_servers == (TVS_SERVER,)


def test_only_answers_that_say_yes_are_cached() -> None:
    unknown = TvsAnswer(TvsOutcome.UNKNOWN)
    assert PhoneState().remembering(QUESTION, unknown, NOW).tvs_cache == ()
    state = PhoneState().remembering(QUESTION, ANSWER, NOW)
    assert state.remembered(QUESTION, NOW + timedelta(hours=23)) == ANSWER
    assert state.remembered(QUESTION, NOW + timedelta(hours=25)) is None
