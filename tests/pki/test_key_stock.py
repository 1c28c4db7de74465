"""Keys made ahead: each is given once, none is lost to who asks for another kind or for more."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mixedmode.pki.certificates.key_stock import KeyStock
from mixedmode.pki.certificates.purposes import KeyKind


def test_who_asks_at_the_same_time_gets_a_key_of_his_own_and_more_than_were_made_ahead() -> None:
    with KeyStock(KeyKind.RSA_1024, 5) as stock, ThreadPoolExecutor(4) as pool:
        keys = list(pool.map(stock.take, [KeyKind.RSA_1024] * 8))
    assert all(isinstance(key, rsa.RSAPrivateKey) and key.key_size == 1024 for key in keys)
    assert len({key.private_numbers().public_numbers.n for key in keys if isinstance(key, rsa.RSAPrivateKey)}) == 8


def test_another_kind_is_made_when_it_is_asked_for() -> None:
    with KeyStock(KeyKind.RSA_1024, 1) as stock:
        other, larger, ahead = map(stock.take, (KeyKind.EC_256, KeyKind.RSA_2048, KeyKind.RSA_1024))
    assert isinstance(other, ec.EllipticCurvePrivateKey)
    assert (larger.key_size, ahead.key_size) == (2048, 1024)


def test_an_empty_stock_makes_each_key() -> None:
    with KeyStock(KeyKind.RSA_1024, 0) as stock:
        assert stock.take(KeyKind.RSA_1024).key_size == 1024


def test_keys_that_nobody_wants_any_more_are_not_begun() -> None:
    before = threading.active_count()
    with KeyStock(KeyKind.RSA_2048, 1000):
        pass
    for thread in threading.enumerate():
        if thread.name.startswith("key-stock"):
            thread.join(60)
    assert threading.active_count() <= before
