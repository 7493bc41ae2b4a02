"use strict";
// One lane for each track: when it is seen, and the button that chooses it.

class Lanes {
  #lanes = new Map();

  constructor(answer, choose) {
    this.answer = answer;
    this.root = document.getElementById("lanes");
    this.root.hidden = !answer.tracks.size;
    for (const { id, count } of answer.tracks.values()) {
      const radio = Object.assign(document.createElement("input"), {
        type: "radio", name: "track", value: id,
      });
      radio.setAttribute("aria-label", `track ${id}, ${count} samples`);
      radio.addEventListener("change", () => choose(id));
      const name = document.createElement("span");
      name.textContent = `track ${id}`;
      const label = document.createElement("label");
      label.className = "lane";
      const bars = svg("path");
      const drawing = svg("svg", { height: 22, "aria-hidden": "true" }, bars);
      label.append(radio, name, drawing);
      this.root.append(label);
      this.#lanes.set(id, { radio, label, drawing, bars });
    }
  }

  choose(track) {
    for (const [id, { radio, label }] of this.#lanes) {
      radio.checked = id === track;
      label.classList.toggle("chosen", id === track);
    }
    // Within the list only: the page itself stays where it is.
    const { radio, label } = this.#lanes.get(track) ?? {};
    if (!label || radio === document.activeElement) return;
    const { scrollTop, clientHeight } = this.root;
    if (label.offsetTop < scrollTop || label.offsetTop + label.offsetHeight > scrollTop + clientHeight) {
      this.root.scrollTop = label.offsetTop - clientHeight / 2;
    }
  }

  // Under the traces and on their scale, in a width of pixels.
  draw(traces, width) {
    const { left, right } = traces.inner;
    const hold = (time) => Math.min(Math.max(traces.x(time), left), right).toFixed(2);
    const { samples, tracks } = this.answer;
    for (const [id, { drawing, bars }] of this.#lanes) {
      drawing.setAttribute("width", width);
      bars.setAttribute("d", tracks.get(id).runs
        .map(({ from, to }) => [hold(samples[from].time), hold(samples[to].until)])
        .filter(([from, to]) => from !== to)
        .map(([from, to]) => `M${from} 8H${to}V14H${from}z`).join(""));
    }
  }
}
