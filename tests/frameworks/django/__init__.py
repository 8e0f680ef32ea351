"""Django, by a real project."""
