"""What a user searches for, as FTS5 reads it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdk_runtime.storage.errors import BadQuery
from mdk_runtime.storage.match import TEXT_LENGTH_MAX, WORDS_MAX, match_of


@given(text=st.text() | st.text(st.sampled_from('a"*^:(){}-+ \0\ud800ANDORNEAR')))
def test_no_text_is_syntax(text: str) -> None:
    """Whatever is asked for, it is words: nothing breaks the query, and nothing widens it."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE VIRTUAL TABLE log_texts USING fts5 (text, other)")
        database.execute("INSERT INTO log_texts VALUES ('alpha', 'secret')")
        try:
            match = match_of(text)
        except BadQuery:
            return
        database.execute("SELECT rowid FROM log_texts WHERE log_texts MATCH ?", (match,)).fetchall()


def test_words_are_bounded() -> None:
    """In length and number."""
    with pytest.raises(BadQuery):
        match_of("x" * (TEXT_LENGTH_MAX + 1))
    with pytest.raises(BadQuery):
        match_of("x " * (WORDS_MAX + 1))
