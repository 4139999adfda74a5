"""What the text of a script consists of: Redis runs all of it at each call."""

import re
from pathlib import Path

import pytest

import worker
from worker.queue.scripts import QUEUE_SCRIPTS
from worker.redis_server.scripts import load_script

_PACKAGE = Path(worker.__file__).parent
_SCRIPTS = sorted(
    str(path.relative_to(_PACKAGE / QUEUE_SCRIPTS.path).with_suffix(""))
    for path in (_PACKAGE / QUEUE_SCRIPTS.path).rglob("*.lua")
    if path.parent.name != "shared"
)
_INCLUDED = sorted(
    {
        _PACKAGE / name
        for path in _PACKAGE.rglob("*.lua")
        for name in re.findall(r"^-- include: (\S+)$", path.read_text(), re.MULTILINE)
    }
)


@pytest.mark.parametrize("name", _SCRIPTS)
def test_a_script_contains_only_functions_that_it_uses(name: str) -> None:
    text = load_script(QUEUE_SCRIPTS, name).text
    functions = re.findall(r"^local function (\w+)", text, re.MULTILINE)
    assert [one for one in functions if len(re.findall(rf"\b{one}\b", text)) < 2] == []


@pytest.mark.parametrize("name", _SCRIPTS)
def test_a_script_that_lists_its_arguments_decodes_none(name: str) -> None:
    script = load_script(QUEUE_SCRIPTS, name)
    assert bool(script.arguments) != ("cjson.decode(ARGV" in script.text)
    assert not script.arguments or not re.search(r"\bargs\b", script.text)


@pytest.mark.parametrize("path", _INCLUDED, ids=lambda path: path.stem)
def test_an_included_file_holds_only_local_definitions(path: Path) -> None:
    beginnings = re.findall(r"^\S.*", path.read_text(), re.MULTILINE)
    assert [line for line in beginnings if not re.match(r"--|local |end$|\}$", line)] == []
