"""What a phone is known to hold after what was seen of it: its report, or what its own rules leave after a delivery."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.sightings import LOST, Delivery, Fetched, Registered, Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published, Step
from mixedmode.inventory.cluster import ClusterInventory
from mixedmode.inventory.evidence import Evidence, Finding
from mixedmode.inventory.kinds import Unexplained, as_if_given
from mixedmode.inventory.library import Library
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import PhoneModel, get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from tests.cluster.building import MIXED, NON_SECURE, PHONES, PUB, ctl_of, itl_of, make
from tests.phone.site import ctl
from tests.support import run_mixedmode

HERE, ELSEWHERE = "10.0.0.1", "10.0.0.2"
NEW, OLD, LEGACY = get_model("8861"), get_model("7975"), get_model("7940")
NAMES = [device.name for device in PHONES]


@dataclass(frozen=True)
class Lists:
    """Lists of a cluster: the CTLs of twice mixed mode, and ITLs by one signer and by another key of it."""

    first: bytes
    second: bytes
    itl: bytes
    itl_of_new_key: bytes
    foreign: bytes


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lists]:
    """A cluster's folder, and its lists."""
    folder = tmp_path_factory.mktemp("evidence")
    cluster, other = make(folder / "lab"), make(folder / "other")
    cluster.run(MIXED)
    first, itl = ctl_of(cluster).data, itl_of(cluster).data
    cluster.run(NON_SECURE)
    # Otherwise both CTLs are the same within a second.
    cluster.run(RegenerateCertificate(PUB, "CAPF"))
    cluster.run(MIXED)
    second = ctl_of(cluster).data
    cluster.run(RegenerateCertificate(PUB, "CallManager"))
    new = itl_of(cluster).data
    other.run(MIXED)
    lists = Lists(first, second, itl, new, ctl_of(other).data)
    cluster.close()
    other.close()
    return folder / "lab", lists


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def library_of(lists: Lists) -> Library:
    library = Library()
    for data in (lists.first, lists.second, lists.itl, lists.itl_of_new_key, lists.foreign):
        library.add(data)
    return library


def given(
    seen: Seen, kind: str, data: bytes, moment: float, *, address: str = HERE, booted: bool = True, whole: bool = True
) -> None:
    seen.deliver(kind, Delivery(moment, address, sha256(data), whole))
    if booted:
        seen.fetched = Fetched(moment + 1, HERE, "x.cnf.xml.sgn")
        seen.registered = Registered(moment + 2, HERE, "non-secure")


def reported(ctl: str | None, itl: str | None, moment: float = 1.0) -> Seen:
    seen = Seen()
    seen.report(Reported(moment, ctl, itl))
    return seen


def concluded(site: tuple[Path, Lists], seen: Seen, model: PhoneModel = NEW) -> tuple[Finding, Finding]:
    return Evidence(library_of(site[1])).findings(model, seen)


def test_what_a_phone_reports_it_holds(site: tuple[Path, Lists]) -> None:
    _, lists = site
    ctl, itl = concluded(site, reported(sha1(lists.first), "none"))
    assert (ctl, itl) == (Finding(sha1(lists.first), "reported", 1.0), Finding("none", "reported", 1.0))
    assert concluded(site, Seen()) == (Finding(), Finding())
    unknown = concluded(site, reported("ab" * 20, None))
    assert unknown == (Finding("ab" * 20, "reported", 1.0), Finding())


def test_a_list_given_before_the_report_changes_nothing(site: tuple[Path, Lists]) -> None:
    _, lists = site
    seen = Seen()
    given(seen, "CTL", lists.second, 1.0)
    seen.report(Reported(5.0, sha1(lists.first), "none"))
    assert concluded(site, seen)[0].held == sha1(lists.first)


def test_a_list_that_the_phones_rules_take_is_known_to_be_held_after_its_boot(site: tuple[Path, Lists]) -> None:
    _, lists = site
    seen = reported(sha1(lists.first), sha1(lists.itl))
    given(seen, "CTL", lists.second, 10.0)
    ctl, itl = concluded(site, seen)
    assert ctl == Finding(sha256(lists.second), "delivered", 10.0)
    assert (itl.held, itl.source) == (sha1(lists.itl), "reported")


@pytest.mark.parametrize(
    "how", [{"booted": False}, {"address": ELSEWHERE}, {"whole": False}, {"address": ELSEWHERE, "booted": False}]
)
def test_who_may_not_have_been_the_phone_leaves_it_open(site: tuple[Path, Lists], how: dict[str, bool]) -> None:
    """Whoever asks for a phone's list by its name makes it unknown at most, and never safe."""
    _, lists = site
    seen = reported(sha1(lists.first), sha1(lists.itl))
    given(seen, "CTL", lists.second, 10.0, **how)  # type: ignore[arg-type]
    ctl, itl = concluded(site, seen)
    assert ctl == Finding(possible=tuple(sorted((sha256(lists.first), sha256(lists.second)))))
    assert itl.held == sha1(lists.itl)


def test_a_foreign_list_is_refused_by_a_legacy_phone_and_open_where_tvs_is_asked(site: tuple[Path, Lists]) -> None:
    _, lists = site
    seen = reported(sha1(lists.first), None)
    given(seen, "CTL", lists.foreign, 10.0)
    assert concluded(site, seen, LEGACY)[0].held == sha1(lists.first)
    seen = reported(sha1(lists.first), sha1(lists.itl))
    given(seen, "CTL", lists.foreign, 10.0)
    assert concluded(site, seen)[0].possible == tuple(sorted((sha256(lists.first), sha256(lists.foreign))))


def test_without_a_report_a_delivery_proves_nothing(site: tuple[Path, Lists]) -> None:
    """It was given the list, fetched its signed configuration and registered, as one that refused the list does."""
    _, lists = site
    seen = Seen()
    given(seen, "CTL", lists.first, 10.0)
    given(seen, "ITL", lists.itl, 10.0)
    ctl, itl = concluded(site, seen)
    assert [each.held for each in (ctl, itl)] == ["", ""]
    assert (ctl.given, ctl.possible) == ((sha256(lists.first),), ()), "what it was given is said"
    given(seen, "CTL", lists.foreign, 20.0)
    assert set(concluded(site, seen, LEGACY)[0].given) == {sha256(lists.first), sha256(lists.foreign)}
    seen.report(Reported(30.0, sha1(lists.second), None))
    assert concluded(site, seen, LEGACY)[0].given == ()


def test_what_a_phone_without_words_was_given_is_foreseen_as_a_note(known: Path) -> None:
    cluster = Cluster.open(known)
    kinds = {name: kind for name, kind, _ in ClusterInventory(cluster, Library()).rows()}
    cluster.close()
    legacy = replace(kinds[NAMES[1]], model=LEGACY)
    assert isinstance(legacy.ctl, Unexplained)
    assert [each.ctl for each in as_if_given(legacy)] == list(legacy.ctl.given)
    change = Step("another cluster's", (Published(ListKind.CTL, ctl("stranger")),))
    found = Forecaster(Plan((change,))).of(legacy)
    assert found.outcome is Fate.UNKNOWN
    assert found.notes == ("if it holds what this cluster gave it, it is frozen",)


def test_an_empty_phone_takes_the_first_lists(site: tuple[Path, Lists]) -> None:
    _, lists = site
    seen = reported("none", "none")
    given(seen, "CTL", lists.first, 10.0)
    given(seen, "ITL", lists.itl, 10.5)
    ctl, itl = concluded(site, seen)
    assert (ctl.held, itl.held) == (sha256(lists.first), sha256(lists.itl))
    assert (ctl.source, itl.source) == ("delivered", "delivered")


def test_lists_one_after_the_other_are_judged_one_after_the_other(site: tuple[Path, Lists]) -> None:
    """The new key's ITL is unknown to a phone with the first lists: only TVS could say."""
    _, lists = site
    seen = reported("none", sha1(lists.itl))
    given(seen, "ITL", lists.itl_of_new_key, 10.0)
    assert concluded(site, seen)[1].possible == tuple(sorted((sha256(lists.itl), sha256(lists.itl_of_new_key))))
    seen.report(Reported(20.0, "none", sha1(lists.itl_of_new_key)))
    given(seen, "ITL", lists.itl, 30.0, booted=False)
    given(seen, "ITL", lists.itl_of_new_key, 40.0)
    assert concluded(site, seen)[1].held in {"", sha1(lists.itl_of_new_key), sha256(lists.itl_of_new_key)}


def test_deliveries_that_were_not_kept_make_it_unknown(site: tuple[Path, Lists]) -> None:
    _, lists = site
    seen = reported(sha1(lists.first), sha1(lists.itl))
    seen.deliveries["CTL"] = [Delivery(9.0, HERE, LOST, whole=False)]
    given(seen, "CTL", lists.second, 10.0)
    assert concluded(site, seen)[0] == Finding(given=(sha256(lists.second),))


@pytest.fixture(scope="module")
def known(site: tuple[Path, Lists]) -> Path:
    """The cluster's folder after things were seen: one phone reported, one was only given a list, one is unknown."""
    directory, lists = site
    cluster = Cluster.open(directory)
    cluster.devices.add([DeviceSpec("SEPAAAABBBBCCCC", "7940")])
    seen = {NAMES[0]: reported(sha1(lists.second), sha1(lists.itl_of_new_key)), NAMES[1]: Seen()}
    seen[NAMES[0]].registered = Registered(100.0, HERE, "encrypted")
    given(seen[NAMES[1]], "CTL", lists.second, 10.0)
    seen["SEPAAAABBBBCCCC"] = reported(sha1(lists.first), None)
    cluster.sightings.add(seen)
    cluster.close()
    return directory


def exported(known: Path, *words: str) -> str:
    done = run_mixedmode("inventory", "export", "--directory", known, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_exported_inventory_says_source_and_time(known: Path, site: tuple[Path, Lists]) -> None:
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(exported(known)))}
    assert len(rows) == 4
    first = rows[NAMES[0]]
    assert (first["ctl"], first["ctl_source"]) == (sha1(site[1].second), "reported")
    assert (first["ctl_time"], first["registered"]) == ("1970-01-01T00:00:01+00:00", "1970-01-01T00:01:40+00:00")
    assert rows[NAMES[1]]["ctl"] == rows[NAMES[1]]["ctl_source"] == rows[NAMES[2]]["ctl"] == ""
    assert [bool(row["tvs_servers"]) for row in rows.values()] == [bool(row["registered"]) for row in rows.values()]
    document = json.loads(exported(known, "--json"))
    assert [row["name"] for row in document] == sorted(rows)
    given_to = next(row for row in document if row["name"] == NAMES[1])
    assert given_to["delivered"][0]["sha256"] == sha256(site[1].second)
    assert given_to["delivered"][0]["address"] == HERE


def test_an_export_that_cannot_be_written_names_its_file(known: Path, tmp_path: Path) -> None:
    for out in ("/dev/full/out.csv", tmp_path / "nowhere" / "out.csv"):
        done = run_mixedmode("inventory", "export", "--directory", known, "--output", out)
        assert (done.returncode, f"error: {out}: " in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.ndjson"])
def test_the_export_in_every_form_forecasts_what_the_cluster_does(known: Path, tmp_path: Path, name: str) -> None:
    def foreseen(*words: str | Path) -> list[tuple[str, str]]:
        out = tmp_path / "foreseen.csv"
        done = run_mixedmode(
            "forecast", "--directory", known, *words, "--operation", "utils ctl update CTLFile", "--phones-out", out
        )
        assert done.returncode in {0, 1}, done.stderr
        with out.open(newline="") as file:
            return [(row["name"], row["outcome"]) for row in csv.DictReader(file)]

    exported(known, "--output", str(tmp_path / name))
    own = foreseen()
    assert own == foreseen("--inventory", "cluster") == foreseen("--inventory", tmp_path / name)
    assert dict(own)[NAMES[1]] == dict(own)[NAMES[2]] == "unknown"
    assert dict(own)[NAMES[0]] != "unknown"


def test_last_years_hash_is_explained_by_the_archive(known: Path) -> None:
    """The legacy phone reports the CTL of before the cluster was non-secure; no --lists names it."""
    out = known.parent / "old.ndjson"
    done = run_mixedmode(
        "forecast", "--directory", known, "--operation", "utils ctl update CTLFile", "--phones-out", out
    )
    assert done.returncode in {0, 1}, done.stderr
    rows = {row["name"]: row for row in map(json.loads, out.read_text().splitlines())}
    assert rows["SEPAAAABBBBCCCC"]["outcome"] != "unknown"


def test_a_kept_forecast_of_the_clusters_own_phones_holds_until_something_is_seen(known: Path) -> None:
    plan = known.parent / "plan.json"
    words = ("--directory", known, "--operation", "utils ctl update CTLFile", "--save", plan)
    assert run_mixedmode("forecast", *words).returncode in {0, 1}
    assert run_mixedmode("forecast", "--check", plan).returncode == 0
    cluster = Cluster.open(known)
    cluster.sightings.add({NAMES[2]: reported("none", "none", 50.0)})
    cluster.close()
    done = run_mixedmode("forecast", "--check", plan)
    assert done.returncode == 1
    assert NAMES[2] in done.stdout


def test_a_subscribers_copy_is_refused(known: Path) -> None:
    from mixedmode.errors import UsageError

    cluster = Cluster.attach(known)
    cluster.operations.journal.is_copy = True
    with pytest.raises(UsageError, match="subscriber"):
        ClusterInventory(cluster, Library())
    cluster.close()
