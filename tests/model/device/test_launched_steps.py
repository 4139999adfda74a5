"""A host that launches steps faster than the device computes them stays a few steps ahead, and no more."""

import threading
from concurrent.futures import ThreadPoolExecutor

from model.device.device import open_device
from model.device.launched_steps import LaunchedSteps


def test_the_host_is_at_most_a_few_steps_ahead_of_a_device_that_computes_in_the_background() -> None:
    never, computed = threading.Event(), 0

    def compute() -> None:
        nonlocal computed
        never.wait(0.002)
        computed += 1

    with ThreadPoolExecutor(1) as device:
        launched = LaunchedSteps(lambda: device.submit(lambda: None).result)
        for step in range(1, 51):
            device.submit(compute)
            launched.add()
            assert step - computed <= launched.count <= 4
        assert computed >= 46
        launched.clear()
        assert launched.count == 0


def test_on_a_cpu_every_step_is_computed_when_it_returns() -> None:
    launched = LaunchedSteps(open_device("cpu", 1).mark)
    for _ in range(10):
        launched.add()
    assert launched.count == 0
