import hashlib

from model.artifact.manifest import WEIGHTS_FILE, model_key
from model.artifact.staging import stage_model
from tests.model.tiny_training import TinyTraining


def test_staging_writes_weights_and_describes_them(tiny_training: TinyTraining) -> None:
    trained = tiny_training.train(epochs=1)
    draft = stage_model(trained, tiny_training.storage, "mdl_staged")
    weights = tiny_training.storage.read_bytes(model_key("mdl_staged", WEIGHTS_FILE))
    assert draft.files[WEIGHTS_FILE].sha256 == hashlib.sha256(weights).hexdigest()
    assert draft.files[WEIGHTS_FILE].size_bytes == len(weights)
    assert draft.parameters == 6_573_120 - 7 * 512
    assert draft.classes == ["blue", "green", "red"]
    assert draft.dataset.id == tiny_training.facts.id
