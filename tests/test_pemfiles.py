"""Certificates from files: which are found, noticed when they change, and kept when they break."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from certificates import Authority, Pair

from gwt.model.options import CertificateFiles, ClientAuthFiles
from gwt.pemfiles import PemFiles, bundle, read_client_auth
from gwt.stamps import RACY_NS

CA = Authority()


def test_a_directory_holds_pairs_in_several_forms(tmp_path: Path) -> None:
    CA.pair("a").write(tmp_path, "a")
    both = CA.pair("b")
    (tmp_path / "b.pem").write_text(both.cert + both.key)
    (tmp_path / "c").mkdir()
    CA.pair("c").write(tmp_path / "c", "tls")
    (tmp_path / "lonely.crt").write_text(both.cert)
    (tmp_path / "notes.txt").write_text("x")
    held = PemFiles(tmp_path, (), ".").look()
    assert [Path(name).name for name in held.certificates] == ["a.crt", "b.pem", "tls.crt"]
    assert held.problems == {}


def test_changes_are_noticed_and_what_breaks_stays(tmp_path: Path) -> None:
    first, second = CA.pair("a"), CA.pair("a")
    first.write(tmp_path, "a")
    files = PemFiles(tmp_path, (CertificateFiles("a.crt", "a.key", ("x.org",)),), None)
    held = files.look()
    assert held.certificates["a.crt"].names == ("x.org",)
    assert files.look() is held
    (tmp_path / "a.crt").write_text(second.cert)
    broken = files.look()
    assert broken.certificates == held.certificates
    assert broken.problems == {
        "a.crt": "the private key is not that of the certificate; the one before it stays in force"
    }
    assert files.look() is broken
    (tmp_path / "a.key").write_text(second.key)
    whole = files.look()
    assert (whole.problems, whole.certificates["a.crt"].chain) == ({}, second.cert)
    (tmp_path / "a.key").unlink()
    assert files.look().certificates == whole.certificates
    assert "can't be read: No such file" in files.held.problems["a.crt"]


def test_a_rewrite_right_after_a_look_does_not_hide(tmp_path: Path) -> None:
    first, second = CA.pair("a"), CA.pair("a")
    first.write(tmp_path, "a")
    written, now = 10**18, [10**18]

    def rewrite(pair: Pair) -> None:
        """In place, with as many bytes, within one tick of the file system."""
        for name, text in (("a.crt", pair.cert), ("a.key", pair.key)):
            (tmp_path / name).write_text(text.ljust(4000, "\n"))
            os.utime(tmp_path / name, ns=(written, written))

    rewrite(first)
    files = PemFiles(tmp_path, (CertificateFiles("a.crt", "a.key"),), None, wall=lambda: now[0])
    held = files.look()
    assert files.look() is held
    rewrite(second)
    assert files.look().certificates["a.crt"].chain == second.cert
    now[0] += RACY_NS
    held = files.look()
    rewrite(first)
    assert files.look() is held, "what is older than a tick is known by its stamp"


def test_what_leaves_a_directory_is_gone_but_a_directory_that_leaves_is_not_believed(tmp_path: Path) -> None:
    there = tmp_path / "certificates"
    there.mkdir()
    CA.pair("a").write(there, "a")
    CA.pair("b").write(there, "b")
    files = PemFiles(tmp_path, (), "certificates")
    assert len(files.look().certificates) == 2
    (there / "b.crt").unlink()
    assert len(files.look().certificates) == 1
    there.rename(tmp_path / "away")
    held = files.look()
    assert len(held.certificates) == 1
    assert any("the directory can't be read" in reason for reason in held.problems.values())


def test_authorities_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(CA.pem)
    asked = read_client_auth(tmp_path, ClientAuthFiles("require", "ca.pem"))
    assert asked is not None
    assert asked.ca == bundle(tmp_path, "ca.pem") == CA.pem
    assert read_client_auth(tmp_path, None) is None
    (tmp_path / "large.pem").write_bytes(bytes((1 << 20) + 1))
    for name, said in (("none.pem", "none.pem: can't be read"), ("large.pem", "larger than 1 MiB")):
        with pytest.raises(ValueError, match=said):
            bundle(tmp_path, name)
    assert not PemFiles(tmp_path, (), None).wanted
