"""`/api`: the table and what is stored, as JSON; and what admins may do.

A list is `{"items": [...], "next": cursor or null}`. `next` is given back as `cursor`, with the same parameters.
"""
