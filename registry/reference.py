"""Image references taken apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """``server/repository[:tag][@digest]``; the server is always there, as Docker resolves it."""

    server: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference by Docker's rules: a first component without dot, colon or ``localhost`` is no server.

        Raises ValueError when nothing names an image.
        """
        name, _, digest = text.partition("@")
        head, slash, rest = name.partition("/")
        server, path = (head, rest) if slash and _is_server(head) else ("docker.io", name)
        repository, _, tag = path.partition(":")
        if not repository:
            raise ValueError(f"no image reference: {text!r}")
        if server == "docker.io" and "/" not in repository:
            repository = f"library/{repository}"
        return cls(server, repository, tag or (None if digest else "latest"), digest or None)

    @property
    def manifest(self) -> str:
        """What names the manifest in a registry's API: the digest where there is one."""
        return self.digest or self.tag or "latest"


def _is_server(component: str) -> bool:
    return "." in component or ":" in component or component == "localhost"
