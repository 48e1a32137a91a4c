// The page: what is read goes to its places, and what is pointed at in one shows in the others.

import { Chart } from "/chart.js";
import { Runs, count } from "/data.js";
import { Digits, drawChoices, drawLog, drawRuns, drawSettings } from "/panels.js";

const byId = (id) => document.getElementById(id);
/** Parts of all epochs that curves are smoothed over, by the slider. */
const WIDTHS = [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.12];

const CHARTS = [
  { id: "loss", title: "Losses", unit: "loss (nats)", lines: [
    { name: "discriminator", of: (row) => row.d_loss },
    { name: "generator", of: (row) => row.g_loss }] },
  { id: "judged", title: "What the discriminator says", unit: "mean probability of “real”", range: [0, 1], lines: [
    { name: "D(real)", of: (row) => row.d_real },
    { name: "D(fake)", of: (row) => row.d_fake }] },
  { id: "frechet", title: "Fréchet distance", unit: "distance, less is better", log: true, sparse: true, lines: [
    { name: "Fréchet distance", of: (row) => row.quality?.frechet, slot: 2 }] },
  { id: "kept", title: "Precision and recall", unit: "share", range: [0, 1], sparse: true, lines: [
    { name: "precision", of: (row) => row.quality?.precision, slot: 3 },
    { name: "recall", of: (row) => row.quality?.recall, slot: 4 }] },
  { id: "spread", title: "Spread of the digits", unit: "variance, real digits being at 1", lines: [
    { name: "spread", of: (row) => row.spread, slot: 5 }] },
  { id: "trouble", title: "Signs of trouble", unit: "share", range: [0, 1], lines: [
    { name: "pixels at full ink or paper", of: (row) => row.saturated, slot: 3 },
    { name: "idle units", of: (row) => row.idle, slot: 4 }] },
];

const runs = new Runs(drawSoon, connected);
const charts = CHARTS.map((spec) => new Chart(spec, point, (epoch) => epoch !== null && digits.at(epoch)));
const digits = new Digits(() => point(pointed));
let pointed = null;
let waiting = 0;
let drawn = -Infinity;

/** However much news there is, one drawing in five seconds: the processor is for the training. */
function drawSoon(now) {
  if (now) return draw();
  if (waiting) return;
  waiting = setTimeout(draw, Math.max(0, drawn + 5000 - performance.now()));
}

function draw() {
  clearTimeout(waiting);
  waiting = 0;
  drawn = performance.now();
  drawRuns(runs);
  drawChoices(runs, show);
  digits.draw(runs.shown);
  drawCharts();
  drawLog(runs);
  drawSettings(runs.shown);
  drawTitle();
}

function drawCharts() {
  const last = Math.max(0, ...runs.shown.map((run) => run.rows.at(-1)?.epoch ?? 0));
  const share = WIDTHS[byId("smooth").value];
  byId("smooth-said").textContent = share ? `${count(Math.max(1, share * last))} epochs` : "nothing";
  for (const chart of charts) {
    // Losses are always there; what was never measured has no chart.
    const there = chart === charts[0] || chart.has(runs.shown);
    chart.figure.hidden = !there;
    // What is out of sight is drawn when it comes into sight.
    if (there && chart.seen) chart.draw(runs.shown, last, share * last);
  }
  byId("unmeasured").hidden = !last || !charts[2].figure.hidden;
  point(pointed);
}

function point(epoch) {
  pointed = epoch;
  for (const chart of charts) chart.point(epoch, digits.epoch);
}

function drawTitle() {
  const [run] = runs.shown;
  if (!run) return;
  const part = Math.floor((100 * (run.rows.at(-1)?.epoch ?? 0)) / (run.total || 1));
  document.title = run.state === "running" ? `${part}% · ${run.name}` : `${run.name} · ${run.state}`;
}

/** What the line to the server is, in words. */
function connected(how) {
  const live = byId("live");
  live.className = how;
  const words = { on: "live", off: "asleep", lost: "no connection: is the program that served this page still running?" };
  if (live.textContent !== words[how]) live.textContent = words[how];
}

async function show(ids) {
  await runs.show(ids);
  // A copied address shows the same runs.
  history.replaceState(null, "", `#${runs.shown.map((run) => encodeURIComponent(run.name)).join("&")}`);
}

async function begin() {
  byId("charts").replaceChildren(...charts.map((chart) => chart.figure));
  byId("smooth").addEventListener("input", drawCharts);
  byId("only-box").addEventListener("change", () => drawSettings(runs.shown));
  new ResizeObserver(drawCharts).observe(byId("charts"));
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      charts.find((chart) => chart.figure === target).seen = isIntersecting;
    }
    drawCharts();
  }, { rootMargin: "100px" });
  for (const chart of charts) sight.observe(chart.figure);
  document.addEventListener("visibilitychange", () => runs.listen());
  const names = location.hash.slice(1).split("&").filter(Boolean).map(decodeURIComponent);
  try {
    await runs.begin(names);
    if (!runs.list.length) byId("shown").textContent = "There is no run here yet; one shows as soon as it begins.";
  } catch (error) {
    connected("lost");
    byId("shown").textContent = String(error.message ?? error);
  }
}

begin();
