from ninefold.cli.datasets import describe_skipped


def test_skipped_files_are_named_up_to_a_limit_and_the_others_counted() -> None:
    named = [{"path": "cat/notes.txt", "reason": "This is not an image."}]
    assert describe_skipped({"skipped": [], "skipped_count": 0}) == []
    assert describe_skipped({"skipped": named, "skipped_count": 1}) == [
        "  skipped cat/notes.txt: This is not an image."
    ]
    assert describe_skipped({"skipped": named, "skipped_count": 1201})[1:] == ["  skipped 1,200 more"]
