// A sign-in service (OpenID Connect) in a process of its own port: discovery, keys, a page on which a person says yes or
// no, and tokens signed with a real key.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const CLIENT = 'gandan';

interface Pending {
  challenge: string;
  nonce: string;
}

export interface Provider {
  issuer: string;
  /** Whom it names from now on. */
  user: string;
  close(): Promise<void>;
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  const parts: Buffer[] = [];
  for await (const one of request) parts.push(one as Buffer);
  return new URLSearchParams(Buffer.concat(parts).toString());
}

/** Starts one that knows the client `gandan` by this secret. */
export async function provider(secret: string): Promise<Provider> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const codes = new Map<string, Pending>();
  const it: Provider = { issuer: '', user: '', close: () => new Promise((done) => server.close(() => done())) };
  const wanted = `Basic ${Buffer.from(`${CLIENT}:${encodeURIComponent(secret)}`).toString('base64')}`;

  function token({ nonce }: Pending): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: it.issuer, aud: CLIENT, sub: it.user, preferred_username: it.user, nonce, iat: now, exp: now + 300 };
    const message = `${part({ alg: 'RS256', kid: 'one', typ: 'JWT' })}.${part(claims)}`;
    return `${message}.${sign('sha256', Buffer.from(message), privateKey).toString('base64url')}`;
  }

  /** The page of the service: both answers lead back to the app. */
  function consent(asked: URLSearchParams): string {
    const back = (answer: Record<string, string>): string => `${asked.get('redirect_uri')}?${new URLSearchParams({ ...answer, state: asked.get('state') ?? '' })}`.replaceAll('&', '&amp;');
    const code = randomBytes(16).toString('hex');
    codes.set(code, { challenge: asked.get('code_challenge') ?? '', nonce: asked.get('nonce') ?? '' });
    return `<!doctype html><title>Đăng nhập tỉnh</title><h1>Đăng nhập tỉnh</h1><a href="${back({ code })}">Đồng ý</a> <a href="${back({ error: 'access_denied' })}">Từ chối</a>`;
  }

  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', it.issuer);
    const json = (status: number, value: object) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const answer = async (): Promise<unknown> => {
      if (url.pathname === '/.well-known/openid-configuration') return json(200, { issuer: it.issuer, authorization_endpoint: `${it.issuer}/authorize`, token_endpoint: `${it.issuer}/token`, jwks_uri: `${it.issuer}/keys` });
      if (url.pathname === '/keys') return json(200, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] });
      if (url.pathname === '/authorize') return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(consent(url.searchParams));
      const form = await bodyOf(request);
      const pending = codes.get(form.get('code') ?? '');
      codes.delete(form.get('code') ?? '');
      const proved = pending && createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url') === pending.challenge;
      if (url.pathname !== '/token' || request.headers.authorization !== wanted || !proved) return json(400, { error: 'invalid_grant' });
      return json(200, { access_token: 'x', token_type: 'Bearer', id_token: token(pending) });
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  it.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return it;
}
