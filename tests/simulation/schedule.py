"""What a seed makes: a cluster, a fleet, a network and a plan of changes, as values that can be made smaller.

What a phone or a step does hangs on its own name or number, not on how many random numbers were drawn before, so that a
schedule with fewer of them plays the rest as it was.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

from mixedmode.phone.mind.models import PhoneModel
from tests.simulation.world.changes import VERSIONS
from tests.simulation.world.network import Weather

MODELS: Final = (
    *("7975",) * 4,
    *("7965", "7942", "7962", "7945"),
    *("8845", "8861", "7841", "7821", "8945", "9971"),
    *("7940", "7960", "7921", "7961", "7970", "6901", "6911"),
)
HOLDINGS: Final = (
    *("current",) * 9,
    *("old",) * 4,
    *("foreign", "erased", "new", "half-ctl", "half-itl", "blank", "no-itl", "mixed-up"),
)


@dataclass(frozen=True, slots=True)
class PhonePlan:
    """A phone.

    Attributes:
        name: Its name.
        model: Its model.
        mode: Its ``deviceSecurityMode``.
        held: What it holds; see :meth:`.History.handset`.
        node: From which node, by number, it gets its files.
        is_remote: Whether it is at the end of the line that has the weather.
        hidden: Which of its lists, ``ctl`` or ``itl``, the inventory has a hash of that no file explains.
        lsc: Who issued its LSC, as far as the inventory says: ``own``, ``foreign``, or empty.
        away: For how many steps in a row it is off, and from which one on, whatever becomes of the others.
        old_load: Whether its firmware is old: what no source says of its model is the other way round with it.
        office: Where it stands. Phones of an office are alike, and are off together.
    """

    name: str
    model: str
    mode: int
    held: str
    node: int = 0
    is_remote: bool = True
    hidden: str = ""
    lsc: str = ""
    away: tuple[int, int] = (0, 0)
    old_load: bool = False
    office: int = 0

    @property
    def kind(self) -> tuple[object, ...]:
        """All but its name."""
        return (
            *(self.model, self.mode, self.held, self.node, self.is_remote),
            *(self.hidden, self.lsc, self.away, self.old_load, self.office),
        )

    def is_away(self, number: int) -> bool:
        """Return whether it is off in a step, by itself."""
        steps, first = self.away
        return first <= number < first + steps

    def hides_what_decides(self, model: PhoneModel) -> bool:
        """Return whether it is unknown what becomes of it: of a legacy phone the ITL is not looked at."""
        is_legacy = not model.security_by_default and "security_by_default" not in model.unknown
        return self.hidden == "ctl" or (self.hidden == "itl" and not is_legacy)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """A step of the change.

    Attributes:
        words: The operation; see :func:`.changed`; ``move`` to the other cluster, which is so many releases newer, and
            back from there; ``restore`` the backup that was made before the change.
        reset: Whether phones are restarted.
        tvs: ``up``, ``down``, ``some`` (the publisher's alone is silent), ``old`` (those that a phone's own ITL names).
        off: The share of phones that are off.
        days: Since the step before.
        damage: What is wrong with a list that is on the server, such as ``CTL cut``; empty if nothing is.
        damage_from: From which node on that is so: it was written there by halves.
        half: Which lists (``both``, ``CTL``, ``ITL``) reach nodes late: phones start once with the ones before.
        half_from: From which node on that is so: publishing stopped there for a while.
        cut: Whether remote phones get nothing in this step.
    """

    words: tuple[str, ...]
    reset: bool = True
    tvs: str = "up"
    off: float = 0.0
    days: float = 3
    damage: str = ""
    damage_from: int = 0
    half: str = ""
    half_from: int = 0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that happens.

    Attributes:
        seed: What made it.
        version: Of the cluster.
        nodes: How many nodes it has.
        sha512: Whether lists are signed over SHA-512.
        ctl: How its CTL was made: ``none``, ``tokenless``, ``token``.
        before: What was done to it before, oldest first.
        phones: The fleet.
        steps: The change.
        weather: The network.
        crashes: Share of starts in which a phone loses its power.
        http: ``off``, ``works``, or the code of its failure.
    """

    seed: int
    version: str
    nodes: int
    sha512: bool
    ctl: str
    before: tuple[tuple[str, ...], ...]
    phones: tuple[PhonePlan, ...]
    steps: tuple[StepPlan, ...]
    weather: Weather
    crashes: float
    http: str

    @property
    def has_sha512(self) -> bool:
        """Whether anything is ever signed over SHA-512."""
        return self.sha512 or ("digest", "SHA-512") in (*self.before, *(step.words for step in self.steps))


WORLD_SEEDS: Final = 8
"""So many seeds, one after the other, have the same cluster and change: to make them, and to decide about their lists,
costs as much as all the rest. Phones, network and what goes wrong at each step are each seed's own."""
_KINDS: Final = (*(1, 2, 3, 4, 6, 9) * 8, 200)
"""How many kinds of phones a fleet has at most; in the last one hardly any is like another."""
_UNITS: Final = ("CallManager", "CallManager", "TVS", "CAPF", "ITLRecovery")
_SIGNERS: Final = ("trust", "Phone-SAST-trust", "CallManager")
_SIGNERS_THERE: Final = (
    _SIGNERS,
    ("trust", "Phone-SAST-trust", "ITLRecovery"),
    ("trust", "CallManager-trust", "CallManager"),
)
_PROCEDURES: Final[tuple[tuple[tuple[str, ...], ...], ...]] = (
    # In the right order, each with what its wrong one leaves out or turns round.
    (("regenerate", "0", "CallManager"), ("update-ctl",)),
    (("regenerate", "0", "CallManager"), ("regenerate", "0", "TVS"), ("regenerate", "1", "TVS"), ("update-ctl",)),
    (("regenerate", "0", "TVS"), ("regenerate", "1", "TVS"), ("regenerate", "0", "CallManager")),
    (("regenerate", "0", "CallManager"), ("regenerate", "0", "ITLRecovery"), ("update-ctl",)),
    (("regenerate", "0", "ITLRecovery"), ("reset-itl",), ("reset-ctl",), ("update-ctl",)),
    (("regenerate", "0", "CAPF"), ("update-ctl",)),
    (("mixed",), ("regenerate", "0", "CallManager"), ("update-ctl",)),
    (("token", "mixed", "0"), ("token", "update", "1")),
    (("token", "update", "0"), ("delete-ctl",), ("mixed",)),
    (("non-secure",), ("delete-ctl",), ("token", "mixed", "0")),
    (("non-secure",), ("delete-ctl",), ("mixed",)),
    (("non-secure",), ("mixed",)),
    (("rollback", "on"), ("regenerate", "0", "CallManager"), ("rollback", "off")),
    (("rollback", "on"), ("move",)),
    (_SIGNERS, ("trust", "Phone-SAST-trust", "ITLRecovery"), ("trust", "CallManager-trust", "CallManager"), ("move",)),
    (("trust", "CallManager-trust", "CallManager"), ("move",)),
    (("move",),),
    (*_SIGNERS_THERE, ("move", "2"), ("update-ctl",)),
    (("trust", "CallManager-trust", "CallManager"), ("move", "5"), ("regenerate", "0", "CallManager"), ("move",)),
    (("rollback", "on"), ("move", "2"), ("upgrade", "1"), ("switch",)),
    (*_SIGNERS_THERE, ("move",), _SIGNERS, ("trust", "CallManager-trust", "CallManager"), ("move",)),
    (*_SIGNERS_THERE, ("move",), ("regenerate", "0", "CallManager"), ("move",)),
    (*_SIGNERS_THERE, ("move",), ("distrust", "Phone-SAST-trust", "CallManager")),
    (*(("regenerate", "0", unit) for unit in ("CallManager", "TVS", "ITLRecovery")), ("reset-itl",)),
    (("regenerate", "0", "CallManager"), ("distrust", "CallManager-trust", "former"), ("update-ctl",)),
    (("regenerate", "0", "CallManager"), ("update-ctl",), ("restore",)),
    (("regenerate", "0", "ITLRecovery"), ("regenerate", "0", "TVS"), ("restore",)),
    (("digest", "SHA-512"), ("update-ctl",)),
    (("digest", "SHA-512"), ("nothing",), ("digest", "SHA-1"), ("update-ctl",)),
    (("upgrade", "1"), ("switch",), ("update-ctl",)),
    (("upgrade", "2"), ("switch",), ("update-ctl",), ("regenerate", "0", "CallManager"), ("update-ctl",)),
    (
        *(("upgrade", "2"), ("switch",), ("regenerate", "0", "ITLRecovery"), ("update-ctl",)),
        *(("regenerate", "0", "CallManager"), ("update-ctl",)),
    ),
    (("upgrade", "1"), ("regenerate", "0", "CallManager"), ("update-ctl",), ("switch",), ("update-ctl",), ("switch",)),
    (("join",), ("update-ctl",)),
    (("leave", "1"), ("update-ctl",)),
    (("leave", "1"), ("join",), ("update-ctl",)),
    (("join",), ("regenerate", "0", "CallManager"), ("leave", "1"), ("update-ctl",)),
    (("nothing",), ("nothing",)),
)  # fmt: skip


def made(seed: int, *, phones: int = 50, kinds: int | None = None) -> Schedule:
    """Return what a seed makes.

    Args:
        seed: The seed.
        phones: How many there are.
        kinds: Of how many kinds at most; None: as the seed has it.
    """
    world, rng = random.Random(f"mixedmode world {seed // WORLD_SEEDS}"), random.Random(f"mixedmode {seed}")
    version = world.choice(VERSIONS)
    nodes = world.choice((1, 2, 2, 3))
    tokenless = not version.startswith(("8.", "9."))
    tokens = version.split(".")[0] not in {"14", "15"}
    ctl = world.choice(
        [*(["none", "none"]), *(["tokenless"] * 4 if tokenless else []), *(["token"] * 2 if tokens else [])]
    )
    settled = (StepPlan(("nothing",), days=30),) if world.random() < 0.3 else ()
    steps = (*_steps(_changes(world), rng), *settled)
    before = tuple(_operation(world) for _ in range(world.choice((0, 1, 1, 2))))
    joined = [*before, *(each.words for each in steps)].count(("join",))
    return Schedule(
        seed,
        version,
        nodes,
        world.random() < 0.06,
        ctl,
        before,
        _phones(seed, phones, kinds, nodes + joined, secure=ctl != "none", rng=rng),
        steps,
        _weather(rng),
        rng.choice((0.0, 0.0, 0.1, 0.4)),
        rng.choice(("off", "works", "works", "timeout", "connection")),
    )


def _operation(rng: random.Random) -> tuple[str, ...]:
    return rng.choice(
        (
            ("regenerate", str(rng.randrange(2)), rng.choice(_UNITS)),
            ("regenerate", str(rng.randrange(2)), rng.choice(_UNITS)),
            ("update-ctl",),
            ("reset-itl",),
            ("reset-ctl",),
            ("token", rng.choice(("mixed", "update", "non-secure")), str(rng.randrange(2))),
            ("mixed",),
            ("non-secure",),
            ("digest", rng.choice(("SHA-1", "SHA-512"))),
            ("distrust", "CallManager-trust", "former"),
            ("upgrade", str(rng.choice((1, 2, 5)))),
            ("switch",),
            ("join",),
            ("leave", str(rng.randint(1, 2))),
            ("nothing",),
        )
    )


def _changes(rng: random.Random) -> list[tuple[tuple[str, ...], float]]:
    """Return what is done, each so many days after the one before."""
    words = list(rng.choice(_PROCEDURES)) if rng.random() < 0.7 else [_operation(rng) for _ in range(rng.randint(1, 4))]
    kind = rng.random()
    if kind < 0.2:
        rng.shuffle(words)
    elif kind < 0.35 and len(words) > 1:
        del words[rng.randrange(len(words))]
    elif kind < 0.5:
        words.insert(rng.randrange(len(words) + 1), _operation(rng))
    return [(each, rng.choice((0.25, 2, 2, 7, 30))) for each in words]


def _steps(changes: list[tuple[tuple[str, ...], float]], rng: random.Random) -> tuple[StepPlan, ...]:
    """Return what is done, and what goes wrong meanwhile."""
    hasty = rng.random() < 0.25
    tvs = rng.choice(("up", "up", "up", "down", "some", "changing", "old"))
    steps = []
    for words, days in changes:
        damage = f"{rng.choice(('CTL', 'ITL'))} {rng.choice(DAMAGES)}" if rng.random() < 0.06 else ""
        steps.append(
            StepPlan(
                words,
                reset=not (hasty and rng.random() < 0.6),
                tvs=rng.choice(("up", "down", "some", "old")) if tvs == "changing" else tvs,
                off=rng.choice((0.0, 0.0, 0.0, 0.1, 0.3, 1.0)),
                days=days,
                damage=damage,
                damage_from=rng.choice((0, 0, 1)),
                half=rng.choice(("both", "CTL", "ITL")) if rng.random() < 0.12 else "",
                half_from=rng.choice((0, 1)),
                cut=rng.random() < 0.06,
            )
        )
    return tuple(steps)


DAMAGES: Final = ("cut", "flipped", "other-kind", "large", "empty", "tail", "stuck")


def _phones(
    seed: int, count: int, kinds: int | None, nodes: int, *, secure: bool, rng: random.Random
) -> tuple[PhonePlan, ...]:
    only = rng.choice((None, None, None, "current"))
    remote = rng.choice((0.1, 0.3, 1.0))
    away = rng.choice((0.0, 0.0, 0.1, 0.5))
    offices = rng.choice(_KINDS) if kinds is None else kinds
    where = random.Random(f"mixedmode {seed} phones").random
    alike: dict[int, tuple[Any, ...]] = {}
    found = []
    for number in range(count):
        office = int(offices * where())
        if office not in alike:
            own = random.Random(f"mixedmode {seed} office {office}")
            alike[office] = (
                own.choice(MODELS),
                own.choice((1, 1, 2, 3)) if secure else 1,
                only or own.choice(HOLDINGS),
                own.choice((0, 0, 0, own.randrange(nodes))),
                own.random() < remote,
                own.choice(("ctl", "itl")) if own.random() < 0.04 else "",
                own.choice(("own", "own", "foreign")) if own.random() < 0.15 else "",
                (own.randint(2, 4), own.randrange(3)) if own.random() < away else (0, 0),
                own.random() < 0.08,
                office,
            )
        found.append(PhonePlan(f"SEP00220000{number:04X}", *alike[office]))
    return tuple(found)


def _weather(rng: random.Random) -> Weather:
    kind = rng.random()
    if kind < 0.7:
        return Weather()
    if kind < 0.86:
        return Weather(rng.choice((0.02, 0.1)), 0.02, 0.02, rng.choice((0.0, 0.05)))
    if kind < 0.98:
        return Weather(0.0, 0.3, 0.01, 0.5)
    return Weather(0.1, 0.1, 0.05, 0.3, (0.5, rng.choice((2.0, 30.0))))
