// A chart: curves of some runs over epochs, drawn as SVG, read by pointer and keys.

import { count, element, figure, shortName, smooth, upTo } from "/data.js";

const LEFT = 46;
const RIGHT = 12;
const TOP = 20;
const BOTTOM = 34;

/** The least round number that is not below `step`: 1, 2 or 5 times a power of ten. */
function round(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((times) => times * power >= step * 0.999) ?? 10);
}

function ticks(low, high, about) {
  const step = round((high - low) / about);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(at * step);
  return found;
}

/** 1, 2 and 5 times powers of ten. */
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
 * `spec`: title; unit, the name of the y axis; lines, each a name and what it is of a row;
 * range, if it is fixed; log, if its axis is; sparse, if it is there in some rows only.
 */
export class Chart {
  #spec;
  #pointed;
  #chosen;
  #drawn = null;
  #legend = element("ul", { class: "legend" });
  #at = element("span", { class: "at" });
  #svg = element("svg:svg", { "aria-hidden": "true" });
  #hand = element("svg:g");
  #plot;

  /** `pointed` is called with an epoch or null, `chosen` with an epoch. */
  constructor(spec, pointed, chosen) {
    this.#spec = spec;
    this.#pointed = pointed;
    this.#chosen = chosen;
    // A slider, for that is what it is to whoever cannot see it: an epoch, and what was then.
    this.#plot = element("div", {
      class: "plot", tabindex: "0", role: "slider", "aria-label": `${spec.title}, by epoch`,
      "aria-valuemin": "0",
    }, this.#svg);
    this.figure = element("figure", { class: "chart", id: `chart-${spec.id}` },
      element("figcaption", {}, element("h3", {}, spec.title), this.#at), this.#legend, this.#plot);
    this.#plot.addEventListener("pointermove", (event) => this.#pointed(this.#epochAt(event)));
    this.#plot.addEventListener("pointerleave", () => this.#pointed(null));
    this.#plot.addEventListener("click", (event) => this.#chosen(this.#epochAt(event)));
    this.#plot.addEventListener("blur", () => this.#pointed(null));
    this.#plot.addEventListener("keydown", (event) => this.#key(event));
  }

  /** What a run has of this chart. */
  has(runs) {
    return runs.some((run) => run.rows.some((row) => Number.isFinite(this.#spec.lines[0].of(row))));
  }

  /** Draws everything up to the epoch `last`, smoothed over `width` epochs; `point` comes after. */
  draw(runs, last, width) {
    const { lines, sparse, id } = this.#spec;
    const size = { w: this.#plot.clientWidth, h: this.#plot.clientHeight };
    if (!size.w || !last) return;
    const curves = runs.flatMap((run) => lines.map((line, at) => {
      const rows = sparse ? run.rows.filter((row) => Number.isFinite(line.of(row))) : run.rows;
      const xs = rows.map((row) => row.epoch);
      // A loss that is no number is null in JSON, and 0 in arithmetic.
      const ys = rows.map((row) => line.of(row) ?? NaN);
      const single = runs.length === 1;
      return {
        run, line, xs, ys, smoothed: sparse ? ys : smooth(xs, ys, width),
        // Of one run, colours tell curves apart; of several, they tell runs apart.
        style: single ? `s${line.slot ?? at}` : `s${run.slot}`, dash: !single && at ? "dashed" : "",
        name: single ? line.name : `${line.name} · ${shortName(run, runs)}`,
      };
    }));
    const y = this.#scale(curves, size);
    const x = (epoch) => LEFT + (epoch / last) * (size.w - LEFT - RIGHT);
    this.#drawn = { curves, x, y, last, size };
    this.#svg.setAttribute("viewBox", `0 0 ${size.w} ${size.h}`);
    const clip = element("svg:clipPath", { id: `clip-${id}` }, element("svg:rect", {
      x: 0, y: TOP - 6, width: size.w, height: size.h - TOP - BOTTOM + 12,
    }));
    const inside = element("svg:g", { "clip-path": `url(#clip-${id})` });
    for (const curve of curves) inside.append(...this.#curve(curve, x, y));
    this.#svg.replaceChildren(clip, ...this.#axes(x, y, last, size), inside, this.#hand);
    this.#legend.replaceChildren(...curves.map((curve) => element("li", { class: curve.style },
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
      // A single peak does not flatten all the rest, unless it is the rest.
      const part = (share) => all[Math.round(share * (all.length - 1))];
      const usual = part(0.99) - part(0.01);
      const lone = (distance) => usual > 0 && distance > 3 * usual;
      low = lone(part(0.01) - all[0]) ? part(0.01) - usual / 4 : all[0];
      high = lone(all.at(-1) - part(0.99)) ? part(0.99) + usual / 4 : all.at(-1);
      if (!log && low > 0 && low < 0.6 * high) low = 0;
      if (high <= low) [low, high] = [low - 0.5, high + 0.5];
    }
    const logarithmic = log && low > 0 && high / low > 8;
    const marks = logarithmic ? logTicks(low / 1.15, high * 1.15) : ticks(low, high, 4);
    if (logarithmic) [low, high] = [low / 1.15, high * 1.15];
    else if (!range) high += (high - low) * 0.04;
    const of = logarithmic ? Math.log : (value) => value;
    const place = (value) => h - BOTTOM - ((of(value) - of(low)) / (of(high) - of(low))) * (h - TOP - BOTTOM);
    return Object.assign(place, { marks: thinned(marks, place), logarithmic });
  }

  #axes(x, y, last, { w, h }) {
    const parts = [];
    const text = (words, attributes) => parts.push(element("svg:text", attributes, words));
    const decimals = Math.max(0, ...y.marks.map((at) => (String(+at.toPrecision(6)).split(".")[1] ?? "").length));
    for (const at of y.marks) {
      parts.push(element("svg:line", { class: "rule", x1: LEFT, x2: w - RIGHT, y1: y(at), y2: y(at) }));
      const words = y.logarithmic ? String(+at.toPrecision(3)) : at.toFixed(Math.min(decimals, 4));
      text(words, { x: LEFT - 7, y: y(at) + 4, "text-anchor": "end" });
    }
    parts.push(element("svg:line", { class: "axis", x1: LEFT, x2: w - RIGHT, y1: h - BOTTOM, y2: h - BOTTOM }));
    for (const at of ticks(0, last, w < 420 ? 4 : 6)) {
      parts.push(element("svg:line", { class: "axis", x1: x(at), x2: x(at), y1: h - BOTTOM, y2: h - BOTTOM + 4 }));
      const anchor = x(at) > w - RIGHT - 16 ? "end" : "middle";
      text(count(at), { x: x(at), y: h - BOTTOM + 16, "text-anchor": anchor });
    }
    const unit = `${this.#spec.unit}${y.logarithmic ? " (logarithmic)" : ""}`;
    text(unit, { class: "unit", x: LEFT, y: 10 });
    text("epoch", { class: "unit", x: w - RIGHT, y: h - 3, "text-anchor": "end" });
    return parts;
  }

  #curve({ xs, ys, smoothed, style, dash }, x, y) {
    const group = element("svg:g", { class: style });
    if (this.#spec.sparse) {
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

  /** Shows what was at `epoch`, or at the end; and a line at the epoch of the picture. */
  point(epoch, pictured) {
    if (!this.#drawn) return;
    const { curves, x, y, last, size } = this.#drawn;
    const parts = [];
    const line = (at, name) => element("svg:line", { class: name, x1: x(at), x2: x(at), y1: TOP - 4, y2: size.h - BOTTOM });
    if (pictured !== null && pictured <= last) parts.push(line(pictured, "picture"));
    if (epoch !== null) parts.push(line(epoch, "hand"));
    const said = curves.map(({ xs, ys, smoothed, style, value, name }) => {
      const at = epoch === null ? xs.length - 1 : Math.max(0, nearest(xs, epoch));
      value.textContent = figure(ys[at]);
      if (epoch !== null && Number.isFinite(smoothed[at])) {
        parts.push(element("svg:g", { class: style },
          element("svg:circle", { class: "dot", cx: x(xs[at]), cy: y(smoothed[at]), r: 4.5 })));
      }
      return `${name} ${figure(ys[at])}`;
    });
    const then = epoch ?? last;
    // What is measured now and then is told of when it was.
    const xs = this.#spec.sparse ? curves[0].xs : [];
    const measured = xs.length ? xs[nearest(xs, then)] : then;
    this.#at.textContent = epoch === null ? "" : `epoch ${count(measured)}`;
    this.#plot.setAttribute("aria-valuenow", then);
    this.#plot.setAttribute("aria-valuetext", `epoch ${then}: ${said.join(", ")}`);
    this.#hand.replaceChildren(...parts);
  }

  /** The epoch of the row that is nearest to a pointer. */
  #epochAt(event) {
    if (!this.#drawn) return null;
    const { curves, last, size } = this.#drawn;
    const across = event.clientX - this.#plot.getBoundingClientRect().left - LEFT;
    const epoch = Math.min(Math.max(across / (size.w - LEFT - RIGHT), 0), 1) * last;
    const near = curves.filter(({ xs }) => xs.length).map(({ xs }) => xs[nearest(xs, epoch)]);
    return near.reduce((a, b) => (Math.abs(b - epoch) < Math.abs(a - epoch) ? b : a), near[0] ?? null);
  }

  #key(event) {
    if (!this.#drawn || event.ctrlKey || event.metaKey || event.altKey) return;
    const xs = [...new Set(this.#drawn.curves.flatMap((curve) => curve.xs))].sort((a, b) => a - b);
    const now = Number(this.#plot.getAttribute("aria-valuenow"));
    const at = upTo(xs, now);
    const far = Math.max(1, Math.round(xs.length / 20));
    const to = {
      ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1,
      PageDown: at - far, PageUp: at + far, Home: 0, End: xs.length - 1,
    }[event.key];
    if (event.key === "Escape") this.#pointed(null);
    else if (event.key === "Enter") this.#chosen(now);
    else if (to !== undefined) this.#pointed(xs[Math.min(Math.max(to, 0), xs.length - 1)] ?? null);
    else return;
    event.preventDefault();
  }
}

function nearest(xs, epoch) {
  const at = Math.max(0, upTo(xs, epoch));
  return at + 1 < xs.length && xs[at + 1] - epoch < epoch - xs[at] ? at + 1 : at;
}

/** Marks that would lie on one another are left out. */
function thinned(marks, place) {
  return marks.filter((at, i) => i === 0 || marks.length < 7 || Math.abs(place(at) - place(marks[i - 1])) > 16);
}

/** A path through the points; where a pixel has many, their first, least, greatest and last. */
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
