/**
 * Client keys as an operator makes and revokes them, through the admin API or by command. Durable when they return.
 */
import { Effect } from 'effect'
import { Ledger } from '#actors/ledger.ts'
import { ChangeRefused, type CreatedKey, type MadeKey } from '#actors/ports.ts'
import { misfitOf, type WantedKey } from '#domain/client-key.ts'
import { CLIENT_KEYS_KEPT } from '#domain/projections/client-keys.ts'

const refuse = (reason: ChangeRefused['reason'], message: string) => new ChangeRefused({ reason, message })

/** @param make makes the key itself, which is told to the caller and to nobody else */
export const createKey = Effect.fnUntraced(function* (make: () => MadeKey, wanted: WantedKey, by: string) {
  const ledger = yield* Ledger
  const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  const misfit = misfitOf(wanted, at)
  if (misfit !== undefined) return yield* refuse('invalid', misfit)
  const known = () => ledger.state.projections.clientKeys.byId
  const isSame = known()
    .values()
    .some(({ name, revokedAt }) => name === wanted.name && revokedAt === undefined)
  if (isSame)
    return yield* refuse('conflict', `There is a key ${wanted.name} already. Revoke it first, or choose another name.`)
  if (
    known().size >= CLIENT_KEYS_KEPT &&
    known()
      .values()
      .every(({ revokedAt }) => revokedAt === undefined)
  ) {
    return yield* refuse('conflict', `There are ${CLIENT_KEYS_KEPT} keys already. Revoke one first.`)
  }
  const { keyId, digest, secret } = make()
  ledger.record({ _tag: 'ClientKeyCreated', keyId, digest, ...wanted, by }, at)
  const key = known().get(keyId)
  if (key === undefined) return yield* Effect.die(new Error('a key that was recorded is not known'))
  yield* ledger.committed
  return { key, secret } satisfies CreatedKey
})

export const revokeKey = Effect.fnUntraced(function* (keyId: string, by: string) {
  const ledger = yield* Ledger
  const known = () => ledger.state.projections.clientKeys.byId
  const key = known().get(keyId)
  if (key === undefined) return yield* refuse('notFound', `There is no key ${keyId}.`)
  if (key.revokedAt === undefined) {
    const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    ledger.record({ _tag: 'ClientKeyRevoked', keyId, by }, at)
    yield* ledger.committed
  }
  return known().get(keyId) ?? key
})
