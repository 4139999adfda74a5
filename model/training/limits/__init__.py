"""The end of a training: after its epochs, after its time budget, or when its patience is used up."""
