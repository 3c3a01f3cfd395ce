"""The warehouse: a real Postgres. The example DAGs load into it, and models are built in it."""

from __future__ import annotations

from infra.settings_stores import PostgresDatabase
from local.services.service import RESTRICTED, Declared, Held, Manifest, Service, identity

NAME = "warehouse"
PORT = 5432
DATABASE = "warehouse"
USER = "loader"
PASSWORD = "password"  # noqa: S105 - the name of the value
POSTGRES_USER = 999
DATA = "/var/lib/postgresql/data"
SECRET = "/run/secrets/postgres"  # noqa: S105 - a folder


def _connections(held: Held) -> Declared:
    connection = {
        "conn_type": "postgres",
        "host": WAREHOUSE.host,
        "port": PORT,
        "schema": DATABASE,
        "login": USER,
        "password": held.values[PASSWORD],
    }
    return {NAME: connection}


def _task_secrets(held: Held) -> Declared:
    return {
        NAME: {
            "WAREHOUSE_HOST": WAREHOUSE.host,
            "WAREHOUSE_PORT": str(PORT),
            "WAREHOUSE_DATABASE": DATABASE,
            "WAREHOUSE_USER": USER,
            "WAREHOUSE_PASSWORD": held.values[PASSWORD],
        }
    }


def _workload(service: Service, held: Held) -> Manifest:
    environment = {
        "POSTGRES_USER": USER,
        "POSTGRES_DB": DATABASE,
        "POSTGRES_PASSWORD_FILE": f"{SECRET}/{PASSWORD}",
        "POSTGRES_INITDB_ARGS": "--encoding=UTF8",
        "PGDATA": f"{DATA}/pgdata",
    }
    # Over TCP: during its first start the server listens on its socket only, while it initialises itself.
    ready = ["pg_isready", "--host=127.0.0.1", f"--username={USER}", f"--dbname={DATABASE}", "--quiet"]
    mounts = {"data": DATA, "password": SECRET, "socket": "/var/run/postgresql", "tmp": "/tmp"}  # noqa: S108 - emptyDir
    container = {
        "name": NAME,
        "image": PostgresDatabase().image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"exec": {"command": ready}, "periodSeconds": 2, "timeoutSeconds": 5},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "securityContext": RESTRICTED,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": name, "mountPath": path, "readOnly": name == "password"} for name, path in mounts.items()
        ],
    }
    items = [{"key": PASSWORD, "path": PASSWORD}]
    pod = {
        "securityContext": identity(POSTGRES_USER),
        "terminationGracePeriodSeconds": 30,
        "containers": [container],
        "volumes": [
            {"name": "password", "secret": {"secretName": NAME, "items": items, "defaultMode": 0o440}},
            {"name": "socket", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": service.metadata(),
        "spec": {
            "replicas": 1,
            "serviceName": NAME,
            "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
            "template": service.template(held, pod),
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        },
    }


WAREHOUSE = Service(
    NAME, PORT, (PASSWORD,), _workload, connections=_connections, task_secrets=_task_secrets
)  # fmt: skip
