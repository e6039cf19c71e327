"""What an editor wants to know of a spec folder, without any editor: `mdkgen.lsp` is the shell around it.

Lines and columns count from 1, in characters; ends are exclusive.
"""
