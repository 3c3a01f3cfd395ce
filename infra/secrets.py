"""Generated secrets, the Kubernetes Secrets that hold them, and fingerprints that show a change without its value."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random


def password(name: str, opts: pulumi.ResourceOptions, length: int = 40) -> pulumi.Output[str]:
    """A generated password of letters and digits, so that it needs no escaping in a URL, JSON or a shell."""
    generated = random.RandomPassword(name, length=length, special=False, opts=opts)
    return pulumi.Output.secret(generated.result)


def random_key(name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """32 random bytes in URL-safe base64: the form of a Fernet key."""

    # Not RandomBytes: its value is its id too, which state, plans and logs show.
    def key(generated: str) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(generated.encode()).digest()).decode()

    return password(name, opts, length=64).apply(key)


def secret(
    resource: str,
    namespace: pulumi.Input[str],
    name: str,
    data: Mapping[str, pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
    kind: str = "Opaque",
) -> k8s.core.v1.Secret:
    """A Kubernetes Secret of text values."""
    return k8s.core.v1.Secret(
        resource,
        metadata=k8s.meta.v1.ObjectMetaArgs(name=name, namespace=namespace),
        type=kind,
        data={key: pulumi.Output.secret(value).apply(_base64) for key, value in data.items()},
        opts=opts,
    )


def fingerprint(key: pulumi.Output[str], *values: pulumi.Input[str]) -> pulumi.Output[str]:
    """HMAC-SHA256 over the values, safe to show: for annotations that restart a pod when a secret it reads changes."""

    def digest(parts: list[str]) -> str:
        framed = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts[1:])
        return hmac.new(parts[0].encode(), framed, hashlib.sha256).hexdigest()[:32]

    return pulumi.Output.unsecret(pulumi.Output.all(key, *values).apply(digest))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
