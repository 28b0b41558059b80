/** Acts on the people of a collection: what was done is said, with a way to undo it; what could not be done, too. */
import { Problem, ask, step, type Shapes } from "../api/client";
import { words } from "../words";

/** Faces that somebody can have. */
export const MOST = 100;

export class Curation {
  said = $state("");
  /** The act that can be undone at once. */
  act = $state<number | null>(null);
  trouble = $state<unknown>(null);
  busy = $state(false);

  constructor(
    readonly collection: string,
    readonly changed: () => Promise<void> | void,
  ) {}

  get path(): string {
    return `/collections/${step(this.collection)}`;
  }

  user(name: string): string {
    return `${this.path}/users/${step(name)}`;
  }

  /** Somebody else has changed a person since they were shown. */
  get stale(): Problem | null {
    return this.trouble instanceof Problem && this.trouble.current ? this.trouble : null;
  }

  async attempt(deed: () => Promise<{ said: string; act?: number | null | undefined }>): Promise<boolean> {
    this.trouble = null;
    this.said = "";
    this.act = null;
    this.busy = true;
    try {
      const done = await deed();
      await this.changed();
      this.said = done.said;
      this.act = done.act ?? null;
      return true;
    } catch (error) {
      this.trouble = error;
      return false;
    } finally {
      this.busy = false;
    }
  }

  undo(act: number): Promise<boolean> {
    return this.attempt(async () => {
      const done = await ask<Shapes["UndoneShown"]>(`${this.path}/acts/${act}/undo`, { method: "POST" });
      return { said: words.people.undone(done.moved.length, done.stayed.length) };
    });
  }

  take(name: string, faceIds: string[], version?: string): Promise<boolean> {
    return this.attempt(async () => {
      const body = { face_ids: faceIds, version };
      const done = await ask<Shapes["AssociationShown"]>(`${this.user(name)}/faces/remove`, { method: "POST", body });
      return { said: words.people.took(done.moved.length, name), act: done.act };
    });
  }

  separate(name: string, body: { face_ids?: string[]; user_ids?: string[]; version?: string }): Promise<boolean> {
    return this.attempt(async () => {
      const done = await ask<Shapes["CuratedShown"]>(`${this.user(name)}/separations`, { method: "POST", body });
      return { said: body.face_ids ? words.people.separated(body.face_ids.length, name) : words.people.different, act: done.act };
    });
  }

  give(name: string, faceIds: string[], version?: string): Promise<boolean> {
    return this.attempt(async () => {
      const body = { face_ids: faceIds, version };
      const done = await ask<Shapes["AssociationShown"]>(`${this.user(name)}/faces`, { method: "POST", body });
      return { said: words.collections.moved(done.moved.length, name, done.refused.length), act: done.act };
    });
  }

  merge(name: string, others: { user_id: string; version?: string }[], version?: string): Promise<boolean> {
    return this.attempt(async () => {
      const body = { others, version };
      const done = await ask<Shapes["CuratedShown"]>(`${this.user(name)}/merge`, { method: "POST", body });
      return { said: words.people.merged(done.moved.length, name, done.stayed.length), act: done.act };
    });
  }
}
