/**
 * The drill of docs/operations.md, with real processes: a backup of a log on PostgreSQL that is being written to, its restoring into an
 * empty database, and an instance that goes on with it. And what the command line says where it is used wrongly.
 */
import { join } from 'node:path'
import { expect, it } from '@effect/vitest'
import { Effect } from 'effect'
import { EventLog } from '#actors/ports.ts'
import { readOnlyDatabaseLayer } from '#cli/database.ts'
import { newFile } from '#test/copied-logs.ts'
import { freshDatabase } from '#test/postgres.ts'
import { configOf, type SignalboxProcess, spawnSignalbox, startProcess } from '#test/signalbox-process.ts'
import { callBody, postJson, startProviders } from '#test/simulator.ts'
import { startLoad } from '../crash/load.ts'

const freshPostgres = Effect.promise(() => freshDatabase())

/** The result of a command that succeeds and prints JSON. */
const json = (box: SignalboxProcess, ...args: readonly string[]) =>
  Effect.map(box.command(...args, '--json'), ({ code, stdout, stderr }) => {
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout)
  })

const rowsOf = (url: string, upTo: number) =>
  Effect.provide(
    Effect.flatMap(EventLog, (log) => log.read({ after: 0, limit: upTo })),
    readOnlyDatabaseLayer(url),
    { local: true },
  )

it.live(
  'a backup taken under load is restored, is sound, replays, and serves',
  () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { one } = yield* startProviders({ one: {} })
        const [first, second] = [yield* freshPostgres, yield* freshPostgres]
        const config = configOf(one)
        const box = yield* startProcess({ config, environment: { SIGNALBOX_DATABASE_URL: first } })
        const load = startLoad(box.port, 2, 1, { pauseMs: 20 })
        yield* Effect.promise(() => load.complete(10))

        const backup = `sqlite:${join(box.folder, 'backup.db')}`
        const refused = yield* box.command('migrate', '--from', first, '--to', backup, '--yes')
        expect(refused).toMatchObject({ code: 1, stdout: '' })
        expect(refused.stderr).toMatch(/ use postgres:\/\/.*: stop them first, or say --while-running/)
        const backUp = ['migrate', '--from', first, '--to', backup, '--while-running', '--yes']
        const taken = yield* json(box, ...backUp)
        expect(taken.problems).toEqual([])
        // It was taken while events came.
        const answers = load.answers.length
        yield* Effect.promise(() => load.complete(answers + 10))
        const again = yield* json(box, ...backUp)
        expect(again.added).toBeGreaterThan(0)
        expect(again.head).toBe(taken.head + again.added)
        yield* Effect.promise(load.stop)

        const restored = yield* json(box, 'migrate', '--from', backup, '--to', second, '--yes')
        expect(restored).toMatchObject({ head: again.head, digest: again.digest })
        expect(yield* rowsOf(second, again.head)).toEqual(yield* rowsOf(first, again.head))
        expect(yield* json(box, 'verify', '--database', second)).toMatchObject({ head: again.head, problems: [] })
        expect(yield* json(box, 'replay', '--database', second)).toMatchObject({ identical: true, events: again.head })

        const next = yield* startProcess({ config, environment: { SIGNALBOX_DATABASE_URL: second } })
        const health = yield* Effect.promise(async () => (await fetch(`${next.url}/health`)).json())
        expect(health).toMatchObject({ status: 'ok', log: { failing: false } })
        expect((yield* postJson(`${next.url}/v1/messages`, callBody())).status).toBe(200)
        // The head goes on where the backup ends.
        expect((health as { readonly log: { readonly position: number } }).log.position).toBeGreaterThan(again.head)
      }),
    ),
  180_000,
)

it.live(
  'wrong usage is told from failure, and a password is never printed',
  () =>
    Effect.scoped(
      Effect.gen(function* () {
        const SECRET = 'migrate-canary-9f31'
        const nobody = `postgres://signalbox:${SECRET}@127.0.0.1:1/signalbox`
        const run = Effect.fnUntraced(function* (...args: readonly string[]) {
          const box = yield* spawnSignalbox({ args: ['migrate', ...args] })
          const { code } = yield* box.exited
          const said = box.stdout() + box.stderr()
          expect(said).not.toContain(SECRET)
          return { code, said }
        })
        for (const [args, message] of [
          [['--from', `postgres://${SECRET}@`, '--to', 'sqlite:a.db'], /--from must be sqlite:PATH or postgres:/],
          [['--from', 'sqlite:a.db', '--to', `${SECRET}.db`], /--to must be sqlite:PATH or postgres:/],
          [['--from', 'sqlite::memory:', '--to', 'sqlite:a.db'], /--from must be/],
          [['--from', 'sqlite:a.db', '--to', 'sqlite:./a.db'], /name the same log/],
          [['--from', nobody, '--to', nobody.replace('signalbox:', 'other:')], /name the same log/],
          [['--from', 'sqlite:a.db'], /to/],
        ] as const) {
          expect(yield* run(...args)).toMatchObject({ code: 2, said: expect.stringMatching(message) })
        }
        expect(yield* run('--from', nobody, '--to', 'sqlite:a.db', '--yes')).toMatchObject({
          code: 1,
          said: expect.stringMatching(/cannot be reached/),
        })
        // Without a source it makes the tables, and brings them up to date.
        for (const to of [`sqlite:${newFile()}`, yield* freshPostgres]) {
          for (const _ of ['made', 'there already']) {
            expect(yield* run('--to', to)).toMatchObject({
              code: 0,
              said: expect.stringMatching(
                /^The tables of .* are those of this release\. The log is at position 0\.\n$/,
              ),
            })
          }
          expect((yield* run('--from', to, '--to', 'sqlite:other.db')).said).toBe('There is no event to copy.\n')
        }
      }),
    ),
  120_000,
)
