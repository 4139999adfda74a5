"""The operations on work items, each as a call of one script or as plain commands. Sends nothing itself."""
