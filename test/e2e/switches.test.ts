/**
 * What can be switched off, what is refused by default, and what is said while serving.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { serverError } from '#infra/simulator/refusals.ts'
import { configOf, spawnSignalbox, startProcess } from '#test/signalbox-process.ts'
import { callBody, startProviders } from '#test/simulator.ts'
import { send } from './http-client.ts'

const LIMIT = 60_000

describe('a running Signalbox', () => {
  it.live(
    'serves neither model lists nor token counts when they are switched off, and says what happened to a request',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: { script: [serverError()] } })
        const box = yield* startProcess({
          config: {
            ...configOf(sim),
            features: { modelDiscovery: false, countTokens: false },
            log: { level: 'debug' },
          },
        })
        const status = (options: Parameters<typeof send>[1]) => Effect.map(send(box.port, options), (one) => one.status)
        expect(yield* status({ method: 'GET', path: '/v1/models' })).toBe(404)
        expect(yield* status({ path: '/v1/messages/count_tokens', body: callBody() })).toBe(404)
        expect(yield* status({ body: callBody() })).toBe(500)
        yield* box.printed(/attempt 1 at sim failed/)
        yield* box.printed(/: failed with 500 \(ServerError\)/)
        expect(yield* status({ body: callBody() })).toBe(200)
        yield* box.printed(/served by sim/)
      }),
    LIMIT,
  )

  it.live(
    'does not listen beyond loopback unless the hosts are named or clients need a key',
    () =>
      Effect.gen(function* () {
        const { sim } = yield* startProviders({ sim: {} })
        const open = { ...configOf(sim), server: { host: '0.0.0.0' } }
        const refused = yield* spawnSignalbox({ config: open })
        expect((yield* refused.exited).code).toBe(1)
        expect(refused.stderr()).toContain('server.allowedHosts')
        const named = { ...open, server: { host: '0.0.0.0', allowedHosts: ['signalbox.internal'] } }
        yield* (yield* spawnSignalbox({ config: named })).printed(/listens on/)
        const keyed = { ...open, server: { host: '0.0.0.0', clientKeys: 'required' } }
        yield* (yield* spawnSignalbox({ config: keyed })).printed(/listens on/)
      }),
    LIMIT,
  )
})
