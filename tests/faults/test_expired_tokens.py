"""Tokens that a registry sells are over, at once or while an image is copied."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.registry_log_in import LogIn
from pipelines.errors import InputError
from registry.client import Credentials
from registry.contents import Contents
from registry.copying import Copier
from registry.errors import RegistryRefusedError
from tests.faults.token_registry import Seller, token_registry
from tests.registry.pushed import image
from tests.registry.servers import LOG_IN, registry, serving

pytestmark = [pytest.mark.platform, pytest.mark.faults]

REPOSITORY = "acme/x"
SECONDS = 2


@pytest.fixture(scope="module")
def selling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Seller]]:
    with token_registry(tmp_path_factory.mktemp("tokens") / "registry") as found:
        yield found


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Contents]:
    with serving(tmp_path / "source") as server, registry(server) as client:
        yield client


def log_in(folder: Path, server: str, credentials: Credentials) -> LogIn:
    both = base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {server: {"auth": both}}}))
    return LogIn(server, folder / "config.json", f"docker login {server}")


def refusal(server: str) -> str:
    return f"found: +user {LOG_IN.username}, refused by {server}\n +expected: .*\n +fix: +docker login {server}"


def test_a_log_in_that_buys_no_token_any_more(selling: tuple[str, Seller], tmp_path: Path) -> None:
    server, seller = selling
    seller.lifetime = 300
    log_in(tmp_path, server, LOG_IN).check()
    with pytest.raises(InputError) as refused:
        log_in(tmp_path, server, Credentials(LOG_IN.username, "expired-since")).check()
    assert re.search(refusal(server), str(refused.value))
    assert "expired-since" not in str(refused.value)


def test_a_token_that_is_over_when_it_is_sold(selling: tuple[str, Seller], tmp_path: Path) -> None:
    server, seller = selling
    seller.lifetime = -3600
    with pytest.raises(InputError) as refused:
        log_in(tmp_path, server, LOG_IN).check()
    assert re.search(refusal(server), str(refused.value))
    with Contents(server, LOG_IN) as target, pytest.raises(RegistryRefusedError, match="no or wrong credentials"):
        target.has_blob(REPOSITORY, f"sha256:{'0' * 64}")


class Slow(Contents):
    """Between the beginning of an upload and its body the token ends."""

    waits = True

    def begin(self, repository: str, digest: str, mount_from: str | None = None) -> str | None:
        address = super().begin(repository, digest, mount_from)
        if self.waits:
            time.sleep(SECONDS + 1)
            self.waits = False
        return address


def test_a_token_that_ends_while_an_image_is_copied(selling: tuple[str, Seller], source: Contents) -> None:
    server, seller = selling
    pushed = image(source, REPOSITORY, "1", layers=[b"a layer" * 1000])
    seller.lifetime = SECONDS
    before = len(seller.sold)
    with Slow(server, LOG_IN) as target:
        Copier(source, target, lambda text: None).copy(REPOSITORY, pushed["digest"], REPOSITORY, "1")
        assert not target.waits
        found = target.raw(REPOSITORY, "1")
        assert found is not None
        assert found.digest == pushed["digest"]
    assert len(seller.sold) > before + 1
