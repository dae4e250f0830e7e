"""Models of error, and the effects that follow from them. It imports `statistics` and what lies below."""
