"""Certificates for tests: made when they are needed, so that none of them ever expires."""

import subprocess
from pathlib import Path


def make_certificate(
    folder: Path, *, stem: str = "server", days: int = 2, key: str = "ec"
) -> tuple[Path, Path]:
    """Make a certificate for localhost, signed by itself, and its key; return their paths."""
    certificate, key_file = folder / f"{stem}.pem", folder / f"{stem}.key"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    if key == "rsa":
        kind = ["-newkey", "rsa:2048"]
    command = ["openssl", "req", "-x509", *kind, "-nodes", "-days", str(days)]
    command += ["-subj", f"/CN={stem}", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(key_file), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key_file
