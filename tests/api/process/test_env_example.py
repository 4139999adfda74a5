"""`.env.example` lists every setting and no other."""

import re
from pathlib import Path

from api.settings import ApiSettings
from worker.settings import WorkerSettings

ROOT = Path(__file__).parents[3]
ELSEWHERE = {"NINEFOLD_URL", "NINEFOLD_API_KEY", "REDIS_PASSWORD", "TORCH_INDEX_URL"}
"""Variables that the command line client or docker compose reads."""


def test_every_setting_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE))
    fields = {*ApiSettings.model_fields, *WorkerSettings.model_fields} - {"redis_url"}
    assert named == {"REDIS_URL", *ELSEWHERE, *(f"NINEFOLD_{field.upper()}" for field in fields)}


def test_an_env_file_does_not_override_the_variables_of_the_image() -> None:
    own = dict(re.findall(r"(NINEFOLD_[A-Z_]+)=(\S+)", (ROOT / "docker" / "Dockerfile").read_text()))
    assert own
    compose = (ROOT / "docker-compose.yml").read_text()
    # In compose, `environment` wins over `env_file`.
    environment = dict(re.findall(r"^    (NINEFOLD_[A-Z_]+): (\S+)$", compose, re.MULTILINE))
    assert own == {name: environment.get(name) for name in own}
