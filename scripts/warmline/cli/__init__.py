"""The commands of `warmline`, a module each. They import any room."""
