"""Checks a history against every guarantee whose violation is visible from outside. Runs nothing."""

from tests.chaos.history.evaluation_rules import EVALUATION_RULES
from tests.chaos.history.history import History
from tests.chaos.history.import_rules import IMPORT_RULES
from tests.chaos.history.run_history import RunHistory
from tests.chaos.history.training_rules import TRAINING_RULES
from tests.chaos.history.work_rules import WORK_RULES


def check_history(history: History, run_tag: str) -> None:
    """Check a finished run against every rule.

    Raises:
        AssertionError: names each violated rule and how it was violated.
    """
    run = RunHistory(history, run_tag)
    rules = (*WORK_RULES, *TRAINING_RULES, *IMPORT_RULES, *EVALUATION_RULES)
    violations = [f"{rule.__name__}: {violation}" for rule in rules for violation in rule(run)]
    assert not violations, "\n".join(violations)
