"""Pages for readers and tables for print. It imports the rooms of results and what lies below, and no room imports
it.
"""
