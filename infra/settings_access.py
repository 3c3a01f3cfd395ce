"""How people reach Airflow and who they are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from infra.settings_record import Record
from infra.settings_types import Authority, Email, Filled, Host, HttpsUrl, Name, ObjectName, filled_secret

#: Roles that Airflow's FAB auth manager makes by itself; each may do all that those after it may.
Role = Literal["Admin", "Op", "User", "Viewer", "Public"]


class Administrator(Record):
    """The first administrator's entry in FAB's table of users; name and password come from the Secret."""

    email: Email = "admin@example.org"
    first_name: Filled = "Airflow"
    last_name: Filled = "Administrator"


class Oidc(Record):
    """A log-in by OpenID Connect.

    ``roles`` maps a group of the claim ``groups_claim`` to a role; who is in several gets the strongest, who is in none
    of them ``default_role``. ``authority`` is the PEM text of who signed the provider's certificate, where that is
    nobody whom images trust anyway: then nobody else's is taken.
    """

    name: Filled = "sso"
    issuer: HttpsUrl
    client_id: Filled
    client_secret: Annotated[SecretStr, AfterValidator(filled_secret)]
    scope: Filled = "openid email profile"
    groups_claim: Filled = "groups"
    roles: Mapping[str, Role] = Field(default_factory=dict)
    default_role: Role = "Public"
    authority: Authority | None = None


class Ingress(Record):
    """Airflow's page at ``https://<host>/``; the certificate is in ``tls_secret``, and only pods of
    ``controller_namespace`` may ask."""

    host: Host
    class_name: Filled
    tls_secret: ObjectName
    controller_namespace: Name
    annotations: Mapping[str, str] = Field(default_factory=dict)


class Access(Record):
    """``simple`` knows one administrator and is for one machine; ``fab`` keeps users and roles in the database.

    With ``oidc`` they log in elsewhere.
    """

    auth_manager: Literal["simple", "fab"] = "simple"
    administrator: Administrator = Administrator()
    oidc: Oidc | None = None
    ingress: Ingress | None = None

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.auth_manager == "simple" and self.oidc:
            raise ValueError("authManager: fab, which oidc is a log-in of")
        if self.auth_manager == "simple" and self.ingress:
            raise ValueError("authManager: fab where there is an ingress: simple is for one machine")
        return self
