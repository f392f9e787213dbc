import { assert, describe, it } from 'vitest'
import { decide, encodeState, initialState, STATE_VERSION, trackStream } from '#actors/gateway-state.ts'
import { startReplay } from '#actors/replay.ts'
import type { DomainEvent, Fact } from '#domain/events.ts'
import { modelId, providerId } from '#domain/ids.ts'
import { type RecordedEvent, streamOf } from '#domain/recorded-event.ts'
import { policyOf, provider } from '#test/box.ts'
import { admit, fail } from '#test/recording-log.ts'

/** What a ledger would have written for these facts. */
const logOf = (facts: readonly Fact[]): readonly RecordedEvent[] => {
  const state = initialState()
  const rows: RecordedEvent[] = []
  const write = (event: DomainEvent): void => {
    const stream = streamOf(event)
    const streamVersion = (state.streams.get(stream) ?? 0) + 1
    trackStream(state, stream, streamVersion, event)
    const position = rows.length + 1
    rows.push({
      event,
      stream,
      streamVersion,
      occurredAt: 1_000,
      writer: 'w',
      writerSeq: position,
      position,
      schemaVersion: 1,
      recordedAt: 1_000,
    })
  }
  for (const fact of facts) {
    write(fact)
    const decisions = decide(state, fact, 1_000, 'w')
    for (const decision of decisions) write(decision)
  }
  return rows
}

const started = (n: number): Fact => ({
  _tag: 'AttemptStarted',
  requestId: admit(n).requestId,
  attempt: 1,
  provider: providerId('a'),
  model: modelId('claude-sonnet-5-5'),
})
const facts: readonly Fact[] = [
  { _tag: 'BoxStarted', instance: 'w', version: 'test' },
  { _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('a'), provider('b')]) },
  admit(1),
  started(1),
  fail(1),
  admit(2),
]
const good = logOf(facts)
const places = good.map(({ event }) => event._tag)

const replayed = (rows: readonly RecordedEvent[]) => {
  const replay = startReplay()
  for (const recorded of rows) replay.next({ _tag: 'Known', recorded })
  replay.finish()
  return replay
}

describe('a replay', () => {
  it('of an honest log finds nothing and counts facts and decisions', () => {
    const replay = replayed(good)
    assert.isUndefined(replay.difference())
    assert.deepStrictEqual(
      places.filter((tag) => tag === 'RouteChosen' || tag === 'ProviderThrottled'),
      ['RouteChosen', 'ProviderThrottled', 'RouteChosen'],
    )
    assert.deepStrictEqual(replay.counts(), { events: 9, facts: 6, decisions: 3, unchecked: 0 })
    assert.strictEqual(replay.position(), 9)
  })

  const route = places.indexOf('RouteChosen')
  const edits: readonly (readonly [string, (rows: RecordedEvent[]) => unknown, string, number])[] = [
    [
      'a decision that was changed',
      (rows) =>
        rows.splice(route, 1, { ...rows[route]!, event: { ...rows[route]!.event, propensity: 0.5 } as DomainEvent }),
      'decision',
      route + 1,
    ],
    ['a decision that is missing', (rows) => rows.splice(route, 1), 'missing decision', route + 2],
    ['a decision that is missing at the very end', (rows) => rows.pop(), 'missing decision', 8],
    ['a decision that is there twice', (rows) => rows.splice(route, 0, rows[route]!), 'decision', route + 1],
    [
      'a decision from nowhere',
      (rows) =>
        void rows.splice(1, 0, { ...rows[0]!, event: { _tag: 'ProviderRecovered', provider: providerId('a') } }),
      'decision',
      1,
    ],
  ]
  for (const [what, edit, difference, position] of edits) {
    it(`finds ${what}`, () => {
      const rows = [...good]
      edit(rows)
      const found = replayed(rows).difference()
      assert.strictEqual(found?.what, difference)
      assert.strictEqual(found?.position, position)
    })
  }

  it('reports the first difference only', () => {
    const rows = good.filter(({ event }) => event._tag !== 'RouteChosen')
    assert.strictEqual(replayed(rows).difference()?.position, route + 2)
  })

  it('takes members in another order for the same decision', () => {
    const rows = good.map((row) => ({
      ...row,
      event: Object.fromEntries(Object.entries(row.event).toReversed()) as unknown as DomainEvent,
    }))
    assert.isUndefined(replayed(rows).difference())
  })

  it('cannot vouch for what a newer release has written', () => {
    const replay = startReplay()
    replay.next({
      _tag: 'Foreign',
      position: 1,
      upcast: { _tag: 'FromTheFuture', type: 'TeapotFilled', schemaVersion: 1 },
    })
    assert.strictEqual(replay.difference()?.what, 'foreign event')
  })
})

describe('a snapshot compared by a replay', () => {
  const compare = (change: (text: string) => string) => {
    const replay = startReplay()
    for (const recorded of good) {
      replay.next({ _tag: 'Known', recorded })
      if (recorded.position === 5) {
        replay.compare({ version: STATE_VERSION, position: 5, state: change(encodeState(replay.state)) })
      }
    }
    replay.finish()
    return replay.difference()
  }

  it('is the same when it is', () => assert.isUndefined(compare((text) => text)))

  it('is the same with its members in another order, as a live fold leaves them', () =>
    assert.isUndefined(
      compare((text) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text) as object).toReversed()))),
    ))

  it('differs by one number, and the report shows where', () => {
    const found = compare((text) => text.replace('"admitted":1', '"admitted":2'))
    assert.strictEqual(found?.what, 'snapshot')
    assert.include(String(found?.expected), '"admitted":1')
    assert.include(String(found?.recorded), '"admitted":2')
  })

  it('is not compared at another position', () => {
    const replay = startReplay()
    replay.compare({ version: STATE_VERSION, position: 7, state: '{}' })
    assert.isUndefined(replay.difference())
  })
})
