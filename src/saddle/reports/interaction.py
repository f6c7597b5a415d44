"""What makes a page's charts answer the mouse: a script inside the page, which asks nobody for anything.

Without script the page is complete: the charts stand as they are drawn.
"""

from __future__ import annotations

import base64
import hashlib

from .markup import Markup, html_tag

SMOOTHEST = 20  # points on each side of one that its mean is taken of

SCRIPT = """
"use strict";
const ns = "http://www.w3.org/2000/svg";
const pairs = text => text.trim().split(/\\s+/).map(p => p.split(",").map(Number));
const write = points => points.map(p => p.map(v => v.toFixed(1)).join(",")).join(" ");
const show = v => Number.isInteger(v) || Math.abs(v) >= 1e4 ? Math.round(v).toLocaleString("en") : v.toPrecision(4);
const clock = s => new Date(Math.round(s) * 1000).toISOString().slice(11, 19);
const add = (parent, name, facts) => {
  const one = document.createElementNS(ns, name);
  for (const key in facts) one.setAttribute(key, facts[key]);
  return parent.appendChild(one);
};
function mean(points, reach) {
  return points.map(([x], i) => {
    const near = points.slice(Math.max(0, i - reach), i + reach + 1);
    return [x, near.reduce((sum, p) => sum + p[1], 0) / near.length];
  });
}
const charts = [...document.querySelectorAll("svg[data-right]")].map(svg => {
  const facts = svg.dataset, left = +facts.left, edge = +facts.edge, top = +facts.top, floor = +facts.floor;
  const shapes = [...svg.querySelectorAll("polyline, polygon")].map(shape =>
    ({shape, points: pairs(shape.getAttribute("points")), name: shape.querySelector("title")?.textContent}));
  const feet = [...svg.querySelectorAll("text.foot")], loose = svg.querySelectorAll("circle, .reach, .beyond");
  let from = left, to = edge, reach = 0, start = null;
  const value = y => {
    const share = (floor - y) / (floor - top), low = +facts.low, high = +facts.high;
    return facts.steep ? Math.exp(Math.log(low) + share * Math.log(high / low)) : low + share * (high - low);
  };
  const images = x => (x - left) / (edge - left) * +facts.right;
  const back = x => from + (x - left) / (edge - left) * (to - from);
  const place = x => left + (x - from) / (to - from) * (edge - left);
  const told = x => facts.axis === "time" ? clock(images(x)) : show(Math.round(images(x)));
  const rule = add(svg, "line", {y1: top, y2: floor, class: "here", visibility: "hidden"});
  const box = add(svg, "rect", {y: top, height: floor - top, class: "span", visibility: "hidden"});
  const tip = document.createElement("output");
  svg.parentNode.appendChild(tip);
  const at = event => {
    const size = svg.getBoundingClientRect();
    return Math.min(edge, Math.max(left, (event.clientX - size.left) / size.width * svg.viewBox.baseVal.width));
  };
  function draw() {
    const whole = from === left && to === edge;
    for (const {shape, points} of shapes) {
      const line = shape.tagName === "polyline", soft = line && reach ? mean(points, reach) : points;
      const kept = whole ? soft : soft.filter(([x]) => x >= from && x <= to);
      shape.setAttribute("points", write(kept.map(([x, y]) => [place(x), y])));
      if (!line) shape.style.display = reach && points.length > 2 ? "none" : "";
    }
    loose.forEach(mark => { mark.style.display = whole ? "" : "none"; });
    feet.forEach((foot, i) => {
      foot.dataset.was ??= foot.textContent;
      foot.textContent = whole ? foot.dataset.was : told(back(+foot.getAttribute("x")));
    });
  }
  svg.addEventListener("pointermove", event => {
    const x = at(event), true_x = back(x);
    rule.setAttribute("x1", x); rule.setAttribute("x2", x); rule.setAttribute("visibility", "visible");
    const lines = shapes.filter(s => s.name && s.points.length).map(({name, points}) => {
      const soft = reach ? mean(points, reach) : points;
      const near = soft.reduce((a, b) => Math.abs(b[0] - true_x) < Math.abs(a[0] - true_x) ? b : a);
      return `${name}: ${show(value(near[1]))}`;
    });
    tip.textContent = `${told(true_x)}  ${[...new Set(lines)].join("  ")}`;
    if (start !== null) {
      box.setAttribute("x", Math.min(start, x)); box.setAttribute("width", Math.abs(x - start));
      box.setAttribute("visibility", "visible");
    }
  });
  svg.addEventListener("pointerleave", () => { rule.setAttribute("visibility", "hidden"); tip.textContent = ""; });
  svg.addEventListener("pointerdown", event => { start = at(event); });
  window.addEventListener("pointerup", event => {
    if (start === null) return;
    const [a, b] = [back(Math.min(start, at(event))), back(Math.max(start, at(event)))];
    start = null; box.setAttribute("visibility", "hidden");
    if (place(b) - place(a) > 8) { from = a; to = b; draw(); }
  });
  svg.addEventListener("dblclick", () => { from = left; to = edge; draw(); });
  return wanted => { reach = wanted; draw(); };
});
const smoothing = document.querySelector(".smoothing");
if (smoothing && charts.length) {
  smoothing.hidden = false;
  smoothing.querySelector("input").addEventListener("input", e => charts.forEach(smooth => smooth(+e.target.value)));
}
"""
SCRIPT_HASH = "sha256-" + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()


def script_html() -> Markup:
    """The script itself, which a page's policy names by its hash."""
    return html_tag("script", Markup(SCRIPT))


def smoothing_html() -> Markup:
    """The slider that smooths a page's charts; it is seen where scripts run."""
    slider = html_tag("input", type="range", min=0, max=SMOOTHEST, value=0, step=1)
    told = "Point at a chart for values, drag to zoom, double-click to zoom out."
    return html_tag("p", html_tag("label", "Smoothing ", slider), " ", html_tag("small", told), class_="smoothing",
                    hidden="")  # fmt: skip
