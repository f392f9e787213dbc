/**
 * Keys as an operator makes and revokes them: what is recorded, what is refused, and that it is durable when it returns.
 */
import { describe, expect, it } from '@effect/vitest'
import { Effect, Layer, Redacted } from 'effect'
import { TestClock } from 'effect/testing'
import { createKey, revokeKey } from '#actors/client-keys.ts'
import * as ledgerLayer from '#actors/ledger.ts'
import { Ledger } from '#actors/ledger.ts'
import { EventLog, type MadeKey } from '#actors/ports.ts'
import { CLIENT_KEYS_KEPT } from '#domain/projections/client-keys.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { knownOf } from '#test/server.ts'

const box = ledgerLayer.layer({ writer: 'test', lingerMs: 0 }).pipe(Layer.provideMerge(layerMemory()))

/** Keys that are told apart by their number. */
const numbered = () => {
  let n = 0
  return (): MadeKey => {
    n++
    return { keyId: `key_${n}`, digest: `digest-${n}`, secret: Redacted.make(`secret-${n}`) }
  }
}

const keyEvents = EventLog.use((log) => log.read({ after: 0, limit: 10_000 })).pipe(
  Effect.map((rows) => knownOf(rows).flatMap(({ event }) => (event._tag.startsWith('ClientKey') ? [event] : []))),
)

describe('an operator', () => {
  it.effect('makes a key, which is in the log when it is told, without the key itself', () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(5_000)
      const wanted = { name: 'ci', models: ['claude-haiku-*'], requestsPerMinute: 60, expiresAt: 9_000 }
      const { key, secret } = yield* createKey(numbered(), wanted, 'cli')
      expect(Redacted.value(secret)).toBe('secret-1')
      expect(key).toEqual({ keyId: 'key_1', digest: 'digest-1', ...wanted, createdAt: 5_000, createdBy: 'cli' })
      const events = yield* keyEvents
      expect(events).toEqual([{ _tag: 'ClientKeyCreated', keyId: 'key_1', digest: 'digest-1', ...wanted, by: 'cli' }])
      expect(JSON.stringify(events)).not.toContain('secret')
    }).pipe(Effect.provide(box)),
  )

  it.effect('revokes a key once, and gives its name to another', () =>
    Effect.gen(function* () {
      const make = numbered()
      yield* createKey(make, { name: 'ci' }, 'cli')
      expect(yield* Effect.flip(createKey(make, { name: 'ci' }, 'cli'))).toMatchObject({ reason: 'conflict' })
      yield* TestClock.setTime(7_000)
      expect((yield* revokeKey('key_1', 'ada')).revokedAt).toBe(7_000)
      yield* TestClock.setTime(8_000)
      expect((yield* revokeKey('key_1', 'bob')).revokedAt).toBe(7_000)
      expect((yield* createKey(make, { name: 'ci' }, 'cli')).key.keyId).toBe('key_2')
      expect((yield* keyEvents).map((event) => [event._tag, 'by' in event ? event.by : ''])).toEqual([
        ['ClientKeyCreated', 'cli'],
        ['ClientKeyRevoked', 'ada'],
        ['ClientKeyCreated', 'cli'],
      ])
    }).pipe(Effect.provide(box)),
  )

  it.effect('hears what is wrong with a wanted key, and of keys that there are not', () =>
    Effect.gen(function* () {
      const misfit = yield* Effect.flip(createKey(numbered(), { name: '' }, 'cli'))
      expect(misfit).toMatchObject({ _tag: 'ChangeRefused', reason: 'invalid' })
      expect(yield* Effect.flip(revokeKey('key_9', 'cli'))).toMatchObject({ reason: 'notFound' })
      expect(yield* keyEvents).toEqual([])
    }).pipe(Effect.provide(box)),
  )

  it.effect('makes so many and no more, unless one is revoked', () =>
    Effect.gen(function* () {
      const ledger = yield* Ledger
      for (let n = 0; n < CLIENT_KEYS_KEPT; n++) {
        const key = { keyId: `key_a${n}`, name: `a${n}`, digest: `a${n}`, by: 'cli' }
        ledger.record({ _tag: 'ClientKeyCreated', ...key }, n)
      }
      const one = createKey(numbered(), { name: 'ci' }, 'cli')
      expect(yield* Effect.flip(one)).toMatchObject({ reason: 'conflict', message: expect.stringMatching(/1000/) })
      yield* revokeKey('key_a5', 'cli')
      expect((yield* one).key.name).toBe('ci')
      const { byId } = ledger.state.projections.clientKeys
      expect([byId.size, byId.has('key_a5'), byId.has('key_a0')]).toEqual([CLIENT_KEYS_KEPT, false, true])
    }).pipe(Effect.provide(box)),
  )
})
