"""The evaluation of a published model on a dataset as a kind of work: the supervisor, and the process that predicts."""
