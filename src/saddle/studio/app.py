"""The studio as a page: its tabs, and how it is served."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import gradio as gr

from ..out_of_memory import format_bytes
from .context import StudioContext
from .draw_tab import draw_tab
from .explore_tab import explore_tab
from .look import STYLE, make_theme
from .theory_tab import theory_tab
from .train_tab import train_tab

Tab = tuple[str, Callable[[StudioContext], None]]
TABS: tuple[Tab, ...] = (("Train", train_tab), ("Explore", explore_tab), ("Draw", draw_tab), ("Theory", theory_tab))
KEPT = (3600, 24 * 3600)  # seconds: how often the page's own files are looked through, and how old they become
HEAD = "# saddle studio\nTrain a GAN, look into what it learned, draw with it, and see why it works."


def build(context: StudioContext) -> gr.Blocks:
    """The page; serve it with `launch`, or mount it in an application of your own."""
    page: gr.Blocks
    with gr.Blocks(title="saddle studio", analytics_enabled=False, delete_cache=KEPT) as page:
        gr.Markdown(HEAD, elem_classes="hero")
        with gr.Tabs():
            for title, fill in TABS:
                with gr.Tab(title):
                    fill(context)
    return page


def launch(context: StudioContext, host: str = "127.0.0.1", port: int | None = None, password: str | None = None,
           block: bool = True) -> tuple[gr.Blocks, str]:  # fmt: skip
    """Serve the page, on this machine alone unless `host` says otherwise; the page, and its address.

    Nothing is reported to anybody, nothing asked of another machine, and no file is served but the page's own.
    `password` is asked of every visitor, under the name `studio`.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(context.files)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    page = build(context)
    page.queue(max_size=64, default_concurrency_limit=4, api_open=False)
    _, address, _ = page.launch(
        server_name=host, server_port=port, share=False, inbrowser=False, quiet=True, ssr_mode=False,
        auth=("studio", password) if password else None, allowed_paths=[], max_file_size=format_limit(context),
        footer_links=[], enable_monitoring=False, pwa=False, mcp_server=False, strict_cors=True, show_error=True,
        theme=make_theme(), css=STYLE, prevent_thread_lock=True, i18n=None,
    )  # fmt: skip
    if block:
        page.block_thread()
    return page, address


def format_limit(context: StudioContext) -> Any:
    return (
        f"{max(1, context.most_bytes >> 20)}mb" if context.most_bytes >= 1 << 20 else format_bytes(context.most_bytes)
    )
