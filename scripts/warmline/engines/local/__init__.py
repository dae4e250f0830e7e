"""Models on this machine's own devices, for `engines.options`. It imports `models`, `calls` and what lies below."""
