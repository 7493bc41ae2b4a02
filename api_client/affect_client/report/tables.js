"use strict";
// The same numbers as text.

function row(tag, cells) {
  const line = document.createElement("tr");
  line.append(...cells.map((cell, i) => {
    const element = document.createElement(tag === "th" || i === 0 ? "th" : "td");
    if (tag === "th") element.scope = "col";
    else if (i === 0) element.scope = "row";
    element.textContent = cell;
    return element;
  }));
  return line;
}

function fillTable(table, caption, head, lines) {
  const title = document.createElement("caption");
  title.textContent = caption;
  const top = document.createElement("thead");
  top.append(row("th", head));
  const body = document.createElement("tbody");
  body.append(...lines.map((cells) => row("td", cells)));
  table.replaceChildren(title, top, body);
}

function units(answer) {
  return answer.end >= 60 ? "minutes and seconds" : "seconds";
}

function tableOfTracks(answer, table) {
  const statistics = ({ mean, std, min, max }) => [
    `${signed(mean)} ± ${std.toFixed(2)}`, `${signed(min)} to ${signed(max)}`,
  ];
  const lines = [...answer.tracks.values()].map(({ id, count, statistics: stated, runs }) => [
    `track ${id}`,
    clockText(answer.samples[runs[0].from].time, answer.end >= 60),
    clockText(answer.samples[runs.at(-1).to].time, answer.end >= 60),
    count.toLocaleString("en"),
    ...(stated ? [...statistics(stated.arousal), ...statistics(stated.valence)] : ["–", "–", "–", "–"]),
  ]);
  const head = ["track", "first", "last", "samples", "arousal mean ± std", "range", "valence mean ± std", "range"];
  fillTable(table, `Over the samples with a face; times in ${units(answer)}.`, head, lines);
}

function tableOfSamples(answer, table, track) {
  const lines = answer.samples.map((sample) => {
    const time = clockText(sample.time, answer.end >= 60);
    const face = sample.faces.get(track);
    const empty = answer.hasConfidence ? ["", "", "", ""] : ["", "", ""];
    if (!face) return [time, answer.nothing(sample.time), ...empty];
    const { x, y, width, height } = face.box;
    return [
      time, signed(face.arousal, 3), signed(face.valence, 3), face.score.toFixed(2),
      ...(answer.hasConfidence ? [face.confidence?.toFixed(2) ?? "–"] : []),
      `${x}, ${y}, ${width} × ${height}`,
    ];
  });
  const head = ["time", "arousal", "valence", "score", ...(answer.hasConfidence ? ["confidence"] : []), "box (x, y, size)"];
  const whose = track === undefined ? "No face was found" : `Track ${track}`;
  fillTable(table, `${whose}; times in ${units(answer)}, boxes in pixels.`, head, lines);
}
