/** The roles there are, in the order in which they are shown. */
import type { Shapes } from "../api/client";

export const ROLES: Shapes["Role"][] = ["administrator", "enroller", "searcher", "reviewer", "auditor", "overseer"];
/** Those that a program can hold: the others take a person. */
export const OF_SERVICES: Shapes["Role"][] = ["enroller", "searcher", "auditor"];
