"""The environment in which trainers start."""

from model.host.allocator import allocator_settings
from worker.kinds.training.trainer_command import trainer_environment


def test_a_trainer_gets_allocator_settings_but_no_setting_of_ninefold() -> None:
    given = {"PATH": "/bin", "REDIS_URL": "redis://:secret@host", "NINEFOLD_API_KEYS": "ada:secret"}
    assert trainer_environment(given) == {"PATH": "/bin", **allocator_settings()}
    set_by_operator = dict.fromkeys(allocator_settings(), "their own")
    assert trainer_environment(set_by_operator) == set_by_operator
