import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from '@effect/vitest'
import { Cause, Effect, Exit, Fiber } from 'effect'
import { startThread } from '#infra/event-log/thread.ts'
import type { EntryCalls } from './thread-entry.ts'

const start = (data: string | null = null) =>
  startThread<EntryCalls>('test', new URL('./thread-entry.ts', import.meta.url), data)

it.effect('answers calls, passes failures on, and turns bugs into defects', () =>
  Effect.gen(function* () {
    const thread = yield* start()
    yield* thread.ready
    expect(yield* thread.call('echo', 'hello')).toBe('hello')
    expect((yield* Effect.flip(thread.call('refuse', 'taken'))).reason).toEqual({ _tag: 'Conflict', detail: 'taken' })
    const exit = yield* Effect.exit(thread.call('stumble', null))
    expect(Exit.isFailure(exit) && Cause.hasDies(exit.cause)).toBe(true)
    expect(yield* thread.call('echo', 'still here')).toBe('still here')
  }),
)

it.effect('says why a thread could not begin', () =>
  Effect.gen(function* () {
    const thread = yield* start('cannot open')
    expect((yield* Effect.flip(thread.ready)).reason).toEqual({ _tag: 'Unusable', detail: 'cannot open' })
  }),
)

it.effect('fails the calls under way when the thread dies, and starts it again for the next', () =>
  Effect.gen(function* () {
    const thread = yield* start()
    yield* thread.ready
    const hanging = yield* Effect.forkChild(Effect.flip(thread.call('hang', null)))
    yield* Effect.yieldNow
    const dying = yield* Effect.flip(thread.call('die', null))
    expect(dying.reason).toEqual({ _tag: 'Unavailable', detail: 'the test thread died: out of luck' })
    expect((yield* Fiber.join(hanging)).reason._tag).toBe('Unavailable')
    expect(yield* thread.call('echo', 'born again')).toBe('born again')
  }),
)

it.effect('refuses calls after its scope has closed', () =>
  Effect.gen(function* () {
    const thread = yield* Effect.scoped(start())
    expect((yield* Effect.flip(thread.call('echo', 'late'))).reason._tag).toBe('Unavailable')
  }),
)

it('never loads the database driver into the main thread', () => {
  const seen = new Set<string>()
  const packages = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    // `import type` is erased; what is left is loaded.
    for (const [, from] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (?!type\b)[^;]*? from '([^']+)'/gms,
    )) {
      const inSource = from!.match(/^#(.*)$/)
      if (inSource) visit(fileURLToPath(new URL(`../../../src/${inSource[1]}`, import.meta.url)))
      else packages.add(from!)
    }
  }
  visit(fileURLToPath(new URL('../../../src/infra/event-log/sqlite.ts', import.meta.url)))
  expect([...seen].some((file) => file.endsWith('/thread.ts'))).toBe(true)
  expect([...packages].toSorted()).toEqual(['effect', 'node:worker_threads'])
})
