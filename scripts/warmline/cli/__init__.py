"""The commands of `warmline`, a module each, for `__main__` alone; they may import any other part of the library."""
