"""Our own implementation against the vectors, and the runner against adapters that are wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import adapter
from tests.conformance.run import HERE, AdapterError, Report, differences, judge, load, main, run

SUITES = sorted(path.stem for path in (HERE / "vectors").glob("*.json"))
OURS = f"{sys.executable} -m tests.conformance.adapter"
ROOT = HERE.parents[1]


@pytest.mark.parametrize("suite", SUITES)
def test_every_vector_is_answered_as_it_says(suite: str) -> None:
    report = Report()
    for vector in load((suite,)):
        # A line of JSON each way, as between two programs.
        judge(vector, json.loads(json.dumps(adapter.answer(json.loads(vector.question())))), report)
    assert not report.wrong
    assert not report.unsupported
    assert report.right


def test_the_names_of_vectors_are_their_own_and_each_has_an_origin() -> None:
    vectors = load()
    assert len({vector.id for vector in vectors}) == len(vectors)
    assert all(vector.origin and vector.operation in adapter.OPERATIONS for vector in vectors)
    assert {vector.operation for vector in vectors} == set(adapter.OPERATIONS)


def test_the_command_runs_an_adapter_that_is_another_program() -> None:
    words = [sys.executable, "-m", "tests.conformance.run", "--suite", "tftp", "--suite", "tftp-server"]
    words += ["--adapter", OURS]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" right, 0 wrong, 0 not supported\n")


def script(tmp_path: Path, body: str, argument: str = "") -> str:
    path = tmp_path / "adapter.py"
    path.write_text(f"import json, sys\n{body}\n")
    return f"{sys.executable} {path} {argument}"


def test_an_adapter_may_be_started_for_each_vector(tmp_path: Path) -> None:
    body = "asked = json.load(open(sys.argv[1])); print(json.dumps({'id': asked['id'], 'unsupported': True}))"
    vectors = load(("tftp",))[:2]
    report = run(script(tmp_path, body, "{vector}"), vectors)
    assert report.unsupported == [vector.id for vector in vectors]


WRONG = "for line in sys.stdin: print(json.dumps({'id': json.loads(line)['id'], %s}), flush=True)"


def test_what_is_wrong_is_named_and_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--suite", "signedfiles", "--adapter", script(tmp_path, WRONG % "'result': {'content': 'ff'}")]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert 'wrong  signedfiles/sgn/rsa2048-sha1: result.content is "ff", not "3c' in said
    assert "wrong  signedfiles/changed content: it was to be refused and was not" in said
    assert main([*words, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["right"] == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "print('hello', flush=True); sys.stdin.read()",
        WRONG.replace("json.loads(line)['id']", "'another'") % "'a': 1",
    ],
)
def test_an_adapter_that_does_not_answer_is_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    assert main(["--suite", "tftp", "--adapter", script(tmp_path, body)]) == 3
    assert "tftp/" in capsys.readouterr().err


def test_an_adapter_that_is_not_there_is_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="cannot be started"):
        run(str(tmp_path / "nothing"), load(("tftp",)))


def test_the_right_value_of_another_kind_is_wrong() -> None:
    assert list(differences({"a": [1, {"b": None}]}, {"a": [1, {"b": None, "c": 2}], "d": 3})) == []
    assert list(differences(True, 1))
    assert list(differences({"a": None}, {}))
    assert list(differences([1], [1, 2]))
    assert list(differences({"begins": "0005"}, "0004"))
