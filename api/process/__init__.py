"""The API process: start checks, open files, server processes, and the objects that live as long as the process."""
