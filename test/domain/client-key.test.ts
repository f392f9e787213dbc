/**
 * What a client key is worth, and what a wanted one must be like.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findKey, mayAskFor, misfitOf, verdict } from '#domain/client-key.ts'
import type { DomainEvent } from '#domain/events.ts'
import { type ClientKey, type ClientKeys, clientKeys } from '#domain/projections/client-keys.ts'
import { EPOCH } from '#test/generators.ts'

const created = (n: number, more: object = {}): DomainEvent => ({
  _tag: 'ClientKeyCreated',
  keyId: `key_${n}`,
  name: `name-${n}`,
  digest: `digest-${n}`,
  by: 'cli',
  ...more,
})
const revoked = (n: number): DomainEvent => ({ _tag: 'ClientKeyRevoked', keyId: `key_${n}`, by: 'cli' })

const folded = (events: readonly DomainEvent[]): ClientKeys =>
  events.reduce(
    (state, event) => clientKeys.evolve(state, { event, occurredAt: EPOCH, writer: 'box' }),
    clientKeys.initial(),
  )
const judge = (keys: ClientKeys, n: number, model?: string, at = EPOCH) => verdict(keys, `digest-${n}`, model, at)._tag

describe('a client key', () => {
  it('is known by its digest, until it is revoked', () => {
    expect(judge(folded([created(1)]), 1)).toBe('Known')
    expect(judge(folded([created(1)]), 2)).toBe('Unknown')
    expect(judge(folded([created(1), created(2), revoked(1)]), 1)).toBe('Revoked')
    expect(judge(folded([created(1), created(2), revoked(1)]), 2)).toBe('Known')
  })

  it('is good until just before its end', () => {
    const keys = folded([created(1, { expiresAt: EPOCH + 10 })])
    expect(judge(keys, 1, undefined, EPOCH + 9)).toBe('Known')
    expect(judge(keys, 1, undefined, EPOCH + 10)).toBe('Expired')
  })

  it('may ask for the models that its patterns fit, and tells which those are', () => {
    const models = ['claude-haiku-*', 'claude-sonnet-5-5']
    const keys = folded([created(1, { models }), created(2)])
    expect(judge(keys, 1, 'claude-haiku-4-5-20251001')).toBe('Known')
    expect(judge(keys, 1, 'claude-sonnet-5-5')).toBe('Known')
    expect(judge(keys, 1, 'claude-sonnet-5-5[1m]')).toBe('Known')
    expect(verdict(keys, 'digest-1', 'claude-opus-5-5', EPOCH)).toMatchObject({ _tag: 'ModelNotAllowed', models })
    expect(judge(keys, 1, 'claude-sonnet-5')).toBe('ModelNotAllowed')
    expect(judge(keys, 1)).toBe('Known')
    expect(judge(keys, 2, 'anything')).toBe('Known')
  })

  it('that is revoked or expired is told so, whatever it asks for', () => {
    const keys = folded([created(1, { models: ['a'] }), revoked(1), created(2, { models: ['a'], expiresAt: EPOCH })])
    expect(judge(keys, 1, 'b')).toBe('Revoked')
    expect(judge(keys, 2, 'b')).toBe('Expired')
  })

  it('never passes again once it was revoked, whatever happens', () => {
    const some = fc.nat(3)
    const events = fc.array(
      fc.oneof(
        some.map(revoked),
        fc.tuple(some, some).map(([n, digest]) => created(n, { digest: `digest-${digest}` })),
      ),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(events, some, events, (before, n, after) => {
        const keys = folded([...before, created(n), revoked(n)])
        const digest = keys.byId.get(`key_${n}`)?.digest ?? ''
        const later = folded([...before, created(n), revoked(n), ...after])
        expect(['Revoked', 'Unknown']).toContain(verdict(later, digest, undefined, EPOCH)._tag)
      }),
    )
  })

  it('is found by its own digest and by no other', () => {
    const digests = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(digests, fc.string(), (all, other) => {
        const keys = folded(all.map((digest, n) => created(n, { digest })))
        for (const [n, digest] of all.entries()) {
          expect(verdict(keys, digest, undefined, EPOCH)).toMatchObject({ _tag: 'Known', key: { keyId: `key_${n}` } })
        }
        if (!all.includes(other)) expect(verdict(keys, other, undefined, EPOCH)._tag).toBe('Unknown')
      }),
    )
  })
})

describe('an operator', () => {
  const key = (keyId: string, name: string, revokedAt?: number): ClientKey => ({
    ...{ keyId, name, digest: '', createdAt: EPOCH, createdBy: 'cli' },
    ...(revokedAt === undefined ? {} : { revokedAt }),
  })
  const keys = [key('key_1', 'ci', EPOCH), key('key_2', 'ci'), key('key_3', 'old', EPOCH)]

  it('means the key of an id, or the one of a name that is not revoked', () => {
    expect(findKey(keys, 'key_1')?.keyId).toBe('key_1')
    expect(findKey(keys, 'ci')?.keyId).toBe('key_2')
    expect(findKey(keys, 'old')).toBeUndefined()
    expect(findKey(keys, 'none')).toBeUndefined()
  })
})

describe('a wanted key', () => {
  it.each([
    { name: 'ci' },
    { name: 'Ada.Lovelace@example.com' },
    { name: 'a'.repeat(64), models: ['*'], requestsPerMinute: 1, expiresAt: EPOCH + 1 },
  ])('may be %j', (wanted) => {
    expect(misfitOf(wanted, EPOCH)).toBeUndefined()
  })

  it.each([
    [{ name: '' }, /^name/],
    [{ name: 'a'.repeat(65) }, /^name/],
    [{ name: '-f' }, /^name/],
    [{ name: 'two words' }, /^name/],
    [{ name: 'key_12345678' }, /^name/],
    [{ name: 'ci', models: [] }, /^models/],
    [{ name: 'ci', models: ['a', ''] }, /^models/],
    [{ name: 'ci', requestsPerMinute: 0 }, /^requestsPerMinute/],
    [{ name: 'ci', requestsPerMinute: 1.5 }, /^requestsPerMinute/],
    [{ name: 'ci', expiresAt: EPOCH }, /^expiresAt/],
    [{ name: 'ci', expiresAt: Number.NaN }, /^expiresAt/],
  ])('may not be %j', (wanted, said) => {
    expect(misfitOf(wanted, EPOCH)).toMatch(said)
  })

  it('whose name is a key is refused without repeating it', () => {
    const secret = 'sbx_0123456789abcdefghijABCDEFGHIJ01'
    expect(misfitOf({ name: secret }, EPOCH)).not.toContain('0123')
  })
})

describe('the models of a key', () => {
  it('are all where none is named', () => {
    fc.assert(
      fc.property(fc.string(), (model) => {
        expect(mayAskFor({}, model)).toBe(true)
        expect(mayAskFor({ models: ['*'] }, model)).toBe(true)
        expect(mayAskFor({ models: [`${model.replaceAll('*', '')}x`] }, model)).toBe(false)
      }),
    )
  })
})
