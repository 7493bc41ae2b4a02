"use strict";
// The circumplex plane: valence to the right, arousal up, the point of now and where it came from.

const TRAIL_S = 2;

class Plane {
  #track;
  #shown = null;

  constructor(answer) {
    this.answer = answer;
    this.all = svg("path", { class: "all" });
    this.trail = svg("g", { class: "trail" });
    this.others = svg("g", { class: "others" });
    this.point = svg("circle", { class: "point", r: 0.05 });
    const word = (text, x, y, anchor) => svg("text", { class: "end", x, y, "text-anchor": anchor }, text);
    const name = (text, of, attributes) => svg("text", { class: `name ${of}`, ...attributes }, text);
    this.drawing = svg(
      "svg",
      { viewBox: "-1.16 -1.16 2.32 2.32", role: "img", "aria-labelledby": "plane-title" },
      svg("rect", { class: "frame", x: -1, y: -1, width: 2, height: 2 }),
      svg("circle", { class: "unit", r: 1 }),
      svg("path", { class: "axis", d: "M-1 0H1M0-1V1" }),
      name("valence", "valence", { x: 0.97, y: -0.035, "text-anchor": "end" }),
      name("arousal", "arousal", { x: 0.035, y: -0.92, "text-anchor": "start" }),
      word("\u22121", -1, 1.11, "middle"), word("0", 0, 1.11, "middle"), word("+1", 1, 1.11, "middle"),
      word("\u22121", -1.03, 1.02, "end"), word("0", -1.03, 0.025, "end"), word("+1", -1.03, -0.95, "end"),
      this.all, this.trail, this.others, this.point,
    );
    document.getElementById("plane").replaceChildren(this.drawing);
  }

  setTrack(track) {
    this.#track = track;
    this.#shown = null;
    // Every sample of the track, faint: where it has been and will be.
    const dots = this.answer.samples.map((sample) => sample.faces.get(track)).filter(Boolean);
    this.all.classList.toggle("dense", dots.length > 500);
    this.all.setAttribute("d", dots.map((face) => `M${face.valence} ${-face.arousal}h0`).join(""));
  }

  // `position` of the sample on screen, -1 for none; `time` in seconds.
  show(position, time) {
    const newest = position >= 0 ? position : this.answer.from(time, 0);
    if (this.#shown === position && position >= 0) return;
    this.#shown = position;
    const { samples } = this.answer;
    const faces = position >= 0 ? samples[position].faces : new Map();
    const face = faces.get(this.#track);
    this.point.setAttribute("visibility", face ? "visible" : "hidden");
    if (face) {
      this.point.setAttribute("cx", face.valence);
      this.point.setAttribute("cy", -face.arousal);
    }
    this.others.replaceChildren(
      ...[...faces.values()].filter((other) => other.track !== this.#track).map((other) =>
        svg("circle", { cx: other.valence, cy: -other.arousal, r: 0.035 }, svg("title", {}, `track ${other.track}`))),
    );
    this.#drawTrail(newest, samples);
  }

  #drawTrail(newest, samples) {
    const segments = [];
    const now = samples[newest]?.time ?? 0;
    for (let i = newest; i > 0 && now - samples[i - 1].time <= TRAIL_S + TOLERANCE_S; i -= 1) {
      const [a, b] = [samples[i - 1].faces.get(this.#track), samples[i].faces.get(this.#track)];
      // Never across a gap: nobody knows which way the point went there.
      if (!a || !b || samples[i].index !== samples[i - 1].index + 1) continue;
      const age = (now - samples[i].time) / TRAIL_S;
      const segment = svg("path", { d: `M${a.valence} ${-a.arousal}L${b.valence} ${-b.arousal}` });
      segment.style.setProperty("--fresh", `${Math.round(90 * (1 - age) ** 1.4)}%`);
      segments.unshift(segment); // the newer lies over the older
    }
    this.trail.replaceChildren(...segments);
  }
}
