/** A place for large values in the browser: IndexedDB, where there is one. */

const NAME = "mezzotint";
const STORE = "windows";

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps nothing"));
  });
}

let opened: Promise<IDBDatabase> | undefined;

async function ask<T>(mode: IDBTransactionMode, call: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await (opened ??= open());
  return new Promise((resolve, reject) => {
    const request = call(database.transaction(STORE, mode).objectStore(STORE));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps nothing"));
  });
}

export const storage = {
  all: (): Promise<unknown[]> => ask("readonly", (store) => store.getAll() as IDBRequest<unknown[]>),
  put: (key: string, value: unknown) => ask("readwrite", (store) => store.put(value, key)),
  remove: (key: string) => ask<undefined>("readwrite", (store) => store.delete(key)),
};
