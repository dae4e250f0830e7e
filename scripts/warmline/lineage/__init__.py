"""What every job stands on: files written whole, digests, counts, command lines and draws. It imports no other room."""
