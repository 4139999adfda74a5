"""Who may call the API: keys, sessions, and the middleware that checks both."""
