"""Questions under conditions, for the rules that ask arms. It imports `calls` and what lies below."""
