/** Passwords to hand over: drawn by the browser, easy to read aloud. */

/** No letters that look like another, or like a digit. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const [GROUPS, LENGTH] = [4, 5];

/** Twenty letters in four groups: 99 bits. */
export function password(): string {
  const drawn: string[] = [];
  const room = 256 - (256 % LETTERS.length); // so that no letter is likelier than another
  while (drawn.length < GROUPS * LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) if (byte < room) drawn.push(LETTERS[byte % LETTERS.length]!);
  }
  return Array.from({ length: GROUPS }, (_, group) => drawn.slice(group * LENGTH, (group + 1) * LENGTH).join("")).join("-");
}

/** A password on its way from where it was made to the page that shows it; it is taken once. */
export const handed = {
  password: "",
  take(): string {
    const taken = this.password;
    this.password = "";
    return taken;
  },
};
