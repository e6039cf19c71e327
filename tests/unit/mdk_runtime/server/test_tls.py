"""What a certificate cannot be, and what is said then; and how much memory TLS takes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from mdk_runtime.server.errors import BadCertificate
from mdk_runtime.server.tls import Certificate

MAPPED = """
import ctypes, sys
from mdk_runtime.server.tls import keep_buffers_apart

class Usage(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks",
                                                     "fsmblks", "uordblks", "fordblks", "keepcost")]

library = ctypes.CDLL(None)
if not hasattr(library, "mallinfo2"):
    sys.exit(3)
library.mallinfo2.restype = Usage
if sys.argv[1] == "apart":
    keep_buffers_apart()
for _ in range(3):
    bytearray(8 << 20)  # larger than any room that imports have left in between, which would be taken instead
before = library.mallinfo2().hblks
buffers = [bytearray(256 * 1024) for _ in range(10)]
print(library.mallinfo2().hblks - before)
"""


def test_what_cannot_be_used(tmp_path: Path) -> None:
    """Missing, no PEM, another's key, an encrypted key: one line that names the file, and no question at a terminal."""
    chain, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    authority = trustme.CA()
    one, two = authority.issue_cert("a"), authority.issue_cert("b")
    with pytest.raises(BadCertificate, match=rf"{chain}: No such file or directory"):
        Certificate(chain, key)
    one.cert_chain_pems[0].write_to_path(chain)
    with pytest.raises(BadCertificate, match=rf"{key}: No such file or directory"):
        Certificate(chain, key)
    two.private_key_pem.write_to_path(key)
    with pytest.raises(BadCertificate, match=rf"key values mismatch \(with the key {key}\)"):
        Certificate(chain, key)
    private = load_pem_private_key(one.private_key_pem.bytes(), None)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    with pytest.raises(BadCertificate, match=rf"its key {key} is encrypted"):
        Certificate(chain, key)
    one.private_key_pem.write_to_path(key)
    assert Certificate(chain, key).context
    chain.write_text("no PEM")
    with pytest.raises(BadCertificate, match=rf"cannot be used: it, or its key {key}, is no PEM of that kind"):
        Certificate(chain, key)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (-1, "ended on 2026-05-30 12:00 UTC: clients refuse it; put another one there and send SIGHUP"),
        (6, "ends on 2026-06-06 12:00 UTC; put another one there and send SIGHUP"),
        (30, ""),
    ],
)
def test_an_operator_is_told_that_a_certificate_ends(
    days: int, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the start, at each reload, and once a day: before its clients find out."""
    now = datetime(2026, 5, 31, 12, tzinfo=UTC)
    issued = trustme.CA().issue_cert("a", not_after=now + timedelta(days=days))
    chain, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    chain.write_bytes(issued.cert_chain_pems[0].bytes())
    issued.private_key_pem.write_to_path(key)
    certificate = Certificate(chain, key)
    certificate.warn(now=now.timestamp())
    assert [record.getMessage() for record in caplog.records] == ([f"the certificate {chain} {said}"] if said else [])


@pytest.mark.parametrize(("how", "mapped"), [("apart", {8, 9, 10}), ("as usual", {0})])
def test_large_buffers_stay_apart(how: str, mapped: set[int]) -> None:
    """Also when others came and went before, after which the C library lays them among small ones.

    One or two may find room where something large was given back before.
    """
    done = subprocess.run([sys.executable, "-c", MAPPED, how], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("another C library than glibc")
    assert done.stderr == ""
    assert int(done.stdout) in mapped
