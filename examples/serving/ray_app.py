"""A run under Ray Serve: each replica is the application of `saddle serve`, with its batcher, queue and limits.

    pip install 'ray[serve]'
    SADDLE_RUN=runs/001-dcgan serve run ray_app:app

Ray routes, restarts and scales; it batches nothing here, for saddle's passes keep every answer's bits.
"""

import os

from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from saddle import load
from saddle.serve import create_app
from saddle.serve.limits import Limits


@serve.deployment(num_replicas=1, max_ongoing_requests=128, ray_actor_options={"num_cpus": 1})
class Run:
    """One replica: the run, loaded once. For a GPU each: ray_actor_options={"num_gpus": 1}."""

    def __init__(self, run: str) -> None:
        self.app = create_app(load(run), run, limits=Limits(seconds=30), token=os.environ.get("SADDLE_TOKEN"))

    async def __call__(self, request: Request) -> Response:
        """A request as Ray hands it over, through the application."""
        head: dict = {}
        parts: list[bytes] = []

        async def send(message: dict) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            parts.append(message.get("body", b""))

        await self.app(request.scope, request.receive, send)
        answer = Response(b"".join(parts), head["status"])
        answer.raw_headers = list(head["headers"])
        return answer

    def check_health(self) -> None:
        """Ray replaces a replica that raises here."""
        if not self.app.service.ready:
            raise RuntimeError("this replica takes nothing more")


app = Run.bind(os.environ["SADDLE_RUN"])
