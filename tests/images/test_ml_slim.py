"""What the ml image cuts from its shared libraries."""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LOADS = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).answer())"


@pytest.fixture(scope="module")
def slim() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slim", ROOT / "images" / "ml" / "slim.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared library with many symbols of which the loader needs one."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("library")
    inner = "".join(f"static int inner_{n}(int x) {{ return x * {n}; }}\n" for n in range(300))
    used = " + ".join(f"inner_{n}(1)" for n in range(300))
    (folder / "answer.c").write_text(f"{inner}int answer(void) {{ return {used}; }}\n")
    command = [compiler, "-O0", "-shared", "-fPIC", "-o", "libanswer.so.2", "answer.c"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "libanswer.so.2"


def answer(library: Path) -> str:
    done = subprocess.run([sys.executable, "-c", LOADS, str(library)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_stripped_library_is_smaller_and_still_loads(slim, library, tmp_path):
    stripped = shutil.copy(library, tmp_path / "libanswer.so.2")
    slim.strip(stripped)
    content = stripped.read_bytes()
    assert len(content) < library.stat().st_size - 300 * len("inner_0")
    assert b"inner_42" in library.read_bytes()
    assert b"inner_42" not in content
    assert answer(stripped) == answer(library) == str(sum(range(300)))
    assert struct.unpack_from("<Q", content, 40) == (0,)


def test_stripping_again_changes_nothing(slim, library, tmp_path):
    stripped = shutil.copy(library, tmp_path / "libanswer.so.2")
    slim.strip(stripped)
    once = stripped.read_bytes()
    slim.strip(stripped)
    assert stripped.read_bytes() == once


def test_what_is_no_library_is_refused_and_left_alone(slim, tmp_path):
    file = tmp_path / "libtext.so.2"
    file.write_bytes(b"INPUT(libother.so)\n")
    with pytest.raises(ValueError, match="no 64-bit little-endian ELF file"):
        slim.strip(file)
    assert file.read_bytes() == b"INPUT(libother.so)\n"


def test_what_is_unused_goes_and_the_rest_stays(slim, library, tmp_path, monkeypatch):
    gone = ("tensorflow/include/a.h", "clang/native/libclang.so", "scipy/_lib/a.a")
    kept = ("tensorflow/lite/python/x.so", "clang/cindex.py", "tensorflow/lite/python/x.py")
    for path in (*gone, *kept):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    shutil.copy(library, tmp_path / "tensorflow" / "libtensorflow_cc.so.2")
    monkeypatch.setattr(slim.sysconfig, "get_path", lambda name: str(tmp_path))
    slim.main()
    assert [path for path in (*gone, *kept) if (tmp_path / path).exists()] == list(kept)
    assert (tmp_path / "tensorflow" / "libtensorflow_cc.so.2").stat().st_size < library.stat().st_size
