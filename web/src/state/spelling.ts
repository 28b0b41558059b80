/** The name that an external image id spells, as the server spells names (`domain/identifiers.py`); else the id itself. */
export function called(id: string): string {
  const escaped = id.replace(/::|:([0-9A-F]{2})/g, (_, digits?: string) => (digits ? `%${digits}` : "%20"));
  try {
    const name = decodeURIComponent(escaped).normalize("NFC");
    return escaped.includes(":") || /[\p{C}\p{Zl}\p{Zp}]/u.test(name) ? id : name;
  } catch {
    return id;
  }
}
