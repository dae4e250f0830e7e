"""What of a study will fail, found before anything is spent, by the checks that its jobs make. It imports any room but
`cli`.
"""
