/** Something that is asked for by a form or a button: whether it is on its way, and what went wrong. */
export class Doing {
  busy = $state(false);
  trouble = $state<unknown>(null);
  said = $state("");

  /** Do it; `said` is told when it is done. Whether it was. */
  async go(act: () => Promise<unknown>, said = ""): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.trouble = null;
    this.said = "";
    try {
      await act();
      this.said = said;
      return true;
    } catch (error) {
      this.trouble = error;
      return false;
    } finally {
      this.busy = false;
    }
  }
}
