"""The nearest that a run can make to a user's pictures: `saddle project`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import escape_unprintable, require
from .argv import parse_command
from .latent_starts import MAX_SAMPLES, FindOptions, find_latents, sheet_path, space_of, write_sheet
from .output import print_output
from .run_options import load_run, open_files

if TYPE_CHECKING:
    from torch import Tensor


def project(words: list[str]) -> None:
    """saddle project RUN FILES ..."""
    (run, *files), wish = parse_command("project", words, FindOptions())
    where = sheet_path(run, wish, "projected")
    loaded = load_run(run, wish)
    space = space_of(loaded, wish)
    given = open_files(run, files, loaded.shape, labels="none")
    require(len(given) <= MAX_SAMPLES, f"{len(given)} pictures were given, but {MAX_SAMPLES} at most are projected at "
            "once; name fewer")  # fmt: skip
    from ..metrics.paired import psnr

    names: list[str] = []
    before: list[Tensor | None] = []
    after: list[Tensor | None] = []
    for chunk in given.chunks(loaded.rows):
        found = find_latents(space, chunk.images, wish)
        near = zip(chunk.names, found.distances.tolist(), psnr(found.images, chunk.images).tolist(), strict=True)
        names += [f"{name} {apart:.3f}, {ratio:.1f} dB" for name, apart, ratio in near]
        before += [*chunk.images]
        after += [*found.images]
    write_sheet({"given": before, "projected": after}, names, where)
    print_output(escape_unprintable(where))
