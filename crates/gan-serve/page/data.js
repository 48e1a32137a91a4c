// What the server knows of the runs, and how it comes here.

/** So many runs fit side by side: as many as there are colours. */
export const MOST_SHOWN = 6;
/** So many rows are kept before the server is asked to thin them again. */
const MOST_ROWS = 4000;

async function get(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${(await answer.text()).trim()}`);
  return answer.json();
}

/** The runs there are, those that are shown, and a line to the server while the page is seen. */
export class Runs {
  /** Every run: id, name, state, total, recipe. */
  list = [];
  /** Those that are shown, each with its settings, samples and rows. */
  shown = [];
  /** What a finding means. */
  words = {};
  #source = null;
  #changed;
  #connected;
  #again = 0;

  /** `changed` is called after anything is new, with true if it cannot wait; `connected` with "on", "off" or "lost". */
  constructor(changed, connected) {
    this.#changed = changed;
    this.#connected = connected;
  }

  /** Reads the list, and shows the runs of these names, or else the likeliest one. */
  async begin(names) {
    const { runs, words, focus } = await get("/api/runs");
    this.list = runs;
    this.words = words;
    const named = names.map((name) => runs.find((run) => run.name === name)?.id);
    let ids = named.filter((id) => id !== undefined);
    const usual = runs.find((run) => run.id === focus)
      ?? runs.findLast((run) => run.state === "running") ?? runs.at(-1);
    if (!ids.length && usual) ids = [usual.id];
    await this.show(ids);
  }

  /** Shows these runs, in this order; what is known of them is kept. */
  async show(ids) {
    const known = (id) => this.shown.find((run) => run.id === id) ?? this.#load(id);
    const loaded = await Promise.allSettled(ids.slice(0, MOST_SHOWN).map(known));
    this.shown = loaded.flatMap(({ value }) => value ?? []);
    // A run keeps its colour as long as it is shown.
    const taken = new Set(this.shown.map((run) => run.slot));
    for (const run of this.shown) {
      if (run.slot !== undefined) continue;
      run.slot = [0, 1, 2, 3, 4, 5].find((slot) => !taken.has(slot));
      taken.add(run.slot);
    }
    this.#changed(true);
    this.listen();
  }

  async #load(id) {
    const [run, { rows, of }] = await Promise.all([
      get(`/api/runs/${id}`), get(`/api/runs/${id}/rows`),
    ]);
    return { ...run, rows, of, news: [] };
  }

  async #reload(run, after) {
    if (run.asking) return;
    run.asking = true;
    try {
      const query = after ? `?after=${after}` : "";
      const { rows, of } = await get(`/api/runs/${run.id}/rows${query}`);
      run.rows = after ? [...run.rows, ...rows] : rows;
      run.of = of;
    } catch {
      // The server is gone or busy; its next message asks again.
    } finally {
      run.asking = false;
    }
    this.#changed();
  }

  /** Opens the line to the server, and closes the one before. */
  listen() {
    this.hush();
    if (document.hidden) return;
    const ids = this.shown.map((run) => run.id).join(",");
    const source = new EventSource(`/api/events?runs=${ids}`);
    this.#source = source;
    source.onopen = () => this.#connected("on");
    source.onerror = () => {
      this.#connected("lost");
      // The browser tries again by itself, unless it was refused.
      if (source.readyState === EventSource.CLOSED) this.#again = setTimeout(() => this.listen(), 2000);
    };
    const on = (name, take) => source.addEventListener(name, (event) => take(JSON.parse(event.data)));
    on("runs", ({ runs }) => {
      // Another server may be listening here now, with other runs in its list.
      const moved = this.shown.some((run) => runs.find(({ id }) => id === run.id)?.name !== run.name);
      if (moved) return location.reload();
      this.list = runs;
      if (!this.shown.length && runs.length) return this.show([runs.at(-1).id]);
      this.#changed();
    });
    on("run", (now) => {
      const run = this.shown.find(({ id }) => id === now.id);
      if (!run) return;
      if (run.state !== now.state) run.news.push(now.state);
      Object.assign(run, now);
      this.#changed();
    });
    on("rows", ({ id, from, rows, of }) => {
      const run = this.shown.find((run) => run.id === id);
      if (!run) return;
      const last = run.rows.at(-1)?.epoch ?? 0;
      run.of = of;
      if (from > last) return this.#reload(run, last);
      if (from < last && !rows.length) return this.#reload(run);
      run.rows.push(...rows.filter((row) => row.epoch > last));
      if (run.rows.length > MOST_ROWS) return this.#reload(run);
      if (rows.length) this.#changed();
    });
    on("again", ({ id }) => {
      const run = this.shown.find((run) => run.id === id);
      if (run) this.#reload(run);
    });
  }

  /** Closes the line: a page that nobody sees costs nothing. */
  hush() {
    clearTimeout(this.#again);
    if (this.#source) this.#connected("off");
    this.#source?.close();
    this.#source = null;
  }
}

/** The row of the least Fréchet distance. */
export function best(run) {
  return run.rows.reduce((best, row) => row.quality
    && !(best?.quality.frechet <= row.quality.frechet) ? row : best, null);
}

/** Steps a second over the last rows. */
export function speed(run) {
  const last = run.rows.at(-1);
  // The clock begins anew when a run is resumed.
  const first = run.rows.slice(-12).find((row) => row.seconds < last.seconds);
  return first && (last.epoch - first.epoch) / (last.seconds - first.seconds);
}

/**
 * The mean of the points around each, which weighs them by e to the minus distance / width: as
 * many on one side as on the other, so that a smoothed curve does not lag.
 */
export function smooth(xs, ys, width) {
  if (!width) return ys;
  const run = (order) => {
    const sums = new Float64Array(ys.length);
    const weights = new Float64Array(ys.length);
    let [sum, weight, before] = [0, 0, null];
    for (const i of order) {
      const fade = before === null ? 0 : Math.exp(-Math.abs(xs[i] - xs[before]) / width);
      sums[i] = sum = sum * fade + ys[i];
      weights[i] = weight = weight * fade + 1;
      before = i;
    }
    return [sums, weights];
  };
  const there = [...ys.keys()].filter((i) => Number.isFinite(ys[i]));
  const [a, aw] = run(there);
  const [b, bw] = run(there.toReversed());
  return ys.map((y, i) => (Number.isFinite(y) ? (a[i] + b[i] - y) / (aw[i] + bw[i] - 1) : NaN));
}

/** The place in a list, sorted by epoch, of the last one that is not after `epoch`. */
export function upTo(list, epoch, of = (item) => item) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(list[middle]) <= epoch) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** A run's number, if that tells it from the others; else its name. */
export function shortName(run, others) {
  const number = ({ name }) => name.match(/^\d+/)?.[0];
  const alone = others.filter((other) => number(other) === number(run)).length === 1;
  return (alone && number(run)) || run.name;
}

/** 10000 as 10 000. */
export function count(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** 0.6697 as 0.670, 12.345 as 12.3. */
export function figure(number) {
  if (number === undefined || number === null || !Number.isFinite(number)) return "–";
  const size = Math.abs(number);
  return number.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

/** 3725 s as 1 h 02 min. */
export function duration(seconds) {
  const whole = Math.round(seconds);
  const two = (part) => String(part).padStart(2, "0");
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
  if (whole >= 60) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${whole} s`;
}

/** An element of the page, or with `svg:` before its name of a drawing. */
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
