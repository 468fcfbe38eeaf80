/** What a window knows across a reload: its id as a client, and which job is of which tab. */

const CLIENT = "mezzotint.client";

/** A window that was opened as a copy of another begins with the id of that one (`app/recovery.ts` notices). */
export function clientId(): string {
  return sessionStorage.getItem(CLIENT) ?? renewClientId();
}

export function renewClientId(): string {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0"));
  sessionStorage.setItem(CLIENT, id.join(""));
  return id.join("");
}

/** Reads what was kept in this browser; what cannot be read counts as nothing. */
export function kept<T>(key: string, otherwise: T): T {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(`mezzotint.${key}`) ?? "null");
    return found === null ? otherwise : (found as T);
  } catch {
    return otherwise;
  }
}

/** A full or forbidden storage only means that the next visit starts afresh. */
export function keep(key: string, value: unknown): void {
  try {
    localStorage.setItem(`mezzotint.${key}`, JSON.stringify(value));
  } catch {
    return;
  }
}
