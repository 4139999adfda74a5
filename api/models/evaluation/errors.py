"""Errors of the evaluations of models, and how each is answered."""

from api.http.problem import Answer, Answers
from model.errors import CorruptArtifactError, NoEvaluationError

ANSWERS: Answers = {
    NoEvaluationError: Answer(404),
    CorruptArtifactError: Answer(500),
}
