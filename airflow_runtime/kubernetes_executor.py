"""The KubernetesExecutor, with which another scheduler takes over worker pods that run instead of ending at them.

That of the provider cncf-kubernetes 10.17 asks in the middle of it which other schedulers live, in the very session
that the scheduler of Airflow 3.2 holds the tasks in, and closes it: the scheduler ends with DetachedInstanceError, and
so does each one after it for as long as the pod runs.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from airflow.providers.cncf.kubernetes.executors import kubernetes_executor


# Airflow finds an executor by the name of its class too: DAG files go on to say "KubernetesExecutor".
class KubernetesExecutor(kubernetes_executor.KubernetesExecutor):
    """Configured by its path in ``[core] executor``."""

    def _alive_other_scheduler_job_ids(self) -> set[int]:
        # Airflow's sessions are one a thread.
        with ThreadPoolExecutor(1) as apart:
            return apart.submit(super()._alive_other_scheduler_job_ids).result()
