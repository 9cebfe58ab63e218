"""A process of its own that decrypts one file, as its standard input says. It imports nothing of ours."""

import json
import resource
import sys

import pysequoia


def main() -> int:
    asked = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_FSIZE, (asked["most"], asked["most"]))
    try:
        key = pysequoia.Tsk.from_bytes(asked["private"].encode()).decryptor(asked["passphrase"] or None)
        pysequoia.decrypt_file(asked["sealed"], asked["plain"], decryptor=key)
    except RuntimeError as error:
        sys.stdout.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
