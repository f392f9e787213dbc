/** What answers on the database's port and is no PostgreSQL, or has had its bits turned on the way: a lost connection, not the end of the process. */
import { createServer } from 'node:net'
import { Effect } from 'effect'
import { describe, expect, it } from 'vitest'
import { EventLog } from '#actors/ports.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { defaultPostgresSettings } from '#infra/event-log/postgres-settings.ts'

/** A message of PostgreSQL's protocol: its type, its length without that, what it holds. */
const message = (type: string, ...bytes: readonly number[]): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(4 + bytes.length)
  return Buffer.concat([Buffer.from(type, 'latin1'), length, Buffer.from(bytes)])
}
const SIGNED_IN = message('R', 0, 0, 0, 0)
const READY = message('Z', 'I'.charCodeAt(0))

/** A port that answers whatever comes like this. */
const answering = (answers: readonly Buffer[]) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
      const server = createServer((socket) => {
        const rest = [...answers]
        socket.on('error', () => socket.destroy())
        socket.on('data', () => {
          const next = rest.shift()
          if (next !== undefined) socket.write(next)
        })
      })
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
        resume(Effect.succeed({ port: address.port, close: () => void server.close() }))
      })
    }),
    ({ close }) => Effect.sync(close),
  )

describe('where a database was', () => {
  it.each<readonly [string, readonly Buffer[]]>([
    ['an authentication that nobody knows', [message('R', 0, 0, 0, 99)]],
    ['a message of no type', [message('\u00ff', 1, 2, 3)]],
    ['another protocol', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]],
    ['a length below its own', [Buffer.from([0x52, 0, 0, 0, 0, 0, 0, 0, 0, 0])]],
    ['a description of more columns than there are', [SIGNED_IN, Buffer.concat([READY, message('T', 255, 255)])]],
    ['rows that nobody asked for', [Buffer.concat([SIGNED_IN, message('D', 0, 1, 0, 0, 0, 1, 65), READY])]],
    ['a row of another form', [Buffer.concat([SIGNED_IN, READY]), Buffer.concat([message('D', 0, 9, 0), READY])]],
    ['a copy that nobody began', [Buffer.concat([SIGNED_IN, READY]), message('G', 0, 255, 255)]],
  ])('%s is a lost connection', async (_, answers) => {
    const error = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const { port } = yield* answering(answers)
          const settings = { ...defaultPostgresSettings, connectTimeoutMs: 500, statementTimeoutMs: 500 }
          const url = `postgres://someone@127.0.0.1:${port}/log`
          return yield* Effect.flip(Effect.provide(EventLog, layerPostgres({ url, settings }), { local: true }))
        }),
      ),
    )
    expect(error.reason).toMatchObject({ _tag: 'Unavailable' })
  })
})
