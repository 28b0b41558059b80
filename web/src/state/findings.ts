/** What is in a stored picture, asked for kind by kind, and where it is marked: in ratios of the picture's sides. */
import { ask, type Shapes } from "../api/client";
import { words } from "../words";
import type { Box } from "./pictures";
import { described } from "./seen";

export type Kind = keyof typeof words.library.kinds;
export type Corners = [number, number][];

export interface Finding {
  title: string;
  said: string;
  /** The outlines of it in the picture. */
  places: Corners[];
  /** A face's box, to search for it. */
  face?: Box;
  /** A colour, as #rrggbb. */
  colour?: string;
}

const text = words.library;

export function corners(box: Box): Corners {
  const [right, bottom] = [box.left + box.width, box.top + box.height];
  return [[box.left, box.top], [right, box.top], [right, bottom], [box.left, bottom]];
}

export async function found(kind: Kind, bucket: string, name: string, width: number): Promise<Finding[]> {
  const post = <T>(path: string, more: object = {}) => ask<T>(path, { method: "POST", body: { object: { bucket, name }, ...more } });
  switch (kind) {
    case "labels":
      return (await post<Shapes["LabelsShown"]>("/labels")).labels.map((each) => ({
        title: each.name,
        said: [text.certain(each.confidence), ...(each.instances.length ? [text.places(each.instances.length)] : [])].join(", "),
        places: each.instances.map((one) => corners(one.box)),
      }));
    case "text":
      return (await post<Shapes["TextShown"]>("/text")).lines.map((each) => ({
        title: each.text,
        said: text.certain(each.confidence),
        places: [each.corners as Corners],
      }));
    case "faces":
      return (await post<Shapes["DetectedFaces"]>("/faces")).faces.map((each, row) => ({
        title: text.face(row + 1),
        said: described(each, width),
        places: [corners(each.box)],
        face: each.box,
      }));
    case "look":
      return looks((await post<Shapes["LabelsShown"]>("/labels", { properties: true, most: 1 })).look);
    case "moderation":
      return (await post<Shapes["ModerationShown"]>("/moderation")).labels.map((each) => ({
        title: each.name,
        said: text.certain(each.confidence),
        places: [],
      }));
  }
}

function looks(look: Shapes["LookShown"] | null | undefined): Finding[] {
  if (!look) return [];
  const measures: [string, number | null][] = [[text.brightness, look.brightness], [text.sharpness, look.sharpness], [text.contrast, look.contrast]];
  const told = measures.filter((each): each is [string, number] => each[1] !== null);
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  return [
    ...told.map(([title, value]) => ({ title, said: text.certain(value), places: [] })),
    ...look.colours.map((each) => ({
      title: each.css,
      said: text.colour(each.plain, each.percent),
      places: [],
      colour: `#${hex(each.red)}${hex(each.green)}${hex(each.blue)}`,
    })),
  ];
}
