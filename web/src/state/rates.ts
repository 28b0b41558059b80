/** Measured rates in words, and where they stand in a picture whose axis is logarithmic. */
import type { Shapes } from "../api/client";
import { count, decimals } from "../numbers";
import { office, rate } from "../words-office";

type Rate = Shapes["RateShown"];
const text = office.accuracy;

export function value(of: Rate): number {
  return of.trials ? of.errors / of.trials : 0;
}

/** What was seen, with its interval; that nothing was seen is no rate of 0. */
export function said(of: Rate): string {
  if (!of.trials) return text.notMeasured(of.of);
  if (!of.errors) return text.none(count(of.trials), of.of, rate(of.high));
  return text.interval(rate(value(of)), rate(of.low), rate(of.high));
}

const share = (of: number): string => `${decimals(100 * of, 2)}%`;

/** The share that was not an error. */
export function accepted(of: Rate): string {
  if (!of.trials) return text.notMeasured(of.of);
  return text.interval(share(1 - value(of)), share(1 - of.high), share(1 - of.low));
}

export function log(rate: number, least: number): number {
  return Math.max(Math.log10(rate || 1e-99), least);
}

/** Powers of ten from the one at or below `least` to 1, as ticks. */
export function powers(least: number): [number, string][] {
  const first = Math.floor(least);
  return Array.from({ length: 1 - first }, (_, step) => [first + step, rate(10 ** (first + step))]);
}
