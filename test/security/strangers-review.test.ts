/**
 * What can a stranger do? From another host on the network, and with a read-only token that he stole. Pages in browsers are in
 * browser.test.ts, providers that mean ill in malicious-provider.test.ts, bytes on a socket in test/http/attacks.test.ts.
 */
import { describe, expect, it } from '@effect/vitest'
import { Context, Effect } from 'effect'
import { AdminOnly } from '#http/admin/access.ts'
import { adminApi } from '#http/admin/api.ts'
import { ask } from '#test/admin.ts'
import { startBox } from '#test/server.ts'
import { configOf, spawnSignalbox, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from '../e2e/http-client.ts'

const LIMIT = 120_000
/** What each secret of the set-up is; none of them may be told to anybody. */
const canary = (name: string): string => `canary-${name}-5f1e9c20b7`

describe('from another host on the network', () => {
  const providers = { alpha: { url: 'http://127.0.0.1:1' } }

  it.live('one can see that a box is there, and whether it is well', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {}, providers, server: { host: '0.0.0.0', clientKeys: 'required' } })
      for (const [path, status] of [
        ['/livez', 200],
        ['/readyz', 200],
        ['/health', 200],
        ['/api/hello', 200],
        ['/', 200],
        ['/admin/openapi.json', 200],
        ['/admin/docs', 200],
        ['/assets/index.js', 404],
        ['/.env', 404],
        ['/metrics', 401],
        ['/v1/models', 401],
        ['/v1/models/claude-opus-5-5', 401],
      ] as const) {
        const answer = yield* ask(box, path, { token: null })
        expect([path, answer.status]).toEqual([path, status])
        // No page takes it for a script or a style.
        expect([path, answer.headers['x-content-type-options']]).toEqual([path, 'nosniff'])
        // The providers are the operator's affair.
        expect(answer.text).not.toContain('alpha')
      }
    }),
  )

  it.live('one can look at nothing and change nothing without a token, whatever endpoint there is', () =>
    Effect.gen(function* () {
      const box = yield* startBox({ admin: {}, providers, operator: true, server: { host: '0.0.0.0' } })
      const before = (yield* box.events).length
      for (const { method, path } of endpoints()) {
        const answer = yield* ask(box, path, {
          method,
          token: null,
          ...(method === 'GET' ? {} : { json: {} }),
        })
        expect([method, path, answer.status]).toEqual([method, path, 401])
      }
      expect((yield* box.events).length).toBe(before)
    }),
  )

  it.live('one can ask no model without a key to the box, nor with one that was made up', () =>
    Effect.gen(function* () {
      const { sim } = yield* startProviders({ sim: {} })
      const server = { host: '0.0.0.0', clientKeys: 'required' } as const
      const box = yield* startBox({ providers: { sim: { url: sim.url } }, server })
      for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
        for (const key of [undefined, `sbx_${'0'.repeat(32)}`, 'sk-ant-api03-anything']) {
          const given: readonly (readonly [string, string])[] = key === undefined ? [] : [['x-api-key', key]]
          const answer = yield* send(box.port, {
            path,
            body: callBody(),
            headers: [['content-type', 'application/json'], ...given],
          })
          expect([path, key, answer.status]).toEqual([path, key, 401])
        }
      }
      expect(sim.requests).toEqual([])
    }),
  )

  it.live(
    'one cannot reach a box that its operator has opened by mistake: it does not start',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const tried = yield* spawnSignalbox({
          config: configOf(sim),
          args: ['serve', '--port', '0', '--host', '0.0.0.0'],
        })
        expect((yield* tried.exited).code).toBe(1)
        expect(tried.stderr()).toContain('Refused to listen on 0.0.0.0')
        expect(tried.stdout()).toBe('')
        const meant = yield* spawnSignalbox({
          config: { ...configOf(sim), server: { host: '0.0.0.0', clientKeys: 'required' } },
        })
        yield* meant.printed(/listens on http:\/\/0\.0\.0\.0/)
        // What it prints goes into logs; there is a file for the token.
        expect(meant.stdout()).not.toContain('#token=')
      }),
    LIMIT,
  )
})

describe('with a stolen read-only token', () => {
  it.live(
    'one can look at everything but prompts, and finds no secret in it',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: { apiKeys: [canary('provider')] } })
        const box = yield* startProcess({
          config: {
            routing: { strategy: 'priority' },
            providers: {
              sim: {
                kind: 'anthropic-compatible',
                baseUrl: sim.url,
                credential: { env: 'PROVIDER_KEY' },
                headers: { 'x-team-token': canary('header') },
              },
              other: {
                kind: 'anthropic-compatible',
                baseUrl: 'https://other.example',
                enabled: false,
                proxy: `http://ada:${canary('proxy')}@proxy.example:3128`,
                extraBody: { metadata: { api_key: canary('body') } },
              },
            },
            healthChecks: { interval: 0 },
            capture: { enabled: true },
            server: { readToken: { env: 'READ_TOKEN' } },
            alerts: { channels: { ops: { kind: 'webhook', url: { env: 'WEBHOOK' } } } },
            prices: { url: `http://127.0.0.1:1/prices?key=${canary('prices')}` },
          },
          environment: {
            PROVIDER_KEY: canary('provider'),
            READ_TOKEN: canary('read'),
            WEBHOOK: `http://127.0.0.1:1/${canary('webhook')}`,
            SIGNALBOX_ADMIN_TOKEN: canary('admin'),
          },
        })
        const key = yield* ask(box, '/admin/keys', { method: 'POST', json: { name: 'ci' }, token: canary('admin') })
        const { secret } = key.body as { readonly secret: string }
        const served = yield* send(box.port, {
          body: callBody({ messages: [{ role: 'user', content: canary('prompt') }] }),
          headers: [
            ['content-type', 'application/json'],
            ['x-signalbox-key', secret],
            ['cookie', canary('cookie')],
            ['authorization', `Bearer ${canary('client')}`],
          ],
        })
        expect(served.status).toBe(200)
        const requestId = served.headers.find(([name]) => name === 'x-signalbox-request-id')?.[1] ?? ''

        const said: string[] = [box.stdout(), box.stderr()]
        for (const { method, path, isAdminOnly } of endpoints({ ':requestId': requestId, ':provider': 'sim' })) {
          if (method !== 'GET' || path === '/admin/events/live') continue
          const answer = yield* ask(box, path, { token: canary('read') })
          // Some ask for what is not there, or want a parameter.
          expect(isAdminOnly ? [403] : [200, 400, 404], path).toContain(answer.status)
          said.push(answer.text)
        }
        for (const path of ['/metrics', '/health', '/v1/models']) {
          said.push((yield* ask(box, path, { token: canary('read') })).text)
        }
        const all = said.join('\n')
        expect(all).toContain('"sim"')
        for (const form of formsOf(
          ['provider', 'header', 'proxy', 'body', 'webhook', 'prices', 'read', 'admin'].map(canary),
        )) {
          expect(all).not.toContain(form)
        }
        for (const form of formsOf([secret, ...['client', 'cookie', 'prompt'].map(canary)]))
          expect(all).not.toContain(form)
      }),
    LIMIT,
  )
})

/** Every endpoint of the admin API, with something in the place of each parameter. */
const endpoints = (values: { readonly ':requestId'?: string; readonly ':provider'?: string } = {}) =>
  Object.values(adminApi.groups)
    .flatMap((group) => Object.values(group.endpoints))
    .map(({ method, path, annotations }) => ({
      method,
      path: path
        .replace(/^\/admin\/requests\/:id/, `/admin/requests/${values[':requestId'] ?? 'req_1'}`)
        .replace(/^\/admin\/providers\/:id/, `/admin/providers/${values[':provider'] ?? 'alpha'}`)
        .replaceAll(/:\w+/g, 'x')
        .replace(/\/$/, ''),
      isAdminOnly: Context.get(annotations, AdminOnly),
    }))

/** A text as it may stand somewhere. */
const formsOf = (texts: readonly string[]): readonly string[] =>
  texts.flatMap((text) => [
    text,
    encodeURIComponent(text),
    // Without the ends, which depend on what stands before and after.
    ...[0, 1, 2].map((offset) =>
      Buffer.from(`${' '.repeat(offset)}${text}`)
        .toString('base64')
        .slice(4, -4),
    ),
    Buffer.from(text).toString('hex'),
  ])
