"""The commands of `python -m model`, and the output of a training: console and TensorBoard."""
