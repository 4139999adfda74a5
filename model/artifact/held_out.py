"""Reads the scores of held-out images that were published with a model."""

from model.artifact.files import read_file
from model.artifact.manifest import Manifest
from model.export.facts import HELD_OUT_FILE
from model.export.held_out import HeldOutScores, parse_held_out
from model.storage.interface import Storage


def read_held_out(storage: Storage, manifest: Manifest) -> HeldOutScores:
    """Return the scores; none for a model that has no such file.

    Raises:
        CorruptArtifactError: they are not those that were published.
        StorageError: they cannot be read.
    """
    if HELD_OUT_FILE not in manifest.files:
        return HeldOutScores(label_probabilities={})
    return parse_held_out(read_file(storage, manifest, HELD_OUT_FILE))
