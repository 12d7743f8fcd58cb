import { beforeAll, expect, it, vi } from 'vitest';

let router: typeof import('./router.svelte.ts');
beforeAll(async () => {
  vi.stubGlobal('location', { pathname: '/', search: '' });
  router = await import('./router.svelte.ts');
});

it('patterns find their parts', () => {
  const { match } = router;
  expect(match('/visits/:id', '/visits/a%20b')).toEqual({ id: 'a b' });
  expect(match('/visits/:id', '/visits')).toBeNull();
  expect(match('/visits', '/visits/')).toEqual({});
  expect(match('/', '/')).toEqual({});
  expect(match('/visits/:id', '/')).toBeNull();
  expect(match('/visits/:id', '/visits/%E0%A4%A')).toBeNull();
});

it('what is empty is not written into the address', () => {
  expect(router.queryOf({ a: '', b: null, c: false, d: true, e: 0, f: 'x y' }).toString()).toBe('d=true&e=0&f=x+y');
});
