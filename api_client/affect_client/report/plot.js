"use strict";
// The timeline: traces, lanes of the tracks, the cursor over both, and the pointer on them.

class Plot {
  #track;
  #time;
  #reduced = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(answer, { seek, choose, zoomed }) {
    this.answer = answer;
    this.seek = seek;
    this.zoomed = zoomed;
    this.view = new View(answer);
    this.root = document.getElementById("timeline");
    this.slider = document.getElementById("plot");
    this.cursor = document.getElementById("cursor");
    this.hover = document.getElementById("hover");
    this.tip = document.getElementById("tip");
    this.overview = document.getElementById("overview");
    this.traces = new Traces(answer, this.slider);
    this.lanes = new Lanes(answer, choose);
    this.slider.setAttribute("aria-valuemin", answer.start);
    this.slider.setAttribute("aria-valuemax", answer.end);
    this.#listen();
    const resized = new ResizeObserver(() => this.draw());
    for (const element of [this.root, this.slider]) resized.observe(element);
  }

  setTrack(track) {
    this.#track = track;
    this.lanes.choose(track);
    this.draw();
  }

  // Zoom by a factor around `time`; without one, to the whole clip.
  zoom(factor, time) {
    if (factor) this.view.zoom(factor, time);
    else this.view.all();
    this.draw();
  }

  show(time) {
    const moved = this.#time !== time;
    this.#time = time;
    if (!this.traces.inner) return;
    // Only where time moves does the view follow it: who pans away from the cursor stays there.
    if (moved && this.view.follow(time)) this.draw();
    const sample = this.answer.samples[this.answer.at(time)];
    this.#place(this.cursor, this.#reduced.matches && sample ? sample.time : time);
    this.traces.mark(sample);
    this.slider.setAttribute("aria-valuenow", Number(time.toFixed(3)));
    this.slider.setAttribute("aria-valuetext", `${clockText(time, this.traces.long)}, ${this.#words(time)}`);
  }

  draw() {
    const width = this.root.clientWidth;
    if (!width) return;
    this.traces.draw(this.view, this.#track, width, this.slider.clientHeight);
    const { left, right, bottom } = this.traces.inner;
    this.root.style.setProperty("--axis", `${bottom + 3}px`);
    this.root.style.setProperty("--left", `${left}px`);
    this.root.style.setProperty("--right", `${width - right}px`);
    this.lanes.draw(this.traces, width);
    this.#point(null);
    this.#drawOverview();
    // Where there is no lane the cursor ends above the figures of the axis.
    const { hidden, offsetTop } = this.lanes.root;
    this.root.style.setProperty("--lanes", `${hidden ? this.root.offsetHeight : offsetTop}px`);
    if (this.#time !== undefined) this.show(this.#time);
  }

  #place(line, time) {
    line.hidden = time < this.view.from || time > this.view.to;
    line.style.transform = `translateX(${this.traces.x(time).toFixed(2)}px)`;
  }

  #words(time) {
    const face = this.answer.samples[this.answer.at(time)]?.faces.get(this.#track);
    const whose = this.answer.tracks.size > 1 ? `track ${this.#track}: ` : "";
    if (!face) return whose + this.answer.nothing(time);
    return whose + VALUES.map((value) => `${value} ${signed(face[value])}`).join(", ");
  }

  // The line and the words under the pointer; null takes them away.
  #point(time) {
    this.hover.hidden = time === null;
    this.tip.hidden = time === null;
    if (time === null) return;
    this.#place(this.hover, time);
    const stamp = document.createElement("b");
    stamp.textContent = clockText(time, this.traces.long);
    this.tip.replaceChildren(stamp, ` ${this.#words(time)}`);
    const x = this.traces.x(time);
    const room = this.root.clientWidth - this.tip.offsetWidth;
    this.tip.style.transform = `translateX(${Math.min(Math.max(x - this.tip.offsetWidth / 2, 0), room)}px)`;
  }

  #drawOverview() {
    const [start, end] = this.view.whole;
    this.overview.hidden = !this.view.zoomed;
    const part = this.overview.firstElementChild;
    part.style.left = `${(100 * (this.view.from - start)) / (end - start)}%`;
    part.style.width = `${(100 * (this.view.to - this.view.from)) / (end - start)}%`;
    this.zoomed(this.view);
  }

  #pan(from) {
    this.view.startAt(from);
    this.draw();
  }

  #timeAt(event) {
    return this.traces.time(event.clientX - this.root.getBoundingClientRect().left);
  }

  #listen() {
    const { slider, overview } = this;
    slider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      slider.setPointerCapture(event.pointerId);
      this.#point(null);
      this.seek(this.#timeAt(event));
    });
    slider.addEventListener("pointermove", (event) => {
      if (slider.hasPointerCapture(event.pointerId)) this.seek(this.#timeAt(event));
      else if (event.pointerType === "mouse") this.#point(this.#timeAt(event));
    });
    slider.addEventListener("pointerleave", () => this.#point(null));
    slider.addEventListener("wheel", (event) => {
      const across = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      const span = this.view.to - this.view.from;
      if (event.ctrlKey) this.zoom(1.002 ** event.deltaY, this.#timeAt(event)); // also a pinch
      else if (across && this.view.zoomed) this.#pan(this.view.from + (event.deltaX / 600) * span);
      else return;
      event.preventDefault();
    }, { passive: false });
    const pan = (event) => {
      if (!overview.hasPointerCapture(event.pointerId)) return;
      const box = overview.getBoundingClientRect();
      const [start, end] = this.view.whole;
      const middle = start + ((event.clientX - box.left) / box.width) * (end - start);
      this.#pan(middle - (this.view.to - this.view.from) / 2);
    };
    overview.addEventListener("pointerdown", (event) => {
      overview.setPointerCapture(event.pointerId);
      pan(event);
    });
    overview.addEventListener("pointermove", pan);
  }
}
