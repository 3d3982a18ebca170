"""Programs and their parts, which tests start in processes of their own."""

collect_ignore_glob = ["_*.py", "killing.py", "mutating.py"]
