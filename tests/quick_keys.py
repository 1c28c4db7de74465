"""RSA keys for tests, without the search for primes, which takes longer than most of what tests do with a key.

Each key is the product of two primes of a known set, and no process gets the same two twice. Such keys are good for
nothing but tests: who knows one of the primes knows the others' keys. Rules:

1. Prime ``number`` of a size is the hash of both, its two highest bits and its lowest one set, and so much more: tests
   need neither its search nor its digits.
2. A process that runs tests has keys of its own, and so has each command that is forked, by its number. A process that
   has used up its own makes keys as everybody does, and so does whoever wants another size.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPONENT: Final = 65537
DISTANCES: Final = {
    512: """
        12 272 208 97 165 42 80 22 33 12 227 16 160 803 556 93 166 79 82 261 5 285 99 153 90 48 101 71 88 19 10
        32 10 42 295 139 476 579 131 16 161 73 163 219 26 54 20 20 167 100 193 18 6 510 315 72 330 5 109 137 73
        64 349 31 70 119 32 42 94 21 3 225 45 108 2 35 66 0 218 260 20 33 30 350 23 443 161 11 158 231 75 198
        198 150 355 93 122 141 142 98 145 27 80 154 126 129 243 161 38 228 77 312 65 37 123 42 262 29 64 118 86
        190 141 139 161 103 131 202 98 63 172 68 42 60 394 9 80 85 201 761 60 250 417 246 105 148 381 111 15 446
        58 234 530 98 223 138 105 278 176 110 285 181 17 188 986 133 182 89 319 141 8 37 48 154 232 102 131 88
        614 12 58 99 11 366 106 1 11 13 11 217 373 136 130 478 13 73 79 55 26 229
    """,
    1024: """
        232 329 110 45 441 364 51 1192 429 409 401 1233 885 27 353 172 356 137 224 61 192 113 266 1098 20 559 33
        337 64 155 196 413 761 47 120 83 347 113 197 16 330 523 85 1342 1801 21 48 1561 2 6 358 209 1549 655 124
        84 2039 230 430 155 31 751 306 257 157 228 17 906 401 142 156 39 151 114 17 69 462 258 326 347 17 38 52
        658 220 615 446 20 137 189 250 48 63 319 744 158 456 304 84 646 357 37 390 232 9 889 31 90 27 226 500
        170 64 345 17 70 380 527 1 491 208 111 1276 181 43 706 116 807 6 514 382 139 168 3 21 442 256 337 383
        564 330 127 63 66 16 675 363 276 626 60 435 291 777 425 452 444 599 63 303 992 76 117 587 282 129 16 110
        125 1374 166 46 270 566 398 757 165 75 796 59 75 63 289 278 191 688 372 140 678 432 52 236 153 104 765
        122 659 59 283 29 539 124 281 314 32 284 69 170 25 1224 105 9 42 94 1190 3 131 879 116 1072 732 449 177
        545 339 446 121 80 0 135 1 73 624 26 489 317 494 234 364 28 504 197 223 30 172 439 511 545 101 29 498 87
        398 345 43 65 294 263 56 767 519 41 663 257 380 612 98 314 222 917 205 795 894 21 352 582 76 28 53 231
        1040 149 114 34 692 43 113 406 421 424 365 24 40 18 288 273 196 80 52 33 239 92 94 715 237 241 206 276
        125 456 149 401 633 468 167 65 155 647 457 71 519
    """,
}
"""By the bits of a prime: half the distance of each prime from its hash (rule 1)."""
OF_A_COMMAND: Final = 64
"""So many keys of a size has a forked command."""
search = rsa.generate_private_key
"""As everybody makes keys."""


def prime(bits: int, number: int) -> int:
    """Return a prime of the set (rule 1)."""
    hashed = hashlib.shake_256(f"mixedmode test prime {bits} {number}".encode()).digest(bits // 8)
    return (int.from_bytes(hashed) | 3 << (bits - 2) | 1) + 2 * _distances(bits)[number]


@cache
def _distances(bits: int) -> list[int]:
    return [int(each) for each in DISTANCES[bits].split()]


def pairs(bits: int) -> int:
    """Return how many pairs of two primes there are."""
    primes = len(_distances(bits))
    return primes * ((primes - 1) // 2)


def key(bits: int, number: int) -> rsa.RSAPrivateKey:
    """Return the key of a pair of primes of so many bits."""
    primes = len(_distances(bits))
    step, first = divmod(number, primes)
    p, q = prime(bits, first), prime(bits, (first + step + 1) % primes)
    private = pow(EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, private, private % (p - 1), private % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


_left: dict[int, Iterator[int]] = {}
"""By the bits of a prime: the pairs that this process may use; many threads ask."""


def use_quick_keys(command: int | None = None) -> None:
    """Have everybody in this process make such keys.

    Args:
        command: The number of a forked command; None for a process that runs tests.
    """
    for bits in DISTANCES:
        half = pairs(bits) // 2
        if command is None:
            _left[bits] = iter(range(half))
        else:
            begin = half + command % (half // OF_A_COMMAND) * OF_A_COMMAND
            _left[bits] = iter(range(begin, begin + OF_A_COMMAND))
    rsa.generate_private_key = _made


def _made(public_exponent: int, key_size: int, backend: Any = None) -> rsa.RSAPrivateKey:
    bits, odd = divmod(key_size, 2)
    number = next(_left.get(bits, iter(())), None) if public_exponent == EXPONENT and not odd else None
    return search(public_exponent, key_size, backend) if number is None else key(bits, number)
