"""`python -m saddle` is `saddle`; `torchrun -m saddle` is how several processes train together."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
