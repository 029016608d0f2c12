// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <string_view>

namespace sluice::ctl {

/// The style sheet of a report: light and dark, narrow and wide, on a screen and on paper.
constexpr std::string_view reportStyle = R"(
:root{color-scheme:light dark;--page:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d5dae0;--card:#f4f6f8;
--ok:#3b7dc4;--no:#d9931e;--by:#8b62b5;--cut:#c2303a;--storm:#f7d9d6;--alarm:#fdf0ee;--alarm-ink:#8f1d26}
@media screen and (prefers-color-scheme:dark){:root{--page:#14181d;--ink:#e4e8ec;--soft:#9aa5b0;
--line:#343c45;--card:#1d232a;--ok:#5a9ce0;--no:#e3a23c;--by:#ad88d6;--cut:#ee6b72;--storm:#4a2529;
--alarm:#38201f;--alarm-ink:#ffb9b5}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--page);color:var(--ink);
font:1rem/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:.2rem 0}
h2{font-size:1.2rem;margin:2rem 0 .5rem}
p{margin:.4rem 0}
.soft,figcaption{color:var(--soft);font-size:.9rem}
.alarm{background:var(--alarm);color:var(--alarm-ink);border-left:4px solid var(--cut);
padding:.5rem .8rem;margin:.6rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:1rem 0;
padding:0;list-style:none}
.tiles li{background:var(--card);padding:.6rem .8rem;border-top:4px solid var(--line)}
.tiles li.usual{border-top:2px dashed var(--ink)}
.tiles b{display:block;font-size:1.4rem;font-variant-numeric:tabular-nums}
.tiles .ok{border-color:var(--ok)}.tiles .no{border-color:var(--no)}
.tiles .by{border-color:var(--by)}.tiles .cut{border-color:var(--cut)}
figure{margin:1rem 0;break-inside:avoid}
svg{display:block;print-color-adjust:exact;-webkit-print-color-adjust:exact}
path.ok{fill:var(--ok)}path.no{fill:var(--no)}path.by{fill:var(--by)}path.cut{fill:var(--cut)}
path.usual{fill:none;stroke:var(--ink);stroke-width:1.5;stroke-dasharray:5 3;
vector-effect:non-scaling-stroke}
.storm{fill:var(--storm)}
.tip{fill:var(--ink);fill-opacity:0}.tip:hover{fill-opacity:.15}
.scale line{stroke:var(--line);stroke-opacity:.7}
.scale text{fill:var(--ink);font-size:11px;paint-order:stroke;stroke:var(--page);stroke-width:3px}
table{border-collapse:collapse;width:100%;margin:.5rem 0;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
summary{cursor:pointer;color:var(--soft)}
footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.5rem}
@media screen and (max-width:40rem){
text.more{display:none}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}
td,td.n{display:flex;gap:.8rem;justify-content:space-between;padding:.1rem 0;border:0;text-align:right;
white-space:normal}
td::before{content:attr(data-h);color:var(--soft);text-align:left;flex:none;max-width:45%}}
@media print{body{max-width:none;padding:0;font-size:10pt}.tiles{grid-template-columns:repeat(5,1fr)}details,.tip{display:none}tr{break-inside:avoid}
h2{break-after:avoid}}
)";

} // namespace sluice::ctl
