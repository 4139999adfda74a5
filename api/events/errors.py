"""How the errors of the event streams are answered."""

from api.feed.hub import TooManyWatchersError
from api.http.problem import Answer, Answers

ANSWERS: Answers = {TooManyWatchersError: Answer(503, retry_after_s=10)}
