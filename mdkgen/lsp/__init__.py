"""The shell of `mdkgen.editor` for editors that speak the Language Server Protocol."""
