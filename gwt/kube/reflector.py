"""Reflector: holds the objects of one Resource as the API server has them. Pure: no connection, no clock.

It says what to ask for next (`step`), and is told what came of it. Whatever goes wrong, what is held stays: an object
goes only when the server says so, by an event or by a full list in which it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from gwt.kube.backoff import UNREACHABLE, Backoff
from gwt.kube.resource import PAGE, Resource

#: Seconds after which a watch is renewed: from, and how much more by chance.
WATCH: Final = (300, 300)

#: Seconds until a kind that is not served (404) is looked at again, and any empty list is asked for once more.
UNSERVED, DOUBTED = 30.0, 1.0

#: Streams of initial events that may break off before the objects are listed instead.
TORN: Final = 2

#: Seconds by which relists of many controllers are spread.
SPREAD: Final = 0.3

#: A watch that ended sooner (seconds) was not worth the asking.
SHORT: Final = 1.0

#: Objects that are gone whose last revision is remembered, so that old news of them raises no dead.
REMEMBERED: Final = 10_000

#: A server that doesn't stream initial events says so by one of these.
_UNSUPPORTED: Final = frozenset((400, 404, 405, 406, 415, 422))
_END: Final = "k8s.io/initial-events-end"

Object = Mapping[str, Any]


class Wait(NamedTuple):
    """Do nothing for so many seconds."""

    seconds: float


class Get(NamedTuple):
    """GET `path`; a page of a list comes back, for `page`."""

    path: str


class Follow(NamedTuple):
    """GET `path`; lines come back, for `event`."""

    path: str


class Held(NamedTuple):
    """An object: its revision and uid, and what is kept of it."""

    rev: str
    uid: str
    value: Any


class Unreadable(Exception):
    """What the server sent is not what it should be; one line for people."""


#: (key, what was held, what is held now); None: nothing.
Changed = Callable[[str, Any, Any], None]


def older(rev: str, than: str) -> bool:
    """Whether one revision is known to be older than another. They are opaque unless both are numbers."""
    return rev.isdecimal() and than.isdecimal() and int(rev) < int(than)


class Reflector:
    """`reduce` makes of an object what is kept of it (None: it is of no use); `changed` is told of every change.

    `tell` gets lines for operators. `synced` once all objects have been seen; `absent` while the kind is not served.
    """

    def __init__(
        self, resource: Resource, reduce: Callable[[Object], Any], changed: Changed, chance: Callable[[], float],
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        self.resource, self._reduce, self._changed, self._chance, self._tell = resource, reduce, changed, chance, tell
        self.objects: dict[str, Held] = {}
        self.synced = self.absent = False
        self.rev = ""
        self.relists, self.errors = 0, 0
        self._gone: dict[str, str] = {}
        self._base = ""  # what was not there then and is older is gone
        self._backoff = Backoff(chance)
        self._mode = "sync"  # sync | watch | probe
        self._streaming, self._torn, self._doubted, self._paged = True, 0, False, True
        self._found: dict[str, Held] = {}
        self._continue = self._begun_at = self._probed = ""
        self._wait = 0.0
        self._refusals = self._expiries = 0
        self._heard = False
        self._said = ""

    # -- what to do

    def step(self) -> Wait | Get | Follow:
        """What to do next."""
        wait, self._wait = self._wait, 0.0
        if wait:
            return Wait(wait)
        seconds = int(WATCH[0] + WATCH[1] * self._chance())
        self._heard = False
        if self._mode == "watch":
            return Follow(self.resource.watch(self.rev, seconds))
        if self._mode == "probe":
            self._probed = self._latest()
            return Get(self.resource.only(self._probed) if self._probed else self.resource.list_page("", 1))
        if not self._continue:
            self._found = {}
            self.relists += 1
        if self._following:
            return Follow(self.resource.stream(seconds))
        return Get(self.resource.list_page(self._continue, PAGE if self._paged else 0))

    # -- what came of it

    def page(self, body: Object, now: float) -> None:
        """A page of a list. Raises Unreadable."""
        metadata, items = _mapping(body, "metadata"), body.get("items")
        rev = metadata.get("resourceVersion")
        if not isinstance(rev, str) or not isinstance(items, list | None):
            raise Unreadable("this is no list of objects")
        self._refusals, self._said = 0, ""
        if self._mode == "probe":
            self._mode = "watch" if self._is_known(rev, items or ()) else "sync"
            return
        if not self._continue:
            self._begun_at = rev  # later pages may be of a later moment: what came between is watched again
        for item in items or ():
            self._initial(item)
        self._continue = metadata.get("continue") or ""
        if not self._continue:
            self._complete(self._begun_at)

    def event(self, line: Object, now: float) -> bool:
        """A line of a watch; False: this watch is of no use any more. Raises Unreadable."""
        kind, value = line.get("type"), _mapping(line, "object")
        self._heard = True
        self._refusals, self._said = 0, ""
        if kind == "ERROR":
            self._told_off(value, now)
            return False
        if kind == "BOOKMARK":
            return self._bookmark(_mapping(value, "metadata"))
        if kind not in ("ADDED", "MODIFIED", "DELETED"):
            raise Unreadable(f"an event of type {str(kind)[:40]!r}")
        if self._mode == "sync":
            self._initial(value)
        else:
            self._apply(value, kind == "DELETED")
        return True

    def refused(self, status: int, now: float, retry_after: float = 0.0, message: str = "") -> None:
        """An answer other than 200."""
        if self._mode == "sync" and self._following and status in _UNSUPPORTED:
            self._streaming = False
            return
        self.errors += 1
        self._refusals += 1
        again = self._refusals > 1
        self._complain(f"{self.resource}: the API server answers {status} {message}".rstrip())
        if status == 401:
            self._wait = self._backoff.failed(now) if again else 0.0
        elif status == 404 and self._mode == "sync":
            self.absent = True
            self._wait = UNSERVED * (1 + self._chance())
        elif status == 410:
            self._expired(now)
        else:  # 403 too: an API server that has just begun allows nothing until it has read who may do what
            self._mode = "sync" if status in (400, 504) else self._mode
            self._wait = self._backoff.failed(now, retry_after)
        self._restart()

    def ended(self, now: float, lived: float, clean: bool = True) -> None:
        """A watch came to its end after `lived` seconds: `clean` as it should, or it broke."""
        if self._mode == "sync":
            self._torn += 1
            self._wait = self._backoff.failed(now, longest=UNREACHABLE)
            self.errors += 1
        elif not clean:
            self._mode = "probe"
            self._wait = self._backoff.failed(now, longest=UNREACHABLE)
        elif lived < SHORT:
            self._wait = self._backoff.failed(now)

    def silent(self, now: float) -> None:
        """A watch has said nothing for too long and was broken off."""
        self.errors += 1
        if self._mode == "sync":
            self._streaming = False
        elif self._heard:
            self._mode = "probe"
        else:
            # What a server does with a revision from its future, after it was restored from a copy.
            self._tell(f"{self.resource}: nothing was heard since {self.rev}: all is read again")
            self._mode = "sync"

    def failed(self, now: float, why: str) -> None:
        """Nobody answered, or not in time, or nothing that can be read."""
        self.errors += 1
        self._complain(f"{self.resource}: {why}")
        if self._mode == "watch":
            self._mode = "probe"
        self._wait = self._backoff.failed(now, longest=UNREACHABLE)
        self._restart()

    # --

    @property
    def _following(self) -> bool:
        return self._streaming and self._torn < TORN and not self._doubted

    def _latest(self) -> str:
        """The key of what has changed last, as far as we know; "": there is nothing."""
        known = {**self._gone, **{key: held.rev for key, held in self.objects.items()}}
        return max(known, key=lambda key: int(known[key]) if known[key].isdecimal() else 0, default="")

    def _is_known(self, rev: str, items: Iterable[Object]) -> bool:
        """Whether what a server that was away has now follows on what we have.

        It doesn't where it was restored from an older copy, and may have gone past where we are since. What has changed
        last is looked at for that; somebody else may have changed it meanwhile, then it is read for nothing.
        """
        if older(rev, self.rev):
            self._tell(f"{self.resource}: the server is at {rev}, before {self.rev}: all is read again")
            return False
        held = self.objects.get(self._probed)
        found = [str(_mapping(item, "metadata").get("resourceVersion")) for item in items]
        return not self._probed or found == ([] if held is None else [held.rev])

    def _complain(self, line: str) -> None:
        """Tell, unless it is what was told last."""
        if line != self._said:
            self._said = line
            self._tell(line)

    def _restart(self) -> None:
        self._continue = ""

    def _initial(self, value: Object) -> None:
        """An object of a full list."""
        key, held = self._read(value)
        if held is None:
            held = self.objects.get(key)
        if held is None:
            return
        self._found[key] = held
        if not self.synced:  # nobody acts on it yet, and later it would be all at once
            self._put(key, held)

    def _complete(self, rev: str) -> None:
        """All that there is stands in `_found`."""
        if not self._found and not self._doubted:
            self._doubted, self._wait = True, DOUBTED
            if self.objects:
                self._tell(
                    f"{self.resource}: the list is empty, {len(self.objects)} objects were there before:"
                    " that is held back until a second list says so too"
                )
            return
        self._doubted = self.absent = False
        found, self._found = self._found, {}
        for key in [key for key in self.objects if key not in found]:
            self._drop(key)
        for key, held in found.items():
            self._put(key, held)
        self._gone.clear()
        self.rev, self._base, self.synced, self._mode = rev, rev, True, "watch"
        self._torn = 0
        self._paged = True

    def _bookmark(self, metadata: Object) -> bool:
        rev = metadata.get("resourceVersion")
        if not isinstance(rev, str):
            raise Unreadable("a bookmark without resourceVersion")
        if self._mode != "sync":
            self._advance(rev)
            return True
        if (metadata.get("annotations") or {}).get(_END) == "true":
            self._complete(rev)
            return not self._doubted
        return True

    def _apply(self, value: Object, deleted: bool) -> None:
        key, held = self._read(value)
        rev, uid = _rev(value), _uid(value)
        before = self.objects.get(key)
        known = self._gone.get(key, self._base) if before is None else before.rev
        self._expiries = 0
        self._advance(rev)
        if older(rev, known) or (rev == known and not deleted):
            return
        if not deleted:
            if held is not None:
                self._gone.pop(key, None)
                self._put(key, held)
            return
        if before is not None and before.uid and uid and before.uid != uid:
            return  # another object of the same name, long gone
        self._drop(key)
        self._gone[key] = rev
        if len(self._gone) > REMEMBERED:
            del self._gone[next(iter(self._gone))]

    def _advance(self, rev: str) -> None:
        if not older(rev, self.rev):
            self.rev = rev

    def _put(self, key: str, held: Held) -> None:
        before = self.objects.get(key)
        if before is not None and before[:2] == held[:2]:
            return
        self.objects[key] = held
        self._changed(key, None if before is None else before.value, held.value)

    def _drop(self, key: str) -> None:
        before = self.objects.pop(key, None)
        if before is not None:
            self._changed(key, before.value, None)

    def _read(self, value: Object) -> tuple[str, Held | None]:
        metadata = _mapping(value, "metadata")
        name, namespace = metadata.get("name"), metadata.get("namespace") or ""
        if not isinstance(name, str) or not isinstance(namespace, str):
            raise Unreadable("an object without a name")
        reduced = self._reduce(value)
        return f"{namespace}/{name}", None if reduced is None else Held(_rev(value), _uid(value), reduced)

    def _told_off(self, status: Object, now: float) -> None:
        """An ERROR line: the Status that would have been the answer."""
        self.errors += 1
        code = status.get("code")
        self._tell(f"{self.resource}: the watch ended: {code} {str(status.get('message'))[:200]}")
        if code == 410:
            self._expired(now)
        elif self._mode == "sync" and code != 429:
            self._torn = TORN  # as where its etcd is too old to stream them
        else:
            self._mode = "probe" if self._mode == "watch" else self._mode
            self._wait = self._backoff.failed(now)

    def _expired(self, now: float) -> None:
        """What we asked from is forgotten: everything is read again, at once the first time."""
        self._expiries += 1
        if self._continue and self._expiries > 1:
            self._paged = False  # pages of a list expire faster than they are read
        self._mode, self._continue = "sync", ""
        self._wait = SPREAD * self._chance() if self._expiries == 1 else self._backoff.failed(now)


def _mapping(value: Object, name: str) -> Object:
    found = value.get(name)
    if not isinstance(found, Mapping):
        raise Unreadable(f"there is no {name}")
    return found


def _rev(value: Object) -> str:
    return str(value["metadata"].get("resourceVersion") or "")


def _uid(value: Object) -> str:
    return str(value["metadata"].get("uid") or "")
