"""The messages between the API and the predictor and how a Unix socket carries them; knows neither HTTP nor torch."""
