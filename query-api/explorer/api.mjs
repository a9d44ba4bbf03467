// Requests to the catalog. A token is only needed where the catalog asks for one; it is kept for as
// long as the tab is open.

const BASE = '/api/catalog';
const TOKEN = 'backstitch-token';

/** An answer that is not what was hoped for. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function setToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

/** A request below the catalog's mount. */
export function request(path, { headers = {}, ...options } = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const authorization = token ? { authorization: `Bearer ${token}` } : {};
  return fetch(BASE + path, { ...options, headers: { ...headers, ...authorization } });
}

/** JSON below the catalog's mount. */
export async function get(path, options) {
  const answer = await request(path, options);
  if (!answer.ok) {
    const body = await answer.json().catch(() => undefined);
    throw new ApiError(answer.status, body?.error?.message || `${answer.status} ${answer.statusText}`);
  }
  return answer.json();
}

/** The same, but nothing where there is nothing. */
export async function find(path, options) {
  return get(path, options).catch(error => {
    if (error.status === 404) return undefined;
    throw error;
  });
}

/** JSON for JSON. */
export function post(path, body, options) {
  return get(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...options,
  });
}

/** Entities by ref, in the order asked for; undefined where there is none. */
export async function byRefs(refs, fields, options) {
  const chunks = [];
  for (let at = 0; at < refs.length; at += 500) chunks.push(refs.slice(at, at + 500));
  const answers = await Promise.all(
    chunks.map(entityRefs => post('/entities/by-refs', { entityRefs, fields }, options)),
  );
  return answers.flatMap(({ items }) => items.map(item => item ?? undefined));
}
