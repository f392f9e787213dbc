/**
 * The export of a log, and what the real ccusage makes of it.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import fc from 'fast-check'
import { EventLog } from '#actors/ports.ts'
import { exportLedger } from '#cli/export.ts'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { entryOf, isBilled, type LedgerEntry, type OpenEntries } from '#domain/ledger-entries/entry.ts'
import { costOf } from '#domain/pricing.ts'
import type { NewEvent } from '#domain/recorded-event.ts'
import { addUsage, noUsage } from '#domain/usage.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { listPrice } from '#infra/prices/list-price.ts'
import { admitted, failed, served1, started, succeeded } from '#test/attempt-events.ts'
import { breakingBehind } from '#test/breaking-log.ts'
import { type CcusageReport, ccusage } from '#test/ccusage.ts'
import { histories } from '#test/generators.ts'
import { envelopes } from '#test/recorded-events.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

/** Exports a log of these events into a new folder. */
const exported = (events: readonly NewEvent[], span: { readonly from?: number; readonly to?: number } = {}) =>
  Effect.gen(function* () {
    const folder = join(yield* scratchFolder, 'out')
    const code = yield* Effect.gen(function* () {
      const log = yield* EventLog
      for (let at = 0; at < events.length; at += 1_000) yield* log.append(events.slice(at, at + 1_000))
      return yield* exportLedger({ format: 'claude-code', out: folder, json: true, ...span })
    }).pipe(Effect.provide(layerMemory()))
    expect(code).toBe(0)
    return folder
  })

const recorded = (...requests: readonly (readonly DomainEvent[])[]): readonly NewEvent[] => envelopes()(requests.flat())

const linesOf = (folder: string, ...path: readonly string[]): readonly object[] =>
  readFileSync(join(folder, 'projects', ...path), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object)

/** What ccusage adds up of our own entries. */
const sumsOf = (entries: readonly LedgerEntry[]) => {
  const usage = entries.map((entry) => entry.usage).reduce(addUsage, noUsage)
  return {
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    cacheCreationTokens: usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
    cacheReadTokens: usage.cacheReadTokens,
  }
}

const tokensOf = ({ totals }: Pick<CcusageReport, 'totals'>) => {
  const { inputTokens, outputTokens, cacheCreationTokens, cacheReadTokens } = totals
  return { inputTokens, outputTokens, cacheCreationTokens, cacheReadTokens }
}

const entriesOf = (events: readonly NewEvent[]): readonly LedgerEntry[] => {
  const open: OpenEntries = new Map()
  return events.flatMap((event) => entryOf(open, event) ?? []).filter(isBilled)
}

const day = recorded(
  served1('req_1', {
    request: { sessionId: 's-1' },
    usage: { inputTokens: 10, outputTokens: 500, cacheWrite5mTokens: 12_000, cacheWrite1hTokens: 300 },
    answer: { upstreamRequestId: 'req_up1', costNanoUsd: 54_330_000 },
  }),
  served1('req_2', {
    request: { sessionId: 's-1', agentId: 'agent7' },
    usage: { inputTokens: 4, outputTokens: 80, cacheReadTokens: 8_000 },
    answer: { costNanoUsd: 3_612_000 },
  }),
  // Broken off after content, then served by the next provider: both are billed.
  [
    admitted('req_3', { sessionId: 's-1' }),
    started('req_3'),
    failed('req_3', { usage: { ...noUsage, inputTokens: 200, outputTokens: 33 }, costNanoUsd: 1_095_000 }),
    started('req_3', 2, 'beta'),
    succeeded(
      'req_3',
      { inputTokens: 200, outputTokens: 90 },
      { attempt: 2, provider: providerId('beta'), reportedCostNanoUsd: 1_950_000, costNanoUsd: 2_000_000 },
    ),
  ],
  // The client left before anything was told: an estimate without tokens.
  [
    admitted('req_4', { sessionId: 's-2', project: 'web site' }),
    started('req_4'),
    failed('req_4', {
      reason: { _tag: 'Cancelled', by: 'client' },
      stage: 'S0',
      costNanoUsd: 900_000,
      estimated: true,
    }),
    { _tag: 'RequestCancelled', requestId: requestId('req_4'), attempts: 1, by: 'client' },
  ],
  // Refused: free.
  [
    admitted('req_5', { sessionId: 's-2' }),
    started('req_5'),
    failed('req_5', { reason: { _tag: 'Overloaded', status: 529 }, stage: 'S0', costNanoUsd: 0 }),
    started('req_5', 2),
    succeeded(
      'req_5',
      { inputTokens: 7, outputTokens: 1 },
      { attempt: 2, model: modelId('gpt-4.1'), usage: { ...noUsage, inputTokens: 7, outputTokens: 1 } },
    ),
  ],
)

describe('the export for tools of Claude Code', () => {
  it.effect('has one line for each billed attempt, in a file for each session', () =>
    Effect.gen(function* () {
      const folder = yield* exported(day)
      expect(linesOf(folder, 'signalbox', 's-1.jsonl')).toMatchObject([
        {
          requestId: 'req_up1',
          isSidechain: false,
          costUSD: 0.05433,
          message: {
            id: 'msg_1',
            model: 'claude-sonnet-4-5-20250929',
            usage: {
              cache_creation_input_tokens: 12_300,
              cache_creation: { ephemeral_5m_input_tokens: 12_000, ephemeral_1h_input_tokens: 300 },
            },
          },
        },
        { requestId: 'req_2', isSidechain: true, agentId: 'agent7' },
        { message: { id: 'msg_3' }, signalbox: { outcome: 'failed', provider: 'alpha' } },
        { message: { id: 'msg_3_2' }, costUSD: 0.00195, signalbox: { outcome: 'served', provider: 'beta' } },
      ])
      expect(linesOf(folder, 'x.7765622073697465', 's-2.jsonl')).toMatchObject([
        { costUSD: 0.0009, signalbox: { outcome: 'cancelled', estimated: true } },
      ])
      const [plain] = linesOf(folder, 'signalbox', 's-2.jsonl')
      expect(plain).toMatchObject({ message: { model: 'gpt-4.1' } })
      expect(plain).not.toHaveProperty('costUSD')
    }),
  )

  it.effect('gives ccusage our tokens and our costs exactly', () =>
    Effect.gen(function* () {
      const report = yield* ccusage(yield* exported(day), 'display')
      expect(tokensOf(report)).toEqual({
        inputTokens: 10 + 4 + 200 + 200 + 7,
        outputTokens: 500 + 80 + 33 + 90 + 1,
        cacheCreationTokens: 12_300,
        cacheReadTokens: 8_000,
      })
      expect(report.totals.totalCost).toBeCloseTo(0.05433 + 0.003612 + 0.001095 + 0.00195 + 0.0009, 12)
    }),
  )

  it.effect('gives ccusage our tokens exactly whatever happened', () =>
    Effect.gen(function* () {
      const lives = fc.sample(histories(200), { numRuns: 4, seed: 8 }).toSorted((a, b) => b.length - a.length)
      const events = envelopes()((lives[0] ?? []).map(({ event }, index) => withCost(event, index * 1_234_567)))
      const entries = entriesOf(events)
      expect(new Set(entries.map(({ outcome }) => outcome))).toEqual(
        new Set(['served', 'failed', 'cancelled', 'abandoned']),
      )
      const report = yield* ccusage(yield* exported(events), 'display')
      expect(tokensOf(report)).toEqual(sumsOf(entries))
      const costs = entries.map(({ costNanoUsd }) => costNanoUsd ?? 0).reduce((a, b) => a + b, 0) / 1e9
      expect(report.totals.totalCost).toBeCloseTo(costs, 6)
    }),
  )

  it.effect('costs what ccusage makes of it, save where its table of prices differs', () =>
    Effect.gen(function* () {
      const requests = MODELS.map((model, index) =>
        served1(`req_${index}`, { usage: BIG, answer: { model: modelId(model), costNanoUsd: listed(model) } }),
      )
      const folder = yield* exported(recorded(...requests))
      const [shown, calculated] = [yield* ccusage(folder, 'display'), yield* ccusage(folder, 'calculate')]
      const costsIn = ({ daily }: CcusageReport) =>
        new Map(
          daily.flatMap(({ modelBreakdowns }) =>
            modelBreakdowns.map(({ modelName, cost }) => [modelName, cost] as const),
          ),
        )
      const [ours, theirs] = [costsIn(shown), costsIn(calculated)]
      for (const model of MODELS) expect(ours.get(model)).toBeCloseTo(listed(model) / 1e9, 12)
      const differing = MODELS.filter((model) => Math.abs((ours.get(model) ?? 0) - (theirs.get(model) ?? 0)) > 1e-9)
      // What its table does not know costs nothing there; everything else agrees.
      expect(differing).toEqual(MODELS.filter((model) => theirs.get(model) === 0))
      const unpriced = differing.map((model) => ours.get(model) ?? 0).reduce((a, b) => a + b, 0)
      expect(shown.totals.totalCost - calculated.totals.totalCost).toBeCloseTo(unpriced, 12)
    }),
  )

  it.effect('holds what ended in the span, also of requests that came before it', () =>
    Effect.gen(function* () {
      const events = recorded(served1('req_1'), served1('req_2'), served1('req_3'))
      const [, , first, , , second] = events
      const folder = yield* exported(events, { from: (first?.occurredAt ?? 0) + 1, to: second?.occurredAt ?? 0 })
      expect(linesOf(folder, 'signalbox', 'no-session.jsonl')).toMatchObject([{ requestId: 'req_2' }])
    }),
  )

  it.effect('that fails in the middle leaves nothing behind, so that it can be tried again', () =>
    Effect.gen(function* () {
      const folder = join(yield* scratchFolder, 'out')
      const log = yield* EventLog
      const served = Array.from({ length: 2_000 }, (_, n) =>
        served1(`req_${n}`, { request: { sessionId: `s-${n % 7}` } }),
      )
      yield* log.append(recorded(...served))
      const exporting = exportLedger({ format: 'claude-code', out: folder, json: true })
      const error = yield* Effect.flip(breakingBehind(5_000)(exporting))
      expect(error.message).toBe('the disk is gone')
      expect(readdirSync(folder)).toEqual([])
      expect(yield* exporting).toBe(0)
      expect(readdirSync(folder)).toEqual(['projects'])
      expect(linesOf(folder, 'signalbox', 's-3.jsonl')).toHaveLength(286)
    }).pipe(Effect.provide(layerMemory())),
  )

  it.effect('writes into no folder that holds something', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      mkdirSync(join(folder, 'projects'))
      writeFileSync(join(folder, 'projects', 'mine.jsonl'), '')
      const refused = yield* Effect.flip(exportLedger({ format: 'claude-code', out: folder, json: true }))
      expect(refused).toMatchObject({ _tag: 'ExportError', message: expect.stringContaining('is not empty') })
    }).pipe(Effect.provide(layerMemory())),
  )
})

/** A request with all five kinds of tokens. */
const BIG = {
  inputTokens: 1_000,
  outputTokens: 100,
  cacheWrite5mTokens: 2_000,
  cacheWrite1hTokens: 1_000,
  cacheReadTokens: 10_000,
}
const MODELS = [
  'claude-opus-5-5',
  'claude-opus-5',
  'claude-opus-4-8',
  'claude-sonnet-5-5',
  'claude-sonnet-5',
  'claude-sonnet-4-5-20250929',
  'claude-haiku-5-5',
  'claude-haiku-4-5-20251001',
]

/** By our own list, in billionths of a US dollar. */
const listed = (model: string): number => {
  const price = listPrice({ model, seller: 'anthropic', at: Date.UTC(2026, 10, 25) })
  return costOf(price ?? null, { ...noUsage, ...BIG }) ?? Number.NaN
}

const withCost = (event: DomainEvent, costNanoUsd: number): DomainEvent =>
  event._tag === 'AttemptSucceeded' || event._tag === 'AttemptFailed' || event._tag === 'RequestAbandoned'
    ? { ...event, costNanoUsd }
    : event
