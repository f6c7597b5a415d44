"""What a server says of itself: OpenAPI with examples that work on this run, and a page of it without any script."""

from __future__ import annotations

import base64
import json
import shlex
from html import escape
from typing import Any

import torch

from ..shape import Text
from .answers import JSON, NPY, PNG, to_png
from .endpoints import FORM
from .service import Service

SUMMARIES = {
    "samples": "New samples",
    "translate": "Pictures of the other kind",
    "complete": "Pictures whose holes are filled",
    "score": "How odd pictures are: higher is stranger",
}
DETAILS = {
    "samples": "A sample hangs on its seed, its place among those of the seed, its label and the style alone.",
    "translate": "Each picture becomes one of the other kind.",
    "complete": "What is hidden is filled by what the generator makes that agrees with the rest. It takes seconds.",
    "score": "The terms of each picture's anomaly score, as saddle score tells them.",
}
REFUSALS = {401: "no token, or a wrong one", 406: "a form of answer that there is not", 413: "a body that is too large",
            415: "a body of another kind", 422: "what is asked for cannot be done; the sentence says why",
            429: "too much is asked of the server; Retry-After says when to come again", 503: "the server is closing, "
            "or has not the memory", 504: "it took too long; what was not begun is dropped"}  # fmt: skip
ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222;
  background: #fff }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: #f3f3f3; border-radius: 4px }
code { padding: 0 .2em } pre { padding: .8em; overflow-x: auto } table { border-collapse: collapse }
td, th { padding: .2em .8em .2em 0; text-align: left; vertical-align: top }
h2 { margin-top: 2.2em } h2 code { font-size: 1.2rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 }
  code, pre { background: #2a2a2a } a { color: #8bf } }
"""


def describe_route(service: Service, task: str) -> dict[str, Any]:
    """What FastAPI is told of a path: its body with an example, its answers and its refusals."""
    schema = without_unused(service, task)
    example = example_of(service, task)
    body: dict[str, Any] = {JSON: {"schema": schema, "example": example}}
    if task != "samples":
        body[FORM] = {"schema": as_form(schema)}
    return {"summary": SUMMARIES[task], "description": DETAILS[task], "operation_id": task,
            "openapi_extra": {"requestBody": {"required": True, "content": body}},
            "responses": {200: answer_of(service, task)} | {
                code: {"description": said, "content": {JSON: {"schema": ERROR}}}
                for code, said in REFUSALS.items()}}  # fmt: skip


def without_unused(service: Service, task: str) -> dict[str, Any]:
    """The task's fields that say something to this run: a label or a text only where it is told such."""
    schema: dict[str, Any] = getattr(service.wishes, task).model_json_schema()
    unused = set() if is_told_labels(service, task) else {"label"}
    unused |= {"text"} if not isinstance(service.loaded.shape.condition, Text) else set()
    return schema | {"properties": {name: one for name, one in schema["properties"].items() if name not in unused}}


def is_told_labels(service: Service, task: str) -> bool:
    """Where there are classes a score hangs on the image's own; a sample or completion where the generator is told."""
    loaded = service.loaded
    return loaded.shape.classes > 0 and (task == "score" or loaded.is_conditional)


def example_of(service: Service, task: str) -> dict[str, Any]:
    """A request that this run answers."""
    loaded = service.loaded
    label = {"label": loaded.classes[0]} if loaded.classes and is_told_labels(service, task) else {}
    if task == "samples":
        return {"n": min(4, service.limits.n), "seed": 7} | label
    dark = to_png(torch.zeros(*service.abilities.pictures_of(task)[:3]))
    picture: dict[str, Any] = {"images": [base64.b64encode(dark).decode("ascii")], "seed": 7}
    if task == "complete":
        return picture | {"mask": "centre", "steps": min(20, service.limits.steps)}
    return picture | (label if task == "score" else {})


def as_form(schema: dict[str, Any]) -> dict[str, Any]:
    """The same fields in a form, where pictures are files."""
    file = {"type": "string", "format": "binary"}
    files = {"images": {"type": "array", "items": file}, "mask_image": file}
    own = {name: files.get(name, field) for name, field in schema["properties"].items()}
    return schema | {"properties": own}


def answer_of(service: Service, task: str) -> dict[str, Any]:
    shape = service.loaded.shape
    fields: dict[str, Any] = {"seed": {"type": "integer"}}
    if task == "score":
        terms: dict[str, Any] = {name: {"type": "number"} for name in service.terms}
        fields["scores"] = {"type": "array", "items": {"type": "object", "properties": terms}}
    elif shape.text is not None:
        fields["lines"] = {"type": "array", "items": {"type": "string"}}
    elif shape.points:
        fields["points"] = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
    else:
        fields["images"] = {"type": "array", "items": {"type": "string", "contentEncoding": "base64",
                                                       "contentMediaType": PNG}}  # fmt: skip
    content: dict[str, Any] = {JSON: {"schema": {"type": "object", "properties": fields}}}
    if task != "score" and shape.text is None:
        content[NPY] = {"schema": {"type": "string", "format": "binary"}}
        if not shape.points:
            content[PNG] = {"schema": {"type": "string", "format": "binary"}}
    return {"description": "the answer, in the form that the header Accept asks for", "content": content}


def page(facts: dict[str, Any], address: str) -> str:
    """The OpenAPI description of a server at this address for people, in HTML that asks nothing of anybody."""
    info = facts["info"]
    parts = [f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
             "<p>Programs read <a href='openapi.json'>openapi.json</a>. Refusals are JSON with the field "
             "<code>error</code>, one sentence.</p>"]  # fmt: skip
    for path, ways in facts["paths"].items():
        for method, one in ways.items():
            parts.append(section(method.upper(), path, one, address))
    return ("<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
            f"content='width=device-width'><title>{escape(info['title'])}</title><style>{STYLE}</style></head>"
            f"<body>{''.join(parts)}</body></html>")  # fmt: skip


def section(method: str, path: str, one: dict[str, Any], address: str) -> str:
    """One path: what it takes, an example as curl sends it, what it answers."""
    said = escape(one.get("description") or one.get("summary", ""))
    head = f"<h2><code>{method} {escape(path)}</code></h2><p>{said}</p>"
    body = one.get("requestBody", {}).get("content", {}).get(JSON)
    if body is None:
        return head
    rows = "".join(f"<tr><td><code>{escape(name)}</code></td><td>{escape(describe_field(field))}</td></tr>"
                   for name, field in needed_first(body["schema"]))  # fmt: skip
    refusals = "".join(f"<tr><td>{code}</td><td>{escape(answer['description'])}</td></tr>"
                       for code, answer in one["responses"].items() if code != "200")  # fmt: skip
    curl = f"{as_curl(body['example'])} {address}{path}"
    forms = ", ".join(one["responses"]["200"]["content"])
    return (f"{head}<table>{rows}</table><pre>{escape(curl)}</pre><p>Answers: {escape(forms)}.</p>"
            f"<details><summary>Refusals</summary><table>{refusals}</table></details>")  # fmt: skip


def as_curl(example: dict[str, Any]) -> str:
    """How curl sends an example; pictures as files of a form."""
    if "images" not in example:
        return f"curl -H 'Content-Type: {JSON}' -d {shlex.quote(json.dumps(example))}"
    fields = (f"-F {shlex.quote(f'{name}={value}')}" for name, value in example.items() if name != "images")
    return " ".join(["curl -F images=@photo.png", *fields])


def describe_field(field: dict[str, Any]) -> str:
    """A field's default, bounds and meaning."""
    bounds = [f"{word} {field[key]:.19g}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in field]
    default = [f"default {json.dumps(field['default'])}"] if field.get("default") is not None else []
    return "; ".join([*([field["description"]] if "description" in field else []), *bounds, *default])


def needed_first(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The fields of a body, and that some are needed."""
    needed = schema.get("required", [])
    own = schema["properties"]
    return [*((name, own[name] | {"description": f"{own[name].get('description', '')}; needed"}) for name in needed),
            *((name, field) for name, field in own.items() if name not in needed)]  # fmt: skip
