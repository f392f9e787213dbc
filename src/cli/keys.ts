/**
 * `signalbox keys`: makes, lists and revokes the keys of clients. The running Signalbox is asked where there is one; else it is
 * done on the event log.
 */
import { Console, Effect, Redacted } from 'effect'
import { createKey, revokeKey } from '#actors/client-keys.ts'
import { Ledger } from '#actors/ledger.ts'
import { ChangeRefused } from '#actors/ports.ts'
import { ClientKeyView, clientKeyView } from '#actors/views/client-key-view.ts'
import { askAdmin } from '#cli/keys/ask-admin.ts'
import { changeOnLog, keysInLog } from '#cli/keys/on-log.ts'
import { table } from '#cli/table.ts'
import { findKey, type WantedKey } from '#domain/client-key.ts'
import { CreatedKey, KeyList } from '#http/admin/keys.ts'
import type { Config } from '#infra/config/config.ts'
import { newClientKey } from '#infra/new-client-key.ts'

/** As events tell who did it. */
const BY = 'cli'

interface Output {
  readonly json: boolean
}

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** Prints the key, alone on standard output; what to know of it goes to standard error. */
export const createClientKey = Effect.fnUntraced(function* (config: Config, wanted: WantedKey, { json }: Output) {
  const asked = yield* askAdmin(config, { path: '/admin/keys', method: 'POST', body: wanted }, CreatedKey)
  const { secret, key } = asked ?? (yield* changeOnLog(config, createHere(wanted)))
  if (json) yield* Console.log(JSON.stringify({ secret, key }))
  else {
    yield* Console.error(`The key ${key.name} (${key.keyId}). It is shown this once and kept nowhere:`)
    yield* Console.log(secret)
    yield* Console.error('Clients set it as ANTHROPIC_AUTH_TOKEN, or send it in the header x-signalbox-key.')
  }
  return 0
})

const createHere = Effect.fnUntraced(function* (wanted: WantedKey) {
  const { secret, key } = yield* createKey(newClientKey, wanted, BY)
  return { secret: Redacted.value(secret), key: clientKeyView(key, yield* now) }
})

/** Prints all keys that there were, the oldest first. */
export const listClientKeys = Effect.fnUntraced(function* (config: Config, { json }: Output) {
  const asked = yield* askAdmin(config, { path: '/admin/keys' }, KeyList)
  const at = yield* now
  const keys = asked?.data ?? (yield* keysInLog(config)).map((key) => clientKeyView(key, at))
  if (json) yield* Console.log(JSON.stringify({ keys }))
  else if (keys.length === 0) yield* Console.log('There is no key. Make one with: signalbox keys create NAME')
  else for (const line of table([HEAD, ...keys.map(rowOf)])) yield* Console.log(line)
  return 0
})

const HEAD = ['NAME', 'ID', 'STATE', 'MADE', 'EXPIRES', 'A MINUTE', 'MODELS']

const rowOf = (key: ClientKeyView) => [
  key.name,
  key.keyId,
  key.state,
  new Date(key.createdAt).toISOString(),
  key.expiresAt === null ? 'never' : new Date(key.expiresAt).toISOString(),
  key.requestsPerMinute === null ? 'any' : String(key.requestsPerMinute),
  key.models === null ? 'all' : key.models.join(', '),
]

/** By its id, or by the name of one that is not revoked. Fails as ChangeRefused when there is none. */
export const revokeClientKey = Effect.fnUntraced(function* (config: Config, nameOrId: string, { json }: Output) {
  const listed = yield* askAdmin(config, { path: '/admin/keys' }, KeyList)
  const key =
    listed === undefined
      ? yield* changeOnLog(config, revokeHere(nameOrId))
      : yield* revokeThere(config, yield* named(listed.data, nameOrId))
  yield* Console.log(json ? JSON.stringify({ key }) : `The key ${key.name} (${key.keyId}) is revoked.`)
  return 0
})

const revokeHere = Effect.fnUntraced(function* (nameOrId: string) {
  const { state } = yield* Ledger
  const { keyId } = yield* named(state.projections.clientKeys.byId.values().toArray(), nameOrId)
  return clientKeyView(yield* revokeKey(keyId, BY), yield* now)
})

/** A Signalbox that answered a moment ago and does not now is a failure: its log cannot be opened beside it. */
const revokeThere = Effect.fnUntraced(function* (config: Config, { keyId }: ClientKeyView) {
  const revoked = yield* askAdmin(config, { path: `/admin/keys/${keyId}`, method: 'DELETE' }, ClientKeyView)
  return revoked ?? (yield* changeOnLog(config, revokeHere(keyId)))
})

/** What was asked for is not repeated: it may be a key, given in the wrong place. */
const named = <K extends Parameters<typeof findKey>[0][number]>(keys: readonly K[], nameOrId: string) => {
  const message = 'There is no key of this name or id. Those that there are: signalbox keys list'
  return Effect.fromNullishOr(findKey(keys, nameOrId)).pipe(
    Effect.mapError(() => new ChangeRefused({ reason: 'notFound', message })),
  )
}
