"""Random values of the types of ``pulumi_random``, drawn without its provider."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

#: Input that switches a class of characters on -> its characters, and the input with their least number.
CLASSES = (
    ("lower", string.ascii_lowercase, "minLower"),
    ("upper", string.ascii_uppercase, "minUpper"),
    ("numeric", string.digits, "minNumeric"),
    ("special", "!@#$%&*()-_=+[]{}<>:?", "minSpecial"),
)


def password(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """``result``: a string of ``length`` characters from the classes that the inputs leave on."""
    classes = [
        (inputs.get("overrideSpecial") or characters if name == "special" else characters, int(inputs.get(least) or 0))
        for name, characters, least in CLASSES
        if inputs.get(name, True)
    ]
    drawn = [secrets.choice(characters) for characters, least in classes for _ in range(least)]
    alphabet = "".join(characters for characters, _ in classes)
    drawn += [secrets.choice(alphabet) for _ in range(int(inputs["length"]) - len(drawn))]
    secrets.SystemRandom().shuffle(drawn)
    return {"result": "".join(drawn)}


#: Pulumi's type -> what draws its outputs from its inputs.
GENERATORS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = MappingProxyType(
    {
        "random:index/randomPassword:RandomPassword": password,
        "random:index/randomString:RandomString": password,
    }
)
