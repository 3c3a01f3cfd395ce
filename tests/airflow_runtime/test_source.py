import sys

import pytest

from airflow_runtime.source import SourceError, call, call_back


@pytest.fixture
def bundle(tmp_path):
    def make(version: str, **modules: str) -> str:
        folder = tmp_path / version / "sources" / "a_dag"
        folder.mkdir(parents=True)
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text)
        return str(tmp_path / version / "a_dag.py")

    return make


def test_the_function_gets_its_arguments_and_its_result_comes_back(bundle):
    file = bundle("one", tasks="def add(a, b=1): return {'sum': a + b}")
    assert call(file, "a_dag", "tasks:add", {"a": 2, "b": 3}) == {"sum": 5}


def test_two_versions_in_one_process_never_meet(bundle):
    tasks = "import neighbour\ndef which():\n    import late\n    return neighbour.VALUE, late.VALUE"
    one = bundle("one", tasks=tasks, neighbour="VALUE = 1", late="VALUE = 1")
    two = bundle("two", tasks=tasks, neighbour="VALUE = 2", late="VALUE = 2")
    before, path = set(sys.modules), list(sys.path)
    assert [call(file, "a_dag", "tasks:which", {}) for file in (one, two, one)] == [(1, 1), (2, 2), (1, 1)]
    assert set(sys.modules) == before
    assert sys.path == path


def test_a_module_of_the_same_name_elsewhere_is_not_taken(bundle):
    assert call(bundle("one", json="def which(): return 'mine'"), "a_dag", "json:which", {}) == "mine"
    assert not hasattr(__import__("json"), "which")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("tasks", "form module:function"),
        ("tasks:f()", "form module:function"),
        ("../tasks:f", "form module:function"),
        ("nowhere:f", "has no module 'nowhere'"),
        ("tasks:g", "has no function 'g'"),
        ("tasks:VALUE", "has no function 'VALUE'"),
    ],
)
def test_an_entry_that_is_not_there_is_named(bundle, entry, reason):
    with pytest.raises(SourceError, match=reason):
        call(bundle("one", tasks="VALUE = 1\ndef f(): pass"), "a_dag", entry, {})


def test_a_source_that_is_not_in_the_version_is_named(bundle):
    with pytest.raises(SourceError, match="other_dag is not in this version"):
        call(bundle("one"), "other_dag", "tasks:f", {})


def test_what_the_code_raises_passes_through(bundle):
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        call(bundle("one", tasks="import no_such_library"), "a_dag", "tasks:f", {})
    with pytest.raises(ZeroDivisionError):
        call(bundle("two", tasks="def f(): 1 / 0"), "a_dag", "tasks:f", {})


def test_a_callback_of_the_folder_gets_the_context(bundle):
    file = bundle("one", alerts="def failed(context): return context['run_id']")
    assert call_back(file, "a_dag", "alerts:failed", {"run_id": "r"}) == "r"


def test_a_callback_of_airflows_own_environment_gets_the_context(bundle):
    assert call_back(bundle("one"), "a_dag", "json.dumps", {"run_id": "r"}) == '{"run_id": "r"}'


def test_a_callback_that_is_not_there_is_named(bundle):
    with pytest.raises(SourceError, match="no function 'failed'"):
        call_back(bundle("one", alerts=""), "a_dag", "alerts:failed", {})
    with pytest.raises(AttributeError, match="nobody"):
        call_back(bundle("two"), "a_dag", "json.nobody", {})
