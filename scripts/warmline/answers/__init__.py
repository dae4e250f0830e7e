"""What arms said, and whether it is sound enough to be judged. It imports `models`, `calls` and what lies below."""
