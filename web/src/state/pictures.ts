/** Pictures on their way to the server: upright, small enough for a slow line, and without what a camera wrote into them. */

/** The longest side, in pixels: faces of 40 pixels and more in the original are still found. */
const LONGEST = 1280;
const QUALITY = 0.85;
const KINDS = "image/jpeg,image/png";

export { KINDS };

export interface Taken {
  /** To show; to be revoked when it is no longer shown. */
  url: string;
  /** JPEG, in base64. */
  content: string;
  width: number;
  height: number;
}

/** A file as it is sent. Throws where the browser cannot open it. */
export async function taken(file: Blob, longest = LONGEST): Promise<Taken> {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  try {
    return await drawn(bitmap, bitmap.width, bitmap.height, longest);
  } finally {
    bitmap.close();
  }
}

/** What a camera shows now. */
export function frame(video: HTMLVideoElement): Promise<Taken> {
  return drawn(video, video.videoWidth, video.videoHeight, LONGEST);
}

async function drawn(source: CanvasImageSource, width: number, height: number, longest: number): Promise<Taken> {
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((made) => canvas.toBlob(made, "image/jpeg", QUALITY));
  if (!blob) throw new Error("no picture");
  return { url: URL.createObjectURL(blob), content: await base64(blob), width: canvas.width, height: canvas.height };
}

/** The mean brightness of a video's frame, 0 to 255, from a few pixels of its middle. */
export function brightness(video: HTMLVideoElement, canvas: HTMLCanvasElement): number {
  const SIDE = 24;
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context || !video.videoWidth) return 128;
  const side = Math.min(video.videoWidth, video.videoHeight) / 2;
  context.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, SIDE, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum += 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
  return sum / (SIDE * SIDE);
}

export async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
