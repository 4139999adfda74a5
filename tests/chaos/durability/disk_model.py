"""Computes from a trace of system calls what a disk may hold after a crash: only synced data is certain to be there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath

TRACED = "openat,write,fsync,link,linkat,rename,renameat,renameat2,mkdir,unlink"
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_PATH = re.compile(r'"([^"]*)"')


@dataclass
class _File:
    written: int = 0
    synced: int = 0


@dataclass
class Disk:
    """Files by name, and which names and bytes survive a crash."""

    names: dict[str, _File] = field(default_factory=dict)
    synced_names: set[str] = field(default_factory=set)
    _open: dict[int, str | _File] = field(default_factory=dict)
    _unsynced: dict[str, set[str]] = field(default_factory=dict)

    def may_hold_torn(self, path: str, size: int) -> bool:
        """Return whether a crash now could leave the name with only a part of its bytes; a name may survive unsynced."""
        return path in self.names and self.names[path].synced < size

    def surely_holds(self, path: str, size: int) -> bool:
        """Return whether a crash now leaves the complete file and all folders above it."""
        has_synced_name = path in self.synced_names and not self.may_hold_torn(path, size)
        return has_synced_name and all(
            str(parent) not in self._unsynced_names() for parent in PurePath(path).parents
        )

    def _unsynced_names(self) -> set[str]:
        return set().union(*self._unsynced.values())

    def apply(self, name: str, arguments: str, result: int) -> None:
        """Apply a system call that succeeded."""
        paths = _PATH.findall(arguments)
        match name:
            case "openat":
                self._open[result] = self._opened(paths[0], "O_CREAT" in arguments)
            case "write":
                opened = self._open.get(int(arguments.partition(",")[0]))
                if isinstance(opened, _File):
                    opened.written += result
            case "fsync":
                self._sync(self._open[int(arguments)])
            case "link" | "linkat" | "rename" | "renameat" | "renameat2":
                self._name(paths[1], self.names[paths[0]])
            case "mkdir":
                self._name(paths[0], _File())

    def _opened(self, path: str, is_new: bool) -> str | _File:
        if is_new:
            self._name(path, _File())
        return self.names[path] if is_new else path

    def _name(self, path: str, file: _File) -> None:
        self.names[path] = file
        self._unsynced.setdefault(str(PurePath(path).parent), set()).add(path)

    def _sync(self, opened: str | _File) -> None:
        if isinstance(opened, _File):
            opened.synced = opened.written
        else:
            self.synced_names |= self._unsynced.pop(opened, set())


def calls(trace: str) -> Iterator[tuple[str, str, int]]:
    """Yield name, arguments and result of each call in the trace that succeeded."""
    for line in trace.splitlines():
        match = _CALL.match(line)
        if match and int(match[3]) >= 0:
            yield match[1], match[2], int(match[3])
