// The address bar is the page's memory: path and query say what is shown, so that a link shares the view.
// A router of a library would add matching we do not need and hide the query, which is most of our state.

class Route {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));
}

/** Where we are. Reading it in a component makes the component follow it. */
export const route = new Route();

/** Query parameters that stay when one goes from page to page: the area and the period. */
export const STICKY = ['area', 'period', 'as_of'] as const;

function follow(): void {
  route.path = location.pathname;
  route.query = new URLSearchParams(location.search);
}

type Params = Record<string, string | number | boolean | null | undefined>;

/** The query of these parameters; those that are empty are left out. */
export function queryOf(params: Params): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== '' && value !== false) query.set(name, String(value));
  }
  return query;
}

function join(path: string, query: URLSearchParams): string {
  const text = query.toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return text ? `${path}?${text}` : path;
}

/** An address inside the app, with area and period kept unless `params` says otherwise. */
export function href(path: string, params: Params = {}): string {
  const kept = Object.fromEntries(STICKY.map((name) => [name, route.query.get(name)]));
  return join(path, queryOf({ ...kept, ...params }));
}

/** Goes to an address inside the app. */
export function navigate(address: string, how: { replace?: boolean } = {}): void {
  if (how.replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  const before = route.path;
  follow();
  if (route.path !== before) scrollTo(0, 0);
}

/** Changes some parameters of the query and keeps the others. `null` and '' take a parameter away. */
export function setQuery(params: Params, how: { replace?: boolean } = {}): void {
  const query = new URLSearchParams(route.query);
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === undefined || value === '' || value === false) query.delete(name);
    else query.set(name, String(value));
  }
  navigate(join(route.path, query), how);
}

/** What a pattern such as `/visits/:id` finds in a path; null if it does not fit. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = path.replace(/\/+$/, '').split('/');
  if (path === '/' || wanted.length !== given.length) return pattern === path ? {} : null;
  const found: Record<string, string> = {};
  for (const [place, part] of wanted.entries()) {
    const text = given[place] ?? '';
    if (part.startsWith(':')) {
      try {
        found[part.slice(1)] = decodeURIComponent(text);
      } catch {
        return null; // a broken escape names nothing
      }
    } else if (part !== text) return null;
  }
  return found;
}

/** Makes plain links move inside the app. Modified clicks and links elsewhere stay the browser's. */
export function followLinks(): () => void {
  const click = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!link?.href || link.target || link.hasAttribute('download')) return;
    const address = new URL(link.href);
    if (address.origin !== location.origin || address.pathname.startsWith('/api/')) return;
    event.preventDefault();
    if (address.hash && address.pathname === location.pathname) {
      document.getElementById(address.hash.slice(1))?.focus();
      return;
    }
    navigate(address.pathname + address.search);
  };
  document.addEventListener('click', click);
  addEventListener('popstate', follow);
  return () => {
    document.removeEventListener('click', click);
    removeEventListener('popstate', follow);
  };
}
