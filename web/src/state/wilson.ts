/** Errors among trials, with the interval of Wilson (1927) that holds the true rate in 95 of 100 such counts. */
import { rate } from "../words-office";
import { record } from "../words-record";

const Z = 1.959964;

export function said(errors: number, trials: number): string {
  const text = record.rates;
  if (!trials) return text.noPairs;
  const [low, high] = interval(errors, trials);
  const found = errors ? text.interval(rate(errors / trials), rate(low), rate(high)) : text.atMost(rate(high));
  return `${text.of(errors, trials)}: ${found}`;
}

function interval(errors: number, trials: number): [number, number] {
  const share = errors / trials;
  const wide = 1 + Z ** 2 / trials;
  const middle = (share + Z ** 2 / (2 * trials)) / wide;
  const half = (Z / wide) * Math.sqrt((share * (1 - share)) / trials + Z ** 2 / (4 * trials ** 2));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
