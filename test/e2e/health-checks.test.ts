/**
 * Health checks of a whole process over real sockets: a provider that goes away and comes back is seen to do so without any
 * traffic, and none is counted.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import type { Step } from '#infra/simulator/script.ts'
import { configOf, startProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'

const CHECKED = '/v1/models?limit=1'
const KEY = 'sk-test-0123456789'

const refusedKey: Step = {
  _tag: 'Status',
  status: 401,
  body: { type: 'error', error: { type: 'authentication_error', message: 'invalid x-api-key' } },
}

describe('a provider that nobody asks for anything', () => {
  it.live(
    'is known to be gone, and to be back',
    () =>
      Effect.gen(function* () {
        const { steady, shaky, google, locked } = yield* startProviders({
          steady: {},
          google: { wire: 'vertex' },
          shaky: {},
          locked: { script: [{ when: { method: 'GET', path: '/v1/models' }, times: 99, step: refusedKey }] },
        })
        const { providers, ...rest } = configOf(steady, shaky, locked)
        const held = { env: 'MY_KEY', header: 'x-api-key' }
        const box = yield* startProcess({
          config: {
            ...rest,
            providers: {
              ...providers,
              steady: { ...providers.steady, credential: held },
              google: {
                kind: 'vertex',
                project: 'p',
                baseUrl: `${google.url}/v1`,
                credential: { ...held, header: 'bearer' },
              },
            },
            healthChecks: { interval: '1 s' },
          },
          environment: { MY_KEY: KEY },
        })
        const text = (path: string) => Effect.promise(async () => (await fetch(`${box.url}${path}`)).text())
        const checkOf = (id: string) =>
          Effect.map(text('/health'), (body) => {
            const health: Health = JSON.parse(body)
            return health.providers.find((provider) => provider.id === id)
          })
        const until = (id: string, ok: boolean) =>
          Effect.repeat(Effect.delay(checkOf(id), 100), { until: (found) => found?.check?.ok === ok })

        yield* until('steady', true)
        yield* until('shaky', true)
        yield* until('google', true)
        yield* shaky.refuseConnections
        expect((yield* until('shaky', false))?.check?.reason).toEqual({
          _tag: 'Transport',
          code: 'ECONNREFUSED',
          connect: true,
        })
        const locks = yield* until('locked', false)
        expect(locks?.check?.reason).toEqual({ _tag: 'CredentialRefused', status: 401, whose: 'gateway' })
        const metrics = yield* text('/metrics')
        expect(metrics).toContain('signalbox_provider_check_ok{provider="steady"} 1')
        expect(metrics).toContain('signalbox_provider_check_ok{provider="shaky"} 0')
        yield* shaky.acceptConnections
        expect(yield* until('shaky', true)).toMatchObject({ state: 'healthy' })

        expect(steady.requests.length).toBeGreaterThan(1)
        for (const { path, method, headers } of steady.requests) {
          expect([method, path]).toEqual(['GET', CHECKED])
          expect(headers).toContainEqual(['x-api-key', KEY])
        }
        expect(google.requests.every(({ path }) => path.endsWith('/models/count-tokens:rawPredict'))).toBe(true)
        const facts = (yield* box.events).flatMap(({ event }) =>
          event._tag === 'ProviderChecked' ? [`${event.provider} ${event.ok}`] : [event._tag],
        )
        expect(facts.toSorted()).toEqual([
          'BoxStarted',
          'PolicyChanged',
          'google true',
          'locked false',
          'shaky false',
          'shaky true',
          'shaky true',
          'steady true',
        ])
        expect(yield* box.replayDifference).toBeUndefined()
      }),
    60_000,
  )
})

interface Health {
  readonly providers: readonly {
    readonly id: string
    readonly state: string
    readonly check?: { readonly ok: boolean; readonly at: number; readonly reason?: unknown }
  }[]
}
