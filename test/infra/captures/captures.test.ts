/** Captures beside the requests: handed over whole, bounded, never waited for; what cannot be kept is counted. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import Database from 'better-sqlite3'
import { Effect } from 'effect'
import type { Captures } from '#actors/ports.ts'
import { modelId, providerId, requestId } from '#domain/ids.ts'
import { type CaptureOptions, startCaptures } from '#infra/captures/captures.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

const options = (folder: string, more: Partial<CaptureOptions> = {}): CaptureOptions => ({
  ...{
    file: join(folder, 'captures.db'),
    sampleShare: 1,
    only: [],
    retentionMs: 86_400_000,
    maxBytes: 1e9,
    redact: [],
  },
  ...more,
})

const admitted = (n: number) => ({
  ...{ requestId: requestId(`req_${n}`), model: modelId('m'), stream: true, bodyBytes: 1 },
  ...{ messages: 1, tools: 3, images: 0 },
})
const ENDED = { status: 200, complete: true, provider: providerId('alpha') }

const capture = (captures: Captures['Service'], n: number, body: string, answers: readonly string[] = []): boolean => {
  const tap = captures.begin(admitted(n), Buffer.from(body))
  for (const answer of answers) tap?.answer(Buffer.from(answer))
  tap?.end(ENDED)
  return tap !== undefined
}

/** Waits in real time: the thread is another one. */
const settled = (captures: Captures['Service'], total: number) =>
  Effect.gen(function* () {
    for (;;) {
      const { kept, dropped } = captures.counts()
      if (kept + dropped >= total) return { kept, dropped }
      yield* Effect.sleep(5)
    }
  })

describe('captures', () => {
  it.live('are read as they were told, the pieces of the answer joined', () =>
    Effect.gen(function* () {
      const captures = yield* startCaptures(options(yield* scratchFolder))
      capture(captures, 1, '{"messages":["hello"]}', ['event: a\n', 'data: {}\n\n'])
      expect(yield* settled(captures, 1)).toEqual({ kept: 1, dropped: 0 })
      const found = yield* captures.read('req_1')
      expect(found).toMatchObject({ requestId: 'req_1', status: 200, complete: true, redactions: 0 })
      expect(Buffer.from(found?.request ?? []).toString()).toBe('{"messages":["hello"]}')
      expect(Buffer.from(found?.answer ?? []).toString()).toBe('event: a\ndata: {}\n\n')
      expect(yield* captures.read('req_2')).toBeUndefined()
    }),
  )

  it.live('are handed over whole when they are long', () =>
    Effect.gen(function* () {
      const captures = yield* startCaptures(options(yield* scratchFolder))
      const body = JSON.stringify({ messages: Array.from({ length: 300 }, (_, n) => `${n} ${'ü'.repeat(8_000)}`) })
      const answer = 'x'.repeat(3_000_000)
      capture(captures, 1, body, [answer.slice(0, 1_500_001), answer.slice(1_500_001)])
      yield* settled(captures, 1)
      const found = yield* captures.read('req_1')
      expect(Buffer.from(found?.request ?? []).equals(Buffer.from(body))).toBe(true)
      expect(Buffer.from(found?.answer ?? []).equals(Buffer.from(answer))).toBe(true)
    }),
  )

  it.live('go by rules about the provider when it is known, and hold nothing of those that do not fit', () =>
    Effect.gen(function* () {
      const only = [{ provider: providerId('beta') }]
      const captures = yield* startCaptures(options(yield* scratchFolder, { only, mostHeldBytes: 100 }))
      for (let n = 0; n < 50; n++) captures.begin(admitted(n), Buffer.from('{"a":1}'))?.end(ENDED)
      captures.begin(admitted(99), Buffer.from('{"a":2}'))?.end({ ...ENDED, provider: providerId('beta') })
      expect(yield* settled(captures, 1)).toEqual({ kept: 1, dropped: 0 })
      expect(yield* captures.read('req_49')).toBeUndefined()
      expect(yield* captures.read('req_99')).toBeDefined()
    }),
  )

  it.live(
    'take no more than their bound while the disk is blocked: the rest is dropped, counted, and nobody waits',
    () =>
      Effect.gen(function* () {
        const folder = yield* scratchFolder
        const captures = yield* startCaptures(options(folder, { mostHeldBytes: 10_000 }))
        const blocker = new Database(join(folder, 'captures.db'))
        blocker.exec('BEGIN EXCLUSIVE')
        const body = JSON.stringify({ messages: ['y'.repeat(900)] })
        const begun = performance.now()
        const taken = Array.from({ length: 100 }, (_, n) => capture(captures, n, body)).filter((was) => was).length
        expect(performance.now() - begun).toBeLessThan(1_000)
        expect(taken).toBeGreaterThan(5)
        expect(taken).toBeLessThanOrEqual(11)
        expect(captures.counts()).toEqual({ kept: 0, dropped: 100 - taken })
        blocker.exec('COMMIT')
        blocker.close()
        expect(yield* settled(captures, 100)).toEqual({ kept: taken, dropped: 100 - taken })
        expect(capture(captures, 100, body)).toBe(true)
        expect(yield* settled(captures, 101)).toEqual({ kept: taken + 1, dropped: 100 - taken })
      }),
  )

  it.live('let an answer go that outgrows the bound, and what it held is free again', () =>
    Effect.gen(function* () {
      const captures = yield* startCaptures(options(yield* scratchFolder, { mostHeldBytes: 1_000 }))
      const tap = captures.begin(admitted(1), Buffer.from('{}'))
      tap?.answer(Buffer.alloc(900))
      tap?.answer(Buffer.alloc(900))
      tap?.answer(Buffer.alloc(10))
      tap?.end(ENDED)
      expect(captures.counts()).toEqual({ kept: 0, dropped: 1 })
      expect(capture(captures, 2, '{}', ['z'.repeat(990)])).toBe(true)
      expect(yield* settled(captures, 2)).toEqual({ kept: 1, dropped: 1 })
    }),
  )

  it.live('that are under way when the box stops are still kept', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      yield* Effect.scoped(
        Effect.gen(function* () {
          const captures = yield* startCaptures(options(folder))
          for (let n = 0; n < 20; n++) capture(captures, n, JSON.stringify({ messages: [n, 'v'.repeat(100_000)] }))
        }),
      )
      const again = yield* startCaptures(options(folder))
      for (let n = 0; n < 20; n++) expect(yield* again.read(`req_${n}`)).toBeDefined()
    }),
  )

  it.live('do not hold up a stop when their disk hangs', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const blocker = new Database(join(folder, 'captures.db'))
      const stopping = yield* Effect.scoped(
        Effect.gen(function* () {
          const captures = yield* startCaptures(options(folder, { lastWaitMs: 100 }))
          blocker.exec('BEGIN EXCLUSIVE')
          for (let n = 0; n < 20; n++) capture(captures, n, '{}')
          return performance.now()
        }),
      )
      expect(performance.now() - stopping).toBeLessThan(3_000)
      blocker.exec('COMMIT')
      blocker.close()
    }),
  )

  it.live('are pruned by their thread when the file grows too large', () =>
    Effect.gen(function* () {
      const captures = yield* startCaptures(options(yield* scratchFolder, { maxBytes: 400_000 }))
      const own = (n: number) => Array.from({ length: 4_000 }, (_, k) => (k * 7_919 * (n + 1)).toString(36)).join(' ')
      for (let n = 0; n < 60; n++) capture(captures, n, JSON.stringify({ messages: [own(n)] }))
      yield* settled(captures, 60)
      expect(yield* captures.read('req_0')).toBeUndefined()
      expect(yield* captures.read('req_59')).toBeDefined()
    }),
  )

  it.live('are pruned by their age when the box starts', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      yield* Effect.scoped(Effect.map(startCaptures(options(folder)), (captures) => capture(captures, 1, '{}')))
      yield* Effect.sleep(20)
      const captures = yield* startCaptures(options(folder, { retentionMs: 10 }))
      while ((yield* captures.read('req_1')) !== undefined) yield* Effect.sleep(5)
    }),
  )

  const broken: readonly (readonly [what: string, more: Partial<CaptureOptions>, message: RegExp])[] = [
    [
      'the key is not there',
      { key: { _tag: 'Env', name: 'NO_SUCH_CAPTURE_KEY', header: 'bearer' } },
      /NO_SUCH_CAPTURE_KEY.*not set/,
    ],
    ['the file is none of ours', {}, /no file of captures/],
  ]
  it.live.each(broken)('leave requests alone when %s, and say why', ([, more, message]) =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      if (more.key === undefined) writeFileSync(join(folder, 'captures.db'), 'not a database'.repeat(400))
      const captures = yield* startCaptures(options(folder, more))
      expect(capture(captures, 1, '{}')).toBe(false)
      expect(captures.counts()).toEqual({ kept: 0, dropped: 1 })
      expect((yield* Effect.flip(captures.read('req_1'))).message).toMatch(message)
      if (more.key !== undefined) expect(existsSync(join(folder, 'captures.db'))).toBe(false)
    }),
  )
})
