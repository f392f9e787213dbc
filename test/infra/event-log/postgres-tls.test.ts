/** Encrypted connections to PostgreSQL, by the sslmode of the URL as libpq has it. */
import { chownSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Effect } from 'effect'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { EventLog } from '#actors/ports.ts'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { defaultPostgresSettings } from '#infra/event-log/postgres-settings.ts'
import { startFaultProxy } from '#test/fault-proxy.ts'
import { createDatabase, onDatabase } from '#test/postgres.ts'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'
import { reachableFolder, serverUser } from '#test/postgres-programs.ts'
import { envelopes, servedRequest } from '#test/recorded-events.ts'
import { makeAuthority } from '../upstream/certificates.ts'

const folder = reachableFolder()
let cluster: PostgresCluster

beforeAll(async () => {
  const [ours, others] = [makeAuthority('ours'), makeAuthority('others')]
  const { certificate, key } = ours.issue('localhost')
  for (const [name, text] of Object.entries({ certificate, key, ours: ours.certificate, others: others.certificate })) {
    const file = join(folder, `${name}.pem`)
    writeFileSync(file, text, { mode: 0o600 })
    if (serverUser !== undefined) chownSync(file, serverUser.uid, serverUser.gid)
  }
  const settings = ['ssl=on', `ssl_cert_file=${folder}/certificate.pem`, `ssl_key_file=${folder}/key.pem`]
  cluster = await startCluster({ settings })
})
afterAll(async () => {
  await cluster.remove()
  rmSync(folder, { recursive: true })
})

const open = (host: string, search: string) => {
  const url = new URL(`${cluster.url('postgres')}?${search}`)
  url.hostname = host
  return Effect.gen(function* () {
    expect(yield* (yield* EventLog).head).toBe(0)
    const sessions = yield* Effect.promise(() =>
      onDatabase(
        cluster.url('postgres'),
        `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'signalbox'
         ORDER BY backend_start DESC LIMIT 1`,
      ),
    )
    return sessions[0]?.ssl
  }).pipe(Effect.provide(layerPostgres({ url: url.href }), { local: true }))
}
const ca = (name: string) => `sslrootcert=${encodeURIComponent(join(folder, `${name}.pem`))}`
const run = Effect.runPromise

it('is encrypted where the mode asks for it, and not otherwise', async () => {
  expect(await run(open('localhost', ''))).toBe(false)
  expect(await run(open('localhost', 'sslmode=disable'))).toBe(false)
  expect(await run(open('localhost', 'sslmode=require'))).toBe(true)
  expect(await run(open('localhost', `sslmode=verify-ca&${ca('ours')}`))).toBe(true)
  expect(await run(open('127.0.0.1', `sslmode=verify-ca&${ca('ours')}`))).toBe(true)
  expect(await run(open('localhost', `sslmode=verify-full&${ca('ours')}`))).toBe(true)
})

it('trusts no other authority, and with verify-full no certificate of another host', async () => {
  const refusals: readonly (readonly [host: string, search: string, code: string])[] = [
    ['localhost', 'sslmode=verify-full', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['localhost', `sslmode=verify-full&${ca('others')}`, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['localhost', `sslmode=verify-ca&${ca('others')}`, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['127.0.0.1', `sslmode=verify-full&${ca('ours')}`, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ]
  for (const [host, search, code] of refusals) {
    const { reason } = await run(Effect.flip(open(host, search)))
    expect(reason).toEqual({
      _tag: 'Unusable',
      detail: expect.stringContaining(`check sslmode and the certificates (${code})`),
    })
  }
})

it('loses nothing, doubles nothing and takes nothing wrong for right while bits turn on the way', async () => {
  const url = await createDatabase(cluster.url('postgres'))
  await run(
    Effect.scoped(
      Effect.gen(function* () {
        const proxy = yield* startFaultProxy({ port: cluster.port, seed: 5 })
        const proxied = new URL(`${url}?sslmode=require`)
        proxied.port = String(proxy.port)
        const settings = { ...defaultPostgresSettings, statementTimeoutMs: 500, connectTimeoutMs: 500 }
        yield* Effect.gen(function* () {
          const log = yield* EventLog
          const wrap = envelopes()
          const reasons = new Set<string>()
          for (let round = 1; round <= 30; round++) {
            const events = wrap(servedRequest(round))
            proxy.set(round % 2 === 0 ? 'up' : 'down', { _tag: 'Corrupt', share: 0.002 })
            const appended = Effect.tapError(log.append(events), ({ reason }) =>
              Effect.sync(() => {
                reasons.add(reason._tag)
                proxy.clear()
              }),
            )
            expect(yield* Effect.retry(appended, { times: 5 })).toBe(4 * round)
          }
          expect([...reasons]).toEqual(['Unavailable'])
          proxy.clear()
          expect((yield* log.verify(() => {})).problems).toEqual([])
        }).pipe(Effect.provide(layerPostgres({ url: proxied.href, settings }), { local: true }))
      }),
    ),
  )
}, 60_000)
