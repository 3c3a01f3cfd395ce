import json
import subprocess
import sys
from datetime import timedelta

import pytest

from airflow_runtime import publish as publishing
from airflow_runtime.object_store import StoreError
from airflow_runtime.publish import Publication, Refused, load, main, publish, remove_old, versions_of_unfinished_runs
from airflow_runtime.retention import KEPT_VERSIONS
from airflow_runtime.tree import File, pack, read_archive, tree_hash
from tests.airflow_runtime.memory_store import MemoryStore


def source(text: str) -> tuple[str, bytes]:
    files = {"tasks.py": File(False, text.encode())}
    return tree_hash(files), pack(files)


def publication(number: int, *source_texts: str) -> Publication:
    sources = dict(source(text) for text in source_texts)
    addresses = "\n".join(f'"dags/sources/{name}.tar.gz"' for name in sorted(sources))
    tree = {"a_dag.py": File(False, f"number = {number}\n{addresses}\n".encode())}
    return Publication(tree_hash(tree), tree, sources)


def archive(what: Publication) -> bytes:
    members = {f"tree/{path}": file for path, file in what.tree.items()}
    members |= {f"sources/{name}.tar.gz": File(False, content) for name, content in what.sources.items()}
    return pack(members)


def test_the_pointer_is_written_last_and_names_a_version_that_can_be_read():
    store, what = MemoryStore(), publication(1, "a = 1", "b = 2")
    publish(what, store)
    assert store.writes[-2:] == [f"versions/{what.version}.tar.gz", "current"]
    assert store.get("current") == f"{what.version}\n".encode()
    assert read_archive(store.get(f"versions/{what.version}.tar.gz")) == what.tree
    assert {name.removesuffix(".tar.gz") for name in store.listing("sources")} == what.sources.keys()


def test_publishing_again_changes_no_byte():
    store, what = MemoryStore(), publication(1, "a = 1")
    publish(what, store)
    before = {name: content for name, (content, _) in store.objects.items()}
    publish(what, store)
    assert {name: content for name, (content, _) in store.objects.items()} == before


@pytest.mark.parametrize("fail_at", [3, 4, 5])
def test_a_publication_that_fails_on_the_way_switches_nothing(fail_at):
    store, old = MemoryStore(fail_at=fail_at + 1), publication(1)
    publish(old, store)
    store._fail_at = fail_at
    with pytest.raises(StoreError):
        publish(publication(2, "a = 1"), store)
    assert store.get("current") == f"{old.version}\n".encode()


def test_an_archive_is_loaded_as_it_was_packed():
    what = publication(7, "a = 1")
    assert load(archive(what), what.version) == what


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda what: archive(what)[:-9], "damaged"),
        (lambda what: archive(publication(8)), "holds version"),
        (
            lambda what: archive(Publication(what.version, what.tree, {})),
            "refer to sources that the archive does not hold",
        ),
        (
            lambda what: archive(Publication(what.version, what.tree, dict.fromkeys(what.sources, source("other")[1]))),
            "holds other content",
        ),
    ],
)
def test_an_archive_that_is_not_the_version_is_refused(change, reason):
    what = publication(7, "a = 1")
    with pytest.raises(Refused, match=reason):
        load(change(what), what.version)


def test_versions_past_retention_go_and_take_their_sources_along():
    store = MemoryStore()
    publications = [publication(number, "shared = 1", f"own = {number}") for number in range(KEPT_VERSIONS + 3)]
    for what in publications:
        publish(what, store)
        store.now += timedelta(hours=2)
    named = publications[1].version
    publish(publications[-1], store)
    remove_old(store, {named})
    kept = {publications[1].version, *(what.version for what in publications[3:])}
    assert {name.removesuffix(".tar.gz") for name in store.listing("versions")} == kept
    needed = {name for what in publications if what.version in kept for name in what.sources}
    assert {name.removesuffix(".tar.gz") for name in store.listing("sources")} == needed


def test_a_source_that_another_publication_has_just_written_stays():
    store = MemoryStore()
    name, content = source("not yet referred to")
    publish(publication(1), store)
    store.put(f"sources/{name}.tar.gz", content)
    publish(publication(2), store)
    remove_old(store, set())
    assert f"{name}.tar.gz" in store.listing("sources")


class Crossed(MemoryStore):
    """A bucket in which another publication does something right before one listing of a folder, counted from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.at, self.folder, self.other = 0, "versions", lambda: None

    def listing(self, folder):
        self.at -= folder == self.folder
        if folder == self.folder and self.at == 0:
            self.other()
        return super().listing(folder)


def past_retention() -> tuple[Crossed, list[Publication]]:
    store = Crossed()
    publications = [publication(number, f"own = {number}") for number in range(KEPT_VERSIONS + 2)]
    for what in publications:
        publish(what, store)
        store.now += timedelta(hours=2)
    publish(publications[-1], store)
    return store, publications


def can_be_run(store: MemoryStore) -> bool:
    version = store.get("current").decode().strip()
    tree = read_archive(store.get(f"versions/{version}.tar.gz"))
    return all(store.get(f"sources/{name}.tar.gz") for name in publishing.referred_sources(tree))


# The first look, those before the first and the second removal, and the one for what is kept.
@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("number", [0, 1])
def test_what_another_publication_publishes_again_meanwhile_stays(at, number):
    store, publications = past_retention()
    store.at, store.other = at, lambda: publish(publications[number], store)
    remove_old(store, set())
    assert store.get("current") == f"{publications[number].version}\n".encode()
    assert can_be_run(store)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_source_that_another_publication_writes_again_meanwhile_stays(at):
    store, publications = past_retention()
    store.at, store.folder, store.other = at, "sources", lambda: publish(publications[0], store)
    remove_old(store, set())
    assert can_be_run(store)
    assert not publications[1].sources.keys() & {name.removesuffix(".tar.gz") for name in store.listing("sources")}


def test_what_the_pointer_alone_was_put_back_to_stays():
    store, publications = past_retention()
    store.at, store.other = 3, lambda: store.put("current", f"{publications[1].version}\n".encode())
    remove_old(store, set())
    assert f"{publications[0].version}.tar.gz" not in store.listing("versions")
    assert can_be_run(store)


def test_a_version_whose_pointer_is_not_written_yet_stays():
    store, publications = past_retention()
    # As another publication leaves it between its two PUTs.
    store.put(f"versions/{publications[0].version}.tar.gz", pack(publications[0].tree))
    remove_old(store, set())
    assert f"{publications[0].version}.tar.gz" in store.listing("versions")
    assert f"{publications[1].version}.tar.gz" not in store.listing("versions")


def test_a_damaged_version_is_named_and_keeps_the_sources_only(capsys):
    store, publications = past_retention()
    damaged = publications[9].version
    content, moment = store.objects[f"versions/{damaged}.tar.gz"]
    store.objects[f"versions/{damaged}.tar.gz"] = (content[:-9], moment)
    before = store.listing("sources")
    remove_old(store, set())
    assert store.listing("sources") == before
    assert f"{publications[0].version}.tar.gz" not in store.listing("versions")
    assert f"{damaged} is damaged, " in capsys.readouterr().out


def test_other_objects_in_the_bucket_are_left_alone():
    store = MemoryStore()
    for name in ("versions/notes.txt", "sources/readme.tar.gz", "versions/old/x.tar.gz", "elsewhere"):
        store.put(name, b"")
    store.now += timedelta(days=9)
    publish(publication(1), store)
    remove_old(store, set())
    assert {"versions/notes.txt", "sources/readme.tar.gz", "versions/old/x.tar.gz", "elsewhere"} <= store.objects.keys()


def test_without_a_database_everything_is_kept(capsys):
    assert versions_of_unfinished_runs("") is None
    assert "nothing removed" in capsys.readouterr().out


def test_a_password_is_not_in_a_reason():
    reason = publishing._without_password("bad: s3cr:et@!", "postgresql://airflow:s3cr:et@!@postgres:5432/airflow")
    assert "s3cr" not in reason


def test_bad_input_is_one_line_and_exit_code_one(tmp_path, capsys):
    damaged = tmp_path / "tree.tar.gz"
    damaged.write_bytes(b"damaged")
    environment = {"OBJECT_STORE_BUCKET": "b", "PUBLICATION_VERSION": "0" * 64, "PUBLICATION_ARCHIVE": str(damaged)}
    for broken in (environment, environment | {"PUBLICATION_ARCHIVE": "/nowhere"}, {}):
        assert main(broken) == 1
        error = capsys.readouterr().err
        assert error.startswith("not published: ")
        assert error.count("\n") == 1


def test_the_job_starts_without_airflow_and_without_the_database_driver():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, json, airflow_runtime.publish; print(json.dumps(sorted(sys.modules)))"],
        check=True,
        capture_output=True,
    )
    assert not {"airflow", "sqlalchemy", "boto3", "pydantic"} & set(json.loads(loaded.stdout))
