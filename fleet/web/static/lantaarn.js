// The page: asks the office what there is, draws it, and asks again when the office says that something came in.
import { drawMap } from "/static/map.js";
import { Charts } from "/static/charts.js";

const ORDER = { bad: 0, unknown: 1, good: 2 };
const find = (selector) => document.querySelector(selector);
const count = new Intl.NumberFormat("en");

let chosen = decodeURIComponent(location.hash.slice(1)) || null;
let map = null;
let known = new Map();
const charts = new Charts(find("#charts"));

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function ago(nowMs, thenMs) {
  if (thenMs === null) return "never";
  const seconds = Math.max(0, Math.round((nowMs - thenMs) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}

function cell(text, name) {
  const td = document.createElement("td");
  td.textContent = text;
  if (name) td.className = name;
  return td;
}

function row(node, nowMs) {
  const tr = document.createElement("tr");
  tr.tabIndex = 0;
  tr.dataset.node = node.id;
  tr.setAttribute("aria-selected", node.id === chosen);
  tr.title = node.reason;
  tr.append(cell(node.state, `state ${node.state}`), cell(node.id), cell(node.site),
    cell(ago(nowMs, node.last_ms)), cell(count.format(node.readings), "number"));
  const open = () => choose(node.id);
  tr.addEventListener("click", open);
  tr.addEventListener("keydown", (event) => { if (event.key === "Enter") open(); });
  return tr;
}

function total(key, word, text) {
  const div = document.createElement("div");
  const dt = document.createElement("dt");
  const dd = document.createElement("dd");
  dt.textContent = word;
  dd.textContent = text;
  dd.id = `total-${key}`;
  div.append(dt, dd);
  return div;
}

function showTotals(totals, office) {
  const words = { nodes: "nodes", online: "online", readings: "readings stored", gaps: "gaps" };
  const shown = Object.entries(words).map(([key, word]) => total(key, word, count.format(totals[key])));
  if (office) {
    const well = office.state === "good";
    const div = total("office", well ? "office" : `office: ${office.check}`, office.state);
    div.title = well ? office.reason : `${office.reason} ${office.remedy}`;
    div.lastChild.className = `state ${office.state}`;
    shown.push(div);
  }
  find("#totals").replaceChildren(...shown);
}

async function showNodes() {
  const { nodes, totals, office, now_ms } = await ask("/api/nodes");
  showTotals(totals, office);
  const sorted = [...nodes].sort((a, b) => ORDER[a.state] - ORDER[b.state] || a.id.localeCompare(b.id));
  const focused = document.activeElement?.dataset?.node;
  find("#nodes tbody").replaceChildren(...sorted.map((node) => row(node, now_ms)));
  if (focused) find(`tr[data-node="${CSS.escape(focused)}"]`)?.focus();
  map ??= drawMap(find("#map"), await ask("/api/streets"), nodes, choose);
  map.show(nodes, chosen);
  if (!chosen && sorted.length) await choose(sorted[0].id);
  known = new Map(nodes.map((node) => [node.id, node]));
  showNode();
}

function showNode() {
  const node = known.get(chosen);
  if (!node) return;
  find("#node-name").textContent = `${node.id} · ${node.site}`;
  find("#node-reason").textContent = node.reason;
}

async function choose(id) {
  chosen = id;
  showNode();
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  await charts.open(await ask(`/api/series?node=${encodeURIComponent(id)}`), ask);
  await showNodes();
}

function say(text, name) {
  find("#link").textContent = text;
  find("#link").className = name;
}

let busy = false;
async function refresh() {
  if (busy) return;
  busy = true;
  try {
    await showNodes();
    if (chosen) await charts.follow(await ask(`/api/series?node=${encodeURIComponent(chosen)}`), ask);
    say("live", "live");
  } catch (error) {
    say("the office does not answer; trying again", "broken");
  } finally {
    busy = false;
  }
}

if (chosen) choose(chosen).catch(() => { chosen = null; });
refresh();
const live = new EventSource("/api/live");
live.addEventListener("message", refresh);
live.addEventListener("error", () => say("the office does not answer; trying again", "broken"));
