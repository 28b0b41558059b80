import type { Picture } from "./pictures";

/** What somebody chose for their searches, for as long as the page is open. */
class Chosen {
  collection = $state("");
  authorisation = $state("");
  /** A picture that another page hands to the search, which takes it away. */
  picture: Picture | null = null;

  /** What says under which authorisation something is asked for; nothing where there is none. */
  get headers(): Record<string, string> {
    return this.authorisation ? { "x-regard-authorisation": this.authorisation } : {};
  }
}

export const chosen = new Chosen();
