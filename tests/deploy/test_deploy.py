"""Files to deploy with: what they name of Limpet is there, by the parsers of those who read them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from limpet.cli import cli
from limpet.config import SECRET_KEY_VARIABLE, Config, read_config
from limpet.web.probes import HEALTH, PATHS, READY

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
DOCKERFILE, COMPOSE = DEPLOY / "docker" / "Dockerfile", DEPLOY / "docker" / "compose.yaml"
UNIT, CLUSTER = DEPLOY / "systemd" / "limpet.service", DEPLOY / "kubernetes" / "limpet.yaml"
WHERE = "/etc/limpet/limpet.toml"
KEY = "07" * 32
UNIT_PATHS = re.compile(r"^(Exec\w+)=(\S+)", re.MULTILINE)
HARDENED = ("NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes", "CapabilityBoundingSet=", "User=limpet")


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


def cluster() -> dict[str, dict[str, Any]]:
    """The objects by their kinds."""
    return {each["kind"]: each for each in yaml.safe_load_all(CLUSTER.read_text())}


def pod() -> dict[str, Any]:
    return dict(cluster()["Deployment"]["spec"]["template"]["spec"])


def understood(*words: str) -> None:
    """A command with its options; UsageError when there is none."""
    one: click.Command = cli
    context = click.Context(one)
    for place, word in enumerate(words):
        if not isinstance(one, click.Group):
            one.make_context(word, list(words[place:]))
            return
        found = one.get_command(context, word)
        assert found is not None, word
        one = found


def configured(text: str, folder: Path, mount: str, names: set[str], environment: dict[str, str]) -> Config:
    """A configuration, with the files of `mount` that it may name in a folder of the test's own."""
    for name in names:
        (folder / name).write_text("secret" if "carrier" in name else KEY)
    return read_config(tomllib.loads(text.replace(mount, str(folder))), folder, environment)


def ports(config: Config) -> set[int | None]:
    return {config.server.port, config.metrics.port}


def test_compose_gives_limpet_the_files_and_ports_that_its_configuration_names(tmp_path: Path) -> None:
    text, described = (DEPLOY / "docker" / "limpet.toml").read_text(), compose()
    one = described["services"]["limpet"]
    config = configured(text, tmp_path, "/run/secrets", set(one["secrets"]), {})
    assert config.database.url == f"postgresql://limpet:{KEY}@postgres/limpet"
    assert config.metrics.token == KEY
    assert set(one["secrets"]) == set(re.findall(r"/run/secrets/(\w+)", text)) <= set(described["secrets"])
    for name in ("limpet", "migrate"):
        assert described["services"][name]["configs"] == [{"source": "limpet_toml", "target": WHERE}]
        assert described["services"][name]["secrets"] == one["secrets"]
    assert described["configs"]["limpet_toml"]["file"] == "limpet.toml"
    assert one["ports"] == [f"127.0.0.1:{config.server.port}:{config.server.port}"]
    understood(*described["services"]["migrate"]["command"])
    assert float(one["stop_grace_period"][:-1]) > config.dispatch.drain_s + config.dispatch.stop_grace_s
    built = described["services"]["migrate"]["build"]
    assert ((COMPOSE.parent / built["context"]) / built["dockerfile"]).resolve() == DOCKERFILE


def test_compose_makes_the_database_that_the_configuration_names() -> None:
    made = compose()["services"]["postgres"]
    assert made["environment"]["POSTGRES_USER"] == made["environment"]["POSTGRES_DB"] == "limpet"
    assert made["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/database_password"
    assert made["secrets"] == ["database_password"]


def test_the_image_is_built_of_what_is_there_and_runs_as_nobody() -> None:
    text = DOCKERFILE.read_text()
    first, second = re.split(r"^FROM .*$", text, flags=re.MULTILINE)[1:]
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        *sources, _ = line.split()
        assert [each for each in sources if not (DEPLOY.parent / each).exists()] == []
        ignored = (DOCKERFILE.with_name("Dockerfile.dockerignore")).read_text().splitlines()
        assert {f"!{each.split('/')[0]}" for each in sources} <= set(ignored)
    assert set(re.findall(r"requirements/(\w+)\.lock", first)) == {"build", "run", "otel"}
    assert first.count("--require-hashes") == 2
    assert re.search(r"^USER \d+:\d+$", second, re.MULTILINE)
    command = re.search(r"^CMD \[(.*)\]$", second, re.MULTILINE)
    assert command is not None
    understood(*re.findall(r'"([^"]+)"', command[1]))
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", second)
    assert asked is not None
    config = tomllib.loads((DEPLOY / "docker" / "limpet.toml").read_text())
    assert (int(asked[1]), asked[2]) == (config["server"]["port"], HEALTH)
    exposed = re.search(r"^EXPOSE (.*)$", second, re.MULTILINE)
    assert exposed is not None
    assert {config["server"]["port"], config["metrics"]["port"]} <= set(map(int, exposed[1].split()))


def test_the_cluster_is_given_what_the_configuration_names(tmp_path: Path) -> None:
    text = cluster()["ConfigMap"]["data"]["limpet.toml"]
    limpet = pod()["containers"][0]
    environment = {each["name"]: KEY for each in limpet["env"]}
    volume = next(each for each in pod()["volumes"] if each["name"] == "secrets")
    names = {each["path"] for each in volume["secret"]["items"]}
    config = configured(text, tmp_path, "/etc/limpet/secrets", names, environment)
    assert SECRET_KEY_VARIABLE in environment
    assert config.metrics.token_env in environment
    assert set(re.findall(r"/etc/limpet/secrets/([\w-]+)", text)) == names
    assert {each["containerPort"] for each in limpet["ports"]} == ports(config)
    assert config.dispatch.drain_s > 0
    assert pod()["terminationGracePeriodSeconds"] > config.dispatch.drain_s + config.dispatch.stop_grace_s
    for each in (*pod()["initContainers"], *pod()["containers"]):
        understood(*each["args"])
        mounts = {mount["mountPath"] for mount in each["volumeMounts"]}
        assert mounts == {WHERE, "/etc/limpet/secrets"}


def test_the_cluster_probes_what_is_there_and_never_kills_for_the_database() -> None:
    limpet = pod()["containers"][0]
    probes = {name: limpet[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe["path"] for probe in probes.values()} <= PATHS
    assert probes["readinessProbe"]["path"] == READY
    assert probes["livenessProbe"]["path"] == HEALTH
    named = {each["name"] for each in limpet["ports"]}
    assert {probe["port"] for probe in probes.values()} <= named
    assert {each["targetPort"] for each in cluster()["Service"]["spec"]["ports"]} == named


def test_the_objects_of_the_cluster_mean_one_another() -> None:
    found = cluster()
    assert set(found) == {"ConfigMap", "Deployment", "Service", "PodDisruptionBudget"}
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert {each["metadata"]["namespace"] for each in found.values()} == {"limpet"}
    assert found["Deployment"]["spec"]["replicas"] > found["PodDisruptionBudget"]["spec"]["minAvailable"]
    for each in (*pod()["initContainers"], *pod()["containers"]):
        assert each["securityContext"]["allowPrivilegeEscalation"] is False
        assert each["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod()["securityContext"]["runAsNonRoot"] is True


def test_the_unit_starts_what_is_there_and_may_little() -> None:
    text = UNIT.read_text()
    started = re.search(r"^ExecStart=\S+/limpet (.*)$", text, re.MULTILINE)
    assert started is not None
    understood(*started[1].split())
    assert [each for each in HARDENED if each not in text.splitlines()] == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_the_unit_and_finds_it_safe(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT_PATHS.sub(rf"\1={sys.executable}", UNIT.read_text()))
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    safe = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)]
    assert subprocess.run(safe, capture_output=True, check=False).returncode == 0
