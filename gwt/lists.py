"""Who may come by address: `ip_allow` and `ip_deny` of a policy, made of CIDRs and of named lists (`"@office"`).

Lists are compiled once, when they change, and shared by all rules that name them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from weakref import WeakValueDictionary

from gwt.addresses import AddressSet, number
from gwt.steps import Steps

NO_LISTS: Mapping[str, tuple[str, ...]] = {}


class UnknownList(ValueError):
    """A rule names a list that is not there. `name` is without the `@`."""

    def __init__(self, name: str) -> None:
        super().__init__(f"list '@{name}' is not defined")
        self.name = name


class AddressRule:
    """Admits an address that is in none of `deny` and, unless `allow` is None, in one of `allow`. Immutable."""

    __slots__ = ("__weakref__", "allow", "deny")

    def __init__(self, allow: tuple[AddressSet, ...] | None, deny: tuple[AddressSet, ...] = ()) -> None:
        self.allow, self.deny = allow, deny

    def admits(self, address: str) -> bool:
        """Whether a client of this address (as text) may come. What is no address is never admitted."""
        for denied in self.deny:
            if address in denied:
                return False
        if self.allow is None:
            return not self.deny or number(address) is not None
        for allowed in self.allow:
            if address in allowed:
                return True
        return False


class AddressLists:
    """The named lists in force, compiled, and the rules that were made of them. A change makes a new one.

    Rules of equal CIDRs are one object for as long as no list changes and somebody holds it.
    """

    __slots__ = ("_inline", "_rules", "_sets", "sources")

    def __init__(self, sources: Mapping[str, tuple[str, ...]] = NO_LISTS, sets: Mapping[str, AddressSet] | None = None):
        self.sources = sources
        self._sets = sets or {}
        self._inline: WeakValueDictionary[tuple[str, ...], AddressSet] = WeakValueDictionary()
        self._rules: WeakValueDictionary[tuple[object, ...], AddressRule] = WeakValueDictionary()

    def follow(self, sources: Mapping[str, tuple[str, ...]]) -> Steps[AddressLists]:
        """The lists that `sources` (name to CIDRs) says; those that stay as they are are not compiled again.

        The same object where nothing changed. Raises ValueError where a CIDR is none.
        """
        if sources == self.sources:
            return self
        sets = {}
        for name, cidrs in sources.items():
            same = self.sources.get(name) == cidrs
            sets[name] = self._sets[name] if same else (yield from AddressSet.steps(cidrs))
            yield
        return AddressLists(sources, sets)

    def changed(self, after: AddressLists) -> frozenset[str]:
        """The names of the lists that are not the same in `after`: rules that name them have to be made anew."""
        names = self.sources.keys() | after.sources.keys()
        return frozenset(name for name in names if self._sets.get(name) is not after._sets.get(name))

    def rule(self, allow: Sequence[str] | None, deny: Sequence[str] | None) -> AddressRule | None:
        """The rule for a policy's `ip_allow` and `ip_deny`; None where everybody may come.

        An empty `allow` admits nobody. Raises UnknownList, and ValueError where a CIDR is none.
        """
        if allow is None and not deny:
            return None
        key = (None if allow is None else tuple(allow), tuple(deny or ()))
        rule = self._rules.get(key)
        if rule is None:
            admitted = None if allow is None else tuple(self._sets_of(allow))
            rule = self._rules[key] = AddressRule(admitted, tuple(self._sets_of(deny or ())))
        return rule

    def _sets_of(self, texts: Sequence[str]) -> Iterator[AddressSet]:
        inline = tuple(text for text in texts if not text.startswith("@"))
        if inline:
            found = self._inline.get(inline)
            if found is None:
                found = self._inline[inline] = AddressSet.of(inline)
            yield found
        for text in texts:
            if text.startswith("@"):
                if text[1:] not in self._sets:
                    raise UnknownList(text[1:])
                yield self._sets[text[1:]]
