/** How an authorisation stands: as it is now, for what was approved may have run out meanwhile. */
import type { Shapes } from "../api/client";

type Authorisation = Shapes["AuthorisationShown"];

export const KINDS: Record<string, "good" | "wait" | "bad" | "plain"> = { approved: "good", requested: "wait", emergency: "bad" };

export function standing(each: Authorisation): string {
  return each.state === "approved" && Date.parse(each.ends_at) <= Date.now() ? "expired" : each.state;
}

/** Whether somebody is to decide about it. */
export function waits(each: Authorisation): boolean {
  return each.state === "requested" || each.state === "emergency";
}

/** When it ends by itself: an emergency, when it must have been confirmed. */
export function expires(each: Authorisation): string {
  const by = each.state === "emergency" ? each.confirm_by : null;
  return by && Date.parse(by) < Date.parse(each.ends_at) ? by : each.ends_at;
}

/** Whether it can be searched under: an emergency can before anybody has decided. */
export function runs(each: Authorisation): boolean {
  return ["approved", "emergency"].includes(each.state) && Date.parse(expires(each)) > Date.now();
}
