/**
 * A command that changes something on a log that running instances share.
 */
import { assert, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { EventLog } from '#actors/ports.ts'
import { commandLedger } from '#cli/database.ts'
import { layerMemory as clusterMemory, makeClusterStore } from '#infra/cluster/memory.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { note } from '#test/recording-log.ts'

const tagsAfterChange = (isShared: boolean) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const change = Ledger.use((ledger) => Effect.sync(() => ledger.record(note(1), 1)))
    const alone = commandLedger('command')
    const layer = isShared ? alone.pipe(Layer.provide(clusterMemory(makeClusterStore()))) : alone
    yield* Effect.provide(change, layer, { local: true })
    const rows = yield* log.read({ after: 0, limit: 10 })
    return rows.map((row) => (row._tag === 'Known' ? row.recorded.event._tag : ''))
  }).pipe(Effect.provide(layerMemory(), { local: true }))

it.effect('joins the instances and leaves them again: whoever stays behind in the log is waited for', () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* tagsAfterChange(true), ['BoxStarted', 'ConfigChanged', 'BoxStopped'])
    assert.deepStrictEqual(yield* tagsAfterChange(false), ['ConfigChanged'])
  }),
)
