"""Runs the vectors against any implementation: ``python -m tests.conformance.run --adapter COMMAND``.

Needs nothing but Python's own library. README.md says what an adapter is asked and how vectors are written.
"""

from __future__ import annotations

import argparse
import base64
import json
import selectors
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

HERE: Final = Path(__file__).resolve().parent
DATA: Final = HERE.parent / "data"
SECONDS: Final = 20.0
"""For one answer."""
PLACE: Final = "{vector}"


@dataclass(frozen=True)
class Vector:
    """One question and what is right.

    Attributes:
        id: ``suite/name``.
        operation: What the adapter is asked to do.
        input: Its arguments; bytes are hexadecimal.
        expect: ``{"result": ...}``, of which every value must be in the answer, or ``{"refused": true}``.
        origin: Who made it, and from what.
    """

    id: str
    operation: str
    input: dict[str, Any]
    expect: dict[str, Any]
    origin: str = ""

    def question(self) -> str:
        """Return the line that the adapter is asked."""
        return json.dumps({"id": self.id, "operation": self.operation, "input": self.input})


@dataclass
class Report:
    """What became of all vectors, by their ids; texts say what differed."""

    right: list[str] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    unsupported: list[str] = field(default_factory=list)


class AdapterError(Exception):
    """The adapter cannot be started, ended, or does not answer."""


def load(suites: tuple[str, ...] = (), folder: Path = HERE / "vectors") -> list[Vector]:
    """Return the vectors of some suites, all by default."""
    found = []
    for path in sorted(folder.glob("*.json")):
        if suites and path.stem not in suites:
            continue
        suite = json.loads(path.read_text())
        found += [_vector(path.stem, {**suite, **each}, suite.get("input", {})) for each in suite["vectors"]]
    return found


def _vector(suite: str, row: Mapping[str, Any], common: Mapping[str, Any]) -> Vector:
    asked = {**common, **resolved(row["input"])}
    return Vector(f"{suite}/{row['name']}", row["operation"], asked, resolved(row["expect"]), row["origin"])


def resolved(value: Any) -> Any:
    """Return a value with what it takes from the files of ``tests/data`` put in; bytes as hexadecimal."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "file" not in value:
        return {name: resolved(each) for name, each in value.items()}
    found = _from_file(value)
    return _changed(found, value) if isinstance(found, str) else found


def _from_file(value: Mapping[str, Any]) -> Any:
    path = DATA / value["file"]
    if path.suffix in {".crt", ".pem"}:
        lines = path.read_text().split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
        return base64.b64decode(lines).hex()
    if path.suffix != ".json":
        return path.read_bytes().hex()
    found = json.loads(path.read_text())
    for key in value.get("at", ()):
        found = found[key]
    if "way" in value:
        # A conversation: pairs of the way and the bytes, or objects that name both.
        rows = [(row["way"], row["hex"]) if isinstance(row, dict) else row for row in found]
        found = [data for way, data in rows if way == value["way"]]
    return found


def _changed(data: str, value: Mapping[str, Any]) -> str:
    if "slice" in value:
        first, end = value["slice"]
        data = data[2 * first : None if end is None else 2 * end]
    if "flip" in value:
        changed = bytearray.fromhex(data)
        changed[value["flip"]] ^= 1
        data = changed.hex()
    return data


def differences(expected: Any, found: Any, place: str = "result") -> Iterator[str]:
    """Yield what of the expected is not found; what is found beside it does not matter."""
    if isinstance(expected, dict) and expected.keys() == {"begins"} and isinstance(found, str):
        if not found.startswith(expected["begins"]):
            yield f"{place} is {_short(found)}, which does not begin with {expected['begins']}"
    elif isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name in found:
                yield from differences(value, found[name], f"{place}.{name}")
            else:
                yield f"{place}.{name} is missing"
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif expected != found or isinstance(expected, bool) is not isinstance(found, bool):
        yield f"{place} is {_short(found)}, not {_short(expected)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


def judge(vector: Vector, answer: Mapping[str, Any], report: Report) -> None:
    """Put one answer into the report."""
    if answer.get("unsupported"):
        report.unsupported.append(vector.id)
        return
    refused = "refused" in answer
    if vector.expect.get("refused"):
        found = [] if refused else ["it was to be refused and was not"]
    elif refused:
        found = [f"it was refused: {answer['refused']}"]
    else:
        found = list(differences(vector.expect["result"], answer.get("result")))
    if found:
        report.wrong[vector.id] = "; ".join(found[:5])
    else:
        report.right.append(vector.id)


class Adapter:
    """A program that answers, started once or, with ``{vector}`` in its command, once for each question."""

    def __init__(self, command: str, seconds: float = SECONDS) -> None:
        self._words = shlex.split(command)
        self._seconds = seconds
        self._each = any(PLACE in word for word in self._words)
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def __enter__(self) -> Self:
        if not self._each:
            self._process = self._start(self._words, subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def ask(self, vector: Vector) -> dict[str, Any]:
        """Return the answer to a vector.

        Raises:
            AdapterError: There is none, or it is no answer to that.
        """
        line = self._ask_new(vector) if self._process is None else self._ask_running(self._process, vector)
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise AdapterError(f"{vector.id}: the adapter's answer is no JSON: {line[:200]!r}") from error
        if not isinstance(answer, dict) or answer.get("id", vector.id) != vector.id:
            raise AdapterError(f"{vector.id}: the adapter answered something else: {line[:200]!r}")
        return answer

    def _start(self, words: list[str], stdin: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(words, stdin=stdin, stdout=subprocess.PIPE)
        except OSError as error:
            raise AdapterError(f"the adapter {words[0]} cannot be started: {error.strerror}") from error

    def _ask_new(self, vector: Vector) -> bytes:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(vector.question())
            file.flush()
            process = self._start([word.replace(PLACE, file.name) for word in self._words], subprocess.DEVNULL)
            try:
                return process.communicate(timeout=self._seconds)[0]
            except subprocess.TimeoutExpired as error:
                process.kill()
                process.communicate()
                raise AdapterError(f"{vector.id}: no answer after {self._seconds:g} s") from error

    def _ask_running(self, process: subprocess.Popen[bytes], vector: Vector) -> bytes:
        if process.stdin is None or process.stdout is None:
            raise AdapterError("the adapter has no pipes")
        try:
            process.stdin.write(vector.question().encode() + b"\n")
            process.stdin.flush()
        except OSError as error:
            raise AdapterError(f"{vector.id}: the adapter has ended") from error
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(self._seconds):
                    raise AdapterError(f"{vector.id}: no answer after {self._seconds:g} s")
                data = process.stdout.read1(1 << 16)  # type: ignore[attr-defined] # a pipe's reader has it
                if not data:
                    raise AdapterError(f"{vector.id}: the adapter has ended")
                self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line


def run(command: str, vectors: list[Vector]) -> Report:
    """Ask an adapter all vectors.

    Raises:
        AdapterError: It does not answer.
    """
    report = Report()
    with Adapter(command) as adapter:
        for vector in vectors:
            judge(vector, adapter.ask(vector), report)
    return report


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if all is right, 1 if something differs, 2 for wrong usage, 3 without answers."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.run", description=__doc__)
    parser.add_argument("--adapter", help="command that answers; see README.md")
    parser.add_argument("--suite", action="append", default=[], help="only this suite; may be given several times")
    parser.add_argument("--list", action="store_true", help="print the vectors instead: id, operation, origin")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    vectors = load(tuple(options.suite))
    if not vectors:
        parser.error(f"no such suite; there are {', '.join(path.stem for path in sorted(HERE.glob('vectors/*.json')))}")
    if options.list:
        for vector in vectors:
            print(f"{vector.id}  {vector.operation}  {vector.origin}")
        return 0
    if not options.adapter:
        parser.error("--adapter is missing")
    try:
        report = run(options.adapter, vectors)
    except AdapterError as error:
        print(error, file=sys.stderr)
        return 3
    if options.json:
        print(json.dumps(vars(report), indent=1))
    else:
        for name, difference in report.wrong.items():
            print(f"wrong  {name}: {difference}")
        print(f"{len(report.right)} right, {len(report.wrong)} wrong, {len(report.unsupported)} not supported")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
