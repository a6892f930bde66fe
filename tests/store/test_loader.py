from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path

from gwt.model.route import NO_ACCESS, Access, Route
from gwt.steps import finish
from gwt.store.content import Content, Doc
from gwt.store.loader import FRAME, HEAD, dumps, frame, frames, joined, pieces, serve, unpickled
from gwt.store.loading import Loaded
from gwt.store.parts import read_content

ROUTES = "\n---\n".join(
    f"name: r{number}\nhosts: [r{number}.x]\naccess: {{retries: {number % 3}}}\n"
    "services: [{upstream: u, balance: least_conn, paths: [{uri: /}, {uri: /a, priority: 3, methods: [GET]}]}]"
    for number in range(100)
)
UPSTREAMS = "upstreams:\n" + "".join(
    f"  u{number}: ['10.0.{number}.1:80', '10.0.{number}.2:80']\n" for number in range(200)
)
BROKEN = "name: broken\nhosts: [b.x]\nservicez: 1\n"
CONTENT = read_content("\n---\n".join([ROUTES, UPSTREAMS, BROKEN]).encode(), "big.yaml")


def messages(data: bytes) -> list[bytes]:
    """The pickles of the frames in `data`."""
    found = []
    while data:
        length, _ = HEAD.unpack_from(data)
        found.append(data[HEAD.size : HEAD.size + length])
        data = data[HEAD.size + length :]
    return found


def test_cut_into_pieces_and_joined_it_is_the_same() -> None:
    cut = list(pieces(CONTENT.docs))
    assert len(cut) > 5
    assert tuple(joined(cut)) == CONTENT.docs


def test_an_answer_comes_whole_through_its_frames() -> None:
    loaded = Loaded(b"digest", CONTENT)
    answer = b"".join(frames(loaded))
    assert finish(unpickled(messages(answer))) == loaded


def test_only_the_last_frame_says_that_it_is() -> None:
    lasts = [HEAD.unpack_from(one)[1] for one in frames(Loaded(b"digest", CONTENT))]
    assert lasts == [0] * (len(lasts) - 1) + [1]


def test_no_frame_holds_much_more_than_its_share() -> None:
    sizes = [sum(1 + len(doc.parts) for doc in piece) for piece in pieces(CONTENT.docs)]
    assert max(sizes) <= 2 * FRAME


def test_an_answer_without_content_is_one_frame() -> None:
    for loaded in (Loaded(b"digest", None), Loaded(error="gone"), Loaded(b"", Content())):
        assert finish(unpickled(messages(b"".join(frames(loaded))))) == loaded


def test_the_well_known_default_stays_one_object() -> None:
    doc = Doc("a", 0, (Route("a", ("x",), access=NO_ACCESS), Route("b", ("x",), access=Access(retries=2))))
    back = pickle.loads(dumps(doc))
    assert back == doc
    assert back.parts[0].access is NO_ACCESS


def test_requests_are_answered_in_order_until_they_end(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("upstreams: {u: ['10.0.0.1:80']}")
    requests = b"".join(frame((str(tmp_path / name), name, None)) for name in ("a.yaml", "none.yaml"))
    answers = io.BytesIO()
    serve(io.BytesIO(requests), answers)
    found = [pickle.loads(message) for message in messages(answers.getvalue())]
    assert [type(one) for one in found] == [list, Loaded, Loaded]
    assert found[2].error == "No such file or directory"


def test_the_child_imports_no_reactor(tmp_path: Path) -> None:
    code = "import sys, gwt.store.loader; print([name for name in sys.modules if name.startswith('twisted')])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert shown.stdout.strip() == "[]"
