/**
 * The ledger beside the files that the real Claude Code wrote while it ran through Signalbox, as they are and with planted
 * differences.
 */
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { TestClock, TestConsole } from 'effect/testing'
import { EventLog } from '#actors/ports.ts'
import { reconcile } from '#cli/reconcile.ts'
import type { DomainEvent } from '#domain/events.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import type { Difference } from '#domain/ledger-entries/difference.ts'
import { streamOf } from '#domain/recorded-event.ts'
import { noUsage } from '#domain/usage.ts'
import { layerMemory } from '#infra/event-log/memory.ts'
import { admitted, failed, served1, started, succeeded } from '#test/attempt-events.ts'
import { policyOf, provider } from '#test/box.ts'
import { ccusage } from '#test/ccusage.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

const FIXTURE = fileURLToPath(new URL('../fixtures/claude-code-projects', import.meta.url))
const SESSION = '0efff647-7a6a-4d49-9145-251bfa35b7c3'
const AGENT = 'a6f1632b46963ac90'
const PROJECT = join('projects', '-home-user-project')
const SESSION_FILE = join(PROJECT, `${SESSION}.jsonl`)

interface Happened {
  readonly event: DomainEvent
  readonly occurredAt: number
}

const history: readonly Happened[] = readFileSync(join(FIXTURE, 'events.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Happened)
const last = history.at(-1)?.occurredAt ?? 0
const served = history.flatMap(({ event }) => (event._tag === 'AttemptSucceeded' ? [event] : []))

/** After the others, a second apart. */
const afterwards = (events: readonly DomainEvent[]): readonly Happened[] =>
  events.map((event, index) => ({ event, occurredAt: last + (index + 1) * 1_000 }))

const logOf = (happened: readonly Happened[]) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const versions = new Map<string, number>()
    yield* log.append(
      happened.map(({ event, occurredAt }, index) => {
        const stream = streamOf(event)
        const streamVersion = (versions.get(stream) ?? 0) + 1
        versions.set(stream, streamVersion)
        return { event, stream, streamVersion, occurredAt, writer: 'w', writerSeq: index + 1 }
      }),
    )
  })

/** A copy of the fixture's files, to plant something in. */
const copied = Effect.map(scratchFolder, (folder) => {
  cpSync(FIXTURE, folder, { recursive: true })
  return folder
})

interface Found {
  readonly code: number
  readonly ours: { readonly outputTokens: number; readonly answers: number }
  readonly theirs: { readonly outputTokens: number; readonly answers: number }
  readonly matched: number
  readonly differences: readonly (Difference & { readonly text: string; readonly note: boolean })[]
}

const found = (
  claude: string,
  happened: readonly Happened[] = history,
  options: { readonly usage?: string; readonly from?: number; readonly to?: number } = {},
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(last + 3_600_000)
    yield* logOf(happened)
    const code = yield* reconcile({ claude, usage: undefined, json: true, ...options })
    const line = (yield* TestConsole.logLines).at(-1)
    return { code, ...(JSON.parse(String(line)) as object) } as Found
  }).pipe(Effect.provide(layerMemory()))

const tags = ({ differences }: Found): readonly string[] => differences.map(({ _tag }) => _tag)

const line = (n: number): string => readFileSync(join(FIXTURE, SESSION_FILE), 'utf8').split('\n')[n] ?? ''

describe('what the real Claude Code wrote through Signalbox', () => {
  it.effect('agrees with the ledger, answer by answer', () =>
    Effect.gen(function* () {
      const result = yield* found(FIXTURE)
      expect(result).toMatchObject({ code: 0, agree: true, matched: 9, differences: [] })
      expect(result.theirs).toMatchObject({ answers: 9, outputTokens: result.ours.outputTokens })
    }),
  )

  it.effect('gives ccusage our tokens exactly', () =>
    Effect.gen(function* () {
      const { totals } = yield* ccusage(FIXTURE)
      const sum = (of: (usage: (typeof served)[number]['usage']) => number) =>
        served.map(({ usage }) => of(usage)).reduce((a, b) => a + b, 0)
      expect(totals).toMatchObject({
        inputTokens: sum((usage) => usage.inputTokens),
        outputTokens: sum((usage) => usage.outputTokens),
        cacheReadTokens: sum((usage) => usage.cacheReadTokens),
        cacheCreationTokens: sum((usage) => usage.cacheWrite5mTokens + usage.cacheWrite1hTokens),
      })
    }),
  )

  it.effect('is matched without request ids too, by session, agent, time and counts', () =>
    Effect.gen(function* () {
      const folder = yield* copied
      for (const name of [SESSION_FILE, join(PROJECT, SESSION, 'subagents', `agent-${AGENT}.jsonl`)]) {
        const file = join(folder, name)
        writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/"requestId":"[^"]*",/g, ''))
      }
      expect(yield* found(folder)).toMatchObject({ code: 0, matched: 9, differences: [] })
    }),
  )
})

describe('a planted difference is found and explained', () => {
  it.effect('a missing sub-agent', () =>
    Effect.gen(function* () {
      const folder = yield* copied
      rmSync(join(folder, PROJECT, SESSION), { recursive: true })
      const result = yield* found(folder)
      expect(result.code).toBe(1)
      expect(result.differences).toMatchObject([
        { _tag: 'MissingSubAgent', sessionId: SESSION, agentId: AGENT, totals: { answers: 2 } },
      ])
      expect(result.differences[0]?.text).toContain(`Sub-agent ${AGENT}`)
      expect(result.ours.answers - result.theirs.answers).toBe(2)
    }),
  )

  it.effect('a retry of the client that was answered twice', () =>
    Effect.gen(function* () {
      const [first] = served
      const again = served1('req_again', {
        request: { sessionId: SESSION, model: modelId('claude-opus-5-5') },
        usage: first?.usage ?? {},
        answer: { model: modelId('claude-opus-5-5'), upstreamRequestId: 'req_up_again' },
      })
      // It was answered before the one that is in the files.
      const before = again.map((event) => ({ event, occurredAt: (history[0]?.occurredAt ?? 0) - 1 }))
      const result = yield* found(FIXTURE, [...before, ...history])
      expect(result.code).toBe(1)
      expect(result.differences).toMatchObject([
        { _tag: 'DuplicatedRetry', requestId: 'req_up_again', again: first?.upstreamRequestId },
      ])
    }),
  )

  it.effect('an attempt that failed and was billed before another provider served', () =>
    Effect.gen(function* () {
      const events = [
        admitted('req_r', { sessionId: SESSION }),
        started('req_r'),
        failed('req_r', { usage: { ...noUsage, inputTokens: 900, outputTokens: 20 }, costNanoUsd: 5_000_000 }),
        started('req_r', 2, 'beta'),
        succeeded('req_r', served[0]?.usage ?? {}, {
          attempt: 2,
          provider: providerId('beta'),
          upstreamRequestId: 'req_r2',
        }),
      ]
      const folder = yield* copied
      const written = line(0)
        .replaceAll(/req_[A-Za-z0-9]{24}/g, 'req_r2')
        .replaceAll(/msg_\w+/g, 'msg_r')
      appendFileSync(
        join(folder, SESSION_FILE),
        `${written.replaceAll('claude-opus-5-5', 'claude-sonnet-4-5-20250929')}\n`,
      )
      const result = yield* found(folder, [...history, ...afterwards(events)])
      expect(result.differences).toMatchObject([{ _tag: 'RetriedAttempt', attempt: 1, provider: 'alpha' }])
    }),
  )

  it.effect('an aborted stream', () =>
    Effect.gen(function* () {
      const events: readonly DomainEvent[] = [
        admitted('req_a', { sessionId: SESSION }),
        started('req_a'),
        failed('req_a', {
          reason: { _tag: 'Cancelled', by: 'client' },
          usage: { ...noUsage, inputTokens: 12_000, outputTokens: 40 },
          costNanoUsd: 61_000_000,
          estimated: true,
        }),
        { _tag: 'RequestCancelled', requestId: requestId('req_a'), attempts: 1, by: 'client' },
      ]
      const result = yield* found(FIXTURE, [...history, ...afterwards(events)])
      expect(result.code).toBe(1)
      expect(result.differences).toMatchObject([
        { _tag: 'AbortedStream', outcome: 'cancelled', totals: { outputTokens: 40, costNanoUsd: 61_000_000 } },
      ])
      expect(result.differences[0]?.text).toContain('the client left')
    }),
  )

  it.effect('a session that went another way, and one answer that did', () =>
    Effect.gen(function* () {
      const folder = yield* copied
      const foreign = line(0)
        .replaceAll(SESSION, 'another')
        .replaceAll(/(msg|req)_\w+/g, '$1_elsewhere')
      mkdirSync(join(folder, 'projects', 'other'))
      writeFileSync(join(folder, 'projects', 'other', 'another.jsonl'), `${foreign}\n`)
      const single = line(0).replaceAll(/(msg|req)_\w+/g, '$1_once')
      appendFileSync(join(folder, SESSION_FILE), `${single}\n`)
      const result = yield* found(folder)
      expect(result.code).toBe(1)
      expect(result.differences).toMatchObject([
        { _tag: 'ForeignSession', sessionId: 'another', totals: { answers: 1 } },
        { _tag: 'ForeignAnswer', requestId: 'req_once' },
      ])
    }),
  )

  it.effect('a wrong count, told by kind', () =>
    Effect.gen(function* () {
      const folder = yield* copied
      const file = join(folder, SESSION_FILE)
      const wrong = readFileSync(file, 'utf8')
        .split('\n')
        .map((text) =>
          text.includes(served[0]?.upstreamRequestId ?? '')
            ? text.replace(/"output_tokens":\d+/, '"output_tokens":1')
            : text,
        )
      writeFileSync(file, wrong.join('\n'))
      const result = yield* found(folder)
      expect(result.code).toBe(1)
      expect(result.differences).toMatchObject([
        { _tag: 'Counts', ours: { outputTokens: served[0]?.usage.outputTokens }, theirs: { outputTokens: 1 } },
      ])
      expect(result.differences[0]?.text).toContain('before the last word')
    }),
  )

  it.effect('an answer that was written down twice under two ids', () =>
    Effect.gen(function* () {
      const folder = yield* copied
      appendFileSync(join(folder, SESSION_FILE), `${line(0).replaceAll(/req_[A-Za-z0-9]{24}/g, 'req_copy')}\n`)
      const result = yield* found(folder)
      expect(result.code).toBe(1)
      expect(result.differences).toMatchObject([{ _tag: 'WrittenTwice', requestId: 'req_copy' }])
    }),
  )

  it.effect('requests of no session, of a session without a file, and background calls', () =>
    Effect.gen(function* () {
      const events = [
        ...served1('req_n'),
        ...served1('req_m', { request: { sessionId: 'gone' } }),
        ...served1('req_t', { request: { sessionId: SESSION, tools: 0 } }),
      ]
      const result = yield* found(FIXTURE, [...history, ...afterwards(events)])
      expect(tags(result).toSorted()).toEqual(['MissingBackground', 'MissingSession', 'NoSession'])
      expect(result.code).toBe(1)
    }),
  )
})

describe('what explains itself is told, and is no difference', () => {
  it.effect('a copy in the file of a forked session', () =>
    Effect.gen(function* () {
      const folder = yield* copied
      const forked = readFileSync(join(folder, SESSION_FILE), 'utf8').replaceAll(SESSION, 'forked')
      writeFileSync(join(folder, PROJECT, 'forked.jsonl'), forked)
      const result = yield* found(folder)
      expect(result).toMatchObject({ code: 0, matched: 9 })
      expect(result.differences).toMatchObject([{ _tag: 'Copied', note: true, answers: 7 }])
    }),
  )

  it.effect("models that are spelled otherwise, another model, and another table's prices", () =>
    Effect.gen(function* () {
      const folder = yield* copied
      const file = join(folder, SESSION_FILE)
      const [first, second, third] = served.map(({ upstreamRequestId = '' }) => upstreamRequestId)
      const changed = readFileSync(file, 'utf8')
        .split('\n')
        .map((text) => {
          if (text.includes(first ?? '')) return text.replace('"claude-opus-5-5"', '"anthropic/claude-opus-5.5"')
          if (text.includes(second ?? '')) return text.replace('"claude-opus-5-5"', '"claude-haiku-5-5"')
          return text.includes(third ?? '') ? text.replace('{', '{"costUSD":0.5,') : text
        })
      writeFileSync(file, changed.join('\n'))
      const result = yield* found(folder)
      expect(result.code).toBe(0)
      expect(tags(result).toSorted()).toEqual(['ModelSpelling', 'OtherModel', 'PriceTable'])
    }),
  )
})

describe('the span', () => {
  it.effect('leaves out what is outside of it, and never half of an answer', () =>
    Effect.gen(function* () {
      const times = history.flatMap(({ event, occurredAt }) => (event._tag === 'AttemptSucceeded' ? [occurredAt] : []))
      for (const to of times) {
        const result = yield* found(FIXTURE, history, { from: 0, to })
        expect(result).toMatchObject({ code: 0, differences: [] })
      }
    }),
  )

  it.effect('begins with the log: what is older did not go through it', () =>
    Effect.gen(function* () {
      const folder = yield* copied
      const older = line(0)
        .replaceAll(/(msg|req)_\w+/g, '$1_old')
        .replace(/"timestamp":"2026/, '"timestamp":"2025')
      writeFileSync(join(folder, PROJECT, 'old.jsonl'), `${older}\n`)
      expect(yield* found(folder)).toMatchObject({ code: 0, differences: [] })
    }),
  )
})

describe("a provider's export", () => {
  const policy: Happened = {
    occurredAt: (history[0]?.occurredAt ?? 0) - 1,
    event: { _tag: 'PolicyChanged', version: 1, policy: policyOf([provider('alpha')]) },
  }
  const sum = (of: (usage: (typeof served)[number]['usage']) => number) =>
    served.map(({ usage }) => of(usage)).reduce((a, b) => a + b, 0)
  const day = new Date(last).toISOString().slice(0, 10)
  const consoleCsv = (output: number): string =>
    [
      'usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count',
      `${day},claude-opus-5-5,"a key, mine",Default,standard,≤ 200k,0,${sum((u) => u.cacheWrite5mTokens)},0,${sum((u) => u.cacheReadTokens)},${output},0`,
    ].join('\n')

  it.effect('agrees, or tells the day, the model and the kind', () =>
    Effect.gen(function* () {
      const file = join(yield* scratchFolder, 'usage.csv')
      const output = sum((usage) => usage.outputTokens)
      writeFileSync(file, consoleCsv(output))
      expect(yield* found(FIXTURE, [policy, ...history], { usage: file })).toMatchObject({ code: 0, differences: [] })
      writeFileSync(file, consoleCsv(output + 100))
      const more = yield* found(FIXTURE, [policy, ...history], { usage: file })
      expect(more.code).toBe(1)
      expect(more.differences).toMatchObject([
        {
          _tag: 'ProviderUsage',
          day,
          model: 'claude-opus-5-5',
          figures: [{ figure: 'outputTokens', theirs: output + 100 }],
        },
      ])
    }),
  )

  it.effect('of an unknown kind is refused with what is known', () =>
    Effect.gen(function* () {
      const file = join(yield* scratchFolder, 'usage.csv')
      writeFileSync(file, 'a,b\n1,2\n')
      const error = yield* Effect.flip(found(FIXTURE, history, { usage: file }))
      expect(error).toMatchObject({ _tag: 'UsageFileError', message: expect.stringContaining('OpenRouter activity') })
    }),
  )
})

describe('for people', () => {
  it.effect('the totals of both sides and a sentence for each difference are printed', () =>
    Effect.gen(function* () {
      const folder = yield* copied
      rmSync(join(folder, PROJECT, SESSION), { recursive: true })
      yield* TestClock.setTime(last + 3_600_000)
      yield* logOf(history)
      yield* reconcile({ claude: folder, usage: undefined, json: false })
      const lines = (yield* TestConsole.logLines).map(String)
      expect(lines[0]).toMatch(/ANSWERS +INPUT +OUTPUT/)
      expect(lines[1]).toMatch(/^Signalbox +9 /)
      expect(lines[2]).toMatch(/^Claude Code +7 .*not told$/)
      expect(lines.join('\n')).toContain('Differences: 1')
    }).pipe(Effect.provide(layerMemory())),
  )
})
