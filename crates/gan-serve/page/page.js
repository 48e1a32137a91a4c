// The page: draws the data, and connects the charts with the samples.

import { Chart } from "/chart.js";
import { MAX_SHOWN, Runs, formatCount } from "/data.js";
import { Samples, drawChoices, drawLog, drawRuns, drawSettings } from "/panels.js";

const byId = (id) => document.getElementById(id);
/** The positions of the smoothing slider, as shares of all epochs. */
const SMOOTHING = [0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.07, 0.12];

const CHARTS = [
  { id: "loss", title: "Losses", unit: "loss (nats)", lines: [
    { name: "discriminator", of: (row) => row.d_loss },
    { name: "generator", of: (row) => row.g_loss }] },
  { id: "probability", title: "Discriminator output", unit: "mean probability of “real”", range: [0, 1], lines: [
    { name: "D(real)", of: (row) => row.d_real },
    { name: "D(fake)", of: (row) => row.d_fake }] },
  { id: "kernel", title: "Kernel distance (KID)", unit: "distance, lower is better", log: true, sparse: true, lines: [
    { name: "kernel distance", of: (row) => row.quality?.kernel_distance, slot: 2 }] },
  { id: "frechet", title: "Fréchet distance", unit: "distance, lower is better", log: true, sparse: true, lines: [
    { name: "Fréchet distance", of: (row) => row.quality?.frechet, slot: 2 }] },
  { id: "precision", title: "Precision and recall", unit: "share", range: [0, 1], sparse: true, lines: [
    { name: "precision", of: (row) => row.quality?.precision, slot: 3 },
    { name: "recall", of: (row) => row.quality?.recall, slot: 4 }] },
  { id: "spread", title: "Spread of the samples", unit: "variance, relative to real images", lines: [
    { name: "spread", of: (row) => row.spread, slot: 5 }] },
  { id: "health", title: "Saturation and idle units", unit: "share", range: [0, 1], lines: [
    { name: "saturated pixels", of: (row) => row.saturated, slot: 3 },
    { name: "idle units", of: (row) => row.idle, slot: 4 }] },
];

/** One curve for each run there is. */
const ALL = { id: "all-runs", title: "Fréchet distance of all runs", unit: "distance, lower is better", log: true, sparse: true,
  lines: [{ name: "Fréchet distance", of: (row) => row.frechet }] };

const runs = new Runs(scheduleDraw, showConnection);
const overview = new Chart(ALL, point, (epoch) => epoch !== null && samples.showAt(epoch));
const charts = CHARTS.map((spec) => new Chart(spec, point, (epoch) => epoch !== null && samples.showAt(epoch)));
/** Every evaluation has a Fréchet distance. */
const frechet = charts[CHARTS.findIndex(({ id }) => id === "frechet")];
const samples = new Samples(() => point(pointed));
let pointed = null;
let timer = 0;
let wasOpened = false;
let lastDraw = -Infinity;

/** Draws at most once in five seconds: drawing takes time from the training. */
function scheduleDraw(urgent) {
  if (urgent) return draw();
  if (timer) return;
  timer = setTimeout(draw, Math.max(0, lastDraw + 5000 - performance.now()));
}

function draw() {
  clearTimeout(timer);
  timer = 0;
  lastDraw = performance.now();
  // Of a sweep, all trials are of interest.
  if (!wasOpened && runs.list.length > MAX_SHOWN) byId("others").open = wasOpened = true;
  drawRuns(runs);
  drawChoices(runs, show);
  samples.draw(runs.shown);
  drawCharts();
  drawLog(runs);
  drawSettings(runs.shown);
  drawTitle();
}

function drawCharts() {
  const last = Math.max(0, ...runs.shown.map((run) => run.rows.at(-1)?.epoch ?? 0));
  const share = SMOOTHING[byId("smooth").value];
  byId("smooth-value").textContent = share ? `${formatCount(Math.max(1, share * last))} epochs` : "off";
  for (const chart of charts) {
    // The losses are always shown; other charts if they have values.
    const visible = chart === charts[0] || chart.has(runs.shown);
    chart.figure.hidden = !visible;
    // Charts outside the viewport are drawn when they enter it.
    if (visible && chart.inViewport) chart.draw(runs.shown, last, share * last);
  }
  byId("not-evaluated").hidden = !last || !frechet.figure.hidden;
  if (byId("others").open) drawOverview();
  point(pointed);
}

/** The evaluations of all runs; those that are shown have their colours. */
function drawOverview() {
  const slots = new Map(runs.shown.map((run) => [run.id, run.slot]));
  const all = runs.list.map((run) => (
    { ...run, slot: slots.get(run.id), rows: run.frechet.map(([epoch, frechet]) => ({ epoch, frechet })) }));
  overview.figure.hidden = !overview.has(all);
  overview.draw(all, Math.max(0, ...runs.list.map((run) => run.epochs)), 0);
}

function point(epoch) {
  pointed = epoch;
  for (const chart of [overview, ...charts]) chart.point(epoch, samples.epoch);
}

function drawTitle() {
  const [run] = runs.shown;
  if (!run) return;
  const part = Math.floor((100 * (run.rows.at(-1)?.epoch ?? 0)) / (run.total || 1));
  document.title = run.state === "running" ? `${part}% · ${run.name}` : `${run.name} · ${run.state}`;
}

/** Shows the state of the connection to the server. */
function showConnection(state) {
  const live = byId("live");
  live.className = state;
  const text = { on: "live", off: "paused", lost: "no connection; the program that serves this page may have ended" }[state];
  if (live.textContent !== text) live.textContent = text;
}

async function show(ids) {
  await runs.show(ids);
  // The URL names the runs, so it can be shared.
  history.replaceState(null, "", `#${runs.shown.map((run) => encodeURIComponent(run.name)).join("&")}`);
}

async function start() {
  byId("charts").replaceChildren(...charts.map((chart) => chart.figure));
  byId("all").append(overview.figure);
  byId("others").addEventListener("toggle", drawCharts);
  byId("smooth").addEventListener("input", drawCharts);
  byId("only-box").addEventListener("change", () => drawSettings(runs.shown));
  new ResizeObserver(drawCharts).observe(byId("charts"));
  const viewport = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      charts.find((chart) => chart.figure === target).inViewport = isIntersecting;
    }
    drawCharts();
  }, { rootMargin: "100px" });
  for (const chart of charts) viewport.observe(chart.figure);
  document.addEventListener("visibilitychange", () => runs.connect());
  // Unlike decodeURIComponent, this accepts any text.
  const names = [...new URLSearchParams(location.hash.slice(1)).keys()];
  try {
    await runs.start(names);
    if (!runs.list.length) byId("shown").textContent = "There are no runs yet; a run appears here when it starts.";
  } catch (error) {
    showConnection("lost");
    byId("shown").textContent = String(error.message ?? error);
  }
}

start();
