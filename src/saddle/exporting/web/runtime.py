"""onnxruntime-web, which pages run their networks by: found in a folder, in the cache, or fetched by the user's npm.

It is MIT-licensed and too large to come with saddle. Whichever way its files come, they are those of one version, byte
for byte: a page goes to other people, and what it runs should be known.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...data.cache.location import cache_home
from ...errors import Mistake, require
from ...notices import Notify
from ...runs.writing import write_atomically

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
SEALS = {  # sha256 of each file of the package's folder dist
    "ort.wasm.min.js": "faece07e84faa9001f5104bbe4e5c70861d06cb2376a0dea1fa0ad33a67adc81",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    "ort.webgpu.min.js": "7d65dad7eb4564ad98db9924a259af2e2c68ebfbdbf254fa5d728f1c5736e07a",
    "ort-wasm-simd-threaded.asyncify.mjs": "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
    "ort-wasm-simd-threaded.asyncify.wasm": "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
}
MAX_FILE = 64 << 20  # bytes
FETCH_SECONDS = 600


@dataclass(frozen=True)
class Build:
    """The files of one way to run networks: a script, the loader that it imports, and the machine's code."""

    script: str
    loader: str
    wasm: str

    @property
    def names(self) -> tuple[str, ...]:
        return self.script, self.loader, self.wasm


WASM = Build("ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
WEBGPU = Build("ort.webgpu.min.js", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm")


def find_runtime(folder: Path | None, say: Notify, cache: Path | None = None) -> Path:
    """Where the files of the runtime lie: in the folder that was named, else in the cache, where they are fetched to.

    `read_build` checks them. Mistake where they are not there and cannot be fetched.
    """
    if folder is not None:
        found = next((place for place in (folder, folder / "dist") if (place / WASM.script).is_file()), None)
        if found is None:
            raise Mistake(f"{folder} does not hold {WASM.script}; name the folder dist of {PACKAGE} {VERSION}, or "
                          "leave out --runtime")  # fmt: skip
        return found
    kept = (cache or cache_home()) / f"{PACKAGE}-{VERSION}"
    if not all((kept / name).is_file() for name in SEALS):
        fetch_runtime(kept, say)
    return kept


def read_build(folder: Path, build: Build) -> dict[str, bytes]:
    """The files of a build; Mistake for ones of another version, or that were changed."""
    return {name: read_sealed(folder / name) for name in build.names}


def read_sealed(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror or error}") from error
    check_seal(path.name, content, f"{path} is not that of {PACKAGE} {VERSION}; delete it, and type the command again")
    return content


def check_seal(name: str, content: bytes, otherwise: str) -> None:
    require(hashlib.sha256(content).hexdigest() == SEALS[name], otherwise)


def fetch_runtime(folder: Path, say: Notify) -> None:
    """Have npm fetch the package, and keep those of its files that pages need; no script of the package is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise Mistake(
            f"a web page runs its network by {PACKAGE} {VERSION}, which npm fetches, and there is no npm "
            "here; install Node.js, or name a folder that holds the package's dist with --runtime FOLDER"
        )
    say(f"fetching {PACKAGE} {VERSION} by npm (33 MB, once); it is kept in {folder}")
    with tempfile.TemporaryDirectory() as place:
        pack = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", place, "--ignore-scripts", "--silent"]
        try:
            done = subprocess.run(pack, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  errors="replace", timeout=FETCH_SECONDS)  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Mistake(f"npm did not fetch {PACKAGE} within {FETCH_SECONDS // 60} minutes; try again, or name a "
                          "folder that holds its dist with --runtime FOLDER") from None  # fmt: skip
        archive = next(Path(place).glob("*.tgz"), None)
        said = (done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}").splitlines()[-1]
        if done.returncode or archive is None:
            raise Mistake(f"npm could not fetch {PACKAGE} {VERSION}: {said}; try npm pack {PACKAGE}@{VERSION} "
                          "yourself, unpack it and name its dist with --runtime FOLDER")  # fmt: skip
        files = unpack(archive)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomically(folder / name, lambda draft, content=content: draft.write(content))  # type: ignore[misc]


def unpack(archive: Path) -> Mapping[str, bytes]:
    """The files that pages need, out of what npm has fetched; Mistake where one is missing or is another."""
    files = {}
    with tarfile.open(archive) as tar:
        for name in SEALS:
            other = f"npm fetched another {name} than that of {PACKAGE} {VERSION}, so it is not used"
            try:
                member = tar.getmember(f"package/dist/{name}")
            except KeyError:
                raise Mistake(other) from None
            require(member.isfile() and member.size <= MAX_FILE, other)
            stream = tar.extractfile(member)
            assert stream is not None, "it is a file"
            files[name] = stream.read()
            check_seal(name, files[name], other)
    return files


if __name__ == "__main__":  # for tests, which fetch nothing: python -m saddle.exporting.web.runtime FOLDER
    fetch_runtime(Path(sys.argv[1]), print)
