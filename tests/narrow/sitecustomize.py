"""Gives the network of a process under test a quarter of the channels. Python imports this file where PYTHONPATH names its folder."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

NARROWER = 4
WIDTHS = {"model.network.resnet9": "WIDTH", "model.bundle.weights": "_WIDTH"}
"""The modules that have the number of channels, and its name there."""


class _Narrower(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        vars(module)[WIDTHS[module.__name__]] //= NARROWER


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname in WIDTHS else None
        if spec and spec.origin:
            spec.loader = _Narrower(fullname, spec.origin)
        return spec


sys.meta_path.insert(0, _Finder())
