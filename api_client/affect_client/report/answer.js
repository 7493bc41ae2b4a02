"use strict";
// The server's answer as samples and tracks. Nothing in this file touches the page.

// As on the server: containers round timestamps, so half a millisecond decides no sample.
const TOLERANCE_S = 0.0005;

class Answer {
  constructor(json) {
    const answer = JSON.parse(json);
    const frames = answer.frames;
    this.clip = answer.clip;
    this.step = answer.sample_fps > 0 ? 1 / answer.sample_fps : 1;
    // A sample is on screen until the next one, and the last for as long as any other.
    this.samples = frames.map((frame, i) => ({
      index: frame.index,
      time: frame.time_s,
      until: frames[i + 1]?.index === frame.index + 1 ? frames[i + 1].time_s : frame.time_s + this.step,
      faces: new Map(frame.faces.map((face) => [face.track, face])),
    }));
    this.tracks = this.#tracks(answer.tracks);
    this.hasConfidence = this.samples.some((sample) =>
      [...sample.faces.values()].some((face) => typeof face.confidence === "number"));
    this.start = this.samples[0]?.time ?? 0;
    this.stop = this.samples.at(-1)?.until ?? this.start;
    // Beyond the last sample lies what was not asked for, or what a broken clip no longer has.
    // The second is part of the story, and so is a clip's end that falls between two samples.
    const length = this.clip.duration_s ?? 0;
    if (length > this.stop && (this.clip.truncated || length < this.stop + 2 * this.step)) {
      this.end = length;
    } else {
      this.end = this.stop;
    }
    if (!(this.end > this.start)) this.end = this.start + this.step;
  }

  // Tracks by id, each with the runs of samples in which it is seen without a break.
  #tracks(stated) {
    const tracks = new Map();
    this.samples.forEach((sample, i) => {
      for (const id of sample.faces.keys()) {
        if (!tracks.has(id)) tracks.set(id, { id, runs: [], count: 0, statistics: null });
        const track = tracks.get(id);
        const run = track.runs.at(-1);
        track.count += 1;
        if (run?.to === i - 1 && this.samples[i - 1].index === sample.index - 1) run.to = i;
        else track.runs.push({ from: i, to: i });
      }
    });
    for (const one of stated) {
      if (tracks.has(one.track)) tracks.get(one.track).statistics = one;
    }
    return new Map([...tracks].sort(([a], [b]) => a - b));
  }

  // The position of the sample on screen at `time`, or -1 where there is none.
  at(time) {
    let low = 0;
    let high = this.samples.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.samples[middle].time <= time + TOLERANCE_S) low = middle + 1;
      else high = middle;
    }
    const sample = this.samples[low - 1];
    return sample && time + TOLERANCE_S < sample.until ? low - 1 : -1;
  }

  // The position `by` samples on from the one at or before `time`, held within the answer.
  from(time, by) {
    const last = this.samples.length - 1;
    const on = this.at(time);
    if (on >= 0) return Math.min(last, Math.max(0, on + by));
    if (time < this.start) return 0;
    const after = this.samples.findIndex((sample) => sample.time > time);
    if (after < 0) return last;
    return Math.min(last, Math.max(0, by > 0 ? after + by - 1 : after + by));
  }

  // Where the traces of a track have nothing: spans of seconds without any face ("none"), and
  // spans in which only others are seen ("other").
  gaps(id) {
    const gaps = [];
    for (const sample of this.samples) {
      if (sample.faces.has(id)) continue;
      const kind = sample.faces.size ? "other" : "none";
      const last = gaps.at(-1);
      if (last?.kind === kind && last.to === sample.time) last.to = sample.until;
      else gaps.push({ kind, from: sample.time, to: sample.until });
    }
    return gaps;
  }

  // Why a track has no face at a time, in words.
  nothing(time) {
    const sample = this.samples[this.at(time)];
    if (!sample) return "no sample";
    return sample.faces.size ? "not seen" : "no face";
  }

  // The track seen most; undefined where there is no face at all.
  mostSeen() {
    return [...this.tracks.values()].reduce((a, b) => (b.count > (a?.count ?? 0) ? b : a), undefined)?.id;
  }
}

// +0.12, −0.30, 0.00: two decimals, as much as ratings by people can tell apart.
function signed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "\u2212" : "+") + text;
}

// 3.40, or 2:05.40 in a clip of a minute and more.
function clockText(time, long, digits = 2) {
  const unit = 10 ** digits;
  const ticks = Math.round(Math.max(0, time) * unit);
  if (!long) return (ticks / unit).toFixed(digits);
  const minutes = Math.floor(ticks / (60 * unit));
  return `${minutes}:${((ticks - minutes * 60 * unit) / unit).toFixed(digits).padStart(digits ? digits + 3 : 2, "0")}`;
}
