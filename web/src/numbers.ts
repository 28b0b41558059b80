/** Numbers and moments as the console writes them: in the language of its words. Not by `Intl`: to open what a browser
 * knows of the world's calendars and digits takes it 40 ms and more, on a phone four times that, before the page is drawn. */
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const THOUSANDS = /\B(?=(\d{3})+$)/g;

const two = (value: number): string => String(value).padStart(2, "0");

/** 12,345 */
export function count(value: number): string {
  return String(value).replace(THOUSANDS, ",");
}

/** With at most so many digits behind the point: 0.5, 12. */
export function decimals(value: number, most: number): string {
  const written = value.toFixed(most);
  const said = written.includes(".") ? written.replace(/\.?0+$/, "") : written;
  return said === "-0" ? "0" : said;
}

/** With at most so many digits that say something: 0.012, 12,300. */
export function digits(value: number, most: number): string {
  const rounded = Number(value.toPrecision(most));
  const places = most - 1 - Math.floor(Math.log10(Math.abs(rounded) || 1));
  return places > 0 ? decimals(rounded, Math.min(places, 100)) : count(rounded);
}

/** 16 Sep 2026 */
export function day(moment: string): string {
  const at = new Date(moment);
  return `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`;
}

/** A day that is one by UTC, such as a training's, whatever the clock here says: 16 Sep 2026 */
export function dayByUTC(moment: string): string {
  const at = new Date(moment);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** 02:37 */
export function time(moment: string | number): string {
  const at = new Date(moment);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** 16 Sep 2026, 02:37 */
export function when(moment: string | null | undefined): string {
  return moment ? `${day(moment)}, ${time(moment)}` : "–";
}
