"""The work of the predictor process: admit requests, load models, decode images, batch, and classify."""
