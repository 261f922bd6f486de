"""Code that type checkers must accept as it is."""
