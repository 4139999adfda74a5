"""`POST /predict`: read the uploaded images, choose the model, and return the predictor's answer."""
