"use strict";
// The drawing of arousal and valence over time: axes, gaps, lines, their names, marks of now.

const VALUES = ["arousal", "valence"];
const LABEL_GAP = 16;
const GAP_WORDS = { none: "no face", beyond: "broken off" };

class Traces {
  #marks = {};

  constructor(answer, holder) {
    this.answer = answer;
    this.holder = holder;
    this.long = answer.end >= 60;
  }

  // Draws `view` of `track`; sizes in pixels.
  draw(view, track, width, height) {
    const narrow = width < 560;
    this.view = view;
    this.track = track;
    this.narrow = narrow;
    this.height = height;
    this.inner = { left: narrow ? 52 : 60, right: width - (narrow ? 58 : 72), top: 8, bottom: this.height - 24 };
    const { left, right, top, bottom } = this.inner;
    this.#marks = Object.fromEntries(VALUES.map((value) => [value, svg("path", { class: `mark ${value}`, visibility: "hidden" })]));
    this.holder.replaceChildren(svg(
      "svg",
      { viewBox: `0 0 ${width} ${this.height}`, width, height: this.height, "aria-hidden": "true" },
      svg("defs", {},
        svg("clipPath", { id: "within" }, svg("rect", { x: left, y: top - 4, width: right - left, height: bottom - top + 8 })),
        svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
          svg("path", { d: "M0 0V6", class: "hatch" }))),
      svg("g", { "clip-path": "url(#within)" }, ...this.#gaps()),
      ...this.#axes(),
      svg("g", { "clip-path": "url(#within)", class: this.#dense ? "dense" : "" }, ...this.#others(), ...VALUES.map((value) => this.#line(value))),
      ...this.#labels(),
      ...Object.values(this.#marks),
    ));
  }

  // More samples than pixels: a thick line would be a band.
  get #dense() {
    const { left, right } = this.inner;
    return (this.view.to - this.view.from) / this.answer.step > right - left;
  }

  // Pixels from the left of a time, and from the top of a value.
  x(time) {
    const { from, to } = this.view;
    return this.inner.left + ((time - from) / (to - from)) * (this.inner.right - this.inner.left);
  }

  y(value) {
    return (this.inner.top + this.inner.bottom) / 2 - (value * (this.inner.bottom - this.inner.top)) / 2;
  }

  // The time at a distance in pixels from the left, held within the view.
  time(x) {
    const share = (x - this.inner.left) / (this.inner.right - this.inner.left);
    return this.view.from + Math.min(Math.max(share, 0), 1) * (this.view.to - this.view.from);
  }

  // A disc on arousal, a square on valence: not by colour alone.
  mark(sample) {
    const face = sample?.faces.get(this.track);
    const seen = face && sample.time >= this.view.from - TOLERANCE_S && sample.time <= this.view.to + TOLERANCE_S;
    for (const [value, mark] of Object.entries(this.#marks)) {
      mark.setAttribute("visibility", seen ? "visible" : "hidden");
      if (!seen) continue;
      const [x, y] = [this.x(sample.time), this.y(face[value])];
      mark.setAttribute("d", value === "arousal"
        ? `M${x - 5} ${y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0`
        : `M${x - 4.5} ${y - 4.5}h9v9h-9z`);
    }
  }

  #axes() {
    const { left, right, bottom } = this.inner;
    const { ticks, step } = timeTicks(this.view.from, this.view.to, this.narrow ? 5 : 10);
    const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
    return [
      ...[-1, -0.5, 0, 0.5, 1].flatMap((value) => [
        svg("path", { class: value ? "grid" : "zero", d: `M${left} ${this.y(value)}H${right}` }),
        svg("text", { class: "tick", x: left - 8, y: this.y(value) + 4, "text-anchor": "end" }, signed(value, value % 1 ? 1 : 0)),
      ]),
      ...ticks.flatMap((time) => [
        svg("path", { class: "grid", d: `M${this.x(time)} ${bottom}v4` }),
        svg("text", { class: "tick", x: this.x(time), y: bottom + 18, "text-anchor": "middle" }, clockText(time, this.long, digits)),
      ]),
      svg("text", { class: "tick", x: right + (this.long ? 22 : 16), y: bottom + 18 }, this.long ? "min" : "s"),
    ];
  }

  #gaps() {
    const { top, bottom } = this.inner;
    const area = (kind, from, to) => {
      const box = { x: this.x(from), y: top, width: this.x(to) - this.x(from), height: bottom - top };
      const parts = [svg("rect", { class: `gap ${kind}`, ...box })];
      if (kind !== "other") parts.push(svg("rect", { class: `stripes ${kind}`, fill: "url(#hatch)", ...box }));
      const words = GAP_WORDS[kind];
      if (words && box.width > 7 * words.length + 8) {
        parts.push(svg("text", { class: "gap-word", x: box.x + box.width / 2, y: bottom - 8, "text-anchor": "middle" }, words));
      }
      return parts;
    };
    const { clip, stop, end } = this.answer;
    return [
      ...this.answer.gaps(this.track).flatMap((gap) => area(gap.kind, gap.from, gap.to)),
      ...(clip.truncated && end > stop ? area("beyond", stop, end) : []),
    ];
  }

  // One path of a track: a line through each run of samples, and a dot for a run of one.
  #path(track, value) {
    const { samples } = this.answer;
    return this.answer.tracks.get(track).runs.map(({ from, to }) => {
      const points = samples.slice(from, to + 1).map((sample) =>
        `${this.x(sample.time).toFixed(2)} ${this.y(sample.faces.get(track)[value]).toFixed(2)}`);
      return `M${points.join("L")}${from === to ? "h0" : ""}`;
    }).join("");
  }

  #line(value) {
    const d = this.track === undefined ? "" : this.#path(this.track, value);
    return svg("path", { class: `line ${value}`, d });
  }

  #others() {
    return [...this.answer.tracks.keys()].filter((id) => id !== this.track).flatMap((id) =>
      VALUES.map((value) => svg("path", { class: `line other ${value}`, d: this.#path(id, value) })));
  }

  // The names stand where the lines end, apart from each other.
  #labels() {
    const end = this.answer.samples.findLast((sample) => sample.time <= this.view.to && sample.faces.has(this.track));
    if (!end || end.time < this.view.from) return [];
    const face = end.faces.get(this.track);
    const [arousal, valence] = VALUES.map((value) => this.y(face[value]));
    const middle = (arousal + valence) / 2;
    const apart = Math.abs(arousal - valence) >= LABEL_GAP;
    const sign = arousal <= valence ? -1 : 1;
    const at = apart ? [arousal, valence] : [middle + (sign * LABEL_GAP) / 2, middle - (sign * LABEL_GAP) / 2];
    return VALUES.map((value, i) => svg("text", {
      class: `label ${value}`,
      x: this.x(end.time) + 8,
      y: Math.min(Math.max(at[i], this.inner.top + 4), this.inner.bottom - 4) + 4,
    }, value));
  }
}
