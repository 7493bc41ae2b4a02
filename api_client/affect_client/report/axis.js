"use strict";
// Drawing: SVG elements, ticks, and the stretch of time in view.

function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const STEPS_S = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];

// Round times within [from, to], at most `most` of them, and the distance between two.
function timeTicks(from, to, most) {
  const step = STEPS_S.find((candidate) => (to - from) / candidate <= most) ?? STEPS_S.at(-1);
  const ticks = [];
  for (let k = Math.ceil(from / step - 1e-9); k * step <= to + 1e-9; k += 1) ticks.push(k * step);
  return { ticks, step };
}

// Which part of the clip the width of the plot shows.
class View {
  constructor(answer) {
    this.whole = [answer.start, answer.end];
    // A handful of samples is the closest that makes sense.
    this.least = Math.min(answer.end - answer.start, 8 * answer.step);
    [this.from, this.to] = this.whole;
  }

  get zoomed() {
    return this.from > this.whole[0] || this.to < this.whole[1];
  }

  get closest() {
    return this.to - this.from <= this.least * 1.001;
  }

  // Half as long or twice as long, with `time` staying where it is.
  zoom(factor, time) {
    const span = Math.max(this.least, (this.to - this.from) * factor);
    const share = (Math.min(Math.max(time, this.from), this.to) - this.from) / (this.to - this.from);
    this.#put(time - share * span, span);
  }

  all() {
    [this.from, this.to] = this.whole;
  }

  startAt(from) {
    this.#put(from, this.to - this.from);
  }

  // Turns the page when `time` is out of view; true if it did.
  follow(time) {
    if (!this.zoomed || (time >= this.from && time <= this.to)) return false;
    this.startAt(time - 0.1 * (this.to - this.from));
    return true;
  }

  #put(from, span) {
    const length = this.whole[1] - this.whole[0];
    if (span >= length) return this.all();
    this.from = Math.min(Math.max(from, this.whole[0]), this.whole[1] - span);
    this.to = this.from + span;
  }
}
