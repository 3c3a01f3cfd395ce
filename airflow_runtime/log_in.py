"""Log-in by OpenID Connect for the FAB auth manager: its ``webserver_config.py`` takes all names from here.

Reads ``oidc.json``: name, issuer, client_id, client_secret, scope, groups_claim, default_role, and roles: pairs of a
group and its role, of which the first that fits counts. ``authority.pem`` beside it holds who has signed the provider's
certificate, where that is nobody whom the image trusts anyway.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride
from flask_appbuilder.const import AUTH_OAUTH

_FOLDER = Path(os.environ.get("OIDC_FOLDER", "/run/airflow-oidc"))
_OIDC = json.loads((_FOLDER / "oidc.json").read_text(encoding="utf-8"))
_AUTHORITY = _FOLDER / "authority.pem"
# A provider that does not answer must not hold the API server's threads.
_SECONDS = 10


def user_of(claims: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What FAB wants to know of a person, and their role. Groups may be a list or one name."""
    found = claims.get(settings["groups_claim"]) or []
    groups = {found} if isinstance(found, str) else set(found)
    return {
        "username": claims.get("preferred_username") or claims["sub"],
        "email": claims.get("email") or claims["sub"],
        "first_name": claims.get("given_name") or claims.get("name") or "",
        "last_name": claims.get("family_name") or "",
        "role": next((role for group, role in settings["roles"] if group in groups), settings["default_role"]),
    }


def claims_of(token: Mapping[str, Any], remote: Any, groups_claim: str) -> dict[str, Any]:
    """The ID token's claims; where they say nothing of groups, with those of the provider's userinfo.

    Raises ValueError when those are somebody else's, which OpenID Connect Core, 5.3.2, has a client check.
    """
    claims = dict(token.get("userinfo") or {})
    if groups_claim in claims or "userinfo_endpoint" not in remote.load_server_metadata():
        return claims
    more = dict(remote.userinfo(token=token))
    if claims and more.get("sub") != claims["sub"]:
        raise ValueError("the provider's userinfo is of another subject than its ID token")
    return {**claims, **more}


class OidcSecurityManager(FabAirflowSecurityManagerOverride):
    """Takes users and roles from what the provider says of them, anew at each log-in."""

    def get_oauth_user_info(self, provider: str, resp: Any) -> dict[str, Any]:
        return user_of(claims_of(resp, self.oauth_remotes[provider], _OIDC["groups_claim"]), _OIDC)


SECURITY_MANAGER_CLASS = OidcSecurityManager
AUTH_TYPE = AUTH_OAUTH
AUTH_USER_REGISTRATION = True
# FAB gives the role of this name to everyone, beside what AUTH_ROLES_MAPPING does: it is the only one.
AUTH_USER_REGISTRATION_ROLE_JMESPATH = "role"
AUTH_ROLES_SYNC_AT_LOGIN = True
OAUTH_PROVIDERS = [
    {
        "name": _OIDC["name"],
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": _OIDC["client_id"],
            "client_secret": _OIDC["client_secret"],
            "server_metadata_url": f"{_OIDC['issuer'].rstrip('/')}/.well-known/openid-configuration",
            "client_kwargs": {
                "scope": _OIDC["scope"],
                "default_timeout": _SECONDS,
                **({"verify": str(_AUTHORITY)} if _AUTHORITY.exists() else {}),
            },
        },
    }
]
