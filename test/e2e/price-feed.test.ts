/**
 * A provider that publishes its prices: they become part of the policy, by its own list, and stay what they were in the log.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { raw } from '#infra/simulator/script.ts'
import { startProcess } from '#test/signalbox-process.ts'
import { startProviders } from '#test/simulator.ts'

describe('the price list of a provider', () => {
  it.live(
    'enters the policy as an event, and only for what is asked for there',
    () =>
      Effect.gen(function* () {
        const pricing = { prompt: '0.000007', completion: '0.000035', input_cache_read: '0.0000007' }
        const list = {
          data: ['anthropic/claude-sonnet-5.5', 'anthropic/claude-opus-5.5', 'x/other'].map((id) => ({ id, pricing })),
        }
        const { it: provider } = yield* startProviders({
          it: {
            wire: 'openrouter',
            script: [
              {
                when: { method: 'GET', path: '/api/v1/models' },
                times: 9,
                step: raw(JSON.stringify(list), { headers: [['content-type', 'application/json']] }),
              },
            ],
          },
        })
        const config = {
          providers: {
            openrouter: {
              kind: 'openrouter',
              baseUrl: `${provider.url}/api/v1`,
              credential: 'none',
              prices: { '*opus*': { input: 1, output: 2 } },
            },
          },
        }
        const box = yield* startProcess({ config })
        const policies = Effect.map(box.events, (events) =>
          events.flatMap(({ event }) => (event._tag === 'PolicyChanged' ? [event.policy] : [])),
        )
        yield* provider.until(({ path }) => path.startsWith('/api/v1/models'))
        const [before, after] = yield* Effect.repeat(Effect.delay(policies, 100), { until: (all) => all.length > 1 })
        const [old, fed] = [before?.providers[0]?.prices ?? {}, after?.providers[0]?.prices ?? {}]
        expect(old['anthropic/claude-sonnet-5.5']?.input).toBe(2)
        // What it does not tell of speed, place, batches and searches stays as listed.
        const { geoUs, batch, webSearchUsd } = old['anthropic/claude-sonnet-5.5'] ?? {}
        expect(fed['anthropic/claude-sonnet-5.5']).toEqual({
          input: 7,
          output: 35,
          cacheRead: 0.7,
          cacheWrite5m: 7,
          cacheWrite1h: 7,
          ...{ geoUs, batch, webSearchUsd },
        })
        // What it does not list keeps the list price, what nobody asks for there is left out, the operator's word stands.
        expect(fed['anthropic/claude-haiku-5.5']).toEqual(old['anthropic/claude-haiku-5.5'])
        expect(fed).not.toHaveProperty(['x/other'])
        expect(fed['*opus*']).toMatchObject({ input: 1 })
        expect(fed).not.toHaveProperty(['anthropic/claude-opus-5.5'])
      }),
    60_000,
  )
})
