"""The commands about batch predictions."""
