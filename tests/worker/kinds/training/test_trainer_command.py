"""The environment in which trainers start."""

from model.host.allocator import allocator_settings
from model.host.child_environment import child_environment
from worker.kinds.training.trainer_command import trainer_environment


def test_a_trainer_gets_allocator_settings_but_no_secret() -> None:
    needed = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "2", "LC_ALL": "C.UTF-8"}
    secrets = ("REDIS_URL", "NINEFOLD_API_KEYS", "HF_TOKEN", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY")
    given = {**needed, **dict.fromkeys(secrets, "secret")}
    assert trainer_environment(given, "file:///storage") == {**needed, **allocator_settings()}
    in_a_bucket = trainer_environment(given, "s3://bucket/prefix")
    assert {name for name, value in in_a_bucket.items() if value == "secret"} == {"AWS_SECRET_ACCESS_KEY"}


def test_only_what_uses_the_network_gets_the_proxies() -> None:
    given = {"HTTPS_PROXY": "http://user:password@proxy", "no_proxy": "localhost", "PATH": "/bin"}
    assert (
        trainer_environment(given, "file:///storage").items() >= given.items()
    )  # it downloads built-in datasets
    assert child_environment(given, "file:///storage") == {"PATH": "/bin"}  # as the predictor
    assert child_environment(given, "s3://bucket/prefix") == given


def test_allocator_settings_of_the_operator_stay() -> None:
    set_by_operator = dict.fromkeys(allocator_settings(), "their own")
    assert trainer_environment(set_by_operator, "") == set_by_operator
