"""mdkgen.output: a whole tree written or compared."""

from __future__ import annotations

from pathlib import Path

from mdkgen.output import MARK, compare, write

FILES = {"p/a.py": f"{MARK} x\na = 1\n", "p/spec.json": "{}\n", "p/py.typed": ""}


def test_what_was_written_has_no_difference(tmp_path: Path) -> None:
    """Write, then compare: nothing; write again: nothing written."""
    assert write(FILES, tmp_path) == (sorted(FILES), [])
    assert compare(FILES, tmp_path) == []
    assert write(FILES, tmp_path) == ([], [])


def test_missing_changed_and_extra_files_are_found_with_a_diff(tmp_path: Path) -> None:
    """One of each kind, sorted by path, with what generation would do."""
    write(FILES, tmp_path)
    (tmp_path / "p/a.py").write_text(f"{MARK} x\na = 2\n")
    (tmp_path / "p/spec.json").unlink()
    (tmp_path / "p/z.py").write_text("z = 1\n")
    found = compare(FILES, tmp_path)
    assert [(one.path, one.kind) for one in found] == [
        ("p/a.py", "changed"),
        ("p/spec.json", "missing"),
        ("p/z.py", "extra"),
    ]
    assert "-a = 2\n+a = 1\n" in found[0].diff
    assert "+{}\n" in found[1].diff
    assert "-z = 1\n" in found[2].diff


def test_a_byte_that_no_text_shows_is_found(tmp_path: Path) -> None:
    """A carriage return, or a file that is not UTF-8, is a difference."""
    write(FILES, tmp_path)
    (tmp_path / "p/a.py").write_bytes(FILES["p/a.py"].replace("\n", "\r\n").encode())
    assert [one.kind for one in compare(FILES, tmp_path)] == ["changed"]
    (tmp_path / "p/a.py").write_bytes(b"\xff")
    assert [one.kind for one in compare(FILES, tmp_path)] == ["changed"]


def test_a_stale_generated_file_is_removed_and_a_strangers_file_is_left(tmp_path: Path) -> None:
    """Only what carries the mark is ours to delete; the rest is reported."""
    write(FILES, tmp_path)
    (tmp_path / "p/stale.py").write_text(f"{MARK} an older spec\n")
    (tmp_path / "p/mine.py").write_text("work = True\n")
    assert write(FILES, tmp_path) == (["p/stale.py"], ["p/mine.py"])
    assert not (tmp_path / "p/stale.py").exists()
    assert (tmp_path / "p/mine.py").read_text() == "work = True\n"


def test_python_s_caches_do_not_count(tmp_path: Path) -> None:
    """A __pycache__ in the tree is no difference."""
    write(FILES, tmp_path)
    (tmp_path / "p/__pycache__").mkdir()
    (tmp_path / "p/__pycache__/a.pyc").write_bytes(b"x")
    assert compare(FILES, tmp_path) == []
