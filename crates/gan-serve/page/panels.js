// What stands around the curves: the runs, their digits, the log, the settings.

import { best, count, duration, element, figure, speed, upTo } from "/data.js";

const byId = (id) => document.getElementById(id);
const swatch = (run) => element("span", { class: `swatch s${run.slot}`, "aria-hidden": "true" });

/** Changes what is in a place only if it is something else: what is the same is not read aloud anew. */
function put(place, ...children) {
  const next = element("div", {}, ...children);
  if (place.innerHTML !== next.innerHTML) place.replaceChildren(...next.childNodes);
}

/** A line for each run that is shown: how far it is, and what it has reached. */
export function drawRuns(runs) {
  put(byId("shown"), ...runs.shown.map((run) => {
    const last = run.rows.at(-1);
    const done = last?.epoch ?? 0;
    const running = run.state === "running";
    const parts = [["epoch", run.total ? `${count(done)} of ${count(run.total)}` : count(done)]];
    const rate = last && speed(run);
    if (rate) parts.push(["", `${rate.toFixed(1)} steps/s`]);
    if (rate && running && run.total > done) parts.push(["", `${duration((run.total - done) / rate)} left`]);
    const reached = best(run);
    if (reached) parts.push(["best Fréchet", `${figure(reached.quality.frechet)} at ${count(reached.epoch)}`]);
    return element("li", { class: `s${run.slot}` },
      element("div", { class: "name" }, swatch(run), element("b", { title: run.name }, run.name),
        element("span", { class: `state ${run.state}` }, run.state)),
      element("div", { class: "done-part" },
        element("progress", { max: run.total ?? Math.max(done, 1), value: done, "aria-label": `${run.name}: epochs done` }),
        element("div", { class: "figures" }, ...parts.map(([name, value]) =>
          element("div", {}, ...(name ? [element("span", {}, `${name} `)] : []), value)))));
  }));
}

/** The runs that can be shown beside, each with its box; `choose` is called with all ids. */
export function drawChoices(runs, choose) {
  byId("others").hidden = runs.list.length < 2;
  byId("others-count").textContent = `(${runs.list.length - 1})`;
  const list = byId("choices");
  const ids = runs.shown.map((run) => run.id);
  const key = JSON.stringify([runs.list, ids]);
  if (list.dataset.key === key) return;
  // The box that has the focus shall keep it.
  const focused = document.activeElement?.closest?.("#choices input")?.value;
  list.dataset.key = key;
  list.replaceChildren(...runs.list.map((run) => {
    const on = ids.includes(run.id);
    const box = element("input", { type: "checkbox", value: run.id });
    box.checked = on;
    // One is always shown, and no more than there are colours.
    box.disabled = (on && ids.length === 1) || (!on && ids.length >= 6);
    box.addEventListener("change", () => choose(box.checked ? [...ids, run.id] : ids.filter((id) => id !== run.id)));
    const about = [run.recipe, run.state].filter(Boolean).join(", ");
    return element("li", {}, element("label", {}, box, element("span", { title: run.name }, run.name),
      element("em", {}, about)));
  }));
  if (focused !== undefined) list.querySelector(`input[value="${focused}"]`)?.focus();
}

/** Rows of digits through time, with their slider. */
export class Digits {
  #runs = [];
  #epochs = [];
  #index = -1;
  #follows = true;
  #timer = 0;
  #pictures = new Map();
  #moved;

  /** `moved` is called when another epoch's digits are shown. */
  constructor(moved) {
    this.#moved = moved;
    byId("when").addEventListener("input", ({ target }) => {
      this.#stop();
      this.#to(Number(target.value));
    });
    byId("play").addEventListener("click", () => (this.#timer ? this.#stop() : this.#play()));
  }

  /** The epoch whose digits are shown. */
  get epoch() {
    return this.#epochs[this.#index] ?? null;
  }

  draw(runs) {
    const epochs = [...new Set(runs.flatMap((run) => run.samples))].sort((a, b) => a - b);
    const key = runs.map((run) => run.id).join();
    const same = this.#runs.map((run) => run.id).join() === key;
    const kept = this.epoch;
    this.#runs = runs;
    this.#epochs = epochs;
    if (!same) this.#frames();
    byId("digits").hidden = !epochs.length;
    byId("scrub").hidden = epochs.length < 2;
    byId("when").max = Math.max(epochs.length - 1, 0);
    // Who stands at the end stays there; who looks back stays where that is.
    this.#to(this.#follows || kept === null ? epochs.length - 1 : upTo(epochs, kept));
  }

  /** Shows the digits that were there at `epoch`. */
  at(epoch) {
    this.#stop();
    this.#to(Math.max(0, upTo(this.#epochs, epoch)));
  }

  #frames() {
    const strip = (run) => element("figure", { class: "strip", "data-run": run.id },
      element("figcaption", {}, element("span", { class: "name" }, swatch(run), run.name), element("span", { class: "then" })),
      element("div", { class: "frame" }));
    const real = this.#runs.find((run) => run.reals);
    const reals = real && element("figure", { class: "strip real" },
      element("figcaption", {}, element("span", {}, "real digits, for comparison")),
      element("div", { class: "frame" },
        element("img", { src: `/api/runs/${real.id}/reals`, alt: "Ten of the real digits that the nets learn from" })));
    byId("strips").replaceChildren(...this.#runs.map(strip));
    byId("real").replaceChildren(...(reals ? [reals] : []));
  }

  #to(index) {
    this.#index = index;
    this.#follows = index === this.#epochs.length - 1;
    const when = byId("when");
    when.value = index;
    const epoch = this.epoch;
    if (epoch === null) return;
    when.setAttribute("aria-valuetext", `epoch ${epoch}`);
    byId("when-said").textContent = `epoch ${count(epoch)}`;
    for (const run of this.#runs) this.#show(run, epoch);
    this.#moved();
  }

  #show(run, epoch) {
    const figureOf = byId("strips").querySelector(`[data-run="${run.id}"]`);
    const drawn = run.samples[upTo(run.samples, epoch)];
    if (!figureOf || drawn === undefined) return;
    const measured = run.rows.findLast((row) => row.epoch <= drawn && row.quality);
    const then = [`epoch ${count(drawn)}`];
    if (measured) then.push(`Fréchet ${figure(measured.quality.frechet)}${measured.epoch === drawn ? "" : ` at ${count(measured.epoch)}`}`);
    figureOf.querySelector(".then").textContent = then.join(" · ");
    const frame = figureOf.querySelector(".frame");
    const picture = this.#picture(run, drawn);
    if (frame.firstChild === picture) return;
    frame.dataset.wanted = drawn;
    // The old picture stays until the new one can be seen.
    picture.decode().catch(() => {}).then(() => {
      if (frame.dataset.wanted === String(drawn)) frame.replaceChildren(picture);
    });
  }

  #picture(run, epoch) {
    const path = `/api/runs/${run.id}/samples/${epoch}`;
    let picture = this.#pictures.get(path);
    if (!picture) {
      picture = element("img", { src: path, alt: `Ten digits that ${run.name} drew after ${epoch} epochs` });
      this.#pictures.set(path, picture);
      // The oldest go; a thousand are some megabytes.
      if (this.#pictures.size > 1000) this.#pictures.delete(this.#pictures.keys().next().value);
    }
    return picture;
  }

  #play() {
    if (this.#follows) this.#to(0);
    // Ten seconds at the most, and no more than eight pictures a second.
    const pause = Math.max(125, Math.min(400, 10000 / this.#epochs.length));
    const stride = Math.max(1, Math.ceil(this.#epochs.length / 80));
    this.#timer = setInterval(() => {
      this.#to(Math.min(this.#index + stride, this.#epochs.length - 1));
      if (this.#follows) this.#stop();
    }, pause);
    this.#said();
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#said();
  }

  #said() {
    byId("play").textContent = this.#timer ? "Stop" : "Play";
    byId("play").setAttribute("aria-pressed", String(Boolean(this.#timer)));
  }
}

/** What happened, the latest first. */
export function drawLog(runs) {
  const lines = runs.shown.flatMap((run) => {
    let least = Infinity;
    const told = [];
    const tell = (epoch, kind, words) => told.push({ run, epoch, kind, words });
    for (const row of run.rows) {
      if (row.quality) {
        const { frechet, precision, recall } = row.quality;
        const first = frechet < least;
        least = Math.min(least, frechet);
        tell(row.epoch, first ? "best-line" : "", `Fréchet distance ${figure(frechet)}, precision ${
          precision.toFixed(2)}, recall ${recall.toFixed(2)}${first ? ": the best so far" : ""}`);
      }
      if (row.finding) tell(row.epoch, "finding", runs.words[row.finding] ?? row.finding);
    }
    for (const epoch of run.samples) tell(epoch, "minor", "drew ten digits");
    const end = run.rows.at(-1)?.epoch ?? 0;
    for (const state of run.news) tell(end, "", `now ${state}`);
    const { state, ending } = run;
    if (!run.news.length) {
      tell(end, "", ending ? `${state} after ${count(ending.epochs)} epochs, ${duration(ending.seconds)} of training`
        : `is ${state}`);
    }
    return told;
  });
  // Of one epoch, what was told last comes first.
  lines.reverse().sort((a, b) => b.epoch - a.epoch);
  const list = byId("lines");
  const several = runs.shown.length > 1;
  const keys = lines.slice(0, 300).map((line) => JSON.stringify([line.run.id, line.epoch, line.words]));
  // Lines that are there stay, so that only new ones are read aloud.
  const there = new Map([...list.children].map((item) => [item.dataset.key, item]));
  if (several !== (list.dataset.several === "true")) there.clear();
  list.dataset.several = several;
  const items = keys.map((key, at) => there.get(key) ?? item(lines[at], several, key));
  if (items.length !== list.children.length || items.some((item, at) => item !== list.children[at])) {
    for (const old of [...list.children]) if (!items.includes(old)) old.remove();
    items.forEach((item, at) => {
      if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
    });
  }
}

function item({ run, epoch, kind, words }, several, key) {
  const text = element("span", { class: kind || undefined }, ...(several ? [swatch(run)] : []), words);
  const made = element("li", {}, element("time", { title: `${run.name}, epoch ${epoch}` }, count(epoch)), text);
  made.dataset.key = key;
  return made;
}

/** Every setting of the runs, side by side, and what differs named. */
export function drawSettings(shown) {
  const key = JSON.stringify([byId("only-box").checked, shown.map((run) => [run.id, run.slot, run.settings])]);
  if (byId("table").dataset.key === key) return;
  byId("table").dataset.key = key;
  const of = shown.map((run) => new Map(run.settings));
  const names = [...new Set(shown.flatMap((run) => run.settings.map(([name]) => name)))];
  const group = (name) => ["training.", "model.", "dataset."].findLastIndex((part) => name.startsWith(part));
  // What the training was told to do comes first; what is in no group, last.
  names.sort((a, b) => ((group(a) + 4) % 4) - ((group(b) + 4) % 4));
  const value = (map, name) => map.get(name) ?? "–";
  const differ = new Set(names.filter((name) => of.some((map) => value(map, name) !== value(of[0], name))));
  const several = shown.length > 1;
  byId("only").hidden = !several;
  const visible = several && byId("only-box").checked ? names.filter((name) => differ.has(name)) : names;
  const head = element("thead", { class: several ? "" : "unseen" }, element("tr", {},
    element("th", { scope: "col" }, "setting"),
    ...shown.map((run) => element("th", { scope: "col" }, swatch(run), ` ${run.name}`))));
  const body = element("tbody", {}, ...visible.map((name) =>
    element("tr", { class: several && differ.has(name) ? "differs" : undefined },
      element("th", { scope: "row" }, words(name)),
      ...of.map((map) => element("td", {}, value(map, name))))));
  put(byId("table"), head, body);

  const said = byId("differ");
  said.hidden = !several;
  const named = [...differ].map((name) =>
    [element("b", {}, words(name)), ` ${of.map((map) => short(value(map, name))).join(" / ")}`]);
  put(said, ...(named.length
    ? ["They differ in ", ...named.flatMap((pair, at) => (at ? ["; ", ...pair] : pair)), "."]
    : ["Their settings are the same."]));
}

/** training.d_lr as d-lr, the flag's name. */
function words(name) {
  return name.replace(/^(training|model)\./, "").replaceAll("_", "-");
}

function short(text) {
  return text.length > 28 ? `${text.slice(0, 27)}…` : text;
}
