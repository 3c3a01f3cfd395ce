"""How many of each of Airflow's components run."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from infra.settings_record import Record

Count = Annotated[int, Field(ge=1, le=20)]


class Replicas(Record):
    """Pods of each component; a component with two or more gets a disruption budget and is spread over nodes."""

    api_server: Count = 1
    scheduler: Count = 1
    dag_processor: Count = 1
    triggerer: Count = 1


class ApiServerScaling(Record):
    """API server pods by load: from ``replicas.api_server`` up to ``most``, at ``cpu_percent`` of the request."""

    most: Count
    cpu_percent: Annotated[int, Field(ge=10, le=1000)] = 200


class Availability(Record):
    """The one autoscaler of the chart that needs nothing but metrics-server is the API server's."""

    replicas: Replicas = Replicas()
    api_server_scaling: ApiServerScaling | None = None

    @model_validator(mode="after")
    def _room(self) -> Self:
        scaling = self.api_server_scaling
        if scaling and scaling.most <= self.replicas.api_server:
            raise ValueError(f"apiServerScaling.most above replicas.apiServer, {self.replicas.api_server}")
        return self
