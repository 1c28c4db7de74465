"""The models of phone-trust.md section 5."""

from __future__ import annotations

import pytest

from mixedmode.errors import UsageError
from mixedmode.phone.mind.device_types import OTHER_TYPES, PHONE_TYPES
from mixedmode.phone.mind.models import MODELS, ShownHash, Signalling, get_model, get_phone_model


@pytest.mark.parametrize("name", ["7975", "CP-7975", "cp-7975g", "Cisco 7975", " 7975 "])
def test_a_model_is_found_by_the_names_people_use(name: str) -> None:
    model = get_model(name)
    assert (model.name, model.device_type, model.product) == ("7975", 437, "CP-7975")


def test_nr_variants_are_their_model_unless_cucm_has_a_type_for_them() -> None:
    assert get_model("8845NR") is get_model("8845")
    assert get_model("7941GE").device_type == 309
    for name, number in (("8851NR", 36232), ("8865NR", 36248), ("8832NR", 36260), ("8875NR", 36337), ("9871NR", 36354)):
        assert get_model(name).device_type == get_model(f"CP-{name}-K9=").device_type == number
    assert get_model("8851NR").security_by_default


def test_every_type_of_cucm_is_found_by_its_name_and_number() -> None:
    types = {**PHONE_TYPES, **OTHER_TYPES}
    assert len(types) == 251
    for number, name in types.items():
        model = get_model(str(number))
        assert (model.device_type, model.cucm_name, model.is_phone) == (number, name, number in PHONE_TYPES)
        # Two types of CUCM's were replaced by later ones, which people mean by the name.
        meant = {36042: 36239, 36043: 36241}.get(number, number)
        for text in (name, name.upper(), f" {name} ", name.removeprefix("Cisco ")):
            assert get_model(text).device_type == meant


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CP-8845-K9", "8845"),
        ("CP-8851-K9=", "8851"),
        ("CP-8861-W-K9=", "8861"),
        ("cp-7941g-ge", "7941GE"),
        ("CP-7971G-GE", "7971"),
        ("CP-7975G=", "7975"),
        ("CP-9971-C-CAM-K9", "9971"),
        ("CP-9871-K9", "9871"),
        ("DP-9841-K9=", "9841"),
        ("CP-6921-CL-K9", "6921"),
        ("CP-7925G-EX-K9", "7925"),
        ("CP-8832-NR-K9", "8832NR"),
        ("CP-8831-EU-K9", "8831"),
        ("ATA191-K9", "ATA 191"),
        ("ata 190", "ATA 190"),
        ("CTS-SX20-K9", "TelePresence SX20"),
        ("Room Kit", "Webex Room Kit"),
        ("Cisco Spark Room Kit", "Webex Room Kit"),
        ("Cisco Unified IP Phone 8945", "8945"),
        ("Cisco IP Phone CP-8841", "8841"),
        ("CIPC", "IP Communicator"),
        ("8875", "8875"),
        ("36224", "8845"),
    ],
)
def test_names_on_boxes_pages_and_in_lists(text: str, name: str) -> None:
    assert get_model(text).name == name


@pytest.mark.parametrize(
    "text", ["", "CP-", "G", "K9", "CP-8800-A-KEM=", "7962-GE", "8845 and more", "99999", "9999", "ATA 192", "None"]
)
def test_what_is_not_known_is_not_guessed(text: str) -> None:
    with pytest.raises(UsageError, match="no known phone model"):
        get_model(text)


def test_multiplatform_phones_and_what_is_no_phone_are_named_for_what_they_are() -> None:
    for text in ("CP-8845-3PCC-K9=", "ATA192-3PW-K9"):
        with pytest.raises(UsageError, match="multiplatform"):
            get_model(text)
    for text in ("Route List", "CP-8800-Video 28-Button Key Expansion Module", "SIP Trunk"):
        with pytest.raises(UsageError, match="is no phone"):
            get_phone_model(text)
    assert get_phone_model("9841").is_phone


def test_which_models_speak_sip_only() -> None:
    for name in (
        "7811",
        "8861",
        "8851NR",
        "9971",
        "9841",
        "8875",
        "ATA 191",
        "JABBER",
        "CSF",
        "Webex Desk Pro",
        "DX80",
    ):
        assert get_model(name).sip_only
        assert get_model(name).signalling is Signalling.SIP
    for name in ("7975", "7940", "6921", "8945", "7931", "IP Communicator", "7910", "CTI Port"):
        assert not get_model(name).sip_only
    assert "signalling" in get_model("9841").uncertain
    assert "signalling" not in get_model("8861").uncertain


def test_of_a_model_of_which_only_the_type_is_known_the_rest_is_unsure() -> None:
    for name in ("9871", "7910", "ATA 191", "Webex Room Kit"):
        model = get_model(name)
        assert {"security_by_default", "shown_hash", "tls_max", "sha512", "encrypted_config"} <= model.unknown
        assert not model.security_by_default
    assert "security_by_default" not in get_model("CSF").uncertain


def test_what_the_live_cluster_notes_correct() -> None:
    for name, number in (("7832", 36247), ("8832", 36258), ("DX650", 647), ("8821", 36216), ("9971", 493)):
        model = get_model(name)
        assert (model.device_type, "device_type" in model.uncertain) == (number, False)
    for name in ("7811", "7841", "8945", "8821", "DX80"):
        assert (get_model(name).shown_hash, "shown_hash" in get_model(name).uncertain) == (ShownHash.SHA1, False)
    assert "shown_hash" in get_model("8941").uncertain
    assert get_model("7821").http_first
    assert "http_first" not in get_model("7821").uncertain


def test_an_unknown_model_names_near_ones() -> None:
    with pytest.raises(UsageError) as caught:
        get_model("7976")
    assert "7975" in (caught.value.next_step or "")


def test_the_seeds_models() -> None:
    assert get_model("7975").shown_hash is ShownHash.MD5
    assert get_model("7975").signalling is Signalling.SCCP
    for name in ("7945", "7965", "7975"):
        assert get_model(name).security_by_default
        assert "security_by_default" not in get_model(name).uncertain
    for name in ("7940", "7960", "6901", "6911"):
        assert not get_model(name).asks_itl


def test_what_the_source_leaves_open_says_so() -> None:
    assert "security_by_default" in get_model("7941").uncertain
    assert get_model("7941").security_by_default
    assert "security_by_default" in get_model("6921").uncertain
    assert not get_model("6921").security_by_default
    assert "shown_hash" in get_model("7965").uncertain
    assert "device_type" not in get_model("8861").uncertain  # live-cluster.md 2.3
    assert all("sha512" in model.uncertain for model in MODELS.values() if model.name != "7921")
    assert not get_model("7921").sha512


def test_later_models() -> None:
    model = get_model("8861")
    assert (model.tls_max, model.shown_hash, model.http_first) == ("1.2", ShownHash.SHA1, True)
    assert (get_model("8945").tls_max, get_model("8945").http_first) == ("1.0", True)


def test_device_types_are_unique() -> None:
    types = [model.device_type for model in MODELS.values() if model.device_type is not None]
    assert len(types) == len(set(types))
