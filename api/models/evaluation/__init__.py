"""How good a model is: its evaluation, and the images behind each figure."""
