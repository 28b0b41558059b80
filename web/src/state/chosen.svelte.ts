/** What somebody chose for their searches, for as long as the page is open. */
class Chosen {
  collection = $state("");
  authorisation = $state("");
}

export const chosen = new Chosen();
