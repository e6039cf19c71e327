"""`mdkgen init`: a new protocol with a client, a server and tests, that works from the first minute."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from mdkgen.compiler import compile_texts
from mdkgen.emitters import emit
from mdkgen.source import ConfigurationError
from mdkgen.templating import Shelf, Templates

HERE = Path(__file__).parent
NAME_MAX = 40


def project(folder: Path) -> dict[str, str]:
    """All files of a project that is named like its folder: text by path relative to it.

    Raises:
        ConfigurationError: The folder's name cannot be a protocol's, or there is something in the folder.
    """
    name = re.sub(r"\W+", "_", folder.resolve().name).strip("_").lower()
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) or len(name) > NAME_MAX:
        wanted = f"at most {NAME_MAX} letters, digits and _, not a digit first, no word of Python"
        raise ConfigurationError(f"{folder}: its name becomes the protocol's: {wanted}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder}: is not an empty folder; name a new one")
    title = "".join(part.capitalize() for part in name.split("_"))
    render = Templates([Shelf("", HERE)], variables={"name": name, "title": title})
    files = {path.name.removesuffix(".j2"): render(path.name) for path in sorted(HERE.glob("*.j2"))}
    spec = files.pop("spec.mdkspec")
    files[f"spec/{name}.mdkspec"] = spec
    compilation = compile_texts({f"{name}.mdkspec": spec})
    if compilation.spec is None:
        raise ConfigurationError(f"{folder}: {compilation.diagnostics[0].message}; name the folder otherwise")
    files |= {f"generated/{path}": text for path, text in emit(compilation.spec, ("python",)).items()}
    return files
