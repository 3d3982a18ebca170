"""Measures of likeness, variety and memorisation: pure functions of rows."""
