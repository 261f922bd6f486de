"""The tour, ``python -m sk_effprop``: reading tables, and what it runs on them."""
