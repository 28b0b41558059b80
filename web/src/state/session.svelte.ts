/** Who has signed in. Nothing of it is stored by the page: a reload asks the server again. */
import { Problem, ask, whenSignedOut, type Shapes } from "../api/client";

/** The profiles that know no people. */
const FREE = ["open", "recorded"];

class Session {
  me = $state.raw<Shapes["Me"] | null>(null);
  known = $state(false);
  trouble = $state<string | null>(null);
  /** The address that passkeys are bound to, if one is set. */
  site = $state<string | null>(null);

  async begin(): Promise<void> {
    this.trouble = null;
    try {
      const { kept, site } = await ask<Shapes["Kept"]>("/sign-in");
      this.site = site;
      this.me = kept ? await ask<Shapes["Me"]>("/me") : null;
    } catch (error) {
      this.me = null;
      if (error instanceof Problem && !error.signedOut) this.trouble = error.message;
    }
    this.known = true;
  }

  async end(): Promise<void> {
    try {
      await ask<void>("/sign-out", { method: "POST" });
    } finally {
      await forgetShell();
      // A new document: nothing that was shown stays in memory, and "back" finds no page of before. It is the first thing
      // that is seen: a form of this document would go from under whoever begins to type into it.
      location.replace(location.pathname);
    }
  }

  /** Whether the profile knows who they are: then it takes two people for some things. */
  get named(): boolean {
    return (this.me?.roles.length ?? 0) > 0;
  }

  /** Whether they may take a route, such as "POST /v1/people". */
  can(route: string): boolean {
    return this.me?.may.includes(route) ?? false;
  }

  /** Whether nobody is asked for a role: whoever has signed in may do everything. */
  get free(): boolean {
    return FREE.includes(this.me?.profile ?? "");
  }

  /** Whether somebody has one of these roles; where nobody is asked for roles, everybody may. */
  may(...roles: string[]): boolean {
    const own = this.me?.roles ?? [];
    return this.me !== null && (this.free || roles.some((role) => (own as string[]).includes(role)));
  }
}

async function forgetShell(): Promise<void> {
  if (!("caches" in window)) return;
  for (const name of await caches.keys()) await caches.delete(name);
}

export const session = new Session();
whenSignedOut(() => (session.me = null));
