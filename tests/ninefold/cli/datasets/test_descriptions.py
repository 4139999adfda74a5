from ninefold.cli.datasets.descriptions import SHOWN_NOT_SENT, describe_not_sent


def test_of_many_files_that_are_not_sent_the_first_are_named_and_the_others_counted() -> None:
    files = [f"{number}.png: Permission denied" for number in range(SHOWN_NOT_SENT + 1500)]
    lines = describe_not_sent(files)
    assert lines[0] == "  not sent 0.png: Permission denied"
    assert lines[-1] == "  not sent 1,500 more"
    assert len(lines) == SHOWN_NOT_SENT + 1
    assert len(describe_not_sent(files[:SHOWN_NOT_SENT])) == SHOWN_NOT_SENT
    assert describe_not_sent([]) == []
