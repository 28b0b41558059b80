/** A drawn face to try a search with: it is nobody's, and comes with the console. */
import { Problem, ask, step, type Shapes } from "../api/client";
import { chosen } from "./chosen.svelte";
import { Picture, enrolled } from "./pictures";

const FILE = "./drawn-face.svg";
const [WIDTH, HEIGHT] = [800, 920];
export const SAMPLE = "sample";
const NAME = "drawn-ada";

/** Puts the drawing into a collection of its own, and gives the search another picture of the same face. */
export async function prepareSample(): Promise<void> {
  const drawing = new Image(WIDTH, HEIGHT);
  drawing.src = new URL(FILE, document.baseURI.replace(/#.*/, "")).href;
  await drawing.decode();
  await created(SAMPLE, false);
  const body = { image: await enrolled(await pictured(drawing, 0, 0)), external_image_id: NAME };
  await ask<Shapes["EnrolledShown"]>(`/collections/${step(SAMPLE)}/faces`, { method: "POST", body });
  chosen.collection = SAMPLE;
  chosen.picture = await Picture.opened(await pictured(drawing, 4, 0.2));
}

/** The collection, made if it is not there; `pictures` if it keeps a small one of each face. */
export async function created(collection: string, pictures: boolean): Promise<void> {
  try {
    await ask("/collections", { method: "POST", body: { collection_id: collection, profile: null, pictures } });
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 409) throw error;
  }
}

/** The drawing, turned by so many degrees and so much darker: as from another day. */
async function pictured(drawing: HTMLImageElement, degrees: number, darker: number): Promise<Blob> {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#8fa3ad"; // the drawing's own background, where the turn leaves a corner
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.translate(WIDTH / 2, HEIGHT / 2);
  context.rotate((degrees * Math.PI) / 180);
  context.drawImage(drawing, -WIDTH / 2, -HEIGHT / 2, WIDTH, HEIGHT);
  context.resetTransform();
  context.fillStyle = `rgb(0 0 0 / ${darker})`;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  const blob = await new Promise<Blob | null>((made) => canvas.toBlob(made, "image/png"));
  if (!blob) throw new Error("no picture");
  return blob;
}
