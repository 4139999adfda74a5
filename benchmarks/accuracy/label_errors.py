"""Measures how many wrong labels the default training of a dataset finds, with labels that were made wrong at random.

    python -m benchmarks.accuracy.label_errors DATA/cifar10-5k.zip [--share 0.05] [--width 64] [--epochs 64] --out FOLDER

Moves a share of the images into a random other class, imports and trains the dataset as a job would, and prints how many
of the first 50, 100 and 200 listed label errors are among the moved images, and how often the suggested class is right.
"""

import argparse
import hashlib
import random
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from benchmarks.accuracy.runs import storage_of, train
from model.data.importing import import_dataset
from model.network import resnet9
from model.recipes.defaults import resolve
from model.spec import JobSpec


def write_with_wrong_labels(source: Path, target: Path, share: float, seed: int) -> dict[str, str]:
    """Write a copy of a zip with class folders in which a share of the images lies in another class.

    Returns:
        The right class of each moved image, by the first 24 digits of its sha256.
    """
    chance, right = random.Random(seed), dict[str, str]()  # noqa: S311 - no secret
    with ZipFile(source) as images, ZipFile(target, "w") as out:
        paths = [PurePosixPath(name) for name in images.namelist() if not name.endswith("/")]
        classes = sorted({path.parent.name for path in paths})
        for path in paths:
            data, label = images.read(str(path)), path.parent.name
            if chance.random() < share:
                right[hashlib.sha256(data).hexdigest()[:24]] = label
                name = f"moved-{label}-{path.name}"
                label = chance.choice([other for other in classes if other != label])
            else:
                name = path.name
            out.writestr(str(path.parent.parent / label / name), data)
    return right


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="a zip with a folder for each class")
    parser.add_argument("--share", type=float, default=0.05, help="of the labels that become wrong")
    parser.add_argument("--width", type=int, default=resnet9.WIDTH, help="channels of the first layer")
    parser.add_argument("--epochs", type=int, help="default: those of a job")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the dataset")
    arguments = parser.parse_args()
    resnet9.WIDTH = arguments.width
    arguments.out.mkdir(parents=True, exist_ok=True)
    zip_file = arguments.out / "wrong.zip"
    right = write_with_wrong_labels(arguments.source, zip_file, arguments.share, arguments.seed)
    facts = import_dataset(zip_file, storage_of(arguments.out), "wrong").facts
    fields = {"epochs": arguments.epochs} if arguments.epochs else {}
    job = JobSpec.model_validate({"dataset": facts.id, "seed": arguments.seed, **fields})
    spec, _ = resolve(job, facts, "cpu" if arguments.device == "cpu" else "cuda")
    trained = train(spec, arguments.out, arguments.device)
    found = trained.label_errors.images if trained.label_errors else []
    moved = [error.image.removeprefix("img_")[:24] in right for error in found]
    suggested = sum(right.get(error.image.removeprefix("img_")[:24]) == error.suggested for error in found)
    print(
        f"{len(right)} labels made wrong; test accuracy {trained.metrics.test_accuracy:.3f}, {spec.epochs} epochs"
    )
    for first in (50, 100, 200):
        print(f"of the first {first} label errors {sum(moved[:first])} are wrong labels")
    print(
        f"{len(found)} label errors in all hold {sum(moved)} wrong labels, {suggested} with the right suggestion"
    )


if __name__ == "__main__":
    main()
