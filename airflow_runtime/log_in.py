"""Log-in by OpenID Connect for the FAB auth manager: its ``webserver_config.py`` takes all names from here.

Reads ``/run/airflow-oidc/oidc.json``: name, issuer, client_id, client_secret, scope, groups_claim, default_role and
roles, group -> role.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from flask_appbuilder.const import AUTH_OAUTH

_OIDC = json.loads(Path("/run/airflow-oidc/oidc.json").read_text(encoding="utf-8"))


def user_of(claims: dict[str, Any], groups_claim: str) -> dict[str, Any]:
    """What FAB wants to know, of an ID token's claims. Groups may be a list or one name."""
    groups = claims.get(groups_claim) or []
    return {
        "username": claims.get("preferred_username") or claims["sub"],
        "email": claims.get("email") or claims["sub"],
        "first_name": claims.get("given_name") or claims.get("name") or "",
        "last_name": claims.get("family_name") or "",
        "role_keys": [groups] if isinstance(groups, str) else list(groups),
    }


class OidcSecurityManager(FabAirflowSecurityManagerOverride):
    """Takes users and groups from the ID token, or from the provider's userinfo where the token has none."""

    def get_oauth_user_info(self, provider: str, resp: Any) -> dict[str, Any]:
        claims = resp.get("userinfo") or self.oauth_remotes[provider].userinfo(token=resp)
        return user_of(dict(claims), _OIDC["groups_claim"])


SECURITY_MANAGER_CLASS = OidcSecurityManager
AUTH_TYPE = AUTH_OAUTH
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = _OIDC["default_role"]
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_ROLES_MAPPING = {group: [role] for group, role in _OIDC["roles"].items()}
OAUTH_PROVIDERS = [
    {
        "name": _OIDC["name"],
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": _OIDC["client_id"],
            "client_secret": _OIDC["client_secret"],
            "server_metadata_url": f"{_OIDC['issuer'].rstrip('/')}/.well-known/openid-configuration",
            "client_kwargs": {"scope": _OIDC["scope"]},
        },
    }
]
