/**
 * What is remembered of client keys, and that it is bounded on the safe side.
 */
import { describe, expect, it } from 'vitest'
import type { DomainEvent } from '#domain/events.ts'
import { CLIENT_KEYS_KEPT, type ClientKeys, clientKeys } from '#domain/projections/client-keys.ts'
import { EPOCH } from '#test/generators.ts'

const created = (n: number, more: object = {}): DomainEvent => ({
  ...{ _tag: 'ClientKeyCreated', keyId: `key_${n}`, name: `name-${n}`, digest: `digest-${n}`, by: 'cli' },
  ...more,
})
const revoked = (n: number): DomainEvent => ({ _tag: 'ClientKeyRevoked', keyId: `key_${n}`, by: 'admin 127.0.0.1' })

/** The n-th event happens n ms after the epoch. */
const folded = (...events: readonly DomainEvent[]): ClientKeys =>
  events.reduce(
    (state, event, n) => clientKeys.evolve(state, { event, occurredAt: EPOCH + n, writer: 'box' }),
    clientKeys.initial(),
  )
const many = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => created(from + n))

describe('the client keys', () => {
  it('tell who made them and when, what they may do, and when they were revoked', () => {
    const { byId, byDigest } = folded(created(1, { models: ['a'], requestsPerMinute: 5, expiresAt: 9 }), revoked(1))
    expect(byId.get('key_1')).toEqual({
      ...{ keyId: 'key_1', name: 'name-1', digest: 'digest-1', models: ['a'], requestsPerMinute: 5, expiresAt: 9 },
      ...{ createdAt: EPOCH, createdBy: 'cli', revokedAt: EPOCH + 1 },
    })
    expect(byDigest.get('digest-1')).toBe('key_1')
  })

  it('are revoked once, and only if they are known', () => {
    const { byId } = folded(created(1), revoked(1), revoked(1), revoked(2))
    expect(byId.get('key_1')?.revokedAt).toBe(EPOCH + 1)
    expect(byId.size).toBe(1)
  })

  it('are not made a second time, neither by id nor by digest', () => {
    const { byId, byDigest } = folded(created(1), revoked(1), created(1), created(2, { digest: 'digest-1' }))
    expect([...byId.keys()]).toEqual(['key_1'])
    expect(byId.get('key_1')?.revokedAt).toBeDefined()
    expect(byDigest.size).toBe(1)
  })

  it('are bounded: the oldest revoked one is forgotten first', () => {
    const state = folded(...many(0, CLIENT_KEYS_KEPT), revoked(7), revoked(9), created(CLIENT_KEYS_KEPT))
    expect(state.byId.size).toBe(CLIENT_KEYS_KEPT)
    expect(state.byDigest.size).toBe(CLIENT_KEYS_KEPT)
    expect(state.byId.has('key_7')).toBe(false)
    expect(state.byDigest.has('digest-7')).toBe(false)
    expect(state.byId.has('key_0')).toBe(true)
    expect(state.byId.has('key_9')).toBe(true)
  })

  it('are bounded also where none is revoked: the oldest is forgotten, and so refused', () => {
    const state = folded(...many(0, CLIENT_KEYS_KEPT + 3))
    expect(state.byId.size).toBe(CLIENT_KEYS_KEPT)
    expect([...state.byDigest.keys()].at(0)).toBe('digest-3')
  })
})
