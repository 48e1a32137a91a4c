// The runs as the server sends them, and helper functions.

/** The largest number of runs shown side by side: the number of colours. */
export const MAX_SHOWN = 6;
/** With more rows, they are requested again, downsampled by the server. */
const MAX_ROWS = 4000;

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${(await response.text()).trim()}`);
  return response.json();
}

/** All runs, those that are shown, and the connection to the server while the page is visible. */
export class Runs {
  /** Every run: id, name, state, total, epochs, and frechet: pairs of an epoch and a Fréchet distance. */
  list = [];
  /** The runs that are shown, each with its settings, samples and rows. */
  shown = [];
  /** The message of each warning. */
  messages = {};
  #source = null;
  #onChange;
  #onConnection;
  #retry = 0;

  /** `onChange` is called after a change, with true if it is urgent; `onConnection` with "on", "off" or "lost". */
  constructor(onChange, onConnection) {
    this.#onChange = onChange;
    this.#onConnection = onConnection;
  }

  /** Requests the list, and shows the runs of these names, or else the current one. */
  async start(names) {
    const { runs, words, focus } = await get("/api/runs");
    this.list = runs;
    this.messages = words;
    const named = names.map((name) => runs.find((run) => run.name === name)?.id);
    let ids = named.filter((id) => id !== undefined);
    const current = runs.find((run) => run.id === focus)
      ?? runs.findLast((run) => run.state === "running") ?? runs.at(-1);
    if (!ids.length && current) ids = [current.id];
    await this.show(ids);
  }

  /** Shows these runs in this order; those that were shown before keep their rows. */
  async show(ids) {
    const known = (id) => this.shown.find((run) => run.id === id) ?? this.#load(id);
    const loaded = await Promise.allSettled(ids.slice(0, MAX_SHOWN).map(known));
    this.shown = loaded.flatMap(({ value }) => value ?? []);
    // A run keeps its colour while it is shown.
    const taken = new Set(this.shown.map((run) => run.slot));
    for (const run of this.shown) {
      if (run.slot !== undefined) continue;
      run.slot = [0, 1, 2, 3, 4, 5].find((slot) => !taken.has(slot));
      taken.add(run.slot);
    }
    this.#onChange(true);
    this.connect();
  }

  async #load(id) {
    const [run, { rows, of }] = await Promise.all([
      get(`/api/runs/${id}`), get(`/api/runs/${id}/rows`),
    ]);
    return { ...run, rows, of, stateChanges: [] };
  }

  async #reload(run, after) {
    if (run.loading) return;
    run.loading = true;
    try {
      const query = after ? `?after=${after}` : "";
      const { rows, of } = await get(`/api/runs/${run.id}/rows${query}`);
      run.rows = after ? [...run.rows, ...rows] : rows;
      run.of = of;
    } catch {
      // The next event tries again.
    } finally {
      run.loading = false;
    }
    this.#onChange();
  }

  /** Subscribes to changes of the runs that are shown. */
  connect() {
    this.#disconnect();
    if (document.hidden) return;
    const ids = this.shown.map((run) => run.id).join(",");
    const source = new EventSource(`/api/events?runs=${ids}`);
    this.#source = source;
    source.onopen = () => this.#onConnection("on");
    source.onerror = () => {
      this.#onConnection("lost");
      // The browser reconnects unless the request was refused.
      if (source.readyState === EventSource.CLOSED) this.#retry = setTimeout(() => this.connect(), 2000);
    };
    const on = (name, handle) => source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
    on("runs", ({ runs }) => {
      // Another server may use the address now, with other runs.
      const replaced = this.shown.some((run) => runs.find(({ id }) => id === run.id)?.name !== run.name);
      if (replaced) return location.reload();
      this.list = runs;
      if (!this.shown.length && runs.length) return this.show([runs.at(-1).id]);
      this.#onChange();
    });
    on("run", (now) => {
      const run = this.shown.find(({ id }) => id === now.id);
      if (!run) return;
      if (run.state !== now.state) run.stateChanges.push(now.state);
      Object.assign(run, now);
      this.#onChange();
    });
    on("rows", ({ id, from, rows, of }) => {
      const run = this.shown.find((run) => run.id === id);
      if (!run) return;
      const last = run.rows.at(-1)?.epoch ?? 0;
      run.of = of;
      if (from > last) return this.#reload(run, last);
      if (from < last && !rows.length) return this.#reload(run);
      run.rows.push(...rows.filter((row) => row.epoch > last));
      if (run.rows.length > MAX_ROWS) return this.#reload(run);
      if (rows.length) this.#onChange();
    });
    on("again", ({ id }) => {
      const run = this.shown.find((run) => run.id === id);
      if (run) this.#reload(run);
    });
  }

  /** Ends the subscription, so that a hidden page costs nothing. */
  #disconnect() {
    clearTimeout(this.#retry);
    if (this.#source) this.#onConnection("off");
    this.#source?.close();
    this.#source = null;
  }
}

/** The row with the lowest Fréchet distance. */
export function best(run) {
  return run.rows.reduce((best, row) => row.quality
    && !(best?.quality.frechet <= row.quality.frechet) ? row : best, null);
}

/** Steps per second over the last rows. */
export function speed(run) {
  const last = run.rows.at(-1);
  // The clock starts at zero when a run is resumed.
  const first = run.rows.slice(-12).find((row) => row.seconds < last.seconds);
  return first && (last.epoch - first.epoch) / (last.seconds - first.seconds);
}

/**
 * The mean of all points, weighted by exp(-distance / width): symmetric, so that the smoothed curve
 * does not lag.
 */
export function smooth(xs, ys, width) {
  if (!width) return ys;
  const pass = (order) => {
    const sums = new Float64Array(ys.length);
    const weights = new Float64Array(ys.length);
    let [sum, weight, previous] = [0, 0, null];
    for (const i of order) {
      const decay = previous === null ? 0 : Math.exp(-Math.abs(xs[i] - xs[previous]) / width);
      sums[i] = sum = sum * decay + ys[i];
      weights[i] = weight = weight * decay + 1;
      previous = i;
    }
    return [sums, weights];
  };
  const finite = [...ys.keys()].filter((i) => Number.isFinite(ys[i]));
  const [a, aw] = pass(finite);
  const [b, bw] = pass(finite.toReversed());
  return ys.map((y, i) => (Number.isFinite(y) ? (a[i] + b[i] - y) / (aw[i] + bw[i] - 1) : NaN));
}

/** The index of the last of these sorted epochs that is not after `epoch`, or -1. */
export function lastAtOrBefore(list, epoch) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= epoch) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The number of a run if it is unique, else the name. */
export function shortName(run, others) {
  const number = ({ name }) => name.match(/^\d+/)?.[0];
  const unique = others.filter((other) => number(other) === number(run)).length === 1;
  return (unique && number(run)) || run.name;
}

/** 10000 as 10 000. */
export function formatCount(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** 0.6697 as 0.670, 12.345 as 12.3. */
export function formatNumber(number) {
  if (number === undefined || number === null || !Number.isFinite(number)) return "–";
  const size = Math.abs(number);
  return number.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

/** 3725 s as 1 h 02 min. */
export function formatDuration(seconds) {
  const whole = Math.round(seconds);
  const two = (part) => String(part).padStart(2, "0");
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${whole} s`;
}

/** Creates an HTML element, or an SVG element if the name starts with `svg:`. */
export function element(name, attributes = {}, ...children) {
  const [, svg, tag] = name.match(/^(svg:)?(.*)$/);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
