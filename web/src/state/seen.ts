/** How well a face is seen, in words. */
import type { Shapes } from "../api/client";
import { words } from "../words";

const text = words.search;
const [SMALL, TURNED, DARK, BLURRED] = [50, 35, 30, 20];

/** What is wrong with how it is seen; nothing if it is seen well. `side` is the picture's width in pixels. */
export function faults(face: Shapes["DetectedFace"], side: number): string[] {
  const found: string[] = [];
  if (face.box.width * side < SMALL) found.push(text.small);
  if (Math.abs(face.yaw) > TURNED || Math.abs(face.pitch) > TURNED) found.push(text.turned);
  if (face.brightness < DARK) found.push(text.darkFace);
  if (face.sharpness < BLURRED) found.push(text.blurred);
  return found;
}

export function described(face: Shapes["DetectedFace"], side: number): string {
  return faults(face, side).join(", ") || text.clear;
}

/** Which of these faces is where that one is. */
export function nearest(face: Shapes["DetectedFace"], faces: Shapes["DetectedFace"][]): number {
  const away = ({ box }: Shapes["DetectedFace"]) =>
    Math.hypot(box.left + box.width / 2 - face.box.left - face.box.width / 2, box.top + box.height / 2 - face.box.top - face.box.height / 2);
  return faces.reduce((best, each, row) => (away(each) < away(faces[best]!) ? row : best), 0);
}
