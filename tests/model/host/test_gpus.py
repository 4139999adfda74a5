from pathlib import Path

from model.host.gpus import may_have_gpu


def test_a_machine_may_have_a_gpu_if_the_driver_made_a_device_file(tmp_path: Path) -> None:
    assert not may_have_gpu(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert may_have_gpu(tmp_path)
