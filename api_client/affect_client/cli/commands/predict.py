"""`affect predict`."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any

import typer
from rich.text import Text

from affect_client import AffectClient, AffectError, AffectResult, ModelInfo
from affect_client.cli import bars, outputs, show
from affect_client.cli.endings import Ending, complain, ending_of, sentence
from affect_client.cli.options import End, Faces, Fps, Start, source
from affect_client.cli.outputs import STDOUT, Form, Writer
from affect_client.cli.setup import Setup
from affect_client.cli.words import counted, file_name, listed

_OUTPUT = "Output"
_MANY = "Several clips"


def predict(
    ctx: typer.Context,
    clips: Annotated[
        list[str], typer.Argument(metavar="CLIP", help="Video files; - is standard input.")
    ],
    *,
    fps: Fps = 5.0,
    faces: Faces = "primary",
    start: Start = 0.0,
    end: End = None,
    track: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Only this person, by the id that the answer has.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="An object a line, for each clip one.", rich_help_panel=_OUTPUT
        ),
    ] = False,
    csv: Annotated[
        bool,
        typer.Option("--csv", help="A row for each face of each sample.", rich_help_panel=_OUTPUT),
    ] = False,
    parquet: Annotated[
        bool,
        typer.Option("--parquet", help="The same, with types.", rich_help_panel=_OUTPUT),
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Where to write; its name tells the form, too. - is standard output.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="At a time.", rich_help_panel=_MANY)
    ] = 4,
    as_completed: Annotated[
        bool,
        typer.Option(
            "--as-completed", help="As they are done, not in order.", rich_help_panel=_MANY
        ),
    ] = False,
) -> None:
    """Arousal and valence of clips, as a table, JSON, CSV or Parquet.

    A clip that fails does not stop the others. Standard output has what was asked for and nothing
    else.
    """
    setup: Setup = ctx.obj
    asked = {Form.JSON: json, Form.CSV: csv, Form.PARQUET: parquet}
    form = outputs.form_of(asked, out)
    outputs.require_place(out, clips)
    options = {"sample_fps": fps, "faces": faces, "start_s": start, "end_s": end}
    with ExitStack() as stack:
        client = stack.enter_context(setup.client(connections=jobs))
        writer = stack.enter_context(outputs.opened(form, out)) if form else None
        asking = _Asking(setup, client, clips, options, track, writer)
        ending = asking.one() if len(clips) == 1 else asking.many(jobs, as_completed=as_completed)
    if writer is not None and writer.count and out not in {None, STDOUT}:
        setup.say(f"{out} is written.")
    if ending:
        raise typer.Exit(ending)


@dataclass(frozen=True)
class _Asking:
    """What is asked about which clips, and where the answers go.

    `writer` is None where a person reads them.
    """

    setup: Setup
    client: AffectClient
    clips: list[str]
    options: dict[str, Any]
    track: int | None
    writer: Writer | None

    def one(self) -> Ending:
        """Ask about the one clip.

        Raises:
            AffectError: it has no answer.
        """
        (clip,), setup = self.clips, self.setup
        name = file_name(clip)
        try:
            with bars.sending(setup.err, name) as told:
                found = self.client.predict(source(clip), on_upload=told, **self.options)
            found = _of_track(found, self.track)
        except AffectError as error:
            if self.writer is not None:
                self.writer.failure(clip, error)
            raise
        if self.writer is not None:
            self.writer.result(clip, found)
        else:
            setup.out.print(show.result(setup.out, name, found))
        return Ending.GOOD

    def many(self, jobs: int, *, as_completed: bool) -> Ending:
        """Ask about all; the gravest of their endings."""
        began_s, samples = monotonic(), 0
        endings: Counter[Ending] = Counter()
        models: dict[ModelInfo, None] = {}
        rows = show.Rows(self.setup.out, [file_name(clip) for clip in self.clips])
        client = self.client
        run = client.predict_as_completed if as_completed else client.predict_many
        outcomes = run(map(source, self.clips), concurrency=jobs, **self.options)
        with bars.clips(self.setup.err, len(self.clips)) as bar, closing(outcomes):
            for outcome in outcomes:
                clip = self.clips[outcome.index]
                try:
                    found = _of_track(outcome.unwrap(), self.track)
                except AffectError as error:
                    endings[ending_of(error)] += 1
                    with bar.lifted():
                        complain(self.setup.err, f"{clip}: {sentence(error)}")
                    if self.writer is not None:
                        self.writer.failure(clip, error)
                else:
                    with bar.lifted():
                        self._take(clip, found, rows)
                    models[found.model] = None
                    samples += len(found.frames)
                    endings[Ending.GOOD] += 1
                bar.advance()
        if self.writer is None:
            for model in models:
                self.setup.out.print(Text(), show.basis(model))
        told = [f"{count} {_LABELS[ending]}" for ending, count in sorted(endings.items())]
        self.setup.say(
            f"{counted(len(self.clips), 'clip')}: {listed(told)}; "
            f"{counted(samples, 'sample')}, {monotonic() - began_s:.1f} s"
        )
        return max(endings)

    def _take(self, clip: str, found: AffectResult, rows: show.Rows) -> None:
        if self.writer is not None:
            self.writer.result(clip, found)
        else:
            for line in rows.of(file_name(clip), found):
                self.setup.out.print(line)


_LABELS = {
    Ending.GOOD: "good",
    Ending.REFUSED: "refused or not readable",
    Ending.USAGE: "wrongly asked for",
    Ending.NO_SERVER: "without a server",
    Ending.LATE: "too late",
    Ending.BROKEN: "failed on the server",
}


def _of_track(found: AffectResult, track: int | None) -> AffectResult:
    """The answer with one person in it, or with all.

    Raises:
        TrackError: there is no such track.
    """
    if track is None:
        return found
    found.trace(track)
    frames = [
        frame.model_copy(update={"faces": [face for face in frame.faces if face.track == track]})
        for frame in found.frames
    ]
    tracks = [each for each in found.tracks if each.track == track]
    return found.model_copy(update={"frames": frames, "tracks": tracks})
