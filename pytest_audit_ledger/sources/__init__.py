"""Where entries come from: PostgreSQL (`postgres.py`) or an export (`export_file.py`). Nothing here writes to them."""
