// A chart: curves of some runs over epochs, as SVG, with values at the pointer or keyboard position.

import { element, formatCount, formatNumber, lastAtOrBefore, shortName, smooth } from "/data.js";

const LEFT = 46;
const RIGHT = 12;
const TOP = 20;
const BOTTOM = 34;
/** Room around the curves: the largest mark must not be clipped. */
const MARGIN = 9;

/** The smallest round number that is at least `step`: 1, 2 or 5 times a power of ten. */
function roundUp(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((times) => times * power >= step * 0.999) ?? 10);
}

function ticks(low, high, count) {
  const step = roundUp((high - low) / count);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(at * step);
  return found;
}

/** Ticks of a logarithmic axis: 1, 2 and 5 times powers of ten. */
function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power += 1) {
    for (const times of [1, 2, 5]) {
      const at = times * 10 ** power;
      if (at >= low * 0.999 && at <= high * 1.001) found.push(at);
    }
  }
  return found;
}

/**
 * `spec`: title; unit, the label of the y axis; lines, each with a name and `of`, its value in a row;
 * range, if fixed; log, for a logarithmic axis; sparse, if only some rows have a value.
 */
export class Chart {
  #spec;
  #onPoint;
  #onSelect;
  #layout = null;
  #legend = element("ul", { class: "legend" });
  #at = element("span", { class: "at" });
  #svg = element("svg:svg", { "aria-hidden": "true" });
  #cursor = element("svg:g");
  #plot;

  /** `onPoint` is called with an epoch or null, `onSelect` with an epoch. */
  constructor(spec, onPoint, onSelect) {
    this.#spec = spec;
    this.#onPoint = onPoint;
    this.#onSelect = onSelect;
    // For assistive technology the plot is a slider over epochs.
    this.#plot = element("div", {
      class: "plot", tabindex: "0", role: "slider", "aria-label": `${spec.title}, by epoch`,
      "aria-valuemin": "0",
    }, this.#svg);
    this.figure = element("figure", { class: "chart", id: `chart-${spec.id}` },
      element("figcaption", {}, element("h3", {}, spec.title), this.#at), this.#legend, this.#plot);
    this.#plot.addEventListener("pointermove", (event) => this.#onPoint(this.#epochAt(event)));
    this.#plot.addEventListener("pointerleave", () => this.#onPoint(null));
    this.#plot.addEventListener("click", (event) => this.#onSelect(this.#epochAt(event)));
    this.#plot.addEventListener("blur", () => this.#onPoint(null));
    this.#plot.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Whether the runs have values for this chart. */
  has(runs) {
    return runs.some((run) => run.rows.some((row) => Number.isFinite(this.#spec.lines[0].of(row))));
  }

  /** Draws everything up to the epoch `last`, smoothed over `width` epochs; call `point` afterwards. */
  draw(runs, last, width) {
    const { lines, sparse, id } = this.#spec;
    const size = { w: this.#plot.clientWidth, h: this.#plot.clientHeight };
    if (!size.w || !last) return;
    const curves = runs.flatMap((run) => lines.map((line, at) => {
      const rows = sparse ? run.rows.filter((row) => Number.isFinite(line.of(row))) : run.rows;
      const xs = rows.map((row) => row.epoch);
      // Non-finite values are null in JSON, and would count as 0.
      const ys = rows.map((row) => line.of(row) ?? NaN);
      const single = runs.length === 1;
      return {
        run, line, xs, ys, smoothed: sparse ? ys : smooth(xs, ys, width),
        // With one run each curve has a colour; with several, each run.
        style: single ? `s${line.slot ?? at}` : `s${run.slot}`, dash: !single && at ? "dashed" : "",
        plain: run.slot === undefined,
        name: single ? line.name : `${line.name} · ${shortName(run, runs)}`,
      };
    }));
    const y = this.#scale(curves, size);
    const x = (epoch) => LEFT + (epoch / last) * (size.w - LEFT - RIGHT);
    // Runs without a colour are drawn below the others, and have no legend.
    curves.sort((a, b) => b.plain - a.plain);
    const named = curves.filter(({ plain }) => !plain);
    this.#layout = { curves, named, x, y, last, size };
    this.#svg.setAttribute("viewBox", `0 0 ${size.w} ${size.h}`);
    const clip = element("svg:clipPath", { id: `clip-${id}` }, element("svg:rect", {
      x: 0, y: TOP - MARGIN, width: size.w, height: size.h - TOP - BOTTOM + 2 * MARGIN,
    }));
    const inside = element("svg:g", { "clip-path": `url(#clip-${id})` });
    for (const curve of curves) inside.append(...this.#curve(curve, x, y));
    this.#svg.replaceChildren(clip, ...this.#axes(x, y, last, size), inside, this.#cursor);
    this.#legend.replaceChildren(...named.map((curve) => element("li", { class: curve.style },
      element("svg:svg", { viewBox: "0 0 24 8", "aria-hidden": "true" },
        element("svg:path", { class: `curve ${curve.dash}`, d: "M0 4H24" })),
      curve.name, curve.value = element("b"))));
    this.#plot.setAttribute("aria-valuemax", last);
  }

  #scale(curves, { h }) {
    const { range, log } = this.#spec;
    let [low, high] = range ?? [Infinity, -Infinity];
    if (!range) {
      const all = curves.flatMap(({ ys }) => ys.filter(Number.isFinite)).sort((a, b) => a - b);
      if (!all.length) all.push(0, 1);
      // A few outliers must not flatten the rest.
      const quantile = (share) => all[Math.round(share * (all.length - 1))];
      const spread = quantile(0.99) - quantile(0.01);
      const outlier = (distance) => spread > 0 && distance > 3 * spread;
      low = outlier(quantile(0.01) - all[0]) ? quantile(0.01) - spread / 4 : all[0];
      high = outlier(all.at(-1) - quantile(0.99)) ? quantile(0.99) + spread / 4 : all.at(-1);
      if (!log && low > 0 && low < 0.6 * high) low = 0;
      if (high <= low) [low, high] = [low - 0.5, high + 0.5];
    }
    const logarithmic = log && low > 0 && high / low > 8;
    // A margin, so that no curve lies on the edge; an axis that starts at zero needs none below.
    const margin = range ? 0 : (high - low) * 0.06;
    if (logarithmic) [low, high] = [low / 1.15, high * 1.15];
    else [low, high] = [low === 0 ? 0 : low - margin, high + margin];
    const marks = logarithmic ? logTicks(low, high) : ticks(low, high, 4.5);
    const of = logarithmic ? Math.log : (value) => value;
    const place = (value) => h - BOTTOM - ((of(value) - of(low)) / (of(high) - of(low))) * (h - TOP - BOTTOM);
    return Object.assign(place, { marks: withoutOverlap(marks, place), logarithmic });
  }

  #axes(x, y, last, { w, h }) {
    const parts = [];
    const text = (content, attributes) => parts.push(element("svg:text", attributes, content));
    const decimals = Math.max(0, ...y.marks.map((at) => (String(+at.toPrecision(6)).split(".")[1] ?? "").length));
    for (const at of y.marks) {
      parts.push(element("svg:line", { class: "rule", x1: LEFT, x2: w - RIGHT, y1: y(at), y2: y(at) }));
      const label = y.logarithmic ? String(+at.toPrecision(3)) : at.toFixed(Math.min(decimals, 4));
      text(label, { x: LEFT - 7, y: y(at) + 4, "text-anchor": "end" });
    }
    parts.push(element("svg:line", { class: "axis", x1: LEFT, x2: w - RIGHT, y1: h - BOTTOM, y2: h - BOTTOM }));
    for (const at of ticks(0, last, w < 420 ? 4 : 6)) {
      parts.push(element("svg:line", { class: "axis", x1: x(at), x2: x(at), y1: h - BOTTOM, y2: h - BOTTOM + 4 }));
      const anchor = x(at) > w - RIGHT - 16 ? "end" : "middle";
      text(formatCount(at), { x: x(at), y: h - BOTTOM + 16, "text-anchor": anchor });
    }
    const unit = `${this.#spec.unit}${y.logarithmic ? " (logarithmic)" : ""}`;
    text(unit, { class: "unit", x: LEFT, y: 10 });
    text("epoch", { class: "unit", x: w - RIGHT, y: h - 3, "text-anchor": "end" });
    return parts;
  }

  #curve({ xs, ys, smoothed, style, dash, plain }, x, y) {
    const group = element("svg:g", { class: style });
    if (plain && xs.length > 1) {
      group.append(element("svg:path", { class: "plain", d: path(xs, ys, x, y) }));
    } else if (this.#spec.sparse) {
      group.append(element("svg:path", { class: `curve ${dash}`, d: path(xs, ys, x, y) }));
      xs.forEach((at, i) => group.append(
        element("svg:circle", { class: "mark", cx: x(at), cy: y(ys[i]), r: xs.length > 60 ? 2.5 : 3.5 })));
      const least = ys.indexOf(Math.min(...ys));
      if (this.#spec.log && xs.length > 1) {
        group.append(element("svg:circle", { class: "best", cx: x(xs[least]), cy: y(ys[least]), r: 7 }));
      }
    } else {
      if (smoothed !== ys) group.append(element("svg:path", { class: "raw", d: path(xs, ys, x, y) }));
      group.append(element("svg:path", { class: `curve ${dash}`, d: path(xs, smoothed, x, y) }));
    }
    return [group];
  }

  /** Shows the values at `epoch`, or at the end, and a line at the epoch of the samples shown. */
  point(epoch, sampled) {
    if (!this.#layout) return;
    const { named, x, y, last, size } = this.#layout;
    const parts = [];
    const line = (at, name) => element("svg:line", { class: name, x1: x(at), x2: x(at), y1: TOP - 4, y2: size.h - BOTTOM });
    if (sampled !== null && sampled <= last) parts.push(line(sampled, "sampled"));
    if (epoch !== null) parts.push(line(epoch, "cursor"));
    const values = named.map(({ xs, ys, smoothed, style, value, name }) => {
      const at = epoch === null ? xs.length - 1 : Math.max(0, nearest(xs, epoch));
      value.textContent = formatNumber(ys[at]);
      if (epoch !== null && Number.isFinite(smoothed[at])) {
        parts.push(element("svg:g", { class: style },
          element("svg:circle", { class: "dot", cx: x(xs[at]), cy: y(smoothed[at]), r: 4.5 })));
      }
      return `${name} ${formatNumber(ys[at])}`;
    });
    const shown = epoch ?? last;
    // Sparse values are those of the nearest evaluation.
    const xs = this.#spec.sparse ? named[0]?.xs ?? [] : [];
    const measured = xs.length ? xs[nearest(xs, shown)] : shown;
    this.#at.textContent = epoch === null ? "" : `epoch ${formatCount(measured)}`;
    this.#plot.setAttribute("aria-valuenow", shown);
    this.#plot.setAttribute("aria-valuetext", `epoch ${shown}: ${values.join(", ")}`);
    this.#cursor.replaceChildren(...parts);
  }

  /** The epoch of the row nearest to the pointer. */
  #epochAt(event) {
    if (!this.#layout) return null;
    const { curves, last, size } = this.#layout;
    const across = event.clientX - this.#plot.getBoundingClientRect().left - LEFT;
    const epoch = Math.min(Math.max(across / (size.w - LEFT - RIGHT), 0), 1) * last;
    const near = curves.filter(({ xs }) => xs.length).map(({ xs }) => xs[nearest(xs, epoch)]);
    return near.reduce((a, b) => (Math.abs(b - epoch) < Math.abs(a - epoch) ? b : a), near[0] ?? null);
  }

  #key(event) {
    if (!this.#layout || event.ctrlKey || event.metaKey || event.altKey) return;
    const xs = [...new Set(this.#layout.curves.flatMap((curve) => curve.xs))].sort((a, b) => a - b);
    const now = Number(this.#plot.getAttribute("aria-valuenow"));
    const at = lastAtOrBefore(xs, now);
    const page = Math.max(1, Math.round(xs.length / 20));
    const to = {
      ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
      PageDown: at - page, PageUp: at + page, Home: 0, End: xs.length - 1,
    }[event.key];
    if (event.key === "Escape") this.#onPoint(null);
    else if (event.key === "Enter") this.#onSelect(now);
    else if (to !== undefined) this.#onPoint(xs[Math.min(Math.max(to, 0), xs.length - 1)] ?? null);
    else return;
    event.preventDefault();
  }
}

function nearest(xs, epoch) {
  const at = Math.max(0, lastAtOrBefore(xs, epoch));
  return at + 1 < xs.length && xs[at + 1] - epoch < epoch - xs[at] ? at + 1 : at;
}

/** The marks without those that would overlap. */
function withoutOverlap(marks, place) {
  return marks.filter((at, i) => i === 0 || marks.length < 7 || Math.abs(place(at) - place(marks[i - 1])) > 16);
}

/** A path through the points; of several in a pixel column: the first, lowest, highest and last. */
function path(xs, ys, x, y) {
  let d = "";
  let pen = "M";
  const to = (i) => {
    d += `${pen}${x(xs[i]).toFixed(1)} ${y(ys[i]).toFixed(1)}`;
    pen = "L";
  };
  for (let i = 0; i < xs.length;) {
    if (!Number.isFinite(ys[i])) {
      pen = "M";
      i += 1;
      continue;
    }
    const pixel = Math.floor(x(xs[i]));
    const kept = [i, i, i, i];
    for (; i < xs.length && Math.floor(x(xs[i])) === pixel && Number.isFinite(ys[i]); i += 1) {
      if (ys[i] < ys[kept[1]]) kept[1] = i;
      if (ys[i] > ys[kept[2]]) kept[2] = i;
      kept[3] = i;
    }
    new Set(kept.sort((a, b) => a - b)).forEach(to);
  }
  return d;
}
