"""The part of the chart's values that says who logs in, how, and at which address."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, get_args

from infra import names, restricted
from infra.settings_access import Access, Ingress, Oidc, Role
from infra.settings_record import Resources

SIMPLE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
AUTH_MANAGERS = {"simple": SIMPLE, "fab": FAB}

PASSWORDS_MOUNT = "/run/airflow-admin"
PASSWORDS_FILE = f"{PASSWORDS_MOUNT}/passwords.json"
WRITABLE_VOLUME = "admin-passwords"
SECRET_VOLUME = "admin-secret"  # noqa: S105 - a volume
SECRET_MOUNT = "/run/airflow-admin-secret"  # noqa: S105 - a folder
OIDC_VOLUME = "oidc"
OIDC_MOUNT = "/run/airflow-oidc"
#: Keys of the Secret, and what ``airflow_runtime.log_in`` finds in the folder.
OIDC_KEY, OIDC_AUTHORITY_KEY = "oidc.json", "authority.pem"


@dataclass(frozen=True)
class AccessArguments:
    """The stack's choices, who administers Airflow, its image, and what the API server's containers may use."""

    access: Access
    admin_user: str
    image: str
    resources: Resources


def auth_manager(access: Access) -> str:
    """The class that Airflow loads: its tables are part of the migration."""
    return AUTH_MANAGERS[access.auth_manager]


def oidc_documents(oidc: Oidc) -> dict[str, str]:
    """File name -> text that ``airflow_runtime.log_in`` reads; one holds the client's secret."""
    strongest_first = get_args(Role)
    roles = sorted(oidc.roles.items(), key=lambda one: (strongest_first.index(one[1]), one[0]))
    told = oidc.model_dump(by_alias=False, exclude={"authority"})
    document = {**told, "client_secret": oidc.client_secret.get_secret_value(), "roles": roles}
    authority = {OIDC_AUTHORITY_KEY: oidc.authority} if oidc.authority else {}
    return {OIDC_KEY: json.dumps(document, sort_keys=True), **authority}


def core_settings(arguments: AccessArguments) -> dict[str, str]:
    """``[core]`` of Airflow's configuration."""
    if arguments.access.auth_manager == "fab":
        return {"auth_manager": FAB}
    return {
        "auth_manager": SIMPLE,
        "simple_auth_manager_users": f"{arguments.admin_user}:admin",
        "simple_auth_manager_passwords_file": PASSWORDS_FILE,
    }


def other_settings(access: Access) -> dict[str, dict[str, str]]:
    """Sections of Airflow's configuration that a stack without an ingress does not have."""
    if not access.ingress:
        return {}
    # FAB marks its session's cookie by this alone, whatever a request has come by.
    return {"api": {"base_url": f"https://{access.ingress.host}"}, "fab": {"cookie_secure": "True"}}


def ingress_values(ingress: Ingress) -> dict[str, Any]:
    """``ingress`` of the chart: always with TLS."""
    tls = {"enabled": True, "secretName": ingress.tls_secret}
    page: dict[str, Any] = {
        "enabled": True,
        "ingressClassName": ingress.class_name,
        "hosts": [{"name": ingress.host, "tls": tls}],
        "pathType": "Prefix",
    }
    return {"apiServer": {**page, **({"annotations": dict(ingress.annotations)} if ingress.annotations else {})}}


def api_server(arguments: AccessArguments) -> dict[str, Any]:
    """``apiServer`` of the chart, as far as log-in and address decide it."""
    log_in = _simple(arguments) if arguments.access.auth_manager == "simple" else _fab(arguments.access)
    return {**log_in, **(_behind_a_proxy() if arguments.access.ingress else {})}


def _behind_a_proxy() -> dict[str, Any]:
    """Whoever connects is the ingress controller, by the network policies: what it says of the client holds."""
    return {
        "args": ["bash", "-c", "exec airflow api-server --proxy-headers"],
        "env": [{"name": "FORWARDED_ALLOW_IPS", "value": "*"}],
    }


def _fab(access: Access) -> dict[str, Any]:
    if not access.oidc:
        return {}
    secret = {"secretName": names.OIDC_SECRET, "defaultMode": 0o440}
    return {
        "apiServerConfig": "from airflow_runtime.log_in import *\n",
        "extraVolumes": [{"name": OIDC_VOLUME, "secret": secret}],
        "extraVolumeMounts": [{"name": OIDC_VOLUME, "mountPath": OIDC_MOUNT, "readOnly": True}],
    }


def _simple(arguments: AccessArguments) -> dict[str, Any]:
    return {
        # SimpleAuthManager opens its passwords file for writing, and a mounted Secret is read-only: it gets a copy.
        "extraInitContainers": [
            {
                "name": "copy-admin-password",
                "image": arguments.image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["install", "--mode=0600", f"{SECRET_MOUNT}/passwords.json", PASSWORDS_FILE],
                "resources": restricted.resources(arguments.resources),
                "securityContext": restricted.container(),
                "volumeMounts": [
                    {"name": SECRET_VOLUME, "mountPath": SECRET_MOUNT, "readOnly": True},
                    {"name": WRITABLE_VOLUME, "mountPath": PASSWORDS_MOUNT},
                ],
            }
        ],
        "extraVolumes": [
            {
                "name": SECRET_VOLUME,
                "secret": {
                    "secretName": names.ADMIN_SECRET,
                    "defaultMode": 0o440,
                    "items": [{"key": "passwords.json", "path": "passwords.json"}],
                },
            },
            {"name": WRITABLE_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        ],
        "extraVolumeMounts": [{"name": WRITABLE_VOLUME, "mountPath": PASSWORDS_MOUNT}],
    }
