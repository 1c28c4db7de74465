"""The models of phone-trust.md section 5."""

from __future__ import annotations

import pytest

from mixedmode.errors import UsageError
from mixedmode.phone.models import MODELS, ShownHash, Signalling, get_model


@pytest.mark.parametrize("name", ["7975", "CP-7975", "cp-7975g", "Cisco 7975", " 7975 "])
def test_a_model_is_found_by_the_names_people_use(name: str) -> None:
    model = get_model(name)
    assert (model.name, model.device_type, model.product) == ("7975", 437, "CP-7975")


def test_nr_variants_are_their_model() -> None:
    assert get_model("8845NR") is get_model("8845")
    assert get_model("7941GE").device_type == 309


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
    assert "device_type" in get_model("8861").uncertain
    assert all("sha512" in model.uncertain for model in MODELS.values())


def test_later_models() -> None:
    model = get_model("8861")
    assert (model.tls_max, model.shown_hash, model.http_first) == ("1.2", ShownHash.SHA1, True)
    assert (get_model("8945").tls_max, get_model("8945").http_first) == ("1.0", True)


def test_device_types_are_unique() -> None:
    types = [model.device_type for model in MODELS.values() if model.device_type is not None]
    assert len(types) == len(set(types))
