"""The predictor process, and the API's end of its socket."""
