import { renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { known, readAll } from '#test/event-log-contract.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { newPath, withLog, withReader } from './log-file.ts'

/** Takes away what `path` names, while the log is open. */
const ways: readonly (readonly [name: string, moved: (path: string) => string])[] = [
  ['folder', dirname],
  ['file', (path) => path],
  ['write-ahead log', (path) => `${path}-wal`],
]

it.effect.each(ways)('acknowledges nothing while its %s is elsewhere, and loses nothing when it is back', ([, moved]) =>
  Effect.gen(function* () {
    const path = newPath()
    const wrap = envelopes()
    const [first, second] = [wrap(servedRequest(1)), wrap(servedRequest(2))]
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* log.append(first)
        renameSync(moved(path), `${moved(path)}-away`)
        const refused = yield* Effect.flip(log.append(second))
        expect(refused.reason).toMatchObject({ _tag: 'Unavailable', detail: expect.stringContaining(path) })
        renameSync(`${moved(path)}-away`, moved(path))
        expect(yield* log.append(second)).toBe(first.length + second.length)
      }),
    )
    expect(known(yield* withReader(path, readAll))).toHaveLength(first.length + second.length)
  }),
)

it.effect('takes a new file in the place of its own for another', () =>
  Effect.gen(function* () {
    const path = newPath()
    const wrap = envelopes()
    yield* withLog(path, (log) =>
      Effect.gen(function* () {
        yield* log.append(wrap(servedRequest(1)))
        for (const file of [path, `${path}-wal`, `${path}-shm`, `${path}-lock`]) rmSync(file)
        yield* withLog(path, (other) => other.append(envelopes()(servedRequest(7))))
        expect((yield* Effect.flip(log.append(wrap(servedRequest(2))))).reason._tag).toBe('Unavailable')
      }),
    )
  }),
)
