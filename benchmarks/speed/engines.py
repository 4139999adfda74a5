"""Compares the engines that run an exported network on a CPU: speed per second of CPU time, memory, and time to load.

CPU time of one thread, so that other work on the machine counts little. Each engine runs in a process of its own. OpenVINO
is no dependency: install it beside Ninefold.

python -m benchmarks.speed.engines [--image-size 32] [--engines onnxruntime,openvino]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BATCHES = (1, 8, 32)
_IMAGES = 64
"""Images of each measurement."""

Run = Callable[[NDArray[np.uint8]], object]


def main() -> None:
    """Print one row for each engine and precision."""
    options = _options()
    if options.measure:
        _measure(options.measure, Path(options.file), options.image_size)
        return
    print("engine, precision: images/s at batch 1, 8, 32; import and load in s; resident MB")
    with tempfile.TemporaryDirectory() as folder:
        for name, file in _write_graphs(Path(folder), options.image_size).items():
            for engine in options.engines.split(","):
                command = [sys.executable, "-m", "benchmarks.speed.engines", "--measure", engine]
                size = ["--image-size", str(options.image_size)]
                done = subprocess.run(
                    [*command, *size, "--file", str(file)], capture_output=True, text=True, check=True
                )
                print(f"{engine}, {name}: {done.stdout.strip()}", flush=True)


def _write_graphs(folder: Path, image_size: int) -> dict[str, Path]:
    """Write the graphs of a random network in float32 and int8; return their paths by precision."""
    import torch  # noqa: PLC0415 - the processes that measure shall not import it

    from model.export.graph import GraphBuilder  # noqa: PLC0415 - as above
    from model.export.quantization import quantize  # noqa: PLC0415 - as above
    from model.export.trained_network import TrainedNetwork  # noqa: PLC0415 - as above
    from model.network.resnet9 import ResNet9, published_weights  # noqa: PLC0415 - as above

    torch.manual_seed(0)
    weights = {name: tensor.numpy() for name, tensor in published_weights(ResNet9(10)).items()}
    network = TrainedNetwork(weights, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), image_size, temperature=1.0)
    graphs = {
        "float32": GraphBuilder(network).build(),
        "int8": quantize(network, _random_images(32, image_size), threads=1),
    }
    for name, graph in graphs.items():
        (folder / name).write_bytes(graph)
    return {name: folder / name for name in graphs}


def _measure(engine: str, file: Path, image_size: int) -> None:
    started_s = time.process_time()
    run = {"onnxruntime": _onnxruntime, "openvino": _openvino}[engine](file.read_bytes())
    run(_random_images(1, image_size))
    load_s = time.process_time() - started_s
    rates = " · ".join(f"{_images_per_s(run, _random_images(batch, image_size)):.0f}" for batch in BATCHES)
    status = Path("/proc/self/status").read_text()
    print(f"{rates}; {load_s:.2f} s; {int(status.split('VmRSS:')[1].split()[0]) // 1024} MB")


def _images_per_s(run: Run, images_NHWC: NDArray[np.uint8]) -> float:  # noqa: N803 - the shape
    durations_s = []
    for _ in range(max(3, _IMAGES // len(images_NHWC))):
        started_s = time.process_time()
        run(images_NHWC)
        durations_s.append(time.process_time() - started_s)
    return len(images_NHWC) / statistics.median(durations_s)


def _onnxruntime(graph: bytes) -> Run:
    from model.export.onnx_runtime import onnxruntime  # noqa: PLC0415 - only one engine is in a process

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})


def _openvino(graph: bytes) -> Run:
    import openvino  # noqa: PLC0415 - as above

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    request = core.compile_model(core.read_model(graph), "CPU", settings).create_infer_request()
    return lambda images: request.infer({"images": images})


def _random_images(count: int, size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed.engines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument(
        "--engines", default="onnxruntime", help="onnxruntime, openvino, or both with a comma"
    )
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
