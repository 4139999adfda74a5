"""What runs inside the processes under test: fault plans, mutants, and recording in the history."""
