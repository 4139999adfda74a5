"""Names and tags are refused in words, with the nearest legal name."""

import pytest
from pydantic import TypeAdapter, ValidationError

from model.spec import JobSpec, Name, legal_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Photos", "my-photos"),
        ("  Katzen & Hunde (2024)  ", "katzen-hunde-2024"),
        ("Löwe", "lowe"),
        ("_x", "x"),
        ("job_1", "job-1"),
        ("a" * 70, "a" * 64),
        ("猫", ""),
        ("", ""),
    ],
)
def test_the_nearest_legal_name_is_legal(text: str, name: str) -> None:
    assert legal_name(text) == name
    if name:
        assert TypeAdapter(Name).validate_python(name) == name


@pytest.mark.parametrize(("name", "nearest"), [("My Photos", "my-photos"), ("job_1", "job-1")])
def test_an_illegal_name_gets_words_and_the_nearest_legal_name(name: str, nearest: str) -> None:
    with pytest.raises(ValidationError) as refused:
        JobSpec(dataset="digits", name=name)
    [error] = refused.value.errors()
    assert f"{nearest} would do" in error["msg"]
    assert "pattern" not in error["msg"]


def test_an_illegal_tag_gets_words() -> None:
    with pytest.raises(ValidationError, match="letters A to Z"):
        JobSpec(dataset="digits", tags=["no spaces"])


def test_the_schema_has_the_pattern_for_forms() -> None:
    properties = JobSpec.model_json_schema()["properties"]
    assert properties["name"]["anyOf"][0]["pattern"] == "^[a-z0-9][a-z0-9._-]{0,63}$"
