"""What the shadow and the review share: a look at production's traffic that never delays an answer."""
