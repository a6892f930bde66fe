from __future__ import annotations

import pytest

from gwt.route.automaton import ANY, Ambiguous, Automaton, folds, parse


def automaton(pattern: bytes, strict: bool = False, most: int = 100) -> Automaton:
    return Automaton(parse(pattern), folds(pattern), most, strict)


def words(pattern: bytes, length: int, letters: bytes = b"abc") -> set[bytes]:
    """The texts of up to `length` letters that the automaton reads from beginning to end."""
    found = automaton(pattern)
    texts = {b""} if found.empty else set()
    at = [(state, b"") for state in found.first]
    for _ in range(length):
        read = [(s, text + bytes((c,))) for s, text in at for c in letters if found.reads[s] >> c & 1]
        texts |= {text for s, text in read if s in found.last}
        at = [(after, text) for s, text in read for after in found.follow[s]]
    return texts


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        (b"", {b""}),
        (b"ab", {b"ab"}),
        (b"a|b", {b"a", b"b"}),
        (b"(a|bc)?", {b"", b"a", b"bc"}),
        (b"a*", {b"", b"a", b"aa", b"aaa"}),
        (b"a+b?", {b"a", b"aa", b"aaa", b"ab", b"aab"}),
        (b"[^ac]{2}", {b"bb"}),
        (b"(?i)A", {b"a"}),
        (b"^a$", {b"a"}),
        (b"(?>a|b)c", {b"ac", b"bc"}),
        (b"(a)(?(1)b|c)", {b"ab", b"ac"}),
        (b"(a)(?(1)b)", {b"ab", b"a"}),
        (b"a(?=b)b", {b"ab"}),
    ],
)
def test_what_it_reads(pattern: bytes, texts: set[bytes]) -> None:
    assert words(pattern, 3) == texts


def test_what_is_referred_to_may_be_anything() -> None:
    found = automaton(rb"(a)\1")
    assert ANY in found.reads
    assert words(rb"(a)\1", 2) == {b"a", b"aa", b"ab", b"ac"}


def test_what_is_looked_at_leads_nowhere() -> None:
    found = automaton(b"(?=ab)c")
    assert [sorted(follow) for follow in found.follow] == [[1], [], []] and found.last == [2]


def test_groups_are_slow_to_repeat() -> None:
    assert automaton(b"a*[bc]+(d)?").slow == {2}
    assert automaton(b"x(?:ab)*").slow == {1, 2}


@pytest.mark.parametrize("pattern", [b"(?:a?|b?)", b"(?:a*)*", rb"(a)\1", b"(a)(?(1)b)"])
def test_strictness(pattern: bytes) -> None:
    assert automaton(pattern)
    with pytest.raises(Ambiguous):
        automaton(pattern, strict=True)


def test_size() -> None:
    assert len(automaton(b"a" * 100).reads) == 100
    with pytest.raises(Ambiguous):
        automaton(b"a" * 101)
