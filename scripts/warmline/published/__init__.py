"""The article's numbers, and this study beside them. It imports `regressions`, `statistics` and what lies below."""
