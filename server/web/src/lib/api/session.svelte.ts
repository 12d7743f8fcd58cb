// Who is signed in. The only module that knows how: a bearer token of the tab now; a cookie session replaces this file.
import { ApiError, errorOf } from './errors.ts';

export type Role =
  | 'field_official'
  | 'commune_staff'
  | 'agency'
  | 'area_staff'
  | 'province_staff'
  | 'inspector'
  | 'administrator';

interface Account {
  token: string;
  /** Name and role; null if a token was pasted, which does not tell. */
  name: string | null;
  role: Role | null;
  /** Unix milliseconds; null: not known. */
  expires: number | null;
}

const KEY = 'gandan.session';

function remembered(): Account | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Account | null;
    return found && (found.expires === null || found.expires > Date.now()) ? found : null;
  } catch {
    return null;
  }
}

function remember(account: Account | null): void {
  try {
    if (account) sessionStorage.setItem(KEY, JSON.stringify(account));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is switched off: the account lives as long as this page.
  }
}

class Session {
  account = $state.raw<Account | null>(remembered());
  /** True after the server took the token for invalid: the sign-in page says so. */
  ended = $state(false);

  get role(): Role | null {
    return this.account?.role ?? null;
  }

  /** Whether the role may act so. The page only hides; the server decides. An unknown role sees every button. */
  may(...roles: Role[]): boolean {
    return this.role === null || roles.includes(this.role);
  }

  private take(account: Account): void {
    remember(account);
    this.account = account;
    this.ended = false;
  }

  /** Exchanges a one-time code. */
  async signInWithCode(code: string): Promise<void> {
    const answer = await reach('/api/v1/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
    const { token, name, role, expires_ms } = (await answer.json()) as {
      token: string;
      name: string;
      role: Role;
      expires_ms: number;
    };
    this.take({ token, name, role, expires: expires_ms });
  }

  /** Takes a token that the operator handed out, after asking the server whether it is one. */
  async signInWithToken(token: string): Promise<void> {
    await reach('/api/v1/issues?limit=1', { headers: { authorization: `Bearer ${token}` } });
    this.take({ token, name: null, role: null, expires: null });
  }

  signOut(): void {
    remember(null);
    this.account = null;
  }

  /** The server does not know us any more. */
  end(): void {
    if (!this.account) return;
    this.signOut();
    this.ended = true;
  }

  /** What every request carries. */
  headers(): Record<string, string> {
    return this.account ? { authorization: `Bearer ${this.account.token}` } : {};
  }
}

async function reach(address: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(address, init).catch(() => {
    throw new ApiError(0, '', 'no answer');
  });
  if (!answer.ok) throw errorOf(answer.status, await answer.json().catch(() => undefined));
  return answer;
}

export const session = new Session();
