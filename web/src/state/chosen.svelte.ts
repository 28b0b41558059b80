/** What somebody chose for their searches, for as long as the page is open. */
class Chosen {
  collection = $state("");
  authorisation = $state("");
  /** A picture that another page hands to the search, which takes it away. */
  picture: ImageBitmap | null = null;
}

export const chosen = new Chosen();
