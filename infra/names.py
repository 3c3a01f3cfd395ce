"""Names of Kubernetes objects that more than one part must agree on."""

# ruff: noqa: S105 - names of Secrets, none of their values
from __future__ import annotations

from pipelines import published_paths

RELEASE = "airflow"

METADATA_SECRET = "airflow-metadata"
FERNET_KEY_SECRET = "airflow-fernet-key"
API_SECRET_KEY_SECRET = "airflow-api-secret-key"
JWT_SECRET = "airflow-jwt-secret"
ADMIN_SECRET = "airflow-admin"
OIDC_SECRET = "airflow-oidc"
POSTGRES_SECRET = "postgres"
DATABASE_SECRET = "airflow-database"
POOLED_SECRET = "airflow-metadata-pooled"
PGBOUNCER_SECRET = "airflow-pgbouncer"
PGBOUNCER_STATISTICS_SECRET = "airflow-pgbouncer-statistics"
STORE_ROOT_SECRET = "object-store-root"
STORE_BACKUP_SECRET = "object-store-backup"
STORE_AIRFLOW_SECRET = "object-store-airflow"
STORE_PUBLISHER_SECRET = "object-store-publisher"
STORE_TASKS_SECRET = "object-store-tasks"
STORE_USERS_SECRET = "object-store-users"
CONNECTIONS_SECRET = "airflow-connections"
VARIABLES_SECRET = "airflow-variables"
REGISTRY_SECRET = "registry"

STORE_CONNECTION = "object_store"
STORE_CONNECTION_VARIABLE = "AIRFLOW_CONN_OBJECT_STORE"
KUBERNETES_CONNECTION_VARIABLE = "AIRFLOW_CONN_KUBERNETES_DEFAULT"
BUNDLE = "published"
DAGS_PREFIX = published_paths.PREFIX
SOURCES_PREFIX = published_paths.SOURCES_PREFIX
LOGS_PREFIX = "logs"
BACKUPS_PREFIX = "backups"

API_SERVER = "airflow-api-server"
PGBOUNCER = "airflow-pgbouncer"
API_SERVER_PORT = 8080

API_SERVER_ACCOUNT = "airflow-api-server"
SCHEDULER_ACCOUNT = "airflow-scheduler"
CLEANUP_ACCOUNT = "airflow-cleanup"
TRIGGERER_ACCOUNT = "airflow-triggerer"
WORKER_ACCOUNT = "airflow-worker"
DAG_PROCESSOR_ACCOUNT = "airflow-dag-processor"
PUBLISHER_ACCOUNT = "airflow-publisher"
BACKUP_ACCOUNT = "airflow-backup"
TASK_ACCOUNT = "airflow-task"

RUNTIME_PATH = "/opt/airflow/runtime"
CORE_PART_OF = {"app.kubernetes.io/part-of": "airflow"}
# Changes when a secret that the pod reads changes.
SECRETS_ANNOTATION = "de-airflow-pipeline/secrets"
