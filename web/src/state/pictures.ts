/** Pictures on their way to the server: upright, small enough for a slow line, and without what a camera wrote into them. */

/** How large a picture is sent: its longest side in pixels, and JPEG's quality. */
export interface Size {
  longest: number;
  quality: number;
}

/** What faces are looked for in, in this order, until one is found. Many pixels, coarsely: of 30 kB, 800 pixels show faces
 * that 640 in twice as much do not. Nothing is compared by these. */
export const LOOKS: Size[] = [
  { longest: 800, quality: 0.4 },
  { longest: 1600, quality: 0.4 },
  { longest: 2560, quality: 0.5 },
];
/** What is enrolled, and a face that is searched for with what is around it: these are compared, by people too. */
const ENROLLED: Size = { longest: 2560, quality: 0.85 };
const SEARCHED: Size = { longest: 448, quality: 0.85 };
/** Around a face that is searched for: so many of its sides, and at least so many pixels. */
const [AROUND, LEAST_AROUND] = [2, 224];

export const KINDS = "image/jpeg,image/png";

/** A rectangle in ratios of a picture's sides. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

interface Face {
  content: string;
  face: Box;
}

/** The longest side of what is kept of a picture while it is shown: 50 megapixels would take 200 MB. */
const KEPT = 1600;

/** A picture that is shown: what fits a screen, and the file that its other pixels are read from when they are needed.
 * To be closed when it is no longer shown. */
export class Picture {
  #face: { of: Box; made: Promise<Face> } | null = null;

  private constructor(
    readonly shown: ImageBitmap,
    /** The upright original's sides in pixels. */
    readonly width: number,
    readonly height: number,
    readonly file: Blob | null,
  ) {}

  /** Throws where the browser cannot open it. */
  static async opened(file: Blob): Promise<Picture> {
    const all = await decoded(file);
    const { width, height } = all;
    const scale = KEPT / Math.max(width, height);
    if (scale >= 1) return new Picture(all, width, height, null);
    try {
      const size = { resizeWidth: Math.round(width * scale), resizeHeight: Math.round(height * scale) };
      return new Picture(await createImageBitmap(all, { ...size, resizeQuality: "high" }), width, height, file);
    } finally {
      all.close();
    }
  }

  /** What a camera saw, which has no file and is no larger than its view. */
  static taken(frame: ImageBitmap): Picture {
    return new Picture(frame, frame.width, frame.height, null);
  }

  /** The whole of it as JPEG, in base64. */
  sent(size: Size): Promise<string> {
    return this.#reading(size.longest, (pixels) => whole(pixels, size));
  }

  /**
   * A face and what is around it, with the pixels that the camera saw rather than those that were left to find it in; and
   * where the face is in that. Others in the picture are mostly left out. The same face is read once.
   */
  around(face: Box): Promise<Face> {
    if (this.#face?.of !== face) this.#face = { of: face, made: this.#reading(Infinity, (pixels) => around(pixels, face)) };
    return this.#face.made;
  }

  close(): void {
    this.shown.close();
  }

  /** With what is shown, where so many pixels are enough; else with all that the file has, for as long as it takes. */
  async #reading<T>(longest: number, act: (pixels: ImageBitmap) => Promise<T>): Promise<T> {
    if (!this.file || longest <= Math.max(this.shown.width, this.shown.height)) return act(this.shown);
    const all = await decoded(this.file);
    try {
      return await act(all);
    } finally {
      all.close();
    }
  }
}

function decoded(file: Blob): Promise<ImageBitmap> {
  return createImageBitmap(file, { imageOrientation: "from-image" });
}

function whole(picture: ImageBitmap, size: Size): Promise<string> {
  return drawn(picture, [0, 0, picture.width, picture.height], size);
}

/** A file as it is enrolled. Throws where the browser cannot open it. */
export async function enrolled(file: Blob): Promise<string> {
  const picture = await decoded(file);
  try {
    return await whole(picture, ENROLLED);
  } finally {
    picture.close();
  }
}

async function around(picture: ImageBitmap, face: Box): Promise<Face> {
  const [width, height] = [face.width * picture.width, face.height * picture.height];
  const side = Math.max(AROUND * Math.max(width, height), LEAST_AROUND);
  const across = span((face.left + face.width / 2) * picture.width, side, picture.width);
  const down = span((face.top + face.height / 2) * picture.height, side, picture.height);
  const placed = {
    left: (face.left * picture.width - across.from) / across.size,
    top: (face.top * picture.height - down.from) / down.size,
    width: width / across.size,
    height: height / down.size,
  };
  return { content: await drawn(picture, [across.from, down.from, across.size, down.size], SEARCHED), face: inside(placed) };
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

/** Draw a picture into a canvas, no larger than `longest`. */
export function draw(canvas: HTMLCanvasElement, picture: ImageBitmap, longest: number, part = [0, 0, picture.width, picture.height] as Part): void {
  const [, , width, height] = part;
  const scale = Math.min(1, longest / Math.max(width, height));
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, ...part, 0, 0, canvas.width, canvas.height);
}

type Part = [left: number, top: number, width: number, height: number];

/** A part of a picture as a new JPEG, in base64: nothing but pixels is carried over. */
async function drawn(picture: ImageBitmap, part: Part, { longest, quality }: Size): Promise<string> {
  const canvas = document.createElement("canvas");
  draw(canvas, picture, longest, part);
  const blob = await new Promise<Blob | null>((made) => canvas.toBlob(made, "image/jpeg", quality));
  if (!blob) throw new Error("no picture");
  return base64(blob);
}

async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
