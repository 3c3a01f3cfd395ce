"""Removes from the installed packages what no task runs: headers, compilers' and debuggers' parts, symbol tables.

A wheel's RECORD still names the files: what is installed stays known to tools that list packages.
"""

from __future__ import annotations

import shutil
import struct
import sysconfig
from pathlib import Path

# Only who compiles against TensorFlow, parses C++ or attaches a debugger to a process reads these. TensorFlow imports
# all its own shared libraries, TensorFlow Lite's and the profiler's too.
UNUSED = (
    "**/*.a",
    "clang/native",
    "debugpy/_vendored/pydevd/pydevd_attach_to_process",
    "tensorflow/include",
)
STRIPPED = "tensorflow/lib*.so.*"
ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
PROGRAM_HEADERS, SECTION_HEADERS = 32, 40
SIZES, SIZES_AT = struct.Struct("<HHHHH"), 54
SEGMENT = struct.Struct("<IIQQQQ")


def without_sections(content: bytes) -> int:
    """How many bytes of a shared library the loader reads: up to the end of its last segment. What follows are symbol
    tables for linkers and debuggers (ELF-64 object file format, version 1.5)."""
    (table,) = struct.unpack_from("<Q", content, PROGRAM_HEADERS)
    size, number, *_ = SIZES.unpack_from(content, SIZES_AT)
    segments = [SEGMENT.unpack_from(content, table + index * size) for index in range(number)]
    return max(offset + length for _, _, offset, _, _, length in segments)


def strip(file: Path) -> None:
    """Cut a shared library behind its last segment, and say that it has no sections."""
    with file.open("r+b") as library:
        head = library.read(1 << 16)
        if not head.startswith(ELF64_LITTLE_ENDIAN):
            raise ValueError(f"{file} is no 64-bit little-endian ELF file")
        end = without_sections(head)
        size, number, *_ = SIZES.unpack_from(head, SIZES_AT)
        library.seek(SECTION_HEADERS)
        library.write(bytes(8))
        library.seek(SIZES_AT)
        library.write(SIZES.pack(size, number, 0, 0, 0))
        library.truncate(end)


def main() -> None:
    packages = Path(sysconfig.get_path("purelib"))
    for pattern in UNUSED:
        for path in sorted(packages.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for library in sorted(packages.glob(STRIPPED)):
        strip(library)


if __name__ == "__main__":
    main()
