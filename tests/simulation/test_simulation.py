"""What the forecast says before is what phones do then, for every seed."""

from __future__ import annotations

import math
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import pytest

from mixedmode.forecast.evaluation import Forecaster
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.protocols.tftp import ServerEngine
from tests.simulation import play, starting
from tests.simulation.__main__ import main
from tests.simulation.afterwards import broken_proposal
from tests.simulation.history import History
from tests.simulation.play import Play
from tests.simulation.running import played, replay
from tests.simulation.schedule import WORLD_SEEDS, PhonePlan, Schedule, StepPlan, made
from tests.simulation.shrink import shrunk
from tests.simulation.tracked import Finding
from tests.simulation.world import handset, keys, network
from tests.simulation.world import world as worlds
from tests.simulation.world.course import Point, Trail
from tests.simulation.world.handset import Handset
from tests.simulation.world.network import Weather
from tests.simulation.world.world import world_of

SEEDS = 300
AT_ONCE = 10


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_phones_do_what_was_foreseen(first: int) -> None:
    for seed in played(range(first, first + AT_ONCE)).failed:
        pytest.fail(replay(seed), pytrace=False)


@pytest.mark.parametrize("first", range(SEEDS, SEEDS + 60, AT_ONCE))
def test_phones_that_all_differ_do_what_was_foreseen(first: int) -> None:
    for seed in played(range(first, first + AT_ONCE), kinds=200).failed:
        pytest.fail(replay(seed, kinds=200), pytrace=False)


def test_every_key_is_made_of_two_primes() -> None:
    for number in range(keys.KEYS + 3):
        assert keys.key(number).private_numbers().private_key().key_size == 1024  # the library looks at them


def test_a_phone_that_has_the_other_clusters_configuration_asks_the_tvs_that_it_names() -> None:
    """It moves in a bad network: the configuration comes at once, the ITL at the next start only."""
    words = (
        ("trust", "Phone-SAST-trust", "ITLRecovery"),
        ("trust", "CallManager-trust", "CallManager"),
        ("trust", "Phone-SAST-trust", "CallManager"),
        ("move",),
    )
    steps = tuple(StepPlan(each, days=30 if number == 1 else 7) for number, each in enumerate(words))
    steps = (replace(steps[0], half="CTL", half_from=1), replace(steps[1], off=1.0), *steps[2:])
    phone = PhonePlan("SEP002200000016", "7962", 1, "no-itl")
    weather = Weather(loss=0.1, doubles=0.02, delay=0.02)
    assert not Play(
        Schedule(12788, "15.0.1.10000-32", 1, False, "none", (), (phone,), steps, weather, 0.4, "works")
    ).run().findings  # fmt: skip


def test_a_proposed_list_is_signed_by_whom_it_names_also_if_it_has_no_record_of_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A subscriber's ITL that the publisher's ITLRecovery signs again: the cluster has the key."""
    monkeypatch.setattr("tests.simulation.play._PROPOSE_EVERY", 12)
    steps = (StepPlan(("nothing",), damage="ITL other-kind"), StepPlan(("regenerate", "0", "TVS"), off=0.3, days=7))
    phones = (
        PhonePlan("SEP002200000030", "6901", 2, "foreign", 1),
        PhonePlan("SEP002200000031", "7945", 1, "no-itl", 1),
    )
    before = (("non-secure",),)
    play = Play(
        Schedule(156_781, "12.0.1.10000-10", 2, False, "token", before, phones, steps, Weather(), 0.0, "off")
    ).run()
    assert play.counts["proposals"]
    assert not play.findings


def test_a_phone_that_plays_a_proposed_plan_asks_the_tvs_servers_of_the_configuration_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A move there and back: the new cluster's ITL is torn, its configuration is taken, and the old one's TVS is left.

    The plan that is proposed for it puts something in between.
    """
    monkeypatch.setattr("tests.simulation.play._PROPOSE_EVERY", 12)
    steps = (
        StepPlan(("trust", "Phone-SAST-trust", "CallManager"), tvs="some", off=0.3, days=2),
        StepPlan(("trust", "CallManager-trust", "CallManager"), tvs="some", off=0.1, days=30, damage="CTL flipped"),
        StepPlan(("move",), tvs="some", off=0.1, days=30),
        StepPlan(("trust", "CallManager-trust", "CallManager"), tvs="some", days=2, damage="ITL empty"),
        StepPlan(("move",), tvs="some", days=7),
    )
    phone = PhonePlan("SEP002200000000", "7945", 1, "half-itl")
    play = Play(Schedule(705_181, "9.1.2.10000-28", 3, False, "none", (), (phone,), steps, Weather(), 0.0, "off")).run()
    assert play.counts["proposals"]
    assert not play.findings


@pytest.mark.parametrize(("held", "model"), [("no-itl", "7965"), ("blank", "8861")])
def test_a_phone_that_plays_a_proposed_plan_asks_the_tvs_servers_of_the_itl_that_it_took_in_the_same_start(
    held: str, model: str
) -> None:
    """Configurations are signed by a new certificate, which the ITL does not name that is still on the servers."""
    phone = PhonePlan("SEP002200000003", model, 1, held)
    steps = (StepPlan(("regenerate", "0", "CallManager")), StepPlan(("nothing",)))
    history = History(
        Schedule(2_088_817, "8.6.2.10000-30", 1, False, "token", (), (phone,), steps, Weather(), 0.0, "off")
    )
    plan, played_by = history.plan(0), history.handset(phone)
    forecaster = Forecaster(replace(plan, steps=plan.steps[1:]))
    said = forecaster.of(history.kind(phone, played_by))
    assert said.outcome is Fate.FOLLOWS_BY_TVS
    assert not list(broken_proposal(forecaster, [(played_by, said)], history.moments[0].when))


@pytest.mark.parametrize("version", ["10.5.1.10000-7", "9.1.2.10000-28"])
def test_phones_that_moved_do_what_was_foreseen_when_the_new_cluster_is_prepared_for_a_rollback(version: str) -> None:
    """They share a token with it, so they take its CTL and configuration, and not its ITL."""
    steps = (StepPlan(("move",), days=0.25), StepPlan(("rollback", "on"), days=2), StepPlan(("nothing",), days=30))
    phones = tuple(PhonePlan(f"SEP00220000000{number}", "7942", number, "half-itl") for number in (1, 2, 3))
    for tvs in ("up", "some", "old"):
        told = tuple(replace(each, tvs=tvs) for each in steps)
        play = Play(Schedule(718_458, version, 1, False, "token", (), phones, told, Weather(), 0.0, "off")).run()
        assert play.tracked[0].phone.state.trust.ctl is not None
        assert not play.findings


@pytest.mark.parametrize(
    ("version", "step", "phone"),
    [
        ("10.5.1.10000-7", ("token", "mixed", "1"), PhonePlan("SEP002200000005", "7975", 1, "blank", old_load=True)),
        (
            "12.5.1.11900-146",
            ("token", "non-secure", "0"),
            PhonePlan("SEP00220000002A", "7970", 2, "no-itl", old_load=True),
        ),
    ],
)
def test_who_loses_its_power_is_as_was_said_before_its_one_more_start(
    version: str, step: tuple[str, ...], phone: PhonePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses the CTL, takes the ITL, loses its power, and takes the CTL by that ITL then (forecast.md 5.1).

    Its firmware is not known in everything, so that no start of it is foreseen one by one.
    """
    monkeypatch.setattr(starting, "how_far", _until_a_list_is_taken)
    ctl = "tokenless" if phone.held == "no-itl" else "none"
    play = Play(Schedule(1, version, 1, False, ctl, (), (phone,), (StepPlan(step),), Weather(), 1.0, "off")).run()
    assert play.counts["by one more start"] == 1
    assert not play.findings


def test_who_is_off_and_asks_another_clusters_tvs_than_its_lists_say_is_not_held_to_a_new_word() -> None:
    """It came while a server had the ITL of before: it holds the cluster's lists, and refuses its configuration."""
    steps = (
        StepPlan(("regenerate", "0", "CallManager"), half="ITL", half_from=0, days=2),
        StepPlan(("regenerate", "0", "ITLRecovery"), days=2),
        StepPlan(("update-ctl",), off=1.0, days=30),
    )
    phone = PhonePlan("SEP002200000000", "7965", 2, "foreign")
    play = Play(
        Schedule(2_019_604, "11.5.1.10000-6", 1, False, "token", (), (phone,), steps, Weather(), 0.0, "off")
    ).run()
    assert play.counts["asks another cluster's TVS"] == 3
    assert not play.findings


def test_a_seed_is_the_same_each_time() -> None:
    one, two = (Play(made(3)).run() for _ in range(2))
    assert one.counts == two.counts
    assert [each.outcome for each in one.tracked] == [each.outcome for each in two.tracked]


def test_a_seed_comes_to_the_same_alone_and_after_others_of_its_world() -> None:
    first = 3 * WORLD_SEEDS
    _forget()
    alone = _what_came_of(first + 1)
    _forget()
    others = [_what_came_of(seed) for seed in (first, first + 2, first + 3)]
    assert _what_came_of(first + 1) == alone
    assert all(each != alone for each in others)


def test_what_is_done_once_for_many_phones_comes_to_the_same_when_each_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = (4, 9, 20)  # of three worlds: one remembers what is held under a name
    at_once = [_what_came_of(seed) for seed in seeds]
    world_of.cache_clear()
    monkeypatch.setattr(handset, "policy_of", TrustPolicy)
    monkeypatch.setattr(Handset, "trail", Handset.trail_of_its_own)
    monkeypatch.setattr(PhonePlan, "kind", property(lambda self: self.name))
    monkeypatch.setattr(handset, "root", lambda _kind, begin: Point(begin().state, begin().request))
    monkeypatch.setattr(handset, "calm", network._talk)
    monkeypatch.setattr(handset, "alias", lambda name, _mode, _protocol: name)
    assert [_what_came_of(seed) for seed in seeds] == at_once


@pytest.mark.parametrize("blocks", [None, 0, 7])
def test_a_file_has_the_fate_among_others_that_it_has_alone(blocks: int | None) -> None:
    """Phones of a storm do not feel each other, so what became of one's file may become of another's."""
    weather = Weather(loss=0.1, doubles=0.3, delay=0.02, jitter=0.3)
    content = None if blocks is None else bytes(512 * blocks)
    came: list[list[network.Fetched]] = [[] for _ in range(8)]
    ended: dict[int, float] = {}

    def done(number: int, _outcome: object) -> None:
        ended[number] = storm.now

    storm = network.Storm(ServerEngine(network.serving(content)), weather, done)
    for number, found in enumerate(came):
        storm.begin(number, network.fetching(found), network.fate_rng(weather, blocks, number), 0.0, None)
    storm.run()
    for number, found in enumerate(came):
        failure, took = network.fate(weather, blocks, number)
        assert (found[0], ended[number]) == (failure or content, took)


def _until_a_list_is_taken(trail: Trail, crash: float) -> Point:
    """Return where a phone loses its power that does so whenever it has another list; at the end if it never does."""
    lists, end = trail[0][1].state.trust.lists, trail[-1][1]
    return end if crash == math.inf else next((at for _, at in trail if at.state.trust.lists != lists), end)


def _forget() -> None:
    """Forget what other seeds have found out."""
    handset.forget()
    worlds.world_of.cache_clear()


def _what_came_of(seed: int) -> object:
    play = Play(made(seed)).run()
    return play.counts, [
        (
            replace(each.phone.state, config_name=_told_apart(each.phone.state.config_name)),
            each.registers,
            each.outcome and (each.outcome.trouble() or ())[:2],  # the words name a model, of those that can do as much
            each.outcome and [one and (one.outcome, one.reason, one.row) for one in each.outcome.decisions.values()],
        )
        for _, each in sorted(((plan.name, each) for each in play.tracked for plan in each.plans), key=itemgetter(0))
    ]


def _told_apart(name: str | None) -> str:
    """Return what the name of a configuration says beside the phone's own."""
    return (name or "").partition(".")[2]


def test_a_failing_seed_is_shortened_and_says_how_to_play_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(self: Play) -> None:
        wanted = {"8945", "7975"}
        if any(moment.plan.words[0] == "regenerate" for moment in self.history.moments):
            here = [each for each in self.tracked if each.phone.model.name in wanted]
            self.findings += [Finding("made up", each.phone.name) for each in here]

    monkeypatch.setattr(play.Play, "_afterwards", wrong)
    schedule = replace(made(82), phones=made(82).phones[:20])
    shortest, left = shrunk(schedule, "made up")
    assert len(shortest.phones) == len(shortest.steps) == len(left) == 1
    assert shortest.weather.is_calm
    assert main(["--seed", "82", "--phones", "10"]) == 1
    assert "python -m tests.simulation --seed 82 --phones 10" in capsys.readouterr().out


def test_who_was_called_safe_and_is_lost_is_named_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def wrong(self: Play) -> None:
        self.findings += [Finding("forecast", f"{number}") for number in range(30)]
        if self.schedule.seed == 51 and self.tracked:
            self.findings.append(Finding("safe", "lost"))

    monkeypatch.setattr(play.Play, "_afterwards", wrong)
    report = tmp_path / "report.txt"
    assert main(["--first", "50", "--seeds", "2", "--phones", "2", "--report", str(report)]) == 1
    lines = report.read_text().splitlines()
    assert lines[0] == "2 seeds of 2 phones: 2 failed (safe in 1, forecast in 2)"
    first, second = (line for line in lines if line.startswith("failed: "))
    assert first == "failed: 51: [safe] lost; [forecast] 0 and 29 more"
    assert second.startswith("failed: 50: [forecast] 0")
    replayed = capsys.readouterr().out.partition("\nseed 51 fails: ")[2]
    assert replayed.startswith("[safe] lost\nall that was found: safe 1, forecast 30\n")
    assert (
        "[safe] lost" in replayed.partition("the shortest schedule in which safe does not hold:")[2].split("seed 50")[0]
    )
