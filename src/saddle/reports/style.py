"""How the pages look: one sheet, light or dark as the reader's system is."""

from __future__ import annotations

LIGHT_COLOURS = ("#c8384b", "#23698f", "#2c8a5c", "#c47a08", "#7c4fa0", "#5d666e", "#b4457c", "#0f8586")
DARK_COLOURS = ("#f27d8a", "#72b7e0", "#62c795", "#efb054", "#ba97db", "#a9b1b9", "#e88bb7", "#52cccc")


def colour_variables(colours: tuple[str, ...]) -> str:
    return " ".join(f"--s{i}: {colour};" for i, colour in enumerate(colours))


STYLESHEET = f"""
:root {{ color-scheme: light dark; --paper: #f7f6f3; --card: #ffffff; --ink: #1d2126; --soft: #646b73; --rule: #e4e2dc;
  --good: #e5f3ea; --warn: #fff3d9; --edge: #dba426; {colour_variables(LIGHT_COLOURS)} }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #15171a; --card: #1d2024; --ink: #e6e8ea; --soft: #9aa2aa;
  --rule: #33383e; --good: #1d3a2a; --warn: #372d14; --edge: #b98a1d; {colour_variables(DARK_COLOURS)} }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }}
main {{ max-width: 1240px; margin: 0 auto; padding: 2.2rem 1.4rem 4rem; }}
h1 {{ font-size: 1.75rem; line-height: 1.2; margin: 0; letter-spacing: -0.01em; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.1rem; margin: 2.4rem 0 0.7rem; }}
p {{ margin: 0.4rem 0; max-width: 75ch; }}
small, .soft, figcaption small {{ color: var(--soft); font-size: 0.86em; font-weight: normal; }}
.legend {{ position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 0.2rem 1.3rem; padding: 0.6rem 0;
  margin-top: 0.6rem; background: var(--paper); border-bottom: 1px solid var(--rule); }}
.legend i {{ display: inline-block; width: 1.1em; height: 0.28em; margin-right: 0.45em; border-radius: 2px;
  vertical-align: middle; background: currentColor; }}
.legend span span {{ color: var(--ink); }}
.wide {{ overflow-x: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 0.45rem 0.9rem; text-align: left; vertical-align: top; border-top: 1px solid var(--rule); }}
thead th, table:not(:has(thead)) tr:first-child > * {{ border-top: 0; }}
thead th {{ color: var(--soft); font-size: 0.86em; font-weight: 600; white-space: nowrap; }}
tbody th {{ font-weight: 600; }}
td.best {{ background: var(--good); font-weight: 650; }}
td.foreign {{ background: var(--warn); }}
td small {{ white-space: nowrap; }}
.code td, code, pre {{ font: 0.88em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere; }}
.code th {{ font-weight: 500; width: 16rem; }}
pre {{ background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 0.8rem 1rem; margin: 0.5rem 0; white-space: pre-wrap; }}
.note {{ background: var(--warn); border-left: 4px solid var(--edge); border-radius: 4px; padding: 0.55rem 0.9rem;
  margin: 0.5rem 0; max-width: none; }}
.cards {{ display: flex; flex-wrap: wrap; gap: 0.7rem; margin: 1.2rem 0; }}
.cards div {{ background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 0.6rem 1.1rem; }}
.cards b {{ display: block; font-size: 1.25rem; line-height: 1.3; font-variant-numeric: tabular-nums; }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 0.9rem; }}
figure {{ margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 0.7rem 0.8rem; min-width: 0; }}
figcaption {{ font-weight: 600; font-size: 0.92em; margin-bottom: 0.25rem; overflow-wrap: anywhere; }}
.gallery {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(280px, 100%), 1fr)); gap: 0.9rem; }}
.grid figcaption {{ margin: 0.45rem 0 0; }}
.grid img {{ display: block; width: 100%; border-radius: 4px; image-rendering: auto; }}
svg {{ display: block; width: 100%; height: auto; overflow: visible; }}
svg line {{ stroke: var(--rule); stroke-width: 1; }}
svg text {{ fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }}
.chart {{ container-type: inline-size; }}
@container (max-width: 420px) {{ .chart svg text {{ font-size: 18px; }} }}
svg .line {{ fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }}
svg .band {{ fill: currentColor; opacity: 0.15; }}
svg .reach {{ stroke: currentColor; stroke-width: 1.6; opacity: 0.55; }}
svg .beyond {{ fill: currentColor; font-size: 15px; font-weight: 600; }}
svg {{ touch-action: pan-y; user-select: none; }}
svg .here {{ stroke: var(--soft); stroke-dasharray: 3 3; pointer-events: none; }}
svg .span {{ fill: var(--s1); opacity: 0.15; pointer-events: none; }}
figure output {{ display: block; min-height: 1.5em; font-size: 0.82em; color: var(--soft);
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }}
.smoothing input {{ vertical-align: middle; accent-color: var(--s0); }}
svg circle {{ fill: currentColor; stroke: var(--card); stroke-width: 1; }}
.bar {{ display: inline-block; height: 0.6em; border-radius: 2px; background: var(--s1); margin-right: 0.6em; }}
{" ".join(f".s{i} {{ color: var(--s{i}); }}" for i in range(len(LIGHT_COLOURS)))}
@media print {{ .legend {{ position: static; }} figure, .wide {{ break-inside: avoid; }} }}
"""
