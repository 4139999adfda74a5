"""Review: uncertain answers of production are kept for a person, when this is turned on for a model's name."""
