/** Puts a node where a box is in its picture. By the object model: the Content-Security-Policy allows no styles in markup. */
import type { Box } from "./pictures";

export function placed(node: HTMLElement, box: Box): { update: (next: Box) => void } {
  const update = (next: Box): void => {
    for (const side of ["left", "top", "width", "height"] as const) node.style[side] = `${next[side] * 100}%`;
  };
  update(box);
  return { update };
}
