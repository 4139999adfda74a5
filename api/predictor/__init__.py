"""The predictor: the process that classifies images, the client of its socket, and its supervision by the API."""
