/** What a camera's view lacks for a face to be recognised: looked at on the device, a few times a second. */

export type Hint = "dark" | "bright" | "blurred" | "none" | "small" | "turned" | "good";

/** The side of what is looked at, the middle of the view: a face that fills the guide then has some 110 pixels, as many
 * as recognition is given. */
const SIDE = 128;
const [DARK, BRIGHT] = [55, 225];
/** Mean square of the Laplacian. Of 175 development faces of that size none that is sharp lies below, and nine in ten
 * that are blurred by 1.5 pixels and more. */
const BLURRED = 25;
/** A face's width, of the view's shorter side; and how far the eyes may be from the middle of it, of its width. */
const [SMALL, TURNED] = [0.22, 0.13];

/** What some browsers have (Shape Detection, W3C). */
interface Detector {
  detect(source: HTMLVideoElement): Promise<Seen[]>;
}
interface Seen {
  boundingBox: DOMRectReadOnly;
  landmarks: { type: string; locations: { x: number; y: number }[] }[];
}

export class Hints {
  readonly #canvas = document.createElement("canvas");
  #detector: Detector | null = null;

  constructor() {
    const known = (window as { FaceDetector?: new (options: object) => Detector }).FaceDetector;
    this.#canvas.width = this.#canvas.height = SIDE;
    try {
      this.#detector = known ? new known({ fastMode: true, maxDetectedFaces: 4 }) : null;
    } catch {
      this.#detector = null; // the name is there, and nothing behind it
    }
  }

  /** The worst of what is wrong now. Where the browser finds no faces by itself, light and sharpness are all it tells. */
  async of(video: HTMLVideoElement): Promise<Hint> {
    if (!video.videoWidth) return "good";
    const { level, sharpness } = this.#look(video);
    if (level < DARK) return "dark";
    if (level > BRIGHT) return "bright";
    if (sharpness < BLURRED) return "blurred";
    return this.#detector ? this.#face(video) : "good";
  }

  #look(video: HTMLVideoElement): { level: number; sharpness: number } {
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    if (!context) return { level: 128, sharpness: BLURRED };
    const side = Math.min(video.videoWidth, video.videoHeight) / 2;
    context.imageSmoothingQuality = "high";
    context.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, SIDE, SIDE);
    return measured(context.getImageData(0, 0, SIDE, SIDE).data, SIDE);
  }

  async #face(video: HTMLVideoElement): Promise<Hint> {
    try {
      const [largest] = (await this.#detector!.detect(video)).sort((one, other) => other.boundingBox.width - one.boundingBox.width);
      if (!largest) return "none";
      if (largest.boundingBox.width < SMALL * Math.min(video.videoWidth, video.videoHeight)) return "small";
      return turned(largest) ? "turned" : "good";
    } catch {
      this.#detector = null;
      return "good";
    }
  }
}

/** Mean luminance, 0 to 255, and the mean square of its Laplacian. */
export function measured(data: Uint8ClampedArray, side: number): { level: number; sharpness: number } {
  const grey = new Float32Array(side * side);
  let sum = 0;
  for (let at = 0; at < grey.length; at += 1) {
    grey[at] = 0.299 * data[4 * at]! + 0.587 * data[4 * at + 1]! + 0.114 * data[4 * at + 2]!;
    sum += grey[at]!;
  }
  let squares = 0;
  for (let row = 1; row < side - 1; row += 1) {
    for (let at = row * side + 1; at < (row + 1) * side - 1; at += 1) {
      const edge = 4 * grey[at]! - grey[at - 1]! - grey[at + 1]! - grey[at - side]! - grey[at + side]!;
      squares += edge * edge;
    }
  }
  return { level: sum / grey.length, sharpness: squares / (side - 2) ** 2 };
}

function turned({ boundingBox: box, landmarks }: Seen): boolean {
  const eyes = landmarks.filter((each) => each.type === "eye").flatMap((each) => each.locations);
  if (eyes.length < 2) return false;
  const middle = eyes.reduce((total, eye) => total + eye.x, 0) / eyes.length;
  return Math.abs(middle - (box.x + box.width / 2)) > TURNED * box.width;
}
