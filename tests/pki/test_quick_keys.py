"""The keys of tests are keys, each another, and who wants real ones gets them."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mixedmode.pki.certificates.profiles import KeyKind, generate_key
from tests import quick_keys
from tests.quick_keys import DISTANCES, EXPONENT, OF_A_COMMAND, key, pairs, prime, search, use_quick_keys


@pytest.mark.parametrize("bits", DISTANCES)
def test_each_number_of_the_set_is_a_prime_of_its_size(bits: int) -> None:
    primes = [prime(bits, number) for number in range(len(DISTANCES[bits].split()))]
    assert len(set(primes)) == len(primes)
    assert all(number >> (bits - 2) == 3 and math.gcd(number - 1, EXPONENT) == 1 for number in primes)
    asked = primes[:: len(primes) // 8]
    done = subprocess.run(["openssl", "prime", *map(str, asked)], capture_output=True, text=True, check=True)
    assert done.stdout.count("is prime") == len(asked), done.stdout


@pytest.mark.parametrize("bits", DISTANCES)
def test_no_pair_comes_twice_and_each_makes_a_key(bits: int) -> None:
    primes = len(DISTANCES[bits].split())
    found = {
        frozenset((number % primes, (number % primes + number // primes + 1) % primes)) for number in range(pairs(bits))
    }
    assert len(found) == pairs(bits) == primes * ((primes - 1) // 2)
    assert all(len(pair) == 2 for pair in found)
    for number in (0, primes - 1, pairs(bits) - 1):
        made = key(bits, number)
        again = made.private_numbers().private_key()  # which looks whether they fit
        assert again.key_size == made.key_size == 2 * bits


def modulus() -> int:
    made = generate_key(KeyKind.RSA_1024)
    assert isinstance(made, rsa.RSAPrivateKey)
    return made.public_key().public_numbers().n


def test_processes_have_keys_of_their_own_and_then_make_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_keys, "_left", {})
    monkeypatch.setattr(rsa, "generate_private_key", search)
    searched: list[int] = []

    def searching(_exponent: int, size: int, _backend: object) -> rsa.RSAPrivateKey:
        searched.append(size)
        return key(512, 0)

    monkeypatch.setattr(quick_keys, "search", searching)
    use_quick_keys()
    ours = {modulus() for _ in range(3)}
    use_quick_keys(command=0)
    first = {modulus() for _ in range(OF_A_COMMAND)}
    use_quick_keys(command=1)
    second = {modulus() for _ in range(OF_A_COMMAND)}
    assert len(ours | first | second) == 3 + 2 * OF_A_COMMAND
    assert searched == []
    generate_key(KeyKind.RSA_1024)
    rsa.generate_private_key(3, 1024)
    generate_key(KeyKind.RSA_4096)
    assert searched == [1024, 1024, 4096]


def test_everybody_else_searches_primes() -> None:
    code = (
        "from mixedmode.pki.certificates.profiles import *; print(generate_key(KeyKind.RSA_2048).private_numbers().p)"
    )
    found = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)]
    assert found[0] != found[1]
    ours = {prime(1024, number) for number in range(len(DISTANCES[1024].split()))}
    assert not {int(each) for each in found} & ours
