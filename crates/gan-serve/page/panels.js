// Everything but the charts: the runs, their samples, the log, the settings.

import { MAX_SHOWN, best, element, formatCount, formatDuration, formatNumber, lastAtOrBefore, speed } from "/data.js";

const byId = (id) => document.getElementById(id);
/** The most rows of a grid by class. */
const CLASS_ROWS = 20;
const swatch = (run) => element("span", { class: `swatch s${run.slot}`, "aria-hidden": "true" });

/** The kernel distance of samples, or the Fréchet distance in runs of earlier versions. */
const distance = ({ kernel_distance: kernel, frechet }) =>
  kernel === undefined ? `Fréchet ${formatNumber(frechet)}` : `KID ${formatNumber(kernel)}`;

/** The names of the classes above the first samples. */
const labels = (run, count) => element("ol", { class: "labels" }, ...(run.asked.length
  ? Array.from({ length: count }, (_, at) => element("li", {}, run.asked[at % run.asked.length])) : []));

/** Replaces the content of an element only if it differs, so that screen readers stay silent. */
function update(parent, ...children) {
  const next = element("div", {}, ...children);
  if (parent.innerHTML !== next.innerHTML) parent.replaceChildren(...next.childNodes);
}

/** The progress and the best result of each run that is shown. */
export function drawRuns(runs) {
  update(byId("shown"), ...runs.shown.map((run) => {
    const last = run.rows.at(-1);
    const done = last?.epoch ?? 0;
    const running = run.state === "running";
    const parts = [["epoch", run.total ? `${formatCount(done)} of ${formatCount(run.total)}` : formatCount(done)]];
    const rate = last && speed(run);
    if (rate) parts.push(["", `${rate.toFixed(1)} steps/s`]);
    if (rate && running && run.total > done) parts.push(["", `${formatDuration((run.total - done) / rate)} left`]);
    const lowest = best(run);
    if (lowest) parts.push(["best Fréchet", `${formatNumber(lowest.quality.frechet)} at ${formatCount(lowest.epoch)}`]);
    return element("li", { class: `s${run.slot}` },
      element("div", { class: "name" }, swatch(run), element("b", { title: run.name }, run.name),
        element("span", { class: `state ${run.state}` }, run.state)),
      element("div", { class: "progress" },
        element("progress", { max: run.total ?? Math.max(done, 1), value: done, "aria-label": `${run.name}: epochs done` }),
        element("div", { class: "figures" }, ...parts.map(([name, value]) =>
          element("div", {}, ...(name ? [element("span", {}, `${name} `)] : []), value)))));
  }));
}

/** A row with a checkbox for every run, the best first; `choose` is called with the ids of all checked ones. */
export function drawChoices(runs, choose) {
  byId("others").hidden = runs.list.length < 2;
  byId("others-count").textContent = `(${runs.list.length})`;
  const list = byId("choices");
  const ids = runs.shown.map((run) => run.id);
  const key = JSON.stringify([runs.list, ids]);
  if (list.dataset.key === key) return;
  // Keep the focus.
  const focused = document.activeElement?.closest?.("#choices input")?.value;
  list.dataset.key = key;
  const lowest = (run) => Math.min(Infinity, ...run.frechet.map(([, value]) => value));
  const ranked = runs.list.map((run) => [run, lowest(run)]).sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
  list.replaceChildren(...ranked.map(([run, best]) => {
    const on = ids.includes(run.id);
    const box = element("input", { type: "checkbox", value: run.id });
    box.checked = on;
    // At least one run is shown.
    box.disabled = (on && ids.length === 1) || (!on && ids.length >= MAX_SHOWN);
    box.addEventListener("change", () => choose(box.checked ? [...ids, run.id] : ids.filter((id) => id !== run.id)));
    const cell = (text) => element("td", {}, text);
    return element("tr", {}, element("td", {}, element("label", { title: run.name }, box, run.name)), cell(run.state),
      cell(formatCount(run.epochs)), cell(formatNumber(best)));
  }));
  if (focused !== undefined) list.querySelector(`input[value="${focused}"]`)?.focus();
}

/** Rows of samples at an epoch, with a slider. */
export class Samples {
  #runs = [];
  #epochs = [];
  #index = -1;
  #following = true;
  #timer = 0;
  #images = new Map();
  #onMove;

  /** `onMove` is called when the samples of another epoch are shown. */
  constructor(onMove) {
    this.#onMove = onMove;
    byId("epoch").addEventListener("input", ({ target }) => {
      this.#stop();
      this.#moveTo(Number(target.value));
    });
    byId("play").addEventListener("click", () => (this.#timer ? this.#stop() : this.#play()));
  }

  /** The epoch of the samples that are shown. */
  get epoch() {
    return this.#epochs[this.#index] ?? null;
  }

  draw(runs) {
    const epochs = [...new Set(runs.flatMap((run) => run.samples))].sort((a, b) => a - b);
    const key = runs.map((run) => run.id).join();
    const same = this.#runs.map((run) => run.id).join() === key;
    const current = this.epoch;
    this.#runs = runs;
    this.#epochs = epochs;
    if (!same) this.#createFrames();
    this.#drawClasses();
    byId("samples").hidden = !epochs.length;
    byId("timeline").hidden = epochs.length < 2;
    byId("epoch").max = Math.max(epochs.length - 1, 0);
    // At the end the slider follows new samples; elsewhere it keeps its epoch.
    this.#moveTo(this.#following || current === null ? epochs.length - 1 : lastAtOrBefore(epochs, current));
  }

  /** Shows the latest samples at `epoch`. */
  showAt(epoch) {
    this.#stop();
    this.#moveTo(Math.max(0, lastAtOrBefore(this.#epochs, epoch)));
  }

  #createFrames() {
    const strip = (run) => element("figure", { class: "strip", "data-run": run.id },
      element("figcaption", {}, element("span", { class: "name" }, swatch(run), run.name), element("span", { class: "info" })),
      labels(run, 10),
      element("div", { class: "frame" }));
    byId("strips").replaceChildren(...this.#runs.map(strip));
    byId("classes").replaceChildren(...this.#runs.filter(({ asked }) => asked.length).map((run) => {
      const shown = run.asked.slice(0, CLASS_ROWS);
      return element("details", { "data-run": run.id, open: this.#runs.length === 1 },
        element("summary", {}, `Each class of ${run.name}, with one latent in each column`),
        element("div", { class: "by-class" }, element("ol", {}, ...shown.map((name) => element("li", {}, name))),
          element("img", { alt: `Samples of ${run.name} by class` })));
    }));
    const run = this.#runs.find(({ reals }) => reals);
    byId("reals").replaceChildren();
    if (!run) return;
    const image = element("img", { src: `/api/runs/${run.id}/reals`, alt: "Real images of the data set" });
    const frame = element("div", { class: "frame" }, image);
    byId("reals").append(element("figure", { class: "strip" },
      element("figcaption", {}, element("span", {}, "real images, for comparison")), frame));
    // Of the grid of real images only the first row is visible.
    if (run.image) image.onload = () => { frame.style.aspectRatio = `${image.naturalWidth} / ${run.image.height}`; };
  }

  /** The grids by class are of the latest preview alone. */
  #drawClasses() {
    for (const details of byId("classes").children) {
      const run = this.#runs.find(({ id }) => String(id) === details.dataset.run);
      const latest = run?.samples.at(-1) ?? 0;
      const [image, path] = [details.querySelector("img"), `/api/runs/${run.id}/classes?${latest}`];
      if (image.getAttribute("src") !== path) image.src = path;
    }
  }

  #moveTo(index) {
    this.#index = index;
    this.#following = index === this.#epochs.length - 1;
    const slider = byId("epoch");
    slider.value = index;
    const epoch = this.epoch;
    if (epoch === null) return;
    slider.setAttribute("aria-valuetext", `epoch ${epoch}`);
    byId("epoch-value").textContent = `epoch ${formatCount(epoch)}`;
    for (const run of this.#runs) this.#show(run, epoch);
    this.#onMove();
  }

  #show(run, epoch) {
    const strip = byId("strips").querySelector(`[data-run="${run.id}"]`);
    const latest = run.samples[lastAtOrBefore(run.samples, epoch)];
    if (!strip || latest === undefined) return;
    const evaluated = run.rows.findLast((row) => row.epoch <= latest && row.quality);
    const info = [`epoch ${formatCount(latest)}`];
    if (evaluated) info.push(`${distance(evaluated.quality)}${evaluated.epoch === latest ? "" : ` at ${formatCount(evaluated.epoch)}`}`);
    strip.querySelector(".info").textContent = info.join(" · ");
    const frame = strip.querySelector(".frame");
    const image = this.#image(run, latest);
    if (frame.firstChild === image) return;
    frame.dataset.epoch = latest;
    // The old image stays until the new one is loaded.
    image.decode().catch(() => {}).then(() => {
      if (frame.dataset.epoch === String(latest)) frame.replaceChildren(image);
    });
  }

  #image(run, epoch) {
    const path = `/api/runs/${run.id}/samples/${epoch}`;
    let image = this.#images.get(path);
    if (!image) {
      image = element("img", { src: path, alt: `Samples of ${run.name} after ${epoch} epochs` });
      this.#images.set(path, image);
      // A limit, to save memory.
      if (this.#images.size > 1000) this.#images.delete(this.#images.keys().next().value);
    }
    return image;
  }

  #play() {
    if (this.#following) this.#moveTo(0);
    // At most ten seconds in total and eight images per second.
    const delay = Math.max(125, Math.min(400, 10000 / this.#epochs.length));
    const step = Math.max(1, Math.ceil(this.#epochs.length / 80));
    this.#timer = setInterval(() => {
      this.#moveTo(Math.min(this.#index + step, this.#epochs.length - 1));
      if (this.#following) this.#stop();
    }, delay);
    this.#updateButton();
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#updateButton();
  }

  #updateButton() {
    byId("play").textContent = this.#timer ? "Stop" : "Play";
    byId("play").setAttribute("aria-pressed", String(Boolean(this.#timer)));
  }
}

/** Events of the runs, the latest first. */
export function drawLog(runs) {
  const lines = runs.shown.flatMap((run) => {
    let lowest = Infinity;
    const entries = [];
    const add = (epoch, kind, text) => entries.push({ run, epoch, kind, text });
    for (const row of run.rows) {
      if (row.quality) {
        const { frechet, precision, recall, missing } = row.quality;
        const isBest = frechet < lowest;
        lowest = Math.min(lowest, frechet);
        const classes = (missing ?? []).map((index) => run.classes?.[index] ?? index).join(", ");
        add(row.epoch, isBest ? "best-line" : "", `Fréchet distance ${formatNumber(frechet)}, precision ${
          precision.toFixed(2)}, recall ${recall.toFixed(2)}${classes && `, missing classes: ${classes}`}${
          isBest ? "; the best so far" : ""}`);
      }
      if (row.finding) add(row.epoch, "warning", runs.messages[row.finding] ?? row.finding);
    }
    for (const epoch of run.samples) add(epoch, "minor", "samples written");
    const end = run.rows.at(-1)?.epoch ?? 0;
    for (const state of run.stateChanges) add(end, "", `now ${state}`);
    const { state, ending } = run;
    if (!run.stateChanges.length) {
      add(end, "", ending ? `${state} after ${formatCount(ending.epochs)} epochs, ${formatDuration(ending.seconds)} of training`
        : state);
    }
    return entries;
  });
  // Within an epoch the last entry is first.
  lines.reverse().sort((a, b) => b.epoch - a.epoch);
  const list = byId("lines");
  const several = runs.shown.length > 1;
  const keys = lines.slice(0, 300).map((line) => JSON.stringify([line.run.id, line.epoch, line.text]));
  // Existing lines stay, so that screen readers read only new ones.
  const existing = new Map([...list.children].map((item) => [item.dataset.key, item]));
  if (several !== (list.dataset.several === "true")) existing.clear();
  list.dataset.several = several;
  const items = keys.map((key, at) => existing.get(key) ?? item(lines[at], several, key));
  if (items.length !== list.children.length || items.some((item, at) => item !== list.children[at])) {
    for (const old of [...list.children]) if (!items.includes(old)) old.remove();
    items.forEach((item, at) => {
      if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
    });
  }
}

function item({ run, epoch, kind, text }, several, key) {
  const content = element("span", { class: kind || undefined }, ...(several ? [swatch(run)] : []), text);
  const made = element("li", {}, element("time", { title: `${run.name}, epoch ${epoch}` }, formatCount(epoch)), content);
  made.dataset.key = key;
  return made;
}

/** The settings of the runs side by side, and a summary of the differences. */
export function drawSettings(shown) {
  const key = JSON.stringify([byId("only-box").checked, shown.map((run) => [run.id, run.slot, run.settings])]);
  if (byId("table").dataset.key === key) return;
  byId("table").dataset.key = key;
  const of = shown.map((run) => new Map(run.settings));
  const names = [...new Set(shown.flatMap((run) => run.settings.map(([name]) => name)))];
  const group = (name) => ["training.", "model.", "dataset."].findLastIndex((part) => name.startsWith(part));
  // Settings of the training first, those without a group last.
  names.sort((a, b) => ((group(a) + 4) % 4) - ((group(b) + 4) % 4));
  const value = (map, name) => map.get(name) ?? "–";
  const differ = new Set(names.filter((name) => of.some((map) => value(map, name) !== value(of[0], name))));
  const several = shown.length > 1;
  byId("only").hidden = !several;
  const visible = several && byId("only-box").checked ? names.filter((name) => differ.has(name)) : names;
  const head = element("thead", { class: several ? "" : "visually-hidden" }, element("tr", {},
    element("th", { scope: "col" }, "setting"),
    ...shown.map((run) => element("th", { scope: "col" }, swatch(run), ` ${run.name}`))));
  const body = element("tbody", {}, ...visible.map((name) =>
    element("tr", { class: several && differ.has(name) ? "differs" : undefined },
      element("th", { scope: "row" }, flagName(name)),
      ...of.map((map) => element("td", {}, value(map, name))))));
  update(byId("table"), head, body);

  const summary = byId("differ");
  summary.hidden = !several;
  const named = [...differ].map((name) =>
    [element("b", {}, flagName(name)), ` ${of.map((map) => shorten(value(map, name))).join(" / ")}`]);
  update(summary, ...(named.length
    ? ["The runs differ in ", ...named.flatMap((pair, at) => (at ? ["; ", ...pair] : pair)), "."]
    : ["The runs have the same settings."]));
}

/** training.d_lr as d-lr, the name of the flag. */
function flagName(name) {
  return name.replace(/^(training|model)\./, "").replaceAll("_", "-");
}

function shorten(text) {
  return text.length > 30 ? `${text.slice(0, 29)}…` : text;
}
