/**
 * Reading old events. The fixtures are what version n of each event looked like in the data column; they are never edited:
 * a new version adds a file, and the old one must still be readable.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { Schema } from 'effect'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CATALOGUE, DomainEvent, type EventType, isFact, isTerminal } from '#domain/events.ts'
import { UPCASTERS, upcast } from '#domain/upcast.ts'
import { domainEvents } from '#test/recorded-events.ts'

type Data = { readonly [key: string]: unknown }
const folder = new URL('../fixtures/events/', import.meta.url)
const fixtures = readdirSync(folder).map((file) => {
  const [, type, version] = /^([A-Za-z]+)\.v(\d+)\.json$/.exec(file) ?? [file, file, '0']
  const examples = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as readonly Data[]
  return { type: type as EventType, version: Number(version), examples }
})
const types = Object.keys(CATALOGUE) as EventType[]

const withoutTag = ({ _tag, ...data }: Data): Data => data

describe('the stored examples', () => {
  it('are there for every event in every version', () => {
    const expected = types.flatMap((type) =>
      Array.from({ length: CATALOGUE[type].schemaVersion }, (_, n) => `${type} ${n + 1}`),
    )
    expect(fixtures.map(({ type, version }) => `${type} ${version}`).toSorted()).toEqual(expected.toSorted())
    for (const { examples } of fixtures) expect(examples.length).toBeGreaterThan(0)
  })

  it.each(fixtures)('of $type, version $version, can be read', ({ type, version, examples }) => {
    for (const data of examples)
      expect(upcast(type, version, data)).toMatchObject({ _tag: 'Known', event: { _tag: type } })
  })

  it.each(fixtures.filter(({ type, version }) => version === CATALOGUE[type].schemaVersion))(
    'of $type are written again exactly as they were read',
    ({ type, version, examples }) => {
      for (const data of examples) {
        const read = upcast(type, version, data)
        if (read._tag !== 'Known') throw new Error(`cannot read ${type}`)
        expect(withoutTag(read.event)).toEqual(data)
        expect(withoutTag(Schema.encodeUnknownSync(DomainEvent)(read.event) as Data)).toEqual(data)
      }
    },
  )

  it('have a step to the next version for every version but the last', () => {
    for (const type of types) {
      const steps = Object.keys(UPCASTERS[type] ?? {}).map(Number)
      const expected = Array.from({ length: CATALOGUE[type].schemaVersion - 1 }, (_, n) => n + 1)
      expect(steps).toEqual(expected)
    }
  })
})

describe('the catalogue', () => {
  it('knows each event of the union, as a fact or a decision', () => {
    const tags = DomainEvent.members.flatMap((union) =>
      union.members.map((member) => member.fields._tag.schema.literal),
    )
    expect(tags.toSorted()).toEqual(types.toSorted())
  })

  it('calls those events terminal that end a request', () => {
    fc.assert(
      fc.property(domainEvents, (event) => {
        const ends = ['AttemptSucceeded', 'RequestFailed', 'RequestCancelled', 'RequestAbandoned'].includes(event._tag)
        expect(isTerminal(event)).toBe(ends)
        const decided = /^(RouteChosen|Provider(Throttled|Recovered|Retired)|Circuit(Opened|HalfOpened|Closed))$/.test(
          event._tag,
        )
        expect(isFact(event)).toBe(!decided)
      }),
    )
  })
})

describe('upcasting', () => {
  it('lifts an event step by step to the current version', () => {
    // As if today's CooldownElapsed were the third shape: first `name`, then `id`, now `provider`.
    const steps = {
      CooldownElapsed: {
        [-1]: ({ name }: Data) => ({ id: name }),
        0: ({ id }: Data) => ({ provider: id }),
      },
    }
    const event = { _tag: 'CooldownElapsed', provider: 'vertex' }
    expect(upcast('CooldownElapsed', -1, { name: 'vertex' }, steps)).toEqual({ _tag: 'Known', event })
    expect(upcast('CooldownElapsed', 0, { id: 'vertex' }, steps)).toEqual({ _tag: 'Known', event })
    expect(upcast('CooldownElapsed', 1, { provider: 'vertex' }, steps)).toEqual({ _tag: 'Known', event })
  })

  it('reads the first policies as ones that move no request away before a limit is reached', () => {
    const [first] = fixtures.find(({ type, version }) => type === 'PolicyChanged' && version === 1)!.examples
    const read = upcast('PolicyChanged', 1, first!)
    expect(read).toMatchObject({
      _tag: 'Known',
      event: { policy: { routing: { strategy: 'priority', maxFallbacks: 3, limitThreshold: 1, explorationShare: 0 } } },
    })
  })

  it.each([{}, { policy: 7 }, { policy: null }, { policy: { routing: [] } }, { policy: { providers: [] } }])(
    'leaves what is no policy to the decoder: %j',
    (data) => {
      expect(upcast('PolicyChanged', 1, { version: 1, ...data })).toMatchObject({ _tag: 'Undecodable' })
    },
  )

  it('says which step is missing', () => {
    expect(upcast('CooldownElapsed', 0, { id: 'vertex' })).toEqual({
      _tag: 'Undecodable',
      type: 'CooldownElapsed',
      schemaVersion: 0,
      message: 'no upcaster from version 0',
    })
  })

  it('says so when a step makes something that is no event', () => {
    const steps = { CooldownElapsed: { 0: () => ({ provider: 7 }) } }
    expect(upcast('CooldownElapsed', 0, {}, steps)).toMatchObject({ _tag: 'Undecodable', type: 'CooldownElapsed' })
  })

  it.each(['SessionPinned', 'toString', '__proto__', ''])(
    'takes the unknown type "%s" for one of a newer release',
    (type) => {
      expect(upcast(type, 1, { any: 'thing' })).toEqual({ _tag: 'FromTheFuture', type, schemaVersion: 1 })
    },
  )

  it('takes a version above ours for one of a newer release, whatever it holds', () => {
    for (const type of types) {
      const schemaVersion = CATALOGUE[type].schemaVersion + 1
      expect(upcast(type, schemaVersion, { any: 'thing' })).toEqual({ _tag: 'FromTheFuture', type, schemaVersion })
    }
  })

  it('calls damaged data undecodable, and says what is wrong', () => {
    const damaged = upcast('CooldownElapsed', 1, { provider: 42 })
    expect(damaged).toMatchObject({ _tag: 'Undecodable', type: 'CooldownElapsed', schemaVersion: 1 })
    expect('message' in damaged && damaged.message).toMatch(/provider/)
  })

  it('does not let data name another type than its row does', () => {
    const read = upcast('ProviderRecovered', 1, { _tag: 'CircuitHalfOpened', provider: 'vertex' })
    expect(read).toMatchObject({ event: { _tag: 'ProviderRecovered' } })
  })

  it('reads what was written, for every event', () => {
    fc.assert(
      fc.property(domainEvents, (event) => {
        const { _tag, ...data } = JSON.parse(JSON.stringify(event)) as Data & { readonly _tag: EventType }
        expect(upcast(_tag, CATALOGUE[_tag].schemaVersion, data)).toEqual({ _tag: 'Known', event })
      }),
      { numRuns: 300 },
    )
  })

  it('never throws, whatever a row holds', () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.dictionary(fc.string(), fc.jsonValue()), (type, data) => {
        expect(['Known', 'Undecodable']).toContain(upcast(type, 1, data)._tag)
      }),
    )
  })
})
