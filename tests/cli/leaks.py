"""Looking for identities in everything that a run leaves and says."""

import gzip

from dicom_series import DESCRIPTION, IDENTITY, STUDY

SECRETS = [word for value in (*IDENTITY.values(), DESCRIPTION, STUDY) for word in value.split("^")]


def bytes_of(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def everything_said(output):
    """Names and contents of all files of an output folder, and what the run printed, as bytes."""
    said = [(output.result.out + output.result.err).encode()]
    for path in (path for path in output.folder.rglob("*") if path.is_file()):
        said += [str(path.relative_to(output.folder)).encode(), bytes_of(path)]
    return b"\n".join(said)


def assert_nothing_leaks(output, *paths, secrets=SECRETS):
    """No secret (text or bytes) and no absolute path of an input, in capitals or not."""
    said = everything_said(output).lower()
    for secret in (*secrets, *map(str, paths)):
        assert (secret if isinstance(secret, bytes) else secret.encode()).lower() not in said, secret
