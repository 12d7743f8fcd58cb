// Who is signed in. The only module that knows how: a session cookie that scripts cannot read, or, for operators, a bearer
// token that lives as long as the tab.
import type { components } from '../../generated/api.d.ts';
import { ApiError, errorOf } from './errors.ts';

type Schemas = components['schemas'];
export type Me = Schemas['Me'];
export type Role = Me['role'];
export type TotpOffer = Schemas['TotpOffer'];
/** All roles, from the village to the province. */
export const ROLES: Role[] = ['field_official', 'commune_staff', 'agency', 'area_staff', 'province_staff', 'inspector', 'administrator'];

/** Names of what an account may do; the page hides the rest, the server decides. */
export type Permission =
  | 'issue.assign'
  | 'issue.event'
  | 'issue.reply'
  | 'visit.verify'
  | 'visit.return'
  | 'review.resolve'
  | 'visits.read'
  | 'reports.read'
  | 'reports.freeze'
  | 'quarantine.read'
  | 'audit.read'
  | 'admin';

const KEY = 'gandan.session';

function rememberedToken(): string | null {
  try {
    return (JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as { token?: string } | null)?.token ?? null;
  } catch {
    return null;
  }
}

function remember(token: string | null): void {
  try {
    if (token) sessionStorage.setItem(KEY, JSON.stringify({ token }));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is switched off: the token lives as long as this page.
  }
}

class Session {
  /** The account; null: nobody is signed in. */
  me = $state.raw<Me | null>(null);
  /** True until it is known whether somebody is signed in. */
  asking = $state(true);
  /** True after the server ended the session: the sign-in page says so. */
  ended = $state(false);
  /** What kept us from asking. */
  failure = $state.raw<unknown>(null);

  private token = rememberedToken();

  get role(): Role | null {
    return this.me?.role ?? null;
  }

  may(permission: Permission): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }

  /** What every request carries: the proof that a page of this server sent it, and the token if there is one. */
  headers(): Record<string, string> {
    return { 'gandan-csrf': '1', ...(this.token ? { authorization: `Bearer ${this.token}` } : {}) };
  }

  /** Asks the server who we are. */
  async begin(): Promise<void> {
    this.failure = null;
    try {
      this.me = (await this.send('GET', '/api/v1/me')) as Me;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.forget();
      else this.failure = error;
    } finally {
      this.asking = false;
    }
  }

  /** Signs in with name and password; `code` of the second factor if the account has one (`totp_needed` asks for it). */
  async signIn(login: string, password: string, code: string | null): Promise<void> {
    this.token = null;
    remember(null);
    this.me = (await this.send('POST', '/api/v1/session', { login, password, code })) as Me;
    this.ended = false;
  }

  /** Exchanges an operator's one-time code for a token. */
  async signInWithCode(code: string): Promise<void> {
    const answer = (await this.send('POST', '/api/v1/login', { code })) as { token: string };
    await this.signInWithToken(answer.token);
  }

  /** Takes a token, after asking the server whose it is. */
  async signInWithToken(token: string): Promise<void> {
    const before = this.token;
    this.token = token;
    try {
      this.me = (await this.send('GET', '/api/v1/me')) as Me;
    } catch (error) {
      this.token = before;
      throw error;
    }
    remember(token);
    this.ended = false;
  }

  /** Replaces the password; every other session of the account ends. */
  async changePassword(current: string, next: string): Promise<void> {
    this.me = (await this.send('PUT', '/api/v1/me/password', { current, new: next })) as Me;
  }

  /** Asks for the secret of a second factor. */
  async offerTotp(password: string): Promise<TotpOffer> {
    return (await this.send('POST', '/api/v1/me/totp', { password })) as TotpOffer;
  }

  /** Puts the second factor in force; the recovery codes are told this once. */
  async acceptTotp(code: string): Promise<string[]> {
    return ((await this.send('PUT', '/api/v1/me/totp', { code })) as { codes: string[] }).codes;
  }

  /** Signs out here, or in every browser. */
  async signOut(everywhere = false): Promise<void> {
    // A session that the server does not know any more is over already.
    if (this.me?.session) await this.send('DELETE', everywhere ? '/api/v1/sessions' : '/api/v1/session').catch(() => undefined);
    this.forget();
  }

  /** The server does not know us any more. */
  end(): void {
    if (!this.me) return;
    this.forget();
    this.ended = true;
  }

  private forget(): void {
    remember(null);
    this.token = null;
    this.me = null;
  }

  private async send(method: string, address: string, body?: unknown): Promise<unknown> {
    const headers = { ...this.headers(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }).catch(() => {
      throw new ApiError(0, '', 'no answer');
    });
    if (!answer.ok) throw errorOf(answer.status, await answer.json().catch(() => undefined), answer.headers);
    return answer.status === 204 ? undefined : answer.json();
  }
}

export const session = new Session();
