"""What asking a registry may end in; apart from its client, so that whoever only tells of it need not load that."""


class RegistryError(Exception):
    """A registry that cannot be reached, or that refuses; ``str()`` names server, image and reason."""


class RegistryUnreachableError(RegistryError):
    """No answer."""


class RegistryRefusedError(RegistryError):
    """An answer, and it is that credentials are missing or wrong."""
