"""Scripts that measure Ninefold. Each figure in the documentation names the script that prints it."""
