"""The stacks that tests take from one release to another: this machine's own, and staging as it is committed."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from commands.stack_file_edits import edited
from infra.mirrored_images import of_others
from infra.settings import PROJECT
from local import engine, services, stack
from local.engine import Choice
from local.kubernetes_client import connect
from local.machine import NAME_VARIABLE, STACK, Machine
from local.mirror import ensure_mirror
from local.progress import Progress
from local.up import UNDECIDED
from tests.conftest import Deployed
from tests.conftest import remove as take_away
from tests.platform import postgres
from tests.platform.commands import Finished, ended, run
from tests.platform.given_services import Given, given_services, remove
from tests.platform.history import TwoReleases
from tests.platform.observed import succeeds
from tests.platform.older_release import AIRFLOW
from tests.platform.stack_owner import Owner, chart_missing, owner_of

STAGING = "staging"
#: Run in the older checkout: the stand-in of its Airflow is made by its own recipe.
MIRROR = """\
from local.machine import Machine
from local.mirror import ensure_mirror
from local.progress import Progress

ensure_mirror(Machine.here(), Progress())
"""


@dataclass(frozen=True)
class Upgraded(ABC):
    """A stack on the older release, its clone on the newer one."""

    stack: str
    deployed: Deployed
    releases: TwoReleases

    def commands(self, *words: str) -> Finished:
        """``python -m commands`` in the clone."""
        return run(*words, clone=self.releases.repository.folder)

    @abstractmethod
    def up(self) -> Finished:
        """Deploy what is checked out."""

    @abstractmethod
    def changes_nothing(self) -> None:
        """Deploy what is deployed."""

    @abstractmethod
    def query(self, statement: str) -> str:
        """What the metadata database answers, as text."""

    @abstractmethod
    def proves(self, dag: str) -> None:
        """Run a DAG, and look at what it did."""

    @abstractmethod
    def unprotect(self) -> None:
        """Do what is to be done before all of it can be destroyed."""


class OnThisMachine(Upgraded):
    """By ``make up``, without the Pulumi CLI."""

    def up(self) -> Finished:
        return self.commands("local", "up", "--no-smoke")

    def changes_nothing(self) -> None:
        done = self.up()
        assert done.status == 0, done.output
        assert done.counts[:4] == (0, 0, 0, 0), done.output

    def query(self, statement: str) -> str:
        return postgres.query(self.deployed, statement)

    def proves(self, dag: str) -> None:
        proved = self.commands("local", "smoke", dag)
        assert proved.status == 0, proved.output

    def unprotect(self) -> None:
        assert not self.deployed.settings.protect


@dataclass(frozen=True)
class OverGivenStores(Upgraded):
    """By ``pulumi up``, over a store and a Postgres that others run."""

    owner: Owner
    given: Given

    def commands(self, *words: str) -> Finished:
        return self.owner.tries(sys.executable, "-m", "commands", *words)

    def up(self) -> Finished:
        return self.owner.tries(*self.owner.up_command(self.stack))

    def changes_nothing(self) -> None:
        self.owner.up(self.stack, "--expect-no-changes")

    def query(self, statement: str) -> str:
        return self.given.database.query(statement)

    def proves(self, dag: str) -> None:
        succeeds(self.deployed, dag, "after-all")

    def unprotect(self) -> None:
        file = self.owner.clone / f"Pulumi.{self.stack}.yaml"
        # As the roll-back says: the key that was drawn last is protected too.
        file.write_text(edited(file.read_text(), file.name, ("airflow", "fernetKeys"), [1, 2]))
        self.owner.types("pulumi", "config", "set", "--stack", self.stack, f"{PROJECT}:protect", "false")
        self.owner.up(self.stack)


@contextmanager
def on_this_machine(machine: Machine, releases: TwoReleases, folder: Path) -> Iterator[OnThisMachine]:
    """The dev stack, in a namespace of its own."""
    client, name = connect(machine), "airflow-upgrade"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NAME_VARIABLE, name)
        patch.setenv("APPLY", "direct")
        settings = stack.settings(machine, UNDECIDED)
        take_away(machine, client, settings)
        try:
            undecided = Deployed(machine, client, UNDECIDED, settings, releases.repository.folder)
            found = OnThisMachine(STACK, undecided, releases)
            _bring_up(found)
            choice = engine.recorded(client, name)
            assert choice is not None
            print(choice)
            settled = replace(undecided, choice=choice, settings=stack.settings(machine, choice))
            yield replace(found, deployed=settled)
        finally:
            take_away(machine, client, settings)


@contextmanager
def over_given_stores(machine: Machine, releases: TwoReleases, folder: Path) -> Iterator[OverGivenStores]:
    """The staging stack, with its file filled in and committed to both releases."""
    if missing := chart_missing():
        pytest.skip(missing)
    services.keep(machine)
    client, clone = connect(machine), releases.repository.folder
    owner = owner_of(machine, clone, folder)
    spaces = (f"airflow-{STAGING}", f"airflow-{STAGING}-tasks")
    with given_services(machine, client, STAGING, folder / "given") as given:
        remove(client, *spaces)
        try:
            configured = _configured(owner, releases, given)
            settings = owner.settings(STAGING)
            choice = Choice("pulumi", "official", owner.environment.get("AIRFLOW_CHART"))
            deployed = Deployed(machine, client, choice, settings, clone)
            found = OverGivenStores(STAGING, deployed, configured, owner, given)
            configured.repository.check_out(configured.older)
            made = ended([sys.executable, "-c", MIRROR], clone, owner.environment)
            assert made.status == 0, made.output
            ensure_mirror(machine, Progress(), of_others(settings))
            _bring_up(found)
            owner.have_pods_trust(STAGING, given)
            yield found
        finally:
            remove(client, *spaces)


#: How it is deployed -> the stack, once it runs on the older release.
WAYS: Mapping[str, Callable[[Machine, TwoReleases, Path], AbstractContextManager[Upgraded]]] = {
    "dev by direct apply": on_this_machine,
    "staging by pulumi up": over_given_stores,
}


def _configured(owner: Owner, releases: TwoReleases, given: Given) -> TwoReleases:
    """Both commits with the stack's own file, and with DAGs whose pods trust the store."""
    repository, file, commits = releases.repository, owner.clone / f"Pulumi.{STAGING}.yaml", []
    repository.check_out(releases.older)
    owner.configure(STAGING, given)
    text = file.read_text()
    for commit in (releases.older, releases.newer):
        repository.check_out(commit)
        file.write_text(text)
        owner.trust_the_store("cost_of_living", "long_task")
        commits.append(repository.commit(f"{STAGING} of this machine"))
    return TwoReleases(repository, *commits)


def _bring_up(found: Upgraded) -> None:
    """On the older release; afterwards the newer one is checked out."""
    found.releases.repository.check_out(found.releases.older)
    done = found.up()
    assert done.status == 0, done.output
    told(f"up {AIRFLOW}", done)
    found.releases.repository.check_out(found.releases.newer)


def told(what: str, done: Finished) -> None:
    """A figure for docs/upgrades.md."""
    print(f"{what}: {done.seconds:.0f} s")
