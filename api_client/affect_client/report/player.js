"use strict";
// What time it is: the clip's own clock, or ours where the clip cannot be played.

// Answers count seconds from the clip's first frame; `currentTime` counts from the start of the
// media, where sound or an offset may come before that frame. The answer does not carry the
// offset, but the browser tells when the first frame it shows is due (`mediaTime`, on the scale of
// `currentTime`), and that is it. A browser that does not tell is taken at offset 0.
const FIRST_FRAME_MS = 2000;

class ClipClock {
  #origin = 0;
  #known = false;
  #wanted = null;
  #asked = null;

  constructor(video, changed) {
    this.video = video;
    this.changed = changed;
    for (const name of ["play", "pause", "ended", "timeupdate", "loadeddata"]) {
      video.addEventListener(name, changed);
    }
    video.addEventListener("seeked", () => this.#seeked());
    if (video.requestVideoFrameCallback) {
      video.requestVideoFrameCallback((_now, frame) =>
        this.#begin(frame.presentedFrames <= 1 ? frame.mediaTime : 0));
      // In a page that is not on screen no frame is shown, and the sound plays all the same.
      video.addEventListener("timeupdate", () => video.paused || this.#begin(0));
    } else {
      video.addEventListener("loadeddata", () => this.#begin(0));
    }
  }

  get time() {
    // While it seeks, the clip is where it is going to.
    if (this.#wanted !== null || !this.#known) return this.#wanted ?? 0;
    return Math.max(0, this.video.currentTime - this.#origin - TOLERANCE_S);
  }

  get playing() {
    return !this.video.paused && !this.video.ended;
  }

  play() {
    this.video.play().catch(() => this.changed()); // refused or interrupted: `playing` says so
  }

  pause() {
    this.video.pause();
  }

  set rate(rate) {
    this.video.playbackRate = rate;
  }

  seek(time) {
    this.#wanted = time;
    if (!this.#known) setTimeout(() => this.#begin(0), FIRST_FRAME_MS); // a damaged first frame
    else if (!this.video.seeking) this.#go();
    this.changed();
  }

  #go() {
    this.#asked = this.#wanted;
    this.video.currentTime = this.#wanted + this.#origin + TOLERANCE_S;
  }

  #begin(origin) {
    if (this.#known) return;
    this.#known = true;
    this.#origin = origin;
    if (this.#wanted !== null) this.#go();
    this.changed();
  }

  // A pointer that is dragged asks for more places than a clip can show; the last one counts.
  // Where the clip then is, is where it could go: not every clip can show what it is asked for.
  #seeked() {
    if (!this.#known) return;
    if (this.#wanted !== this.#asked) this.#go();
    else this.#wanted = this.#asked = null;
    this.changed();
  }
}

// Time goes by without a clip.
class BareClock {
  #time;
  #since = null;
  #rate = 1;

  constructor(time, changed) {
    this.#time = time;
    this.changed = changed;
  }

  get time() {
    return this.#since === null ? this.#time : this.#time + ((performance.now() - this.#since) / 1000) * this.#rate;
  }

  get playing() {
    return this.#since !== null;
  }

  play() {
    this.#since ??= performance.now();
    this.changed();
  }

  pause() {
    this.#time = this.time;
    this.#since = null;
    this.changed();
  }

  set rate(rate) {
    const playing = this.playing;
    this.pause();
    this.#rate = rate;
    if (playing) this.play();
  }

  seek(time) {
    const playing = this.playing;
    this.#time = time;
    this.#since = playing ? performance.now() : null;
    this.changed();
  }
}

// The one that everything else asks. Calls `show` whenever the time or the state may have changed.
class Player {
  #frame = 0;
  #rate = 1;

  constructor(answer, video, show) {
    this.answer = answer;
    this.show = show;
    this.clock = new ClipClock(video, () => this.#changed());
    if (answer.start > 0) this.clock.seek(answer.start);
  }

  get time() {
    return Math.min(Math.max(this.clock.time, this.answer.start), this.answer.end);
  }

  get playing() {
    return this.clock.playing;
  }

  withoutClip() {
    const { playing, time } = this;
    this.clock.pause();
    this.clock = new BareClock(time, () => this.#changed());
    this.clock.rate = this.#rate;
    if (playing) this.clock.play();
    this.#changed();
  }

  toggle() {
    if (this.playing) {
      this.clock.pause();
      return;
    }
    if (this.clock.time >= this.answer.end - TOLERANCE_S * 2 || this.clock.video?.ended) this.seek(this.answer.start);
    this.clock.play();
  }

  seek(time) {
    this.clock.seek(Math.min(Math.max(time, this.answer.start), this.answer.end));
  }

  seekSample(position) {
    const sample = this.answer.samples[position];
    if (sample) this.seek(sample.time);
  }

  step(by) {
    this.clock.pause();
    this.seekSample(this.answer.from(this.time, by));
  }

  set rate(rate) {
    this.#rate = rate;
    this.clock.rate = rate;
  }

  #changed() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      // What was asked for ends here, even if the clip goes on.
      if (this.playing && this.clock.time > this.answer.end) {
        this.clock.pause();
        this.clock.seek(this.answer.end);
      }
      this.show();
      if (this.playing) this.#changed();
    });
  }
}
