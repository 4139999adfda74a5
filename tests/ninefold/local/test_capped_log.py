from pathlib import Path

from ninefold.local.capped_log import CappedLog


def test_a_log_never_grows_past_twice_its_cap(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "api.log", cap_bytes=1000)
    for number in range(1000):
        log.write(b"line %d\n" % number)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["api.log", "api.log.1"]
    assert all(file.stat().st_size <= 1000 for file in files)
    assert files[0].read_text().endswith("line 999\n")
    assert log.last_line == "line 999"


def test_lines_written_after_close_are_dropped(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "api.log")
    log.close()
    log.write(b"too late\n")
    assert (tmp_path / "api.log").read_bytes() == b""


def test_a_full_disk_loses_lines_and_raises_no_error(tmp_path: Path) -> None:
    (tmp_path / "api.log").symlink_to("/dev/full")
    log = CappedLog(tmp_path / "api.log")
    log.write(b"there is no room for this\n")
    assert log.last_line == "there is no room for this"
    log.close()
