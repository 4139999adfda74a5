"""The names of the files of a bundle. Imports no engine."""

from model.artifact.manifest import MANIFEST_FILE, WEIGHTS_FILE
from model.evaluation.evaluation import EVALUATION_FILE
from model.export.facts import HELD_OUT_FILE, INT8_FILE, ONNX_FILE

CARD_FILE = "README.md"
PREDICT_FILE = "predict.py"
CURVES_FILE = "curves.svg"
MATRIX_FILE = "confusion_matrix.svg"
EPOCHS_FILE = "epochs.json"
PREDICTIONS_FILE = "predictions.safetensors"

DERIVED_FILES = (CARD_FILE, PREDICT_FILE, CURVES_FILE, MATRIX_FILE)
"""They are made from the others when they are asked for; no manifest lists them."""
STORED_FILES = (
    EVALUATION_FILE,
    EPOCHS_FILE,
    HELD_OUT_FILE,
    PREDICTIONS_FILE,
    ONNX_FILE,
    INT8_FILE,
    WEIGHTS_FILE,
)
"""The files that a manifest may list and a bundle may have, small ones first."""
BUNDLE_FILES = (CARD_FILE, PREDICT_FILE, MANIFEST_FILE, CURVES_FILE, MATRIX_FILE, *STORED_FILES)
"""Their order in the bundle."""
