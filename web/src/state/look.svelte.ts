/** Light, dark, or as the device: the one thing that is kept on the device, since it says nothing of anybody. */

export type Look = "system" | "light" | "dark";
const KEY = "regard-look";

function kept(): Look {
  const found = localStorage.getItem(KEY);
  return found === "light" || found === "dark" ? found : "system";
}

class Looks {
  chosen = $state<Look>(kept());

  constructor() {
    this.#show();
  }

  choose(look: Look): void {
    this.chosen = look;
    if (look === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, look);
    this.#show();
  }

  #show(): void {
    if (this.chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.chosen;
  }
}

export const looks = new Looks();
