"""What we deploy says nothing that the program does not know, and keeps what its notes promise."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from petrosa_cio.app import Role
from petrosa_cio.settings import Settings, load_settings, variable
from petrosa_cio.surfaces.http import create_app
from tests.loading import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
SECRETS = {
    "CIO_NATS_PASSWORD": "x",
    "CIO_REDIS_URL": "redis://:x@h:6379/0",
    "CIO_MONGO_URL": "mongodb://h",
}
DRAIN_S = int(Settings.model_fields["drain_timeout_s"].default)
PATHS = {
    str(getattr(route, "path", "")) for route in create_app(list, version="1", fund="f").routes
}


def manifests() -> Iterator[dict[str, Any]]:
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        yield from yaml.safe_load_all(file.read_text("utf-8"))


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in manifests() if one["kind"] == kind]


def name_of(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"]["name"])


COMPOSE = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ROLES = {name: one for name, one in SERVICES.items() if one["image"] == "petrosa-cio"}
DEPLOYMENTS = of_kind("Deployment")

# --- Kubernetes -----------------------------------------------------------------------------------


def test_every_manifest_is_applied() -> None:
    (kustomization,) = of_kind("Kustomization")
    files = {file.name for file in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert set(kustomization["resources"]) == files - {"kustomization.yaml"}
    names = [(one["kind"], name_of(one)) for one in manifests() if "metadata" in one]
    assert len(names) == len(set(names))


def test_every_role_is_deployed_and_the_gate_twice() -> None:
    assert {name_of(one): one["spec"]["replicas"] for one in DEPLOYMENTS} == {
        "gate": 2,
        "record": 1,
        "control": 1,
    }
    assert {name_of(one) for one in DEPLOYMENTS} == set(Role)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_pod_may_do_as_little_as_it_needs(deployment: dict[str, Any]) -> None:
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["run", "--role", name_of(deployment)]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (
        True,
        1000,
    )
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] > DRAIN_S
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


def test_what_selects_finds_its_pods() -> None:
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in DEPLOYMENTS]
    selectors = [one["spec"]["selector"]["matchLabels"] for one in DEPLOYMENTS]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in of_kind("PodDisruptionBudget")]
    selectors += [one["spec"]["selector"] for one in of_kind("Service")]
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in of_kind("NetworkPolicy")]
    assert len(selectors) == 7
    for selector in selectors:
        assert any(selector.items() <= labels.items() for labels in pods), selector


def test_probes_ask_what_control_answers() -> None:
    (control,) = (one for one in DEPLOYMENTS if name_of(one) == "control")
    (container,) = control["spec"]["template"]["spec"]["containers"]
    asked = {container[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe")}
    assert asked == {"/health/liveness", "/health/readiness"}
    assert asked <= PATHS
    (port,) = container["ports"]
    assert port["containerPort"] == Settings.model_fields["http_port"].default


def test_the_settings_of_the_cluster_are_settings() -> None:
    (stated,) = of_kind("ConfigMap")
    settings = load_settings(stated["data"] | SECRETS)
    assert settings.mode == "observe"
    notes = (DEPLOY / "README.md").read_text("utf-8")
    for name in SECRETS:
        assert f"--from-literal {name}=" in notes


# --- Compose --------------------------------------------------------------------------------------


def filled(text: str) -> str:
    """Return a text with its variables filled in, as compose does."""
    text = re.sub(r"\$\{(\w+):-(\w*)\}", r"\2", text)
    return re.sub(r"\$\{(\w+):\?[^}]*\}", "secret", text)


def test_every_role_runs_on_one_machine() -> None:
    assert {one["command"][-1] for one in ROLES.values()} == set(Role)
    for one in ROLES.values():
        assert one["command"][:2] == ["run", "--role"]
        settings = load_settings({key: filled(text) for key, text in one["environment"].items()})
        assert not settings.policy_public_keys  # nobody is trusted until somebody says who
        assert settings.mode == "observe"
        assert int(one["stop_grace_period"].removesuffix("s")) > DRAIN_S
        assert one["read_only"] is True


def test_nothing_is_reachable_from_elsewhere() -> None:
    ports = [port for one in SERVICES.values() for port in one.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_secret_of_the_machine_is_asked_for() -> None:
    text = (DEPLOY / "docker-compose.yaml").read_text("utf-8")
    example = (DEPLOY / "env.example").read_text("utf-8")
    asked = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+)", text)) == asked
    configuration = (DEPLOY / "nats" / "nats-server.conf").read_text("utf-8")
    in_nats = set(re.findall(r"password: \$(\w+)", configuration))
    assert in_nats == set(SERVICES["nats"]["environment"])


def test_servers_keep_what_they_acknowledged() -> None:
    assert "sync_interval: always" in (DEPLOY / "nats" / "nats-server.conf").read_text("utf-8")
    redis = " ".join(SERVICES["redis"]["command"])
    for words in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
        assert words in redis


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"nats-folder"}))
def test_what_lasts_is_small_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service.get("user", "") not in ("root", "0")
    assert "healthcheck" in service or name == "control"  # its image has one


def test_what_is_mounted_exists() -> None:
    volumes = [volume for one in SERVICES.values() for volume in one.get("volumes", ())]
    named = set(COMPOSE["volumes"])
    for source in (volume.split(":")[0] for volume in volumes):
        assert source in named or (DEPLOY / source).is_file()


# --- the image ------------------------------------------------------------------------------------


def instructions(word: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{word}\s+(.*)$", joined, re.MULTILINE)


def test_the_image_copies_what_exists_and_is_not_left_out() -> None:
    let_in = set((ROOT / ".dockerignore").read_text("utf-8").split())
    copied = [line.split()[:-1] for line in instructions("COPY") if not line.startswith("--from")]
    for source in (one for line in copied for one in line):
        assert (ROOT / source).exists()
        assert f"!{source}" in let_in


def test_the_image_has_a_python_that_we_support() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (python,) = re.findall(r"^ARG PYTHON=(.*)$", DOCKERFILE, re.MULTILINE)
    assert f"Programming Language :: Python :: {python}" in project["classifiers"]
    assert "cio" in project["scripts"]
    assert instructions("ENTRYPOINT") == ['["cio"]']


def test_the_image_runs_as_nobody_special_and_is_watched() -> None:
    assert instructions("USER")[-1] == "1000:1000"
    assert instructions("EXPOSE") == [str(Settings.model_fields["http_port"].default)]
    (health,) = instructions("HEALTHCHECK")
    (path,) = re.findall(r"(/health/\w+)", health)
    assert path in PATHS


def test_what_the_image_sets_are_settings() -> None:
    stated = set(re.findall(r"\b(CIO_\w+)", DOCKERFILE))
    assert stated <= {variable(name) for name in Settings.model_fields}
