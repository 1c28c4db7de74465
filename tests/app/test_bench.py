"""``mixedmode bench``: found in the source tree, says what it does, calls no goal met that it did not measure."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from bench import callmanager, start, tftp, wire
from bench.tftp import CEILING, CLIENTS, OURS, Load
from bench.timing import Effort, Goal

from mixedmode.phone.body.calling.pcap import ACK, HEADER, record, tcp, udp
from mixedmode.protocols.rtp.g711 import ULAW
from mixedmode.protocols.rtp.tones import TONES, wave
from tests.support import run_mixedmode, start_mixedmode


def test_a_quick_bench_says_what_it_measures_and_keeps_its_document_clean() -> None:
    done = run_mixedmode("bench", "trustlist", "--quick", "--json")
    assert done.returncode in {0, 1}
    document = json.loads(done.stdout)
    assert {goal["name"] for goal in document["trustlist"]["goals"]} >= {"parse + verify / peer", "parses a second"}
    assert "bench trustlist: parsing and verifying" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_command_alone_ends_the_bench_too(number: signal.Signals) -> None:
    started = start_mixedmode("bench", "forecast", "--quick", stderr=subprocess.PIPE)
    assert started.stderr is not None
    with started.stderr as said:
        assert "making" in said.readline()
        started.send_signal(number)
        assert started.wait(110) == 128 + number


def test_unknown_benches_and_quick_reports_are_refused() -> None:
    for words, said in (
        (["nothing"], "use one of: callmanager, cluster, forecast, http"),
        (["tvs", "--quick", "--report"], "too short"),
        (["tvs", "--minutes", "3"], "--minutes is for one of: callmanager, soak"),
    ):
        done = run_mixedmode("bench", *words)
        assert done.returncode == 2
        assert said in done.stderr


def test_a_goal_that_was_not_measured_is_not_met() -> None:
    goal = Goal("ours / best peer", None, 1.2, at_most=False, missing="dnsmasq could not be had here")
    assert not goal.met
    assert goal.text().startswith("NOT MET ours / best peer: not measured, dnsmasq could not be had here")


def test_without_the_best_peer_no_goal_about_peers_is_met() -> None:
    load = Load(rate=10_000, seconds=0.1, repeated=0, failed=0)
    names = ("atftpd", "tftpd-hpa", CEILING, OURS)
    rates = {name: {clients: [load] for clients in CLIENTS} for name in names}
    storms = {name: [load] for name in names}
    report = tftp.report(rates, storms, {name: [load] for name in (CEILING, OURS)}, transfers=1, rounds=1)
    about_peers = [goal for goal in report.goals if "best peer" in goal.name]
    assert len(about_peers) == 4
    assert not any(goal.met for goal in about_peers)
    assert any("dnsmasq" in line and "could not be had" in line for line in report.text())


def test_effort_is_smaller_when_quick() -> None:
    assert Effort(quick=True).of(9, 2) == 2
    assert Effort().of(9, 2) == 9


def test_minutes_say_how_long_to_go_on() -> None:
    assert Effort(minutes=2).seconds(600, 5) == 120
    assert Effort(quick=True, minutes=2).seconds(600, 5) == 120
    assert Effort(quick=True).seconds(600, 5) == 5
    assert Effort().seconds(600, 5) == 600


@pytest.mark.parametrize(
    ("files", "wanted"),
    [(1_048_576, [40_000]), (40_256, [40_000]), (20_000, [13_334, 13_333, 13_333]), (21_000, [20_000, 20_000])],
)
def test_phones_are_shared_where_a_process_may_not_open_as_many_files(files: int, wanted: list[int]) -> None:
    assert callmanager.shares(40_000, files) == wanted


def test_a_capture_says_what_was_in_the_clear(tmp_path: Path) -> None:
    phone, other = ("127.100.0.1", 20000), ("127.100.0.2", 20002)
    server, tls = ("127.0.0.1", 2000), ("127.0.0.1", 2443)
    sound = wave(TONES[0], ULAW) * 2
    clear, secret = bytes([0x80]) + bytes(11) + sound, bytes([0x80]) + bytes(11) + bytes(reversed(range(164)))
    packets = [
        udp(phone, other, clear),
        udp(other, phone, secret),
        udp(other, phone, b"no sound"),
        tcp(phone, server, (1, 1), ACK, b"\x04\0\0\0"),
        tcp(phone, server, (1, 1), ACK),
        tcp(phone, tls, (1, 1), ACK, b"\x17\3\3"),
        tcp(other, tls, (1, 1), ACK, b"\x04\0\0\0"),
    ]
    (tmp_path / "calls.pcap").write_bytes(HEADER + b"".join(record(1.0, each) for each in packets))
    seen = wire.judge(tmp_path / "calls.pcap", 2000, 2443)
    assert (seen.media, seen.clear, seen.tagged) == (2, 1, 1)
    assert (seen.plain, seen.secure, seen.strange) == (1, 2, 1)


def test_a_command_is_timed_to_its_end_and_one_that_fails_is_no_figure() -> None:
    taken = start.ended(["--version"])
    assert 0 < taken.cpu < taken.wall + 1
    with pytest.raises(RuntimeError, match="exit code 2"):
        start.ended(["show", "/nowhere/CTLFile.tlv"])
