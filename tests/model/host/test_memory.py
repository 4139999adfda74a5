"""The free memory is the smallest amount that machine, cgroups and process limit allow."""

from pathlib import Path

import pytest

from model.host.memory import available_memory_bytes

GIB = 1 << 30


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    write({"meminfo": "MemTotal: 67108864 kB\nMemAvailable: 33554432 kB\n"}, tmp_path / "proc")
    return tmp_path / "proc"


def test_without_cgroups_the_machine_counts(proc: Path, tmp_path: Path) -> None:
    assert available_memory_bytes(proc, tmp_path) == 32 * GIB


def test_this_machine_has_free_memory() -> None:
    assert (available_memory_bytes() or 0) > 10_000_000


def test_a_system_without_these_files_says_nothing(tmp_path: Path) -> None:
    assert available_memory_bytes(tmp_path, tmp_path) is None


@pytest.mark.parametrize("path", ["/", "/kubepods/pod1/c1"])
def test_the_tightest_cgroup_above_the_process_counts_without_cached_files(
    path: str, proc: Path, tmp_path: Path
) -> None:
    write({"self/cgroup": f"0::{path}\n"}, proc)
    own = path.lstrip("/") or "."
    write(
        {
            f"{own}/memory.max": f"{4 * GIB}\n",
            f"{own}/memory.current": f"{3 * GIB}\n",
            f"{own}/memory.stat": f"anon {2 * GIB}\ninactive_file {GIB // 2}\nactive_file {GIB // 2}\n",
        },
        tmp_path,
    )
    assert available_memory_bytes(proc, tmp_path) == 2 * GIB
    if own != ".":
        write({"kubepods/memory.max": f"{GIB}\n", "kubepods/memory.current": "0\n"}, tmp_path)
        assert available_memory_bytes(proc, tmp_path) == GIB
    write({f"{own}/memory.max": "max\n", "kubepods/memory.max": "max\n"}, tmp_path)
    assert available_memory_bytes(proc, tmp_path) == 32 * GIB


def test_the_container_sees_its_own_group_at_the_root(proc: Path, tmp_path: Path) -> None:
    write({"self/cgroup": "5:cpu:/docker/c1\n9:memory:/docker/c1\n"}, proc)
    write(
        {
            "memory/memory.limit_in_bytes": f"{8 * GIB}\n",
            "memory/memory.usage_in_bytes": f"{5 * GIB}\n",
            "memory/memory.stat": f"inactive_file {GIB}\ntotal_inactive_file {2 * GIB}\ntotal_active_file {GIB}\n",
        },
        tmp_path,
    )
    assert available_memory_bytes(proc, tmp_path) == 6 * GIB
