"""Mutants: Ninefold with one guarantee removed, to show that the history checker notices. Only tests use them."""

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

from worker.redis_server import scripts
from worker.redis_server.scripts import Script, ScriptFolder, load_script
from worker.upkeep.reaper import Reaper

FOLDER = "mutants"
EDITS = {
    "fencing": (
        ("if item.attempt ~= args.attempt_id then return item, {", "if false then return item, {"),
        ("if known[1] ~= ARGV[2] then", "if false then"),
    ),
    "idempotency": (("if not first[1] then return nil", "if true then return nil"),),
}
"""For each mutant the guards in the Lua scripts, and their replacements."""
REAPER = "reaper"


def mutate(text: str, mutant: str) -> str:
    """Return a script without the guards that the mutant removes."""
    for guard, replacement in EDITS[mutant]:
        text = text.replace(guard, replacement)
    return text


def install(folder: Path) -> None:
    """Make this process behave as the mutants that the test turns on by creating files in `folder`."""
    _install_edits(folder / FOLDER)
    _install_sleeping_reaper(folder / FOLDER / REAPER)


def _install_edits(switches: Path) -> None:
    @cache
    def edited(folder: ScriptFolder, name: str, mutant: str) -> Script:
        script = load_script(folder, name)
        text = mutate(script.text, mutant)
        return replace(script, text=text, sha=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())

    def load_edited(folder: ScriptFolder, name: str) -> Script:
        mutant = next((mutant for mutant in EDITS if (switches / mutant).exists()), None)
        return edited(folder, name, mutant) if mutant else load_script(folder, name)

    scripts.load_script = load_edited  # type: ignore[assignment]  # a mutant is a patch


def _install_sleeping_reaper(switch: Path) -> None:
    check = Reaper.check

    def check_or_sleep(reaper: Reaper) -> list[str]:
        return [] if switch.exists() else check(reaper)

    Reaper.check = check_or_sleep  # type: ignore[method-assign,assignment]  # a mutant is a patch
