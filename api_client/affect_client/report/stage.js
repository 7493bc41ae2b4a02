"use strict";
// The clip and the boxes over it.

// The clip that the page holds as pieces of base64, or null. A piece leaves the page once it is
// read, and the browser gets to draw between two of them.
async function clipInPage() {
  const pieces = document.querySelectorAll("template.clip");
  if (!pieces.length) return null;
  const blobs = [];
  for (const piece of pieces) {
    blobs.push(new Blob([bytesOf(piece.content.textContent)]));
    piece.remove();
    await new Promise((resolve) => setTimeout(resolve));
  }
  return new Blob(blobs, { type: pieces[0].dataset.type });
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

// With more faces than that, only the chosen one has its name written out.
const CROWD = 4;

class Stage {
  #boxes = new Map();
  #shown = null;
  #turned = false;

  // `unplayable` is called once if there is nothing to play, `choose` with the track of a box.
  constructor(answer, { unplayable, choose, toggle }) {
    this.answer = answer;
    this.choose = choose;
    this.unplayable = unplayable;
    this.root = document.getElementById("stage");
    this.video = document.getElementById("video");
    this.overlay = document.getElementById("boxes");
    this.message = document.getElementById("message");
    this.#fit(answer.clip.width, answer.clip.height);
    this.root.addEventListener("click", toggle);
    this.video.addEventListener("error", () => this.#cannotPlay());
    for (const name of ["loadedmetadata", "resize"]) {
      this.video.addEventListener(name, () => this.#measured());
    }
  }

  async load() {
    const clip = await clipInPage();
    if (clip) this.video.src = URL.createObjectURL(clip);
    else this.#say("The clip is not in this report.", "Boxes and traces are complete.");
  }

  show(sample, track) {
    if (this.#shown === sample && this.#boxes.get(track)?.classList.contains("chosen")) return;
    this.#shown = sample;
    const faces = this.#turned ? new Map() : sample?.faces ?? new Map();
    for (const [id, box] of this.#boxes) {
      if (faces.has(id)) continue;
      box.remove();
      this.#boxes.delete(id);
    }
    const { width, height } = this.answer.clip;
    const crowd = faces.size > CROWD;
    for (const [id, face] of faces) {
      const box = this.#boxes.get(id) ?? this.#add(id);
      box.firstElementChild.textContent = crowd && id !== track ? id : `track ${id}`;
      box.classList.toggle("chosen", id === track);
      box.classList.toggle("low", face.box.y < 0.1 * height);
      // In shares of the frame: pixels of a clip need not be square on screen.
      box.style.left = `${(100 * face.box.x) / width}%`;
      box.style.top = `${(100 * face.box.y) / height}%`;
      box.style.width = `${(100 * face.box.width) / width}%`;
      box.style.height = `${(100 * face.box.height) / height}%`;
    }
  }

  #add(id) {
    const box = document.createElement("div");
    box.className = "box";
    box.dataset.track = id;
    box.append(document.createElement("span"));
    box.addEventListener("click", (event) => {
      event.stopPropagation();
      this.choose(id);
    });
    this.overlay.append(box);
    this.#boxes.set(id, box);
    return box;
  }

  #fit(width, height) {
    this.root.style.setProperty("--ratio", width / height);
  }

  #measured() {
    const { videoWidth, videoHeight } = this.video;
    // Sound that plays without its picture: the browser knows the one codec and not the other.
    if (!videoWidth || !videoHeight) return this.#cannotPlay();
    this.#fit(videoWidth, videoHeight);
    const { width, height } = this.answer.clip;
    const shape = Math.log(videoWidth / videoHeight);
    const upright = Math.log(width / height);
    this.#turned = Math.abs(shape + upright) + 0.2 < Math.abs(shape - upright);
    if (this.#turned) {
      this.#say("This browser shows the clip unturned.", "Boxes would be misplaced and are left out.");
      this.root.classList.remove("bare");
    }
  }

  #cannotPlay() {
    const { codec } = this.answer.clip;
    const why = this.video.error?.code === MediaError.MEDIA_ERR_DECODE
      ? "It seems to be damaged here."
      : `Its codec is ${codec}; browsers play H.264, VP9 or AV1 in MP4 or WebM.`;
    this.#say("This browser cannot play the clip.", `${why} Boxes and traces are complete, and time can be moved as ever.`);
    this.unplayable();
  }

  #say(title, detail) {
    const strong = document.createElement("strong");
    strong.textContent = title;
    this.message.replaceChildren(strong, ` ${detail}`);
    this.message.hidden = false;
    this.root.classList.add("bare");
  }
}
