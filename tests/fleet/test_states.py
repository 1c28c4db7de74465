"""What fleets hold between runs, and how phones are made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixedmode.errors import UsageError
from mixedmode.fleet.memory import FleetMemoryError, load_fleet, save_fleet
from mixedmode.fleet.outcomes import spread
from mixedmode.fleet.phones import FleetPhone, device_names, make_phones, parse_mix
from mixedmode.fleet.states import read_held
from mixedmode.phone.body.storage import save_state
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.state import PhoneState
from tests.fleet.site import NEW, OLD, itl, new_ctl
from tests.phone.site import holding

BEHIND = PhoneState(holding(new_ctl(OLD), itl(OLD)))


def test_what_a_fleet_holds_survives_in_one_file_with_each_list_once(tmp_path: Path) -> None:
    path = tmp_path / "fleet.json"
    phones = make_phones(parse_mix("7975:500,7940:100"), [BEHIND, PhoneState(holding(new_ctl(NEW)))])
    save_fleet(path, phones)
    assert path.stat().st_mode & 0o777 == 0o600
    again = load_fleet(path)
    assert again == phones
    assert {phone.state.trust.itl for phone in again if phone.model.name == "7940"} == {None}
    assert len(json.loads(path.read_text())["lists"]) == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("lists"),
        lambda document: document.update(format="another/1"),
        lambda document: document["phones"].update(SEP000000000000=["7975", "00", None, 0]),
        lambda document: document["phones"].update(SEP000000000000=["7975", None, None, 9]),
        lambda document: document["phones"].update(SEP000000000000=["no model", None, None, 0]),
        lambda document: document["phones"].update(nobody=["7975", None, None, 0]),
        lambda document: document.update(servers=[[["host", 70000, 0]]]),
        lambda document: document.update(lists={"00": "AAAA"}),
        lambda document: document.update(phones=[1]),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, change: object) -> None:
    path = tmp_path / "fleet.json"
    save_fleet(path, make_phones([(get_model("7975"), 1)], [BEHIND]))
    document = json.loads(path.read_text())
    assert callable(change)
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(FleetMemoryError) as caught:
        load_fleet(path)
    assert caught.value.where == str(path)
    path.unlink()
    with pytest.raises(FleetMemoryError, match="cannot be read"):
        load_fleet(path)


def test_states_come_from_a_fleet_a_phone_or_a_folder_of_phones(tmp_path: Path) -> None:
    name = "SEP001122334455"
    save_state(tmp_path / "b.json", name, BEHIND)
    save_state(tmp_path / "a.json", "SEP001122334466", PhoneState())
    assert read_held(tmp_path / "b.json") == {name: BEHIND}
    assert list(read_held(tmp_path)) == ["SEP001122334466", name]
    fleet = tmp_path / "fleet"
    save_fleet(fleet, [FleetPhone(name, get_model("7975"), BEHIND)])
    assert read_held(fleet) == {name: BEHIND}
    (tmp_path / "empty").mkdir()
    for nothing in ("empty", "missing.json"):
        with pytest.raises(UsageError, match="no phone's state"):
            read_held(tmp_path / nothing)


def test_names_count_up_and_mixes_are_checked() -> None:
    assert list(device_names(2, "sep:00:11:22:33:44:ff")) == ["SEP0011223344FF", "SEP001122334500"]
    assert [(model.name, count) for model, count in parse_mix("7975:3, 7940:1")] == [("7975", 3), ("7940", 1)]
    for wrong in ("7975", "7975:x", "7975:-1", "", "none:3", "7975:99999999"):
        with pytest.raises(UsageError):
            make_phones(parse_mix(wrong))
    with pytest.raises(UsageError, match="no 2 names"):
        make_phones(parse_mix("7975:2"), first="SEPFFFFFFFFFFFF")
    with pytest.raises(UsageError, match="too many"):
        make_phones([(get_model("7975"), 2_000_000)])


def test_percentiles_are_values_that_occurred() -> None:
    assert spread([]) == {"p50": 0.0, "p90": 0.0, "p99": 0.0, "max": 0.0}
    assert spread([float(number) for number in range(1, 101)]) == {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}
    assert spread([3.0]) == {"p50": 3.0, "p90": 3.0, "p99": 3.0, "max": 3.0}
