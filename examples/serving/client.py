"""Ask `saddle serve` with nothing but Python's own library: python client.py http://127.0.0.1:8000 samples.npy

The token, if the server asks for one, is in the environment variable SADDLE_TOKEN.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request


def ask(address: str, path: str, asked: dict, accept: str = "application/json", tries: int = 5) -> bytes:
    """The body of an answer; where the server is busy, come again when it says so. RuntimeError for a refusal."""
    headers = {"Content-Type": "application/json", "Accept": accept}
    if token := os.environ.get("SADDLE_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(address + path, json.dumps(asked).encode(), headers)
    for left in reversed(range(tries)):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                said = json.loads(refusal.read())["error"]
                if refusal.code not in (429, 503) or not left:
                    raise RuntimeError(f"{refusal.code}: {said}") from None
                time.sleep(float(refusal.headers.get("Retry-After", 1)))
    raise AssertionError("the last try returns or raises")


if __name__ == "__main__":
    address, file = sys.argv[1:]
    with open(file, "wb") as out:
        out.write(ask(address, "/samples", {"n": 16, "seed": 7}, "application/x-npy"))
