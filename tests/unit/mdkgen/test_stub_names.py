"""Names that a spec may not use, because the generated stub inherits them."""

from __future__ import annotations

import mdk_protocol
from mdkgen.check.machines import STUB_NAMES
from simulation.variants import Recorder


def test_the_reserved_names_are_those_of_the_engine() -> None:
    """Mdkgen does not import the engine; this test keeps its list equal to what an endpoint really has."""
    endpoint = mdk_protocol.SessionClient(Recorder(package=mdk_protocol))
    generated = vars(mdk_protocol.SessionClient).keys()
    assert {name for name in dir(endpoint) if not name.startswith("_")} - generated == STUB_NAMES
