const storageName = 'steward-session';

/**
 * Whose console this is. The key arrives in the URL's fragment (`#key=stw_…&member=mbr_…`), which
 * no server and no referrer sees; it is kept for the tab and taken out of the address bar at once,
 * so that neither a bookmark nor a screenshot holds it.
 */
export function readSession() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const key = fragment.get('key');
  if (!key) return storedSession();
  const session = { key, member: fragment.get('member') ?? undefined };
  storeSession(session);
  history.replaceState(null, '', location.pathname + location.search);
  return session;
}

export function storeSession(session) {
  sessionStorage.setItem(storageName, JSON.stringify(session));
}

export function forgetSession() {
  sessionStorage.removeItem(storageName);
}

function storedSession() {
  const text = sessionStorage.getItem(storageName);
  return text === null ? undefined : JSON.parse(text);
}
