"""The documents: what is read off them, and the stage on which their blocks run."""
