"use strict";
// Puts the parts together and listens to buttons and keys.

class Page {
  #track;

  constructor() {
    const byId = (id) => document.getElementById(id);
    this.answer = new Answer(byId("answer").textContent);
    this.long = this.answer.end >= 60;
    this.parts = Object.fromEntries(
      ["play", "sound", "time-now", "arousal-now", "valence-now", "track-now", "score-now", "samples", "zoom-in", "zoom-out", "zoom-all"]
        .map((id) => [id, byId(id)]),
    );
    const choose = (track) => this.choose(track);
    this.plot = new Plot(this.answer, {
      choose,
      seek: (time) => this.player.seek(time),
      zoomed: (view) => this.#zoomed(view),
    });
    this.plane = new Plane(this.answer);
    this.stage = new Stage(this.answer, {
      choose,
      toggle: () => {
        this.plot.slider.focus({ preventScroll: true });
        this.player.toggle();
      },
      unplayable: () => this.#withoutClip(),
    });
    this.video = this.stage.video;
    this.player = new Player(this.answer, this.video, () => this.show());
    byId("time-all").textContent = `/ ${clockText(this.answer.end, this.long)} ${this.long ? "min" : "s"}`;
    byId("plot-key").textContent = this.#legend();
    byId("zoom").hidden = this.answer.samples.length < 40;
    byId("tracks").hidden = !this.answer.tracks.size;
    tableOfTracks(this.answer, byId("tracks").querySelector("table"));
    this.#listen(byId);
    this.choose(this.answer.mostSeen());
  }

  async load() {
    await this.stage.load();
    if (!this.video.src) this.#withoutClip();
    document.getElementById("player").dataset.loaded = "";
  }

  choose(track) {
    this.#track = track;
    this.plot.setTrack(track);
    this.plane.setTrack(track);
    this.#fillSamples();
    this.show();
  }

  show() {
    const { answer, player, parts } = this;
    const { time } = player;
    const position = answer.at(time);
    const sample = answer.samples[position];
    const face = sample?.faces.get(this.#track);
    this.plot.show(time);
    this.plane.show(position, time);
    this.stage.show(sample, this.#track);
    parts["time-now"].textContent = clockText(time, this.long);
    for (const value of VALUES) parts[`${value}-now`].textContent = face ? signed(face[value]) : "–";
    parts["track-now"].textContent = this.#track === undefined ? "" : `track ${this.#track}`;
    const confidence = typeof face?.confidence === "number" ? `, confidence ${face.confidence.toFixed(2)}` : "";
    parts["score-now"].textContent = face
      ? `face score ${face.score.toFixed(2)}${confidence}`
      : answer.nothing(time);
    parts.play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    parts.play.classList.toggle("playing", player.playing);
  }

  #withoutClip() {
    this.parts.sound.hidden = true;
    this.player.withoutClip();
  }

  #fillSamples() {
    const { samples } = this.parts;
    if (samples.open) tableOfSamples(this.answer, samples.querySelector("table"), this.#track);
  }

  // What the shading of the plot means, as far as this clip has any.
  #legend() {
    const { tracks } = this.answer;
    const shown = tracks.size ? [...tracks.keys()] : [undefined];
    const kinds = new Set(shown.flatMap((id) => this.answer.gaps(id).map((gap) => gap.kind)));
    const words = ["Click or drag on the plot to move in time."];
    if (kinds.has("none")) words.push("Hatched: no face was found.");
    if (kinds.has("other")) words.push("Tinted: only other tracks are seen.");
    const several = tracks.size > 1;
    if (several) words.push("Thin lines: the other tracks.");
    if (tracks.size) {
      words.push(`In the plane: now, the last ${TRAIL_S} s, faint dots for all samples${several ? ", rings for other tracks" : ""}.`);
    }
    return words.join(" ");
  }

  #zoom(factor) {
    this.plot.zoom(factor, this.player.time);
  }

  #zoomed(view) {
    const { parts } = this;
    parts["zoom-in"].disabled = view.closest;
    parts["zoom-out"].disabled = parts["zoom-all"].disabled = !view.zoomed;
  }

  #switch(by) {
    const ids = [...this.answer.tracks.keys()];
    if (ids.length) this.choose(ids.at((ids.indexOf(this.#track) + by) % ids.length));
  }

  #mute() {
    this.video.muted = !this.video.muted;
    this.parts.sound.setAttribute("aria-pressed", String(!this.video.muted));
  }

  #listen(byId) {
    const click = (id, act) => byId(id).addEventListener("click", act);
    click("play", () => this.player.toggle());
    click("back", () => this.player.step(-1));
    click("forth", () => this.player.step(1));
    click("sound", () => this.#mute());
    click("zoom-in", () => this.#zoom(0.5));
    click("zoom-out", () => this.#zoom(2));
    click("zoom-all", () => this.#zoom(0));
    byId("speed").addEventListener("change", (event) => {
      this.player.rate = Number(event.target.value);
    });
    byId("samples").addEventListener("toggle", () => this.#fillSamples());
    document.addEventListener("keydown", (event) => this.#press(event));
  }

  // Space and the arrows work wherever nothing else uses them. Other keys, letters above all,
  // only while the focus is on the player: speech input and screen readers type letters too.
  #press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    const within = (selector) => Boolean(event.target.closest?.(selector));
    const player = within("#player");
    const arrowsTaken = within("select, input, .scroll");
    const spaceTaken = arrowsTaken || within("button, summary, a");
    const { player: clock, answer } = this;
    const moves = {
      ArrowLeft: () => clock.step(-1),
      ArrowRight: () => clock.step(1),
    };
    const slides = {
      ArrowDown: moves.ArrowLeft,
      ArrowUp: moves.ArrowRight,
      PageDown: () => clock.seek(clock.time - 1),
      PageUp: () => clock.seek(clock.time + 1),
      Home: () => clock.seekSample(0),
      End: () => clock.seekSample(answer.samples.length - 1),
    };
    const letters = {
      t: () => this.#switch(event.shiftKey ? -1 : 1),
      m: () => this.#mute(),
      "+": () => this.#zoom(0.5),
      "=": () => this.#zoom(0.5),
      "-": () => this.#zoom(2),
      0: () => this.#zoom(0),
    };
    const act = (event.key === " " && !spaceTaken && (() => clock.toggle()))
      || (!arrowsTaken && moves[event.key])
      || (player && !arrowsTaken && slides[event.key])
      || (player && !within("select") && letters[event.key.toLowerCase()]);
    if (!act) return;
    event.preventDefault();
    act();
  }
}

const page = new Page();
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => page.load());
else page.load();
