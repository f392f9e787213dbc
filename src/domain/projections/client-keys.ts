/**
 * The client keys that operators have made, revoked ones among them: a client that comes with one of those is told so. Of a key
 * only its digest is known.
 */
import type { ClientKeyCreated } from '#domain/operator-facts.ts'
import type { Projection } from '#domain/projections/projection.ts'

export interface ClientKey extends Omit<ClientKeyCreated, '_tag' | 'by'> {
  /** Epoch ms. */
  readonly createdAt: number
  readonly createdBy: string
  /** Epoch ms; absent: it was not. */
  readonly revokedAt?: number
}

export interface ClientKeys {
  /** By key id, the oldest first. */
  readonly byId: Map<string, ClientKey>
  /** Digest → key id. */
  readonly byDigest: Map<string, string>
}

/** Revoked ones included. Beyond it the oldest revoked one is forgotten, and is then refused as unknown. */
export const CLIENT_KEYS_KEPT = 1_000

export const clientKeys: Projection<ClientKeys> = {
  name: 'clientKeys',
  version: 1,
  hears: ['ClientKeyCreated', 'ClientKeyRevoked'],
  initial: () => ({ byId: new Map(), byDigest: new Map() }),
  evolve: (state, { event, occurredAt }) => {
    if (event._tag === 'ClientKeyCreated') add(state, event, occurredAt)
    else if (event._tag === 'ClientKeyRevoked') {
      const key = state.byId.get(event.keyId)
      if (key !== undefined && key.revokedAt === undefined) {
        state.byId.set(event.keyId, { ...key, revokedAt: occurredAt })
      }
    }
    return state
  },
}

const add = (state: ClientKeys, { _tag, by, ...about }: ClientKeyCreated, occurredAt: number): void => {
  // What was revoked stays revoked: no later event makes the same key again.
  if (state.byId.has(about.keyId) || state.byDigest.has(about.digest)) return
  if (state.byId.size >= CLIENT_KEYS_KEPT) forgetOne(state)
  state.byId.set(about.keyId, { ...about, createdAt: occurredAt, createdBy: by })
  state.byDigest.set(about.digest, about.keyId)
}

/** Where none is revoked, the oldest: a key that is forgotten is refused, so the bound lets nobody in. */
const forgetOne = (state: ClientKeys): void => {
  const [oldest] = state.byId.values()
  const forgotten = state.byId.values().find((key) => key.revokedAt !== undefined) ?? oldest
  if (forgotten === undefined) return
  state.byId.delete(forgotten.keyId)
  state.byDigest.delete(forgotten.digest)
}
