"""Forecasts of what a cluster's own operations would do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixedmode.app.commands.forecasting.cluster import whose
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.publishing import archive
from mixedmode.errors import CheckFailedError, MixedModeError
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList
from tests.cluster.building import MIXED, PUB, SUB, make
from tests.phone.site import identity
from tests.support import run_mixedmode

REGENERATE = f"set cert regen node={PUB} unit=CallManager"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster in mixed mode, and phones that hold its lists."""
    directory = tmp_path_factory.mktemp("forecast") / "lab"
    cluster = make(directory)
    cluster.run(MIXED)
    newest = {each.name: each for each in archive.history(cluster.database) if each.node in {"", PUB}}
    cluster.close()
    rows = [f"{newest[CTL_FILE].md5},{newest[ITL_FILE].sha1}", f"{newest[CTL_FILE].sha1},none"]
    text = f"SEP001122334401,7975,{rows[0]},encrypted\nSEP001122334402,7975,{rows[0]},non-secure\n"
    text += f"SEP001122334403,7940,{rows[1]},non-secure\nSEP001122334404,7975,none,none,non-secure\n"
    (directory.parent / "phones.csv").write_text(f"name,model,ctl,itl,security_mode\n{text}")
    return directory


def foreseen(lab: Path, *words: str) -> dict[str, str]:
    out = lab.parent / "out.ndjson"
    done = run_mixedmode(
        "forecast", "--directory", lab, "--inventory", lab.parent / "phones.csv", "--phones-out", out, *words
    )
    assert done.returncode in {0, 1}, done.stderr
    (lab.parent / "said.json").write_text(done.stdout)
    return {row["name"][-2:]: row["outcome"] for row in map(json.loads, out.read_text().splitlines())}


def test_a_regenerated_callmanager_and_its_lists(lab: Path) -> None:
    found = foreseen(lab, "--operation", REGENERATE, "--operation", "utils ctl update CTLFile")
    assert found["03"] == "frozen"
    assert {found["01"], found["02"]} <= {"follows", "follows-by-tvs"}
    # It takes the old CTL before the new ITL, whose signer that does not name; without an ITL it can ask nobody.
    assert found["04"] == "frozen"


def test_a_callmanager_that_is_renewed_without_the_ctl_locks_out_secure_phones(lab: Path) -> None:
    """Field notes A4, with TVS silent: the server shows what the lists do not name."""
    found = foreseen(lab, "--operation", REGENERATE, "--tvs", "down")
    assert found["01"] == "locked-out"
    assert found["03"] == "follows"


UNITS = ((PUB, "CallManager"), (PUB, "TVS"), (SUB, "TVS"), (PUB, "ITLRecovery"))


def test_everything_renewed_together_loses_everybody_and_restarts_between_save_them(lab: Path) -> None:
    """Field notes A1."""
    together = [f"operation:set cert regen node={node} unit={unit};reset:false" for node, unit in UNITS]
    words = [word for step in together for word in ("--step", step)]
    found = foreseen(lab, *words, "--operation", "utils ctl update CTLFile", "--propose", "--json")
    assert found["01"] == "locked-out"
    assert found["02"] == "frozen"
    proposal = json.loads((lab.parent / "said.json").read_text())["proposal"]
    assert {name for left in proposal["left"] for name in left["examples"]} & {
        "SEP001122334401",
        "SEP001122334402",
    } == set()


def test_nothing_is_touched(lab: Path) -> None:
    before = {path: path.read_bytes() for path in sorted(lab.rglob("*.tlv"))}
    foreseen(lab, "--operation", REGENERATE)
    after = {path: path.read_bytes() for path in sorted(lab.rglob("*.tlv"))}
    assert before
    assert before == after


@pytest.mark.parametrize(
    "words",
    [
        ("--operation", "make coffee"),
        ("--operation", "set cert regen"),
        ("--operation", "set cert regen node=x unit=y"),
    ],
)
def test_an_operation_that_cannot_be_is_refused(lab: Path, words: tuple[str, ...]) -> None:
    done = run_mixedmode("forecast", "--directory", lab, "--inventory", lab.parent / "phones.csv", *words)
    assert done.returncode == 2, done.stderr


FOREIGN = identity("foreign").certificate.pem().decode()
EVERY = {
    **{
        f"set cert regen node={node} unit={unit}": kinds
        for node, unit, kinds in (
            (PUB, "CallManager", {"ITL"}), (SUB, "CallManager", set()), (PUB, "TVS", {"ITL"}), (SUB, "TVS", {"ITL"}),
            (PUB, "ITLRecovery", {"ITL"}), (PUB, "CAPF", {"ITL"}), (PUB, "tomcat", set()), (PUB, "ipsec", set()),
        )
    },
    "utils ctl set-cluster mixed-mode": {"CTL"},
    "utils ctl set-cluster non-secure-mode": {"CTL"},
    "utils ctl update CTLFile": {"CTL"},
    "utils itl reset localkey": {"ITL"},
    f"set cert import trust unit=Phone-SAST-trust pem='{FOREIGN}'": set(),
    "set parameter name=PrepareClusterForRollbackToPre80 value=True": {"ITL"},
    f"utils service restart node={PUB} service='Cisco Tftp'": set(),
    f"node remove node={SUB}": {"ITL"},
    "utils system upgrade version=11.5.1.10000-6": set(),
    "certificate change notification before=2026-01-01T00:00:00+00:00": set(),
}  # fmt: skip


def test_every_operation_says_what_it_would_publish(lab: Path) -> None:
    for text, kinds in EVERY.items():
        about = whose(lab, None, wanted=True)
        assert about is not None
        step = about.operate(text)
        assert {each.kind.value for each in step.lists} == kinds, text
        signed = {each.file.data for each in step.lists if isinstance(each.file, TrustList)}
        assert step.signed_by_stand_in == signed, "no key is used"


def test_a_deleted_list_is_not_there_any_more(lab: Path) -> None:
    about = whose(lab, None, wanted=True)
    assert about is not None
    assert about.operate(f"file delete tftp node={PUB} name=CTLFile.tlv").withdrawn == (ListKind.CTL,)


def test_a_certificate_is_taken_from_a_file(lab: Path) -> None:
    (lab.parent / "foreign.pem").write_bytes(identity("foreign").certificate.pem())
    about = whose(lab, None, wanted=True)
    assert about is not None
    step = about.operate(f"set cert import trust unit=Phone-SAST-trust pem=@{lab.parent / 'foreign.pem'}")
    assert step.vouched is not None
    assert identity("foreign").certificate in dict(step.vouched.roles)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("make coffee", "utils itl reset localkey"),
        ("set cert regen", "its fields: node, unit, key, years"),
        (f"set cert regen node={PUB} unit=CallManager colour=red", "its fields: node, unit, key, years"),
        (f"set cert regen node={PUB} unit=CallManager years=soon", "its fields: node, unit, key, years"),
        ("set cert regen node=x unit=TVS", f"{PUB}, {SUB}"),
        (f"set cert regen node={PUB} unit=Kitchen", "CallManager"),
        ("set parameter name=Colour value=red", "parameter"),
    ],
)
def test_what_there_is_is_said_of_what_there_is_not(lab: Path, text: str, said: str) -> None:
    words = ("--directory", lab, "--inventory", lab.parent / "phones.csv", "--operation", text)
    done = run_mixedmode("forecast", *words)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_an_operation_needs_a_cluster(lab: Path) -> None:
    done = run_mixedmode(
        "forecast", "--directory", lab.parent, "--inventory", lab.parent / "phones.csv", "--operation", REGENERATE
    )
    assert done.returncode in {2, 3}


def test_a_kept_forecast_of_an_operation_holds_until_the_cluster_changes(tmp_path: Path) -> None:
    cluster = make(tmp_path / "lab")
    cluster.run(MIXED)
    (tmp_path / "phones.csv").write_text("name,model,ctl,itl\nSEP001122334403,7940,none,none\n")
    words = ("--directory", tmp_path / "lab", "--inventory", tmp_path / "phones.csv", "--operation", REGENERATE)
    assert run_mixedmode("forecast", *words, "--save", tmp_path / "kept.json").returncode == 0
    assert run_mixedmode("forecast", "--check", tmp_path / "kept.json").returncode == 0
    cluster.run(RegenerateCertificate(PUB, "CallManager", ""))
    cluster.close()
    done = run_mixedmode("forecast", "--check", tmp_path / "kept.json")
    assert done.returncode == 1, done.stderr
    assert f"cluster: CallManager certificate of {PUB} changed" in done.stdout
    assert "no outcome of a phone moved" in done.stdout


def test_the_ctl_client_is_foreseen_by_a_stand_in(lab: Path) -> None:
    """The seed's way back to tokens: both in the trust store, the CTL deleted, the client run."""
    tokens = [identity(f"SAST-ADN{number}").certificate for number in (1, 2)]
    (lab.parent / "tokens.pem").write_bytes(b"".join(each.pem() for each in tokens))
    client = f"ctl client install action=update tokens=@{lab.parent / 'tokens.pem'}"
    about = whose(lab, None, wanted=True)
    assert about is not None
    with pytest.raises(CheckFailedError, match="does not exist in the CTL File"):
        about.operate(client)
    deleted = f"file delete tftp node={PUB} name=CTLFile.tlv"
    stored = [f"set cert import trust unit=Phone-SAST-trust pem='{each.pem().decode()}'" for each in tokens]
    *_, step = about.foresee((*stored, deleted, client))
    ((published,), signed) = step.lists, step.signed_by_stand_in
    assert isinstance(published.file, TrustList)
    assert signed == {published.file.data}
    assert published.file.header.signer_serial == tokens[-1].serial
    anchors = [record.certificate for record in published.file.records if record.is_sast()]
    assert set(tokens) <= set(anchors)
    *_, of_the_store = about.foresee((*stored, deleted, "ctl client install action=update"))
    assert of_the_store.lists[0].file == published.file, "the store knows the tokens"
    words = [word for each in (*stored, deleted, client) for word in ("--operation", each)]
    found = foreseen(lab, *words)
    assert (found["01"], found["03"]) == ("follows-by-tvs", "frozen")


@pytest.mark.parametrize(
    ("fields", "said"),
    [("", "which action"), ("action=coffee", "mixed, non-secure, update"), ("action=update colour=red", "no field"),
     ("action=update", "which tokens"), ("action=update tokens=x", "which tokens"),
     ("action=update tokens=@missing.pem", "missing.pem")],
)  # fmt: skip
def test_a_client_that_says_too_little_is_refused(lab: Path, fields: str, said: str) -> None:
    about = whose(lab, None, wanted=True)
    assert about is not None
    with pytest.raises(MixedModeError) as error:
        about.operate(f"ctl client install {fields}")
    assert said in error.value.diagnostics()
    assert error.value.exit_code == 2
