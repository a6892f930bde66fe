"""Claims: who holds a name when several documents want it. The first by file name and position holds it."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")


class Place(NamedTuple):
    """Where in a store something stands: source, position of the document in it and of the part in that."""

    source: str
    number: int
    part: int
    identity: str
    line: int = 0


class Claim(NamedTuple, Generic[V]):
    """`value` wants a name; the lowest `place` gets it."""

    place: Place
    value: V


class Claims(Generic[V]):
    """For each key the claims on it in the order of their places. Two claims on a key never share a place."""

    def __init__(self) -> None:
        self._held: dict[str, list[Claim[V]]] = {}

    def put(self, key: str, place: Place, value: V) -> None:
        """Enter a claim; the same key and place again replaces the value."""
        held = self._held.setdefault(key, [])
        self._remove(held, place)
        insort(held, Claim(place, value), key=_place)

    def drop(self, key: str, place: Place) -> None:
        """Withdraw a claim; one that was never entered is no error."""
        held = self._held.get(key)
        if held is not None:
            self._remove(held, place)
            if not held:
                del self._held[key]

    def holders(self, key: str) -> list[Claim[V]]:
        """All claims on `key`, the one that holds it first; empty where nobody wants it. Not to be changed."""
        return self._held.get(key, [])

    def holder(self, key: str) -> V | None:
        """The value that holds `key`."""
        held = self._held.get(key)
        return held[0].value if held else None

    def keys(self) -> Iterator[str]:
        """Every key that somebody claims, in no order."""
        return iter(self._held)

    @staticmethod
    def _remove(held: list[Claim[V]], place: Place) -> None:
        for position, claim in enumerate(held):
            if claim.place == place:
                del held[position]
                return


def _place(claim: Claim[V]) -> Place:
    return claim.place
