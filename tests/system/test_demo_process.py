"""The demo as a newcomer meets it: DEMO first and last, and every command that it suggests works."""

from __future__ import annotations

import sys
from pathlib import Path

from system.harness import Process, free_port, twistd
from system.programs import told_curl

#: The demo's own ports may be taken on this machine: the child has them replaced in what it reads.
MOVED = """
import gwt.configuration as configuration
read = configuration.parse
def parse(text, path, env=None):
    for old, new in {ports!r}.items():
        text = text.replace(f"tcp:{{old}}:", f"tcp:{{new}}:")
    return read(text, path, env)
configuration.parse = parse
from twisted.scripts.twistd import run
run()
"""


class DemoProcess(Process):
    def __init__(self, directory: Path, *arguments: str) -> None:
        self.ports = {port: free_port() for port in (9080, 9081, 9180)}
        command = twistd("gateway", *arguments)
        command[command.index("-c") + 1] = MOVED.format(ports=self.ports)
        super().__init__(command, cwd=directory)


def test_what_it_suggests_works(tmp_path: Path) -> None:
    with DemoProcess(tmp_path) as demo:
        demo.wait_line(lambda line: line.strip().startswith("ready"))
        demo.wait_line("for your own")
        lines = [line.strip() for line in demo.lines if line.strip()]
        assert lines[0].startswith("DEMO")
        assert lines[-1].startswith("DEMO")
        commands = [line for line in lines if line.startswith("curl ")]
        assert len(commands) >= 4
        for command in commands:
            for answer in told_curl(command):
                assert f":{demo.ports[9180]}/" in command or '"service": "' in answer, command
        assert demo.stop() == 0


def test_a_gateway_yaml_here_comes_first_unless_the_demo_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("workres: 1\n")
    with DemoProcess(tmp_path) as process:
        assert process.wait() == 2
    with DemoProcess(tmp_path, "--demo") as demo:
        demo.wait_line(lambda line: line.strip().startswith("ready"))


def test_gwt_demo_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("workres: 1\n")
    ports = {port: free_port() for port in (9080, 9081, 9180)}
    code = MOVED.format(ports=ports).replace(
        "from twisted.scripts.twistd import run\nrun()",
        "import sys; sys.argv = ['gwt', 'demo']; from gwt.cli.main import main; main()",
    )
    with Process([sys.executable, "-c", code], cwd=tmp_path) as demo:
        demo.wait_line(lambda line: line.strip().startswith("ready"))
        assert f"http://127.0.0.1:{ports[9080]}" in demo.output
        assert demo.stop() == 0
