/** Pictures on their way to the server: upright, small enough for a slow line, and without what a camera wrote into them. */

/** The longest side, in pixels, of what faces are looked for in; of a quick look before, and of a closer one after. */
const LONGEST = 1280;
export const [QUICK, CLOSER] = [640, 2560];
const [QUALITY, SOURCE_QUALITY] = [0.85, 0.92];
/** Around a face that is searched for: so many of its sides, and at least so many pixels. */
const [AROUND, LEAST_AROUND, MOST_AROUND] = [3, 320, 640];
const KINDS = "image/jpeg,image/png";

export { KINDS };

export interface Taken {
  /** To show; to be revoked when it is no longer shown. */
  url: string;
  /** JPEG, in base64. */
  content: string;
  width: number;
  height: number;
  /** The same as `content`. */
  blob: Blob;
  /** What it was made from, with every pixel, as long as it is shown. */
  source: Blob;
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A file as it is sent. Throws where the browser cannot open it. */
export async function taken(file: Blob, longest = LONGEST): Promise<Taken> {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  try {
    return await shown(file, bitmap, [0, 0, bitmap.width, bitmap.height], longest);
  } finally {
    bitmap.close();
  }
}

/** What a camera shows now. */
export async function frame(video: HTMLVideoElement): Promise<Taken> {
  const { videoWidth: width, videoHeight: height } = video;
  const { blob } = await drawn(video, [0, 0, width, height], Infinity, SOURCE_QUALITY);
  return taken(blob);
}

/**
 * A face of a picture and what is around it, with the pixels that the camera saw rather than those that were left to
 * find it in; and where the face is in that. Others in the picture are mostly left out.
 */
export async function around(picture: Taken, face: Box): Promise<{ content: string; face: Box }> {
  const bitmap = await createImageBitmap(picture.source, { imageOrientation: "from-image" });
  try {
    const [width, height] = [face.width * bitmap.width, face.height * bitmap.height];
    const side = Math.max(AROUND * Math.max(width, height), LEAST_AROUND);
    const across = span((face.left + face.width / 2) * bitmap.width, side, bitmap.width);
    const down = span((face.top + face.height / 2) * bitmap.height, side, bitmap.height);
    const { blob } = await drawn(bitmap, [across.from, down.from, across.size, down.size], MOST_AROUND, QUALITY);
    const placed = {
      left: (face.left * bitmap.width - across.from) / across.size,
      top: (face.top * bitmap.height - down.from) / down.size,
      width: width / across.size,
      height: height / down.size,
    };
    return { content: await base64(blob), face: inside(placed) };
  } finally {
    bitmap.close();
  }
}

/** Whole pixels, `size` of them or fewer, around a middle and within a picture's side. */
function span(middle: number, size: number, whole: number): { from: number; size: number } {
  const from = Math.max(0, Math.floor(middle - size / 2));
  return { from, size: Math.max(1, Math.min(whole, Math.ceil(middle + size / 2)) - from) };
}

/** The part of a box that is in its picture. */
function inside({ left, top, width, height }: Box): Box {
  const [x, y] = [Math.max(0, left), Math.max(0, top)];
  return { left: x, top: y, width: Math.min(1, left + width) - x, height: Math.min(1, top + height) - y };
}

type Part = [left: number, top: number, width: number, height: number];

async function shown(file: Blob, source: CanvasImageSource, part: Part, longest: number): Promise<Taken> {
  const { blob, width, height } = await drawn(source, part, longest, QUALITY);
  return { url: URL.createObjectURL(blob), content: await base64(blob), blob, width, height, source: file };
}

/** A part of a picture, no larger than `longest`, as a new JPEG: nothing but pixels is carried over. */
async function drawn(source: CanvasImageSource, part: Part, longest: number, quality: number): Promise<{ blob: Blob; width: number; height: number }> {
  const [, , width, height] = part;
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, ...part, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((made) => canvas.toBlob(made, "image/jpeg", quality));
  if (!blob) throw new Error("no picture");
  return { blob, width: canvas.width, height: canvas.height };
}

export async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
