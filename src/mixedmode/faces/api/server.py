"""What all endpoints have: who asks, how often, in which form, under which condition, and once for each key.

Rules:

1. Who asks is said by a token, or by the session of a browser; what changes something needs, of a session, the header
   ``X-CSRF-Token`` and this site as its origin. Nothing of a request is looked at before that is so.
2. An answer to a GET has a tag; ``If-None-Match`` spares its body. A change with ``If-Match`` is made if the tag still
   is what a GET at the same address would have; such changes are made one at a time, so nobody comes between.
3. Of large bodies few are read at once, one of each person, so that memory has a bound whoever sends slowly.
4. What a key's first request does, it does to its end and keeps the answer, whether or not its sender still waits.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import DONE, OperationResult
from mixedmode.cluster.model.errors import ClusterBusyError, DatabaseError
from mixedmode.control.acts import Act
from mixedmode.control.repeats import LONGEST_KEY, Answer, KeyReusedError, Repeats, Turn
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.api.endpoint import JSON, Call, Endpoint, Listing, Reply, Stream, adapter, read
from mixedmode.faces.api.negotiation import chosen, fits, links, tag_of
from mixedmode.faces.api.problems import (
    CHANGED,
    LARGE_ONES,
    MEDIA_TYPE,
    NO_CSRF,
    NOT_ACCEPTABLE,
    NOT_JSON,
    NOT_THIS_WAY,
    SIGN_IN,
    STILL_RUNNING,
    TOO_OFTEN,
)
from mixedmode.faces.web.kit.desk import Desk
from mixedmode.faces.web.kit.doorman import same
from mixedmode.faces.web.kit.problems import DATABASE_AWAY, TOO_LARGE, Problem, problem_of
from mixedmode.faces.web.kit.requests import address_of, check_origin, keep_place
from mixedmode.numbers import whole_number
from mixedmode.printable import one_line

ROOT: Final = "/api/v1"
KEY: Final = "idempotency-key"
CSRF: Final = "x-csrf-token"
_log = logging.getLogger(__name__)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_WAIT: Final = (0.05, 30.0)
"""Seconds between looks for the answer of a request that is being done, and of looking in all."""
_NOT_KEPT: Final = frozenset({401, 403, 404, 405, 406, 408, 412, 413, 415, 429, 500, 503})
"""Answers that say that nothing was done: their key is free again."""
_LARGE: Final = 1 << 20
_LARGE_AT_ONCE: Final = 3


class Server:
    """Serves the endpoints of one node.

    Args:
        desk: What all faces of the node's web server have.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._repeats = Repeats(desk.cluster)
        self._changes = threading.Lock()
        self._large: set[str] = set()

    async def answer(self, request: Request, here: Mapping[str, Endpoint]) -> Response:
        """Answer a request to one address, by the endpoints that there are, by method."""
        methods = [*here, *(["HEAD"] if "GET" in here else []), "OPTIONS"]
        allow = ", ".join(methods)
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": allow})
        endpoint = here.get("GET" if request.method == "HEAD" else request.method)
        try:
            if endpoint is None:
                return self._told(request, NOT_THIS_WAY, {"allow": allow})
            answer = await self._endpoint(request, endpoint, here.get("GET"))
        except Problem as problem:
            answer = self._told(request, problem)
        except DatabaseError as error:
            # Nobody is known yet.
            _log.warning("%s", one_line(f"{request.url.path}: {error}"))
            answer = self._told(request, DATABASE_AWAY)
        except MixedModeError as error:
            answer = self._told(request, _problem(error))
        return _bare(answer) if request.method == "HEAD" else answer

    async def _endpoint(self, request: Request, endpoint: Endpoint, shown: Endpoint | None) -> Response:
        call = await self._call(request, endpoint)
        key = request.headers.get(KEY, "")
        condition = request.headers.get("if-match", "")
        looked = shown if condition and not endpoint.is_safe else None
        if not endpoint.keyed or not key:
            return await asyncio.to_thread(self._work, call, endpoint, request, looked)
        if len(key) > LONGEST_KEY or not key.isprintable():
            raise UsageError(f"an Idempotency-Key has at most {LONGEST_KEY} printable characters", where=KEY)
        body = await request.body()
        whole = b"\0".join((request.method.encode(), str(request.url.path).encode(), request.url.query.encode(), body))
        tries = int(_WAIT[1] / _WAIT[0])
        for _ in range(tries):
            found = await asyncio.to_thread(self._repeats.begin, call.principal, key, whole)
            if isinstance(found, Answer):
                return Response(found.body, found.status, {**found.headers, "idempotency-replayed": "true"})
            if isinstance(found, Turn):
                work = asyncio.ensure_future(asyncio.to_thread(self._once, call, endpoint, request, looked, found))
                return await asyncio.shield(work)
            await asyncio.sleep(_WAIT[0])
        return self._told(request, STILL_RUNNING, {"retry-after": "5"})

    async def _call(self, request: Request, endpoint: Endpoint) -> Call:
        """Check all that can be checked before the endpoint is asked (rule 1)."""
        principal, by_token, csrf = await self._who(request, endpoint)
        wait = self._desk.rates.take((principal.user, principal.source), endpoint.cost)
        if wait:
            raise _TooOften(wait)
        if endpoint.level > principal.level:
            act = Act(endpoint.act or f"api {endpoint.name}", endpoint.level)
            await asyncio.to_thread(self._desk.control.allow, principal, act)
        accept = chosen(request.headers.get("accept", ""), endpoint.media_types)
        if accept is None:
            raise NOT_ACCEPTABLE
        query = _query(request, endpoint)
        with self._place(request, endpoint, principal.user):
            body = await _body(request, endpoint)
        return Call(
            self._desk,
            principal,
            by_token,
            csrf,
            request.url.path,
            {name: str(value) for name, value in request.path_params.items()},
            query,
            body,
            accept,
            asyncio.get_running_loop(),
        )

    @contextmanager
    def _place(self, request: Request, endpoint: Endpoint, user: str) -> Iterator[None]:
        """Hold a place among those whose large bodies are read (rule 3).

        Raises:
            Problem: There is none.
        """
        said = whole_number(request.headers.get("content-length", ""))
        if endpoint.body_bytes <= _LARGE or (said is not None and said <= _LARGE):
            yield
            return
        if user in self._large or len(self._large) >= _LARGE_AT_ONCE:
            raise LARGE_ONES
        self._large.add(user)
        try:
            yield
        finally:
            self._large.discard(user)

    async def _who(self, request: Request, endpoint: Endpoint) -> tuple[Principal, bool, str]:
        address, header = address_of(request), request.headers.get("authorization")
        doorman = self._desk.doorman
        if header is not None:
            principal = await doorman.bearer(header, address)
            if principal is None:
                raise SIGN_IN
            keep_place(request)
            return principal, True, ""
        session = await asyncio.to_thread(doorman.session, request.cookies, address)
        if session is None:
            raise SIGN_IN
        csrf = session.secret("form")
        if not endpoint.is_safe:
            check_origin(request)
            if not same(request.headers.get(CSRF), csrf):
                raise NO_CSRF
        keep_place(request)
        return session.principal, False, csrf

    def _once(self, call: Call, endpoint: Endpoint, request: Request, looked: Endpoint | None, turn: Turn) -> Response:
        """Do what a key's first request asks for, and keep its answer (rule 4); in a thread."""
        before = self._before(call.principal, turn)
        try:
            answer = self._work(replace(call, before=before), endpoint, request, looked)
        except BaseException:
            self._repeats.forget(turn)
            raise
        kept = answer.status_code not in _NOT_KEPT and not answer.headers.get("retry-after")
        if kept:
            names = ("content-type", "etag", "location", "link")
            headers = {name: answer.headers[name] for name in names if name in answer.headers}
            self._repeats.end(turn, Answer(answer.status_code, headers, bytes(answer.body)))
        else:
            self._repeats.forget(turn)
        return answer

    def _before(self, principal: Principal, turn: Turn) -> Any:
        def before(operation: Operation) -> OperationResult | None:
            entry = self._repeats.begun(turn, principal, operation)
            if entry is None or entry.state != DONE:
                return None
            return OperationResult.of_memory(entry.number, entry.name, entry.state, entry.memory)

        return before

    def _work(self, call: Call, endpoint: Endpoint, request: Request, looked: Endpoint | None) -> Response:
        """Have the endpoint answer, errors told; in a thread."""
        self._desk.counts["api"] += 1
        try:
            with self._changes if looked is not None else nullcontext():
                if looked is not None:
                    self._check_tag(call, looked, request)
                return self._made(call, endpoint, endpoint.answer(call), request)
        except Problem as problem:
            return self._told(request, problem)
        except ClusterBusyError as error:
            return self._told(request, problem_of(error), {"retry-after": "5"})
        except MixedModeError as error:
            return self._told(request, _problem(error))

    def _check_tag(self, call: Call, shown: Endpoint, request: Request) -> None:
        query = None if shown.query is None else read(shown.query, {}, "the query")
        reply = shown.answer(replace(call, query=query, body=None, accept=JSON))
        present = _tag(reply, _bytes(shown, reply))
        if not fits(request.headers.get("if-match", ""), present, weak=False):
            raise CHANGED

    def _made(self, call: Call, endpoint: Endpoint, reply: Reply, request: Request) -> Response:
        headers = {"vary": "Accept, Authorization, Cookie", **reply.headers}
        status = endpoint.status if reply.status == 200 else reply.status
        if isinstance(reply.value, Stream):
            return StreamingResponse(reply.value.pieces, status, headers, reply.media_type)
        if isinstance(reply.value, Listing):
            found = reply.value
            pages = max(1, -(-found.total // found.size))
            headers["link"] = links(call.path, dict(request.query_params), found.page, pages)
        body = _bytes(endpoint, reply)
        if endpoint.is_safe:
            headers["etag"] = tag = _tag(reply, body)
            headers["cache-control"] = "private, no-cache"
            if fits(request.headers.get("if-none-match", ""), tag, weak=True):
                return Response(status_code=304, headers=headers)
        if status == 204:
            return Response(status_code=204, headers=headers)
        return Response(body, status, headers, reply.media_type)

    def _told(self, request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
        self._desk.counts[f"problems_{problem.status}"] += 1
        more = dict(headers or {})
        if problem.status == 401:
            more["www-authenticate"] = 'Bearer realm="mixedmode"'
        if problem.status == 429:
            more.setdefault("retry-after", str(problem.seconds) if isinstance(problem, _TooOften) else "60")
        if problem.status == 503:
            more.setdefault("retry-after", "10")
        body = json.dumps(problem.document(request.url.path)).encode()
        return Response(body, problem.status, more, MEDIA_TYPE)


class _TooOften(Problem):
    """Somebody asks too often."""

    def __init__(self, wait: float) -> None:
        Problem.__init__(self, **asdict(TOO_OFTEN))
        self.seconds = max(1, round(wait + 0.5))


def _problem(error: MixedModeError) -> Problem:
    found = problem_of(error)
    return replace(found, status=422) if isinstance(error, KeyReusedError) else found


def _query(request: Request, endpoint: Endpoint) -> Any:
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise UsageError("the query has it twice", where=twice, next_step="give it once", code="invalid")
    if any("\x00" in text for pair in given for text in pair):
        raise UsageError("the query holds a NUL character", code="invalid")
    if endpoint.query is None:
        if names:
            raise UsageError("this takes no query", where=names[0], next_step="leave it out", code="invalid")
        return None
    return read(endpoint.query, dict(given), "the query")


async def _body(request: Request, endpoint: Endpoint) -> Any:
    data = await request.body() if not endpoint.is_safe else b""
    if endpoint.body is None:
        return None
    if not data.strip() and not endpoint.needs_body:
        return {} if isinstance(endpoint.body, Mapping) else read(endpoint.body, b"{}", "the body")
    if len(data) > endpoint.body_bytes:
        raise TOO_LARGE
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != JSON or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise NOT_JSON
    if _NUL.search(data) or b"\x00" in data:
        raise UsageError("the body holds a NUL character", code="invalid")
    if isinstance(endpoint.body, Mapping):
        return read(dict[str, Any], data, "the body")
    return read(endpoint.body, data, "the body")


def _bytes(endpoint: Endpoint, reply: Reply) -> bytes:
    if isinstance(reply.value, bytes):
        return reply.value
    if endpoint.returns is None:
        return b""
    if isinstance(endpoint.returns, Mapping):
        return json.dumps(reply.value).encode()
    return adapter(endpoint.returns).dump_json(reply.value)


def _tag(reply: Reply, body: bytes) -> str:
    return tag_of(reply.version.encode() if reply.version else body)


def _bare(answer: Response) -> Response:
    """Return the answer to HEAD: that to GET without its body."""
    if isinstance(answer, StreamingResponse):
        headers = dict(answer.headers.items())
        return Response(status_code=answer.status_code, headers=headers)
    length = str(len(answer.body))
    bare = Response(status_code=answer.status_code, headers=dict(answer.headers))
    if answer.status_code not in {204, 304}:
        bare.headers["content-length"] = length
    return bare
