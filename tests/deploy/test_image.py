"""deploy/Dockerfile: what it takes is there, and the image is what the manifests count on."""

from __future__ import annotations

import json
import re

from deploy.manifests import DEPLOY, ROOT, containers, find, pod, ports, rendered
from system.harness import twistd

TEXT = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.M))
INSTRUCTIONS = [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in TEXT.splitlines() if line)]
LAST = INSTRUCTIONS[max(number for number, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]


def said(word: str) -> list[str]:
    """What the last stage says with this instruction."""
    return [rest for one, rest in LAST if one == word]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    copied = [rest.split()[:-1] for word, rest in INSTRUCTIONS if word == "COPY" and "--from" not in rest]
    sources = {source for one in copied for source in one}
    assert sources == {line[1:] for line in lines if line.startswith("!")}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {"**/*.so", "**/__pycache__"} <= set(lines)  # compiled for another machine


def test_it_runs_without_root_and_writes_where_the_pods_have_a_volume() -> None:
    deployed = find(rendered(), "Deployment", "gwt-gateway")
    (container,) = containers(deployed)
    assert said("USER") == ["{runAsUser}:{runAsGroup}".format(**pod(deployed)["securityContext"])]
    env = dict(word.split("=", 1) for rest in said("ENV") for word in rest.split())
    assert env["STATE_DIRECTORY"] == {one["name"]: one["value"] for one in container["env"]}["STATE_DIRECTORY"]
    assert env["PATH"].startswith("/opt/gwt/bin:")


def test_it_starts_a_gateway_and_ends_gently() -> None:
    (entry,), (command,) = said("ENTRYPOINT"), said("CMD")
    pods = (find(rendered(), "Deployment", f"gwt-{name}") for name in ("gateway", "controller"))
    (gateway,), (controller,) = map(containers, pods)
    assert ["twistd", "-n", "--pidfile="] == json.loads(entry)
    assert twistd()[-2:] == json.loads(entry)[1:]  # so that what is tested is what is run
    assert json.loads(command) == gateway["args"]
    assert said("STOPSIGNAL") == ["SIGTERM"]
    exposed = {int(port) for port in said("EXPOSE")[0].split()}
    assert {*ports(gateway).values(), *ports(controller).values()} <= exposed


def test_the_compiler_stays_behind() -> None:
    assert [rest for word, rest in LAST if word == "RUN" and re.search(r"\b(apt-get|pip|gcc)\b", rest)] == []
    for word, rest in INSTRUCTIONS:
        if word == "RUN" and "pip " in rest:
            assert "--no-cache-dir" in rest
