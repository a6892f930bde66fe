"""What a gateway does when descriptors or the disk run out, or when nobody reads what it prints."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from system.harness import (
    PATIENCE,
    GatewayProcess,
    Origin,
    environment,
    free_port,
    get,
    poll,
    simple_route,
    twistd,
    write_documents,
)


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


def answers(port: int) -> bool:
    try:
        return get(port, "/", host="foo.example.com", timeout=5).status == 200
    except OSError:
        return False


@pytest.mark.parametrize("closed", [False, True], ids=["blocked", "closed"])
def test_a_reader_that_does_not_read_stops_nobody(tmp_path: Path, origin: Origin, closed: bool) -> None:
    port = free_port()
    write_documents(tmp_path / "routes", simple_route(origin.address))
    text = f"listeners: {{proxy: 'tcp:{port}:interface=127.0.0.1', admin: null}}\naccess_log: {{path: '-'}}\n"
    (tmp_path / "gateway.yaml").write_text(text)
    reader, writer = os.pipe()
    if closed:
        os.close(reader)
    else:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(
        twistd("gateway"), cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=writer, stderr=writer
    )
    os.close(writer)
    try:
        poll(lambda: answers(port))
        for _ in range(300):  # some 100 KiB of log
            assert answers(port)
        process.send_signal(signal.SIGHUP)  # says something, too
        assert answers(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait(PATIENCE)
        if not closed:
            os.close(reader)


def test_without_descriptors_it_waits_and_then_goes_on(tmp_path: Path, origin: Origin) -> None:
    port = free_port()
    write_documents(tmp_path / "routes", simple_route(origin.address))
    text = f"listeners: {{proxy: 'tcp:{port}:interface=127.0.0.1', admin: null}}\naccess_log: null\n"
    (tmp_path / "gateway.yaml").write_text(text)
    command = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *twistd("gateway")]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    clients: list[socket.socket] = []
    try:
        poll(lambda: answers(port))
        clients = [socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) for _ in range(120)]
        used = cpu_seconds(process.pid)
        assert process.poll() is None
        for client in clients:
            client.close()
        poll(lambda: answers(port))
        assert cpu_seconds(process.pid) - used < 5
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        for client in clients:
            client.close()
        process.kill()
        process.wait(PATIENCE)


def test_a_full_disk_stops_nobody_and_is_counted(tmp_path: Path, origin: Origin) -> None:
    (tmp_path / "access.log").symlink_to("/dev/full")  # all that is written there is one byte too many
    with GatewayProcess(tmp_path, simple_route(origin.address)) as gateway:
        used = cpu_seconds(gateway.popen.pid)
        for _ in range(300):
            assert answers(gateway.proxy)
        poll(lambda: b"gwt_access_log_dropped_total 300\n" in get(gateway.admin, "/metrics").body)
        assert cpu_seconds(gateway.popen.pid) - used < 5
        assert "No space left on device" in gateway.wait_line("drops lines")
        (tmp_path / "access.log").unlink()
        gateway.signal(signal.SIGHUP)
        gateway.wait_line("is in force")
        assert answers(gateway.proxy)
        poll(gateway.log_lines)
        assert gateway.stop() == 0
        assert len(gateway.log_lines()) == 1 and gateway.output.count("drops lines") == 1


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
