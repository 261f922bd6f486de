"""A diagnosis as HTML that stands on its own, in light and in dark colours."""

from html import escape
from typing import Any

from sk_effprop.inspection.diagnosis._findings import Finding
from sk_effprop.inspection.diagnosis._labels import LABELS, LAYER_LABELS, as_text

# The bars are drawn with one blue and one orange, which colour-blind people can tell
# apart; the numbers stand beside them.
STYLE = """
.ske-diagnosis { --ink:#1b1f24; --soft:#59636e; --line:#d4dae0; --card:#f6f8fa;
  --paper:#ffffff; --before:#b35900; --after:#0a5cad; --track:#e3e8ed;
  color:var(--ink); background:var(--paper); color-scheme:light dark;
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif; max-width:56rem;
  padding:1rem; box-sizing:border-box; }
@media (prefers-color-scheme: dark) { .ske-diagnosis { --ink:#e6e9ed; --soft:#9da7b1;
  --line:#3a424b; --card:#1d232a; --paper:#12161b; --before:#f0a35e; --after:#6cb2f7;
  --track:#2c343d; } }
html[data-theme="dark"] .ske-diagnosis { --ink:#e6e9ed; --soft:#9da7b1;
  --line:#3a424b; --card:#1d232a; --paper:#12161b; --before:#f0a35e; --after:#6cb2f7;
  --track:#2c343d; }
html[data-theme="light"] .ske-diagnosis { --ink:#1b1f24; --soft:#59636e;
  --line:#d4dae0; --card:#f6f8fa; --paper:#ffffff; --before:#b35900; --after:#0a5cad;
  --track:#e3e8ed; }
.ske-diagnosis h2 { font-size:1.25rem; margin:0 0 .25rem; }
.ske-diagnosis h3 { font-size:1rem; margin:0 0 .25rem; }
.ske-diagnosis p { margin:.25rem 0; }
.ske-diagnosis code { font:.9em ui-monospace,Consolas,monospace;
  overflow-wrap:anywhere; }
.ske-diagnosis .ske-soft { color:var(--soft); }
.ske-diagnosis .ske-card { background:var(--card); border:1px solid var(--line);
  border-radius:6px; padding:.75rem 1rem; margin:.75rem 0; }
.ske-diagnosis .ske-bar { display:grid; grid-template-columns:4.5rem 1fr 4.5rem;
  gap:.5rem; align-items:center; font-size:.9em; }
.ske-diagnosis .ske-track { background:var(--track); height:.6rem; }
.ske-diagnosis .ske-track span { display:block; height:100%; }
.ske-diagnosis .ske-number { text-align:right; font-variant-numeric:tabular-nums; }
.ske-diagnosis details { border-top:1px solid var(--line); padding:.4rem 0; }
.ske-diagnosis summary { cursor:pointer; font-weight:600; }
.ske-diagnosis .ske-scroll { overflow-x:auto; }
.ske-diagnosis table { border-collapse:collapse; margin:.4rem 0; font-size:.9em;
  color:inherit; background:transparent; }
.ske-diagnosis th, .ske-diagnosis td { padding:.15rem .75rem .15rem 0;
  text-align:left; background:transparent; }
.ske-diagnosis th { font-weight:normal; }
.ske-diagnosis td, .ske-diagnosis thead th + th { text-align:right;
  font-variant-numeric:tabular-nums; }
"""


def as_html(
    estimator: str, summary: str, findings: list[Finding], numbers: dict[str, Any]
) -> str:
    """A fragment with its own style sheet."""
    cards = "".join(_card(i, one) for i, one in enumerate(findings, start=1))
    tables = "".join(
        _table(title, numbers[section], labels)
        for section, (title, labels) in LABELS.items()
    )
    return (
        f'<style>{STYLE}</style><div class="ske-diagnosis">'
        f"<h2>{escape(summary)}</h2>"
        f'<p class="ske-soft"><code>{escape(estimator)}</code></p>{cards}'
        f"{tables}{_layers(numbers['layers'])}</div>"
    )


def as_page(title: str, fragment: str) -> str:
    """A whole document around a fragment."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        "<style>html{color-scheme:light dark}body{margin:0}"
        "@media (prefers-color-scheme:dark){body{background:#12161b}}</style></head>"
        f"<body>{fragment}</body></html>\n"
    )


def _card(number: int, finding: Finding) -> str:
    cause = finding.cause.capitalize()
    return (
        f'<div class="ske-card"><h3>{number}. {escape(cause)}</h3>'
        f"<p>{escape(_as_sentence(finding.evidence))}</p>{_remedy(finding)}</div>"
    )


def _as_sentence(text: str) -> str:
    """With a capital and a full stop, but names of parameters as they are."""
    first = text.split(" ", 1)[0]
    start = text[0].upper() if first.isalpha() else text[0]
    return f"{start}{text[1:]}."


def _remedy(finding: Finding) -> str:
    if not finding.parameter:
        return ""
    change = f"<code>{escape(finding.change)}</code>"
    effect = finding.effect
    if effect is None:
        return f"<p>Try {change}; this has not been verified.</p>"
    is_told = effect.helps or finding.shows_truth
    verdict = "" if is_told else " alone does not lower the loss"
    scale = 100.0 / max(effect.before, effect.after, 1.0)
    bars = "".join(
        f'<div class="ske-bar"><span>{name}</span><div class="ske-track">'
        f'<span style="width:{scale * share:.1f}%;background:var(--{name})"></span>'
        f'</div><span class="ske-number">{100 * share:.3g} %</span></div>'
        for name, share in (("before", effect.before), ("after", effect.after))
    )
    return (
        f"<p>{change}{verdict}</p>{bars}"
        f'<p class="ske-soft">Loss of {effect.n_rows:,} held-out rows, as a share of '
        "the best constant's.</p>"
    )


def _table(title: str, numbers: dict[str, Any], labels: dict[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{escape(label)}</th><td>{escape(as_text(numbers[name]))}</td></tr>"
        for name, label in labels.items()
        if name in numbers
    )
    return (
        f"<details><summary>{escape(title)}</summary>"
        f'<div class="ske-scroll"><table>{rows}</table></div></details>'
    )


def _layers(layers: list[dict[str, float]]) -> str:
    heads = "".join(f"<th>{l}</th>" for l in range(1, len(layers) + 1))
    rows = "".join(
        f"<tr><th>{escape(label)}</th>"
        + "".join(_cell(layer, name) for layer in layers)
        + "</tr>"
        for name, label in LAYER_LABELS.items()
        if any(name in layer for layer in layers)
    )
    return (
        "<details><summary>Layers, the outputs last</summary>"
        f'<div class="ske-scroll"><table><thead><tr><th>Layer</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _cell(layer: dict[str, float], name: str) -> str:
    return f"<td>{as_text(layer[name]) if name in layer else ''}</td>"
