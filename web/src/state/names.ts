/** Who somebody is, by their id. */
import { ask, type Shapes } from "../api/client";
import { session } from "./session.svelte";

export type Names = (id: string | null | undefined) => string;

/** The names of everybody, for those who may list people; for others an id stays one. */
export async function names(): Promise<Names> {
  const known = new Map<string, string>();
  if (session.can("GET /v1/people")) {
    const found = await ask<Shapes["PeopleShown"]>("/people");
    for (const each of found.people) known.set(each.id, each.name);
  }
  return (id) => (id ? (known.get(id) ?? id) : "–");
}
