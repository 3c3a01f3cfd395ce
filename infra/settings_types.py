"""Text of a known form, each with the words for who got it wrong."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def matching(pattern: str, words: str) -> AfterValidator:
    """Text that matches the pattern as a whole; ``words`` say so to who got it wrong."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(words)
        return text

    return AfterValidator(check)


Name = Annotated[
    str,
    matching(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", "at most 40 lower-case letters, digits and hyphens, a letter first"),
]
Cpu = Annotated[str, matching(r"[0-9]+m|[0-9]+(\.[0-9]{1,3})?", 'cores or millicores as text, such as "2" or 250m')]
Memory = Annotated[str, matching(r"[1-9][0-9]*(Ki|Mi|Gi|Ti)", "bytes with a binary suffix, such as 512Mi or 2Gi")]
Version = Annotated[str, matching(r"[0-9]+\.[0-9]+\.[0-9]+", "a whole version, such as 3.2.2")]
PythonVersion = Annotated[str, matching(r"3\.[0-9]+", 'a Python version as text, such as "3.13"')]
RegistryServer = Annotated[
    str,
    matching(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?", "a host, perhaps with a port, without scheme or path"),
]
RepositoryPart = Annotated[
    str, matching(r"[a-z0-9]+([._/-][a-z0-9]+)*", "lower-case letters and digits, parts joined by one of . _ - /")
]
Digest = Annotated[str, matching(r"sha256:[0-9a-f]{64}", "a digest: sha256: and 64 hexadecimal digits")]
Bucket = Annotated[str, matching(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "3 to 63 lower-case letters, digits and hyphens")]
Region = Annotated[str, matching(r"[a-z]{2}(-[a-z]+)+-[0-9]", "a region, such as us-east-1")]
UserName = Annotated[str, matching(r"[a-z][a-z0-9_.-]{0,63}", "lower-case letters, digits, . _ and -, a letter first")]
ConnectionId = Annotated[
    str,
    matching(
        r"(?!(object_store|kubernetes_default|airflow_db)$)[a-z][a-z0-9_]{0,199}",
        "lower-case letters, digits and _, a letter first, and none of the program's own: object_store,"
        " kubernetes_default, airflow_db",
    ),
]
VariableKey = Annotated[str, matching(r"[a-z][a-z0-9_]{0,199}", "lower-case letters, digits and _, a letter first")]
PoolName = Annotated[str, matching(r"[A-Za-z0-9_.-]{1,63}", "at most 63 letters, digits, . _ and -")]
EnvironmentVariable = Annotated[
    str,
    matching(
        r"(?!TASK_|AWS_|OBJECT_STORE_|AIRFLOW)[A-Za-z_][A-Za-z0-9_]*",
        "letters, digits and underscores, and no name that starts with TASK_, AWS_, OBJECT_STORE_ or AIRFLOW",
    ),
]
Filled = Annotated[str, matching(r"(?s).+", "text that is not empty")]
Email = Annotated[str, matching(r"[^@\s]+@[^@\s]+", "an e-mail address")]


def _without_latest(image: str) -> str:
    repository, separator, tag = image.partition("@")[0].rpartition(":")
    if not ("@" in image or (separator and repository and "/" not in tag)) or tag == "latest":
        raise ValueError("an image with a tag other than latest, or with a digest")
    return image


PinnedImage = Annotated[str, AfterValidator(_without_latest)]
