"""An API server for tests: real HTTP over sockets, in threads. Lists by pages, watches, WatchList, bookmarks, Leases,
patches, Events; and what goes wrong with real ones: 410 in both forms, 401, 403, 429, 5xx, silence, torn streams.
tests/system/kubernetes.py is a real one, by which this was made.

    with ApiServer() as api:
        api.put("services", {"metadata": {"namespace": "n", "name": "s"}, "spec": {...}})
"""

from __future__ import annotations

import copy
import json
import socket
import ssl
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PREFIXES = {
    "services": "/api/v1",
    "configmaps": "/api/v1",
    "secrets": "/api/v1",
    "events": "/api/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "endpoints": "/api/v1",
    "leases": "/apis/coordination.k8s.io/v1",
}
KINDS = {
    "services": "Service", "configmaps": "ConfigMap", "endpointslices": "EndpointSlice", "leases": "Lease",
    "events": "Event", "endpoints": "Endpoints", "secrets": "Secret",
}  # fmt: skip
END = "k8s.io/initial-events-end"

#: Where in the log a watch from a revision of the future is.
NEVER = 10**9

#: Requests that an API server refuses before it knows what people may do.
UNREADY = 6

Object = dict[str, Any]


class ApiServer:
    """`objects` by plural and namespace/name; `log` is every change: revision, plural, before, after. `requests` are
    (method, path with query).

    `streams`: WatchList is served; `unstreamed`: it is, but breaks off, as where etcd is too old for it. `faults`:
    statuses that the next requests of a path that contains the key get. `unserved` are plurals that are not served:
    404; `forbidden` ones 403. `silent`: accepts, answers nothing, and sends nothing. `token`: what is asked for (None:
    nothing).
    """

    def __init__(self, port: int = 0) -> None:
        self.rev = 100
        self.objects: dict[str, dict[str, Object]] = {plural: {} for plural in PREFIXES}
        self.log: list[tuple[int, str, Object | None, Object | None]] = []
        self.forgotten = 0
        self.requests: list[tuple[str, str]] = []
        self.faults: dict[str, list[tuple[int, dict[str, str]]]] = {}
        self.streams, self.unstreamed = True, False
        self.unserved: set[str] = set()
        self.forbidden: set[str] = set()
        self.token: str | None = None
        self.changed = threading.Condition(threading.RLock())
        self.silent = self.closed = False
        self._epoch = self._unready = 0
        self._port = port
        self._server: Any = None
        self.connections: set[Any] = set()

    # -- what tests do to it

    def put(self, plural: str, value: Object) -> Object:
        """Create or replace an object."""
        with self.changed:
            value = copy.deepcopy(value)
            metadata = value["metadata"]
            key = f"{metadata['namespace']}/{metadata['name']}"
            known = self.objects[plural].get(key)
            self.rev += 1
            metadata["resourceVersion"] = str(self.rev)
            metadata["uid"] = known["metadata"]["uid"] if known else str(uuid.uuid4())
            metadata.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
            self.objects[plural][key] = value
            self._note(plural, known, value)
            return value

    def delete(self, plural: str, key: str) -> None:
        with self.changed:
            value = self.objects[plural].pop(key)
            self.rev += 1
            self._note(plural, value, None)

    def forget(self) -> None:
        """No watch can begin at a revision from before now."""
        with self.changed:
            self.forgotten = self.rev

    def cut(self) -> None:
        """Break all connections of watches."""
        with self.changed:
            self._epoch += 1
            self.changed.notify_all()

    def fail(self, where: str, *statuses: int, **headers: str) -> None:
        """The next requests whose path contains `where` get these answers."""
        with self.changed:
            self.faults.setdefault(where, []).extend((status, headers) for status in statuses)

    def count(self, part: str) -> int:
        """Requests whose path contains `part`."""
        return sum(part in path for _, path in list(self.requests))

    def _note(self, plural: str, before: Object | None, after: Object | None) -> None:
        self.log.append((self.rev, plural, copy.deepcopy(before), copy.deepcopy(after)))
        self.changed.notify_all()

    # -- life

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def kubeconfig(self) -> Object:
        """That of a controller whose own namespace is `n`."""
        return {
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "n"}}],
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "test", "user": {"token": "a-token"}}],
        }

    def secure(self, context: ssl.SSLContext) -> None:
        """From now on connections are TLS."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def start(self) -> None:
        """Serve. One that was stopped has forgotten what went before, and allows nothing to its first callers."""
        if self._server is not None:
            self.forget()
            self._unready = UNREADY
        server = _Server(("127.0.0.1", self._port), _handler(self))
        with self.changed:
            self._server, self.closed = server, False
        self._port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Gone: connections break, new ones are refused. `start` brings it back with all it knew."""
        with self.changed:
            self.closed = True
            self._epoch += 1
            self.changed.notify_all()
            for connection in self.connections:
                _break(connection)
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> ApiServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.silent = False
        self.stop()

    # -- what handlers need

    def opened(self, server: Any, connection: Any) -> None:
        """A connection was accepted; where `server` was stopped meanwhile, it breaks."""
        with self.changed:
            self.connections.add(connection)
            if self.closed or server is not self._server:
                _break(connection)

    def over(self, connection: Any) -> None:
        with self.changed:
            self.connections.discard(connection)

    def fault(self, path: str) -> tuple[int, dict[str, str]] | None:
        """What a test wants the next request of this path to be answered."""
        with self.changed:
            for where, answers in self.faults.items():
                if where in path and answers:
                    return answers.pop(0)
        return None

    def refuses(self) -> bool:
        """Whether it has yet to read who may do what."""
        with self.changed:
            refused = self._unready > 0
            self._unready -= refused
            return refused

    def selected(self, plural: str, namespace: str | None, label: str | None, fields: str = "") -> list[Object]:
        wanted = [one.removeprefix("metadata.").split("=") for one in fields.split(",") if one]
        found = [value for _, value in sorted(self.objects[plural].items()) if shows(value, namespace, label)]
        return [value for value in found if all(value["metadata"][path] == text for path, text in wanted)]

    def lines(
        self, plural: str, namespace: str | None, label: str | None, query: dict[str, str]
    ) -> Iterator[Object | None]:
        """Events of a watch; None: the connection breaks."""
        with self.changed:
            epoch, at = self._epoch, len(self.log)
            first: list[Object] = []
            if query.get("sendInitialEvents") == "true":
                if self.unstreamed:
                    yield {"type": "ERROR", "object": status(500, "the required storage feature is disabled")}
                    return
                for value in self.selected(plural, namespace, label):
                    first.append({"type": "ADDED", "object": copy.deepcopy(value)})
                first.append({"type": "BOOKMARK", "object": self._bookmark(plural, {END: "true"})})
            else:
                begin = int(query["resourceVersion"])
                if begin < self.forgotten:
                    message = f"too old resource version: {begin} ({self.forgotten})"
                    yield {"type": "ERROR", "object": status(410, message, "Expired")}
                    return
                at = next((i for i, one in enumerate(self.log) if one[0] > begin), len(self.log))
                if begin > self.rev:
                    at = NEVER
        yield from first
        deadline = time.monotonic() + float(query.get("timeoutSeconds", 60))
        while True:
            with self.changed:
                while self._epoch == epoch and (len(self.log) <= at or self.silent) and time.monotonic() < deadline:
                    self.changed.wait(0.5)
                if self._epoch != epoch:
                    yield None
                    return
                if len(self.log) <= at:
                    if at != NEVER:
                        yield {"type": "BOOKMARK", "object": self._bookmark(plural, {})}
                    return
                rev, what, before, after = self.log[at]
                at += 1
            if what == plural:
                event = event_of(rev, *(one if shows(one, namespace, label) else None for one in (before, after)))
                if event is not None:
                    yield event

    def _bookmark(self, plural: str, annotations: dict[str, str]) -> Object:
        return {"kind": KINDS[plural], "metadata": {"resourceVersion": str(self.rev), "annotations": annotations}}


def key_of(value: Object) -> str:
    return f"{value['metadata']['namespace']}/{value['metadata']['name']}"


def shows(value: Object | None, namespace: str | None, label: str | None) -> bool:
    """Whether a list or watch of these has `value`."""
    if value is None or namespace not in (None, value["metadata"]["namespace"]):
        return False
    key, _, wanted = (label or "").partition("=")
    return not label or (value["metadata"].get("labels") or {}).get(key) == wanted


def event_of(rev: int, before: Object | None, after: Object | None) -> Object | None:
    """What a watch tells of a change of what it shows; the last of an object is its last state, with the revision."""
    if after is not None:
        return {"type": "ADDED" if before is None else "MODIFIED", "object": after}
    if before is None:
        return None
    gone = {**before, "metadata": {**before["metadata"], "resourceVersion": str(rev)}}
    return {"type": "DELETED", "object": gone}


def status(code: int, message: str = "", reason: str = "") -> Object:
    return {"kind": "Status", "code": code, "message": message or f"a fault of {code}", "reason": reason}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # controllers open their connections all at once


def _break(connection: Any) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _handler(api: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            api.opened(self.server, self.connection)

        def finish(self) -> None:
            api.over(self.connection)
            with suppress(OSError):
                super().finish()

        def _begin(self) -> tuple[str, str | None, str | None, dict[str, str]] | None:
            """Plural, namespace, name, query; None: answered already."""
            api.requests.append((self.command, self.path))
            parts = urlsplit(self.path)
            while api.silent and not api.closed:
                with api.changed:
                    api.changed.wait(0.2)
            if api.token is not None and self.headers.get("Authorization") != f"Bearer {api.token}":
                self._answer(401, status(401, "Unauthorized"))
                return None
            if api.refuses():
                self._answer(403, status(403, "RBAC: clusterrole not found", "Forbidden"))
                return None
            fault = api.fault(self.path)
            if fault is not None:
                self._answer(fault[0], status(fault[0]), fault[1])
                return None
            plural = next(one for one in PREFIXES if f"/{one}" in parts.path)
            if plural in api.unserved:
                self._answer(404, status(404, "the server could not find the requested resource", "NotFound"))
                return None
            if plural in api.forbidden:
                self._answer(403, status(403, f"{plural} is forbidden: you cannot list resource {plural}", "Forbidden"))
                return None
            rest = parts.path.removeprefix(PREFIXES[plural]).strip("/").split("/")
            namespace = rest[1] if rest[0] == "namespaces" else None
            name = rest[rest.index(plural) + 1] if len(rest) > rest.index(plural) + 1 else None
            return plural, namespace, name, {key: values[-1] for key, values in parse_qs(parts.query).items()}

        def _answer(self, code: int, value: Object, headers: dict[str, str] | None = None) -> None:
            body = json.dumps(value).encode()
            self.send_response(code)
            for key, text in (headers or {}).items():
                self.send_header(key.replace("_", "-"), text)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _body(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")

        def do_GET(self) -> None:
            begun = self._begin()
            if begun is None:
                return
            plural, namespace, name, query = begun
            if name is not None:
                found = api.objects[plural].get(f"{namespace}/{name}")
                self._answer(200 if found else 404, found or status(404, "not found"))
            elif query.get("watch"):
                self._watch(plural, namespace, query)
            else:
                self._list(plural, namespace, query)

        def _list(self, plural: str, namespace: str | None, query: dict[str, str]) -> None:
            with api.changed:
                found = api.selected(plural, namespace, query.get("labelSelector"), query.get("fieldSelector", ""))
                left = [one for one in found if key_of(one) > query.get("continue", "")]
                items = copy.deepcopy(left[: int(query.get("limit", 0)) or len(left)])
                more = {"continue": key_of(items[-1])} if len(items) < len(left) else {}
                rev = str(api.rev)
            self._answer(200, {"metadata": {"resourceVersion": rev, **more}, "items": items})

        def _watch(self, plural: str, namespace: str | None, query: dict[str, str]) -> None:
            if query.get("sendInitialEvents") and not api.streams:
                self._answer(422, status(422, "sendInitialEvents is forbidden", "Invalid"))
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for line in api.lines(plural, namespace, query.get("labelSelector"), query):
                    if line is None:
                        self.close_connection = True
                        return
                    self._chunk(json.dumps(line).encode() + b"\n")
                self._chunk(b"")
            except OSError:
                self.close_connection = True

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

        def do_POST(self) -> None:
            begun, value = self._begin(), self._body()
            if begun is None:
                return
            plural, namespace, _, _ = begun
            with api.changed:
                name = value["metadata"]["name"]
                if f"{namespace}/{name}" in api.objects[plural]:
                    code, answer = 409, status(409, "already exists")
                else:
                    value["metadata"]["namespace"] = namespace
                    code, answer = 201, api.put(plural, value)
            self._answer(code, answer)

        def do_PUT(self) -> None:
            begun, value = self._begin(), self._body()
            if begun is None:
                return
            plural, namespace, name, _ = begun
            with api.changed:
                known = api.objects[plural].get(f"{namespace}/{name}")
                if known is None:
                    code, answer = 404, status(404, "not found")
                elif value["metadata"].get("resourceVersion") != known["metadata"]["resourceVersion"]:
                    code, answer = 409, status(409, "the object has been modified")
                else:
                    code, answer = 200, api.put(plural, value)
            self._answer(code, answer)

        def do_PATCH(self) -> None:
            begun, value = self._begin(), self._body()
            if begun is None:
                return
            plural, namespace, name, _ = begun
            with api.changed:
                before = api.objects[plural].get(f"{namespace}/{name}")
                known = copy.deepcopy(before)
                if known is not None:
                    annotations = known["metadata"].setdefault("annotations", {})
                    annotations.update(value["metadata"]["annotations"])
                    known = known if known == before else api.put(plural, known)
            self._answer(200 if known else 404, known or status(404, "not found"))

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test output clean."""

    return Handler


# -- objects


def service(key: str, port: int = 80, **spec: Any) -> Object:
    namespace, name = key.split("/")
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"ports": [{"port": port}], **spec}}


def tls_secret(key: str, cert: str, key_: str, labels: Object | None = None, **annotations: str) -> Object:
    """A Secret as cert-manager writes them, with the usual label."""
    namespace, name = key.split("/")
    data = {"tls.crt": cert, "tls.key": key_, "ca.crt": ""}
    return {
        "metadata": {
            "namespace": namespace, "name": name, "labels": {"gwt.io/tls": "true"} if labels is None else labels,
            "annotations": {"cert-manager.io/certificate-name": name, **annotations},
        },
        "type": "kubernetes.io/tls",
        "data": {name: b64encode(text.encode()).decode() for name, text in data.items()},
    }  # fmt: skip


def slice_(key: str, *addresses: str, port: int = 80, number: int = 1, **conditions: bool) -> Object:
    namespace, name = key.split("/")
    return {
        "metadata": {
            "namespace": namespace, "name": f"{name}-{number}", "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"port": port}],
        "endpoints": [{"addresses": [one], "conditions": {"ready": True, **conditions}} for one in addresses],
    }  # fmt: skip


def endpoints(key: str, *addresses: str, port: int = 80) -> Object:
    """What stood for slices in old clusters."""
    namespace, name = key.split("/")
    subset = {"addresses": [{"ip": one} for one in addresses], "ports": [{"port": port}]}
    return {"metadata": {"namespace": namespace, "name": name}, "subsets": [subset]}


def external(key: str, name: str, *ports: int) -> Object:
    """A Service of type ExternalName."""
    namespace, own = key.split("/")
    spec: Object = {"type": "ExternalName", "externalName": name}
    if ports:
        spec["ports"] = [{"port": port} for port in ports]
    return {"kind": "Service", "metadata": {"namespace": namespace, "name": own}, "spec": spec}


def config_map(key: str, text: Any, data_key: str = "routes.yaml", **more: Any) -> Object:
    namespace, name = key.split("/")
    text = text if isinstance(text, str) else json.dumps(text)
    return {
        "metadata": {"namespace": namespace, "name": name, "labels": {"gwt.io/route": "true"}, **more},
        "data": {data_key: text},
    }
