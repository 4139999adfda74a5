"""The dashboard and the API documentation in the browser."""
