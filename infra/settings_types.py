"""The forms of text that only stack files have."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from pipelines.text_forms import Matching

Name = Annotated[
    str,
    Matching(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", "at most 40 lower-case letters, digits and hyphens, a letter first"),
]
Cpu = Annotated[str, Matching(r"[0-9]+m|[0-9]+(\.[0-9]{1,3})?", 'cores or millicores as text, such as "2" or 250m')]
Memory = Annotated[str, Matching(r"[1-9][0-9]*(Ki|Mi|Gi|Ti)", "bytes with a binary suffix, such as 512Mi or 2Gi")]
Version = Annotated[str, Matching(r"[0-9]+\.[0-9]+\.[0-9]+", "a whole version, such as 3.2.2")]
PythonVersion = Annotated[str, Matching(r"3\.[0-9]+", 'a Python version as text, such as "3.13"')]
RegistryServer = Annotated[
    str,
    Matching(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?", "a host, perhaps with a port, without scheme or path"),
]
RepositoryPart = Annotated[
    str, Matching(r"[a-z0-9]+([._/-][a-z0-9]+)*", "lower-case letters and digits, parts joined by one of . _ - /")
]
Digest = Annotated[str, Matching(r"sha256:[0-9a-f]{64}", "a digest: sha256: and 64 hexadecimal digits")]
Bucket = Annotated[str, Matching(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "3 to 63 lower-case letters, digits and hyphens")]
Region = Annotated[str, Matching(r"[a-z]{2}(-[a-z]+)+-[0-9]", "a region, such as us-east-1")]
UserName = Annotated[str, Matching(r"[a-z][a-z0-9_.-]{0,63}", "lower-case letters, digits, . _ and -, a letter first")]
ConnectionId = Annotated[
    str,
    Matching(
        r"(?!(object_store|kubernetes_default|airflow_db)$)[a-z][a-z0-9_]{0,199}",
        "lower-case letters, digits and _, a letter first, and none of the program's own: object_store,"
        " kubernetes_default, airflow_db",
    ),
]
VariableKey = Annotated[str, Matching(r"[a-z][a-z0-9_]{0,199}", "lower-case letters, digits and _, a letter first")]
ObjectName = Annotated[
    str,
    Matching(
        r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", "a Kubernetes object's name: lower-case letters, digits, - and ."
    ),
]
Host = Annotated[
    str,
    Matching(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z][-a-z0-9]*[a-z0-9]", "a host name, such as airflow.example.org"),
]
ChartRepository = Annotated[str, Matching(r"(https|oci)://[^\s?#]+", "an address that starts with https:// or oci://")]
Port = Annotated[int, Field(gt=0, le=65535)]
ServerName = Annotated[
    str,
    Matching(r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?", "a server's name or address, without scheme and port"),
]
Address = Annotated[
    str,
    Matching(r"https?://[^\s/?#@]+", "an address with its scheme and nothing after it, such as https://s3.example.org"),
]
DatabaseName = Annotated[
    str, Matching(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", "at most 63 letters, digits, _ and -, no digit first")
]
Authority = Annotated[
    str,
    Matching(
        r"(?s)\s*-----BEGIN CERTIFICATE-----\n.+\n-----END CERTIFICATE-----\s*",
        "the text of a certificate, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
    ),
]
OidcProviderArn = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[^\s:]+",
        "an ARN such as arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC",
    ),
]
KeyArn = Annotated[
    str,
    Matching(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+", "the ARN of a KMS key, no alias"),
]
PolicyArn = Annotated[str, Matching(r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/\S+", "the ARN of an IAM policy")]
HttpsUrl = Annotated[str, Matching(r"https://[^\s/?#]+(/[^\s?#]*)?", "an address that starts with https://")]
Filled = Annotated[str, Matching(r"(?s).+", "text that is not empty")]
Email = Annotated[str, Matching(r"[^@\s]+@[^@\s]+", "an e-mail address")]


def _without_latest(image: str) -> str:
    repository, separator, tag = image.partition("@")[0].rpartition(":")
    if not ("@" in image or (separator and repository and "/" not in tag)) or tag == "latest":
        raise ValueError("an image with a tag other than latest, or with a digest")
    return image


PinnedImage = Annotated[str, AfterValidator(_without_latest)]


def _with_tag_only(image: str) -> str:
    if "@" in image:
        raise ValueError("an image with a tag and no digest, which the chart does not take")
    return _without_latest(image)


TaggedImage = Annotated[str, AfterValidator(_with_tag_only)]


MirrorName = Annotated[
    str,
    Matching(
        r"(?=[^/]*[.:]|localhost)[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+",
        "a registry's server and a path on it, such as ghcr.io/acme/mirror",
    ),
]


def _address_range(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError("a range of addresses, such as 10.0.0.0/8") from None


AddressRange = Annotated[str, AfterValidator(_address_range)]


def filled_secret(secret: SecretStr) -> SecretStr:
    """A secret that holds something. Raises ValueError."""
    if not secret.get_secret_value():
        raise ValueError("a secret that is not empty")
    return secret
