"""Published models: manifest and weights in storage, and the classifier that loads them."""
