/** Passkeys, by the browser's own calls (WebAuthn, level 3: `parse…FromJSON` and `toJSON`). */

type Options = Record<string, unknown>;

export function supported(): boolean {
  return "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
}

/** Whether a passkey can be made and used here: a browser makes none for a page of another address. */
export function usable(site: string | null): boolean {
  return supported() && site === location.origin;
}

/** What the device made to prove who somebody is. Rejects if the window was closed, or there is no passkey. */
export async function proved(options: Options): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as never);
  return ((await navigator.credentials.get({ publicKey })) as PublicKeyCredential).toJSON();
}

/** A new passkey, as the device made it. Rejects if the window was closed. */
export async function made(options: Options): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as never);
  return ((await navigator.credentials.create({ publicKey })) as PublicKeyCredential).toJSON();
}
