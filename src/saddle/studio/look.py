"""How the studio looks: the system's fonts, so that no other machine is asked, and the colours of saddle's pages."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ..reports.style import DARK_COLOURS, LIGHT_COLOURS, colour_variables
from .cells import CELLS_STYLE

SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans CJK SC", "DejaVu Sans", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"]
SHADES = " ".join(f".live .s{i} {{ color: var(--s{i}); }}" for i in range(len(LIGHT_COLOURS)))

STYLE = f"""
:root {{ {colour_variables(LIGHT_COLOURS)} }}
.dark {{ {colour_variables(DARK_COLOURS)} }}
.gradio-container {{ width: 100%; max-width: min(1240px, 100vw) !important; margin: 0 auto; box-sizing: border-box; }}
.gradio-container .main, .gradio-container .wrap, .gradio-container main {{ min-width: 0; max-width: 100%; }}
.cm-editor, .cm-scroller {{ max-width: 100%; overflow-x: auto; }}
.gradio-container .column {{ min-width: min(320px, 100%) !important; }}
.hero h1 {{ font-size: 1.7rem; margin: 0.2rem 0 0; letter-spacing: -0.01em; }}
.hero p {{ color: var(--body-text-color-subdued); margin: 0.1rem 0 0.6rem; }}
.live figure {{ margin: 0; padding: 0.6rem 0.7rem; border: 1px solid var(--border-color-primary); border-radius: 10px;
  background: var(--background-fill-primary); min-width: 0; }}
.live figcaption {{ font-weight: 600; font-size: 0.9em; margin-bottom: 0.25rem; }}
.live figcaption small {{ font-weight: normal; color: var(--body-text-color-subdued); }}
.live .charts {{ display: grid; gap: 0.8rem; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); }}
.live .facts {{ display: flex; flex-wrap: wrap; gap: 0.4rem 1.6rem; margin: 0.2rem 0 0.8rem; }}
.live .facts b {{ display: block; font-size: 1.15rem; font-variant-numeric: tabular-nums; }}
.live .facts span {{ color: var(--body-text-color-subdued); font-size: 0.85em; }}
.live progress {{ width: 100%; height: 0.7rem; accent-color: var(--s0); }}
.live .note {{ border-left: 4px solid #dba426; padding: 0.45rem 0.8rem; margin: 0.5rem 0; border-radius: 4px;
  background: color-mix(in srgb, #dba426 14%, transparent); }}
.live .sheet {{ margin-bottom: 0.8rem; }}
.live .sheet img {{ width: 100%; image-rendering: pixelated; border-radius: 6px; display: block; }}
.live pre, .report pre, .report pre code {{ white-space: pre-wrap; font-size: 0.85em; overflow-wrap: anywhere; }}
.live svg {{ display: block; width: 100%; height: auto; overflow: visible; }}
.live svg line {{ stroke: var(--border-color-primary); }}
.live svg text {{ fill: var(--body-text-color-subdued); font-size: 11px; font-variant-numeric: tabular-nums; }}
.live .chart svg text {{ font-size: 18px; }}
.live svg .line {{ fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }}
.live svg .band {{ fill: currentColor; opacity: 0.15; }}
.live svg circle {{ fill: currentColor; }}
{SHADES}
{CELLS_STYLE}
.drawings {{ display: flex; flex-wrap: wrap; gap: 0.8rem; }}
.live .drawings svg {{ flex: 1 1 300px; min-width: 0; max-width: 480px; }}
.live .drawings svg text {{ fill: revert-layer; }}
.walk {{ max-width: 46rem; line-height: 1.55; }}
.walk .equation {{ font-family: Georgia, 'DejaVu Serif', serif; font-style: italic; text-align: center;
  white-space: pre-wrap; }}
iframe.page {{ width: 100%; height: 46rem; border: 1px solid var(--border-color-primary); border-radius: 10px; }}
"""


def make_theme() -> Any:
    """Gradio's plain theme in saddle's red, with the fonts of the reader's own system."""
    return gr.themes.Base(primary_hue=gr.themes.colors.rose, neutral_hue=gr.themes.colors.stone, font=SANS,
                          font_mono=MONO, radius_size=gr.themes.sizes.radius_lg)  # fmt: skip
