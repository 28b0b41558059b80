/** Verifies the ledger in the browser: a signed checkpoint (C2SP signed-note, tlog-checkpoint) and proofs (RFC 6962). */
import { ask, type Shapes } from "../api/client";
import { words } from "../words";

const text = words.ledger;
const ED25519 = 1;
/** Proofs that are asked for at once. */
const TOGETHER = 6;

interface Checkpoint {
  size: number;
  root: Uint8Array<ArrayBuffer>;
}

export function able(): boolean {
  return "subtle" in crypto;
}

/** How many entries the checkpoint covers that these entries were proved to be in. Throws an Error that says what does not hold. */
export async function verified(entries: Shapes["EntryShown"][]): Promise<number> {
  const [{ keys }, { note }] = await Promise.all([
    ask<Shapes["KeysShown"]>("/ledger/keys"),
    ask<Shapes["CheckpointShown"]>("/ledger/checkpoint", { method: "POST" }),
  ]);
  const checkpoint = await signed(note, keys[0] ?? "");
  for (let at = 0; at < entries.length; at += TOGETHER) {
    await Promise.all(entries.slice(at, at + TOGETHER).map((entry) => proved(entry, checkpoint)));
  }
  return checkpoint.size;
}

async function signed(note: string, key: string): Promise<Checkpoint> {
  const fault = new Error(text.badSignature);
  const [name, hash, material] = parts(key);
  const [body = "", signatures = ""] = note.split(/\n\n/);
  const said = bytes(`${body}\n`);
  const line = signatures.split("\n").find((each) => each.startsWith(`— ${name} `) && hex(decoded(each.split(" ")[2]!).slice(0, 4)) === hash);
  const raw = decoded(material);
  if (!line || raw[0] !== ED25519) throw fault;
  const signature = decoded(line.split(" ")[2]!).slice(4);
  const publicKey = await crypto.subtle.importKey("raw", raw.slice(1), { name: "Ed25519" }, false, ["verify"]);
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, publicKey, signature, said))) throw fault;
  const [, size = "", root = ""] = body.split("\n");
  return { size: Number(size), root: decoded(root) };
}

/** A key is NAME+HASH+MATERIAL, and `+` may be in the material. */
function parts(key: string): [string, string, string] {
  const [name = "", hash = "", ...material] = key.trim().split("+");
  return [name, hash, material.join("+")];
}

async function proved(entry: Shapes["EntryShown"], { size, root }: Checkpoint): Promise<void> {
  if (entry.body !== null && entry.salt !== null) {
    const said = await sha256(joined(unhex(entry.salt!), bytes(entry.body!)));
    if (hex(said) !== entry.leaf) throw new Error(text.badEntry(entry.position));
  }
  if (entry.position >= size) throw new Error(text.badProof(entry.position));
  const query = { position: entry.position, size };
  const { hashes } = await ask<Shapes["ProofShown"]>("/ledger/inclusion", { query });
  const leaf = await sha256(joined(Uint8Array.of(0), unhex(entry.leaf)));
  const found = await rootFrom(leaf, entry.position, size, hashes.map(unhex));
  if (!found || hex(found) !== hex(root)) throw new Error(text.badProof(entry.position));
}

/** RFC 9162, 2.1.3.2: the root that an inclusion proof leads to; null if the proof has another length than it must. */
async function rootFrom(leaf: Bytes, position: number, size: number, proof: Bytes[]): Promise<Bytes | null> {
  let [node, last, hash] = [position, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      hash = await above(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
    } else {
      hash = await above(hash, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hash : null;
}

type Bytes = Uint8Array<ArrayBuffer>;

function above(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(joined(Uint8Array.of(1), left, right));
}

async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

function bytes(said: string): Bytes {
  return new TextEncoder().encode(said) as Bytes;
}

function joined(...all: Bytes[]): Bytes {
  const whole = new Uint8Array(all.reduce((length, each) => length + each.length, 0));
  let at = 0;
  for (const each of all) {
    whole.set(each, at);
    at += each.length;
  }
  return whole;
}

function decoded(base64: string): Bytes {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function unhex(digits: string): Bytes {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function hex(data: Bytes): string {
  return [...data].map((each) => each.toString(16).padStart(2, "0")).join("");
}
