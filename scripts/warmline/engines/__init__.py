"""How calls are carried out, for the scripts that ask. Here: the options of such a script, and the replay of answers.
It imports `models`, `calls` and what lies below.
"""
